"""Updates of parameters: simultaneous, in place where that is legal, and right where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc


def _parameter(name: str, shape: Any, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).standard_normal(shape).astype("float32")
    return graphc.parameter(name, values)


def _run_both(graph: graphc.Graph, **inputs: Any) -> None:
    """Compiled fused and unfused, two steps each, against the interpreter."""
    from graphc.ir.interpreter import evaluate

    initial = {p.name: p.node.attributes["initial"] for p in graph.ir.parameters}
    expected_state: Any = dict(initial)
    for _ in range(2):
        expected, new = evaluate(graph.ir, inputs, expected_state)
        expected_state = {**expected_state, **new}
    for fuse in (True, False):
        exe = graphc.compile(graph, fuse=fuse)
        for _ in range(2):
            outputs = exe(**inputs)
        for name, value in expected.items():
            np.testing.assert_allclose(outputs[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
        for name, value in expected_state.items():
            np.testing.assert_allclose(exe.state[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_swap_reads_the_old_values() -> None:
    a, b = _parameter("a", (5, 3)), _parameter("b", (5, 3), 1)
    _run_both(graphc.Graph("swap", outputs={"sum": a + b}, updates={a: b, b: a}))


def test_a_ring_of_three() -> None:
    a, b, c = (_parameter(name, (4,), i) for i, name in enumerate("abc"))
    _run_both(graphc.Graph("ring", outputs={"a": a}, updates={a: b, b: c, c: a}))


def test_updates_that_read_each_other() -> None:
    a, b = _parameter("a", (7, 33)), _parameter("b", (7, 33), 1)
    graph = graphc.Graph("mix", outputs={}, updates={a: 0.5 * a + b, b: a - 0.25 * b})
    _run_both(graph)


def test_an_update_that_reads_its_parameter_transposed() -> None:
    a = _parameter("a", (17, 17))
    _run_both(graphc.Graph("transpose", outputs={}, updates={a: a.T + 1}))


def test_an_update_that_reads_its_parameter_shifted() -> None:
    a = _parameter("a", (40,))
    shifted = graphc.concat([a[1:], a[:1]])
    _run_both(graphc.Graph("shift", outputs={}, updates={a: shifted * 2}))


def test_an_update_by_a_row_reduction_of_the_parameter() -> None:
    a = _parameter("a", (6, 37))
    normal = a / graphc.sum(graphc.abs(a), axis=1, keepdims=True)
    _run_both(graphc.Graph("rows", outputs={}, updates={a: normal}))


def test_an_update_by_a_column_reduction_of_the_parameter() -> None:
    a = _parameter("a", (37, 6))
    normal = a / graphc.sum(graphc.abs(a), axis=0, keepdims=True)
    _run_both(graphc.Graph("columns", outputs={}, updates={a: normal}))


def test_an_update_by_a_product_with_the_parameter() -> None:
    a = _parameter("a", (20, 20))
    _run_both(graphc.Graph("power", outputs={}, updates={a: (a @ a) * 0.1}))


def test_the_new_value_is_an_output_too() -> None:
    a = _parameter("a", (9,))
    new = a * 3
    _run_both(graphc.Graph("both", outputs={"new": new, "old": a}, updates={a: new}))


def test_one_value_updates_two_parameters() -> None:
    a, b = _parameter("a", (9,)), _parameter("b", (9,), 1)
    new = a + b
    _run_both(graphc.Graph("two", outputs={"new": new}, updates={a: new, b: new}))


def test_an_update_by_an_input() -> None:
    a, x = _parameter("a", (2, 3)), graphc.input("x", (2, 3))
    graph = graphc.Graph("set", outputs={"old": a + 0}, updates={a: x})
    _run_both(graph, x=np.full((2, 3), 7, "float32"))


def test_an_update_by_a_reshaped_value() -> None:
    a = _parameter("a", (4, 6))
    flat = graphc.reshape(a, (24,)) * 2
    _run_both(graphc.Graph("flat", outputs={}, updates={a: graphc.reshape(flat, (4, 6))}))


def test_an_update_by_the_parameter_reshaped_across_its_rows() -> None:
    a = _parameter("a", (4, 4))
    mixed = graphc.reshape(a.T, (2, 8))[::-1]
    _run_both(graphc.Graph("mixed", outputs={}, updates={a: graphc.reshape(mixed, (4, 4))}))


def test_a_parameter_read_after_its_update_was_computed() -> None:
    """The gradient of the input reads the old weights, whose update needs that gradient's
    sibling."""
    w, x = _parameter("w", (16, 16)), graphc.input("x", ("N", 16))
    y = graphc.relu(x @ w)
    loss = graphc.sum(graphc.relu(y @ w) ** 2)
    (dw,) = graphc.grad(loss, [w])
    graph = graphc.Graph("tied", outputs={"loss": loss}, updates={w: w - 0.001 * dw})
    data = np.random.default_rng(2).standard_normal((5, 16)).astype("float32")
    _run_both(graph, x=data)


def test_entries_share_their_parameters() -> None:
    w, x = _parameter("w", (3,)), graphc.input("x", (3,))
    exe = graphc.compile(
        graphc.Graph("step", outputs={}, updates={w: w + x}),
        graphc.Graph("predict", outputs={"y": w * x}),
    )
    before = exe.state["w"].copy()
    exe.step(x=np.ones(3, "float32"))
    result = exe.predict(x=np.full(3, 2, "float32"))["y"]
    np.testing.assert_array_equal(result, (before + 1) * 2)


def test_executables_share_a_state() -> None:
    w = _parameter("w", (3,))
    first = graphc.compile(graphc.Graph("step", outputs={}, updates={w: w + 1}))
    second = graphc.compile(graphc.Graph("read", outputs={"w": w}), state=first.state)
    before = first.state["w"].copy()
    first.step()
    np.testing.assert_array_equal(second.read()["w"], before + 1)


def test_an_index_out_of_range_changes_nothing() -> None:
    w = _parameter("w", (4,))
    labels = graphc.input("labels", ("N",), graphc.int32)
    picked = graphc.sum(graphc.one_hot(graphc.check_index(labels, 4), 4))
    exe = graphc.compile(graphc.Graph("step", outputs={"n": picked}, updates={w: w + picked}))
    before = exe.state["w"].copy()
    with pytest.raises(IndexError, match=r"labels.* 9 .*position 2"):
        exe.step(labels=np.array([0, 3, 9, 1], "int32"))
    np.testing.assert_array_equal(exe.state["w"], before)
    assert exe.step(labels=np.array([0, 3], "int32"))["n"] == 2
