"""What is computed again where it is read, and what is not."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc


def _graph(**outputs: Any) -> graphc.Graph:
    return graphc.Graph("again", outputs=outputs)


def _results(exe: graphc.Executable) -> list[list[str]]:
    """The results of each kernel, by shape."""
    calls = exe.compilation.entries[0].plan.calls
    return [[a.name for a in c.kernel.arguments if a.mode == "out"] for c in calls]


def _same_bits(graph: graphc.Graph) -> graphc.Executable:
    rng = np.random.default_rng(1)
    arrays = {v.name: rng.standard_normal(v.type.shape).astype("f4") for v in graph.ir.inputs}
    exe = graphc.compile(graph)
    one, other = exe(**arrays), graphc.compile(graph, fuse=False)(**arrays)
    assert all(np.array_equal(one[n], other[n]) for n in one)
    return exe


def _dense(activation: Any) -> graphc.Graph:
    x, w, u = (graphc.input(n, s) for n, s in (("x", (64, 40)), ("w", (40, 48)), ("u", (48, 20))))
    loss = graphc.sum(graphc.square(activation(x @ w) @ u))
    dw, du = graphc.grad(loss, [w, u])
    return _graph(loss=loss, dw=dw, du=du)


def test_a_cheap_activation_saves_no_more_than_what_it_was_made_of() -> None:
    """The gradient of a gelu needs its argument alone; tanh and cosh of it are made again."""
    exe = _same_bits(_dense(lambda z: 0.5 * z * (1 + graphc.tanh(0.8 * (z + 0.04 * z * z * z)))))
    assert len(_results(exe)[0]) == 2  # the argument and the result


def test_the_mask_of_a_relu_is_not_stored() -> None:
    exe = _same_bits(_dense(graphc.relu))
    assert len(_results(exe)[0]) == 1


def test_layer_normalization_saves_a_number_a_row() -> None:
    x, w = graphc.input("x", (64, 40)), graphc.input("w", (40, 40))
    centred = x - graphc.mean(x, axis=1, keepdims=True)
    spread = graphc.sqrt(graphc.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
    loss = graphc.sum(graphc.square((centred / spread) @ w))
    dx, dw = graphc.grad(loss, [x, w])
    exe = _same_bits(_graph(loss=loss, dx=dx, dw=dw))
    saved = [a for a in exe.compilation.entries[0].plan.calls[0].kernel.arguments
             if a.mode == "out" and len(a.shape) == 2]  # fmt: skip
    assert len(saved) == 1


def test_what_costs_more_than_its_bytes_is_stored() -> None:
    x, w = graphc.input("x", (64, 40)), graphc.input("w", (40, 40))
    y = graphc.sin(graphc.erf(graphc.sqrt(graphc.abs(x))))
    exe = _same_bits(_graph(a=y @ w, b=graphc.sum(y * (x @ w), axis=1)))
    assert sum("y" in c.nodes for c in exe.compilation.entries[0].plan.calls) == 1


def test_an_updated_parameter_is_not_kept_for_it() -> None:
    """What was made of a parameter's old value is read, not made again after the update."""
    w = graphc.parameter("w", np.ones((64, 64), "f4"))
    x = graphc.input("x", (64, 64))
    half = w * 0.5
    graph = graphc.Graph("step", outputs={"y": x @ half}, updates={w: w - half * graphc.sum(x)})
    fused, plain = graphc.compile(graph), graphc.compile(graph, fuse=False)
    array = np.random.default_rng(2).standard_normal((64, 64)).astype("f4")
    for _ in range(2):
        assert np.array_equal(fused(x=array)["y"], plain(x=array)["y"])
        assert np.array_equal(fused.state["w"], plain.state["w"])


def test_why_not_fused_says_so() -> None:
    x, w = graphc.input("x", (64, 40)), graphc.input("w", (40, 40))
    y = graphc.abs(x @ w)
    exe = graphc.compile(_graph(a=graphc.square(y) @ w, b=graphc.max(y * 2, axis=1), z=x @ w))
    assert "computed again" in exe.why_not_fused("abs", "max")
