"""What a user types first, line by line."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import graphc
import runtime


def test_what_users_type(tmp_path: Path) -> None:
    x = graphc.input("x", ("N", 784))
    w = graphc.parameter("w", graphc.initializers.glorot_uniform((784, 512)))
    y = graphc.relu(x @ w)
    loss = graphc.mean(y**2)
    (dw,) = graphc.grad(loss, [w])
    assert str(x) == "Tensor %x: f32[N, 784]" and str(w) == "Tensor %w: f32[784, 512]"
    assert "f32[784, 512]" in str(dw) and x.dtype == graphc.float32 == np.float32
    assert (y.ndim, str(y.shape), y.T.shape, str(y.size)) == (2, "(N, 512)", y.mT.shape, "512*N")
    (ddw,) = graphc.grad(graphc.sum(dw * dw), [w])
    assert ddw.shape == w.shape

    f = graphc.compile(y)
    batch = np.random.default_rng(0).random((32, 784), np.float32)
    first = f(x=batch)
    assert isinstance(first, np.ndarray) and first.tobytes() == f(batch).tobytes()
    np.testing.assert_allclose(first, graphc.evaluate(y, x=batch), rtol=1e-4, atol=1e-5)

    step = graphc.Graph("step", outputs={"loss": loss}, updates={w: w - 0.1 * dw})
    exe = graphc.compile(step, graphc.Graph("predict", outputs={"y": y}))
    before = exe.step(x=batch)["loss"]
    assert exe.step(x=batch)["loss"] < before
    changed = exe.predict(x=batch)["y"]
    assert changed.tobytes() != first.tobytes()
    np.testing.assert_allclose(np.maximum(batch @ exe.state["w"], 0), changed, 1e-4, 1e-5)
    for n in (1, 7, 0, 33):
        assert exe.predict(x=batch[:1].repeat(n, axis=0))["y"].shape == (n, 512)

    for stage in ("graph", "optimized", "fused", "loops", "llvm", "asm"):
        assert exe.text(stage)
    assert "kernel step." in exe.text("loops") and "arena" in exe.report()
    text = step.text()
    assert graphc.parse(text) == step and graphc.parse(text).text() == text
    assert step.svg().startswith("<svg") and step.to_dot().startswith("digraph")
    assert step.to_networkx().number_of_nodes() >= len(step.ir.nodes)
    assert "the product is (N, 512)" in exe.why_not_fused("y", "loss")
    with pytest.raises(graphc.errors.ArgumentError, match="'a' and 'b'"):
        exe.why_not_fused("a", "b")

    report = graphc.benchmark(step, sizes={"N": [8]}, seconds=0.01)
    assert {"fused", "unfused", "numpy"} <= {v.name for v in report.results[0].variants}

    exe.save(tmp_path / "step.graphc")
    loaded = runtime.load(tmp_path / "step.graphc")
    assert loaded.predict(x=batch)["y"].tobytes() == changed.tobytes()
    assert loaded.step(x=batch)["loss"] == exe.step(x=batch)["loss"]


def test_a_graph_of_one_entry_is_called_directly() -> None:
    x, w = graphc.input("x", ("N",)), graphc.parameter("w", np.ones(3, "f"))
    step = graphc.Graph("step", {"loss": graphc.sum(x) * graphc.sum(w)}, {w: w * 2})
    exe = graphc.compile(step)
    assert exe(x=np.ones(2, "f"))["loss"] == 6
    again = graphc.compile(graphc.Graph("total", graphc.sum(w)), state=exe.state)
    assert again() == 6 and exe(x=np.ones(1, "f"))["loss"] == 6
    assert again() == 12 and again.state["w"].tobytes() == exe.state["w"].tobytes()


def test_what_cannot_be_pickled_says_what_to_do() -> None:
    x = graphc.input("x", (3,))
    graph = graphc.Graph("g", x + graphc.parameter("w", np.ones(3, np.float32)))
    exe = graphc.compile(graph)
    for value, cure in ((exe, "runtime.load"), (exe.state, "snapshot"), (graph, "graphc.parse")):
        for act in (pickle.dumps, copy.deepcopy):
            with pytest.raises((TypeError, graphc.errors.GraphcError), match=cure):
                act(value)
