"""The reference interpreter: values, state, dims, errors of what is given."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import ops
from graphc.errors import (
    DimError,
    DTypeError,
    GraphcError,
    ShapeError,
    UnknownInputError,
    UnsupportedError,
)
from graphc.ir import dims
from graphc.ir.binding import Shaped, solve
from graphc.ir.graphs import Graph, collect
from graphc.ir.interpreter import evaluate
from graphc.ir.nodes import Node, Value
from graphc.ir.parser import parse
from graphc.ir.printer import text
from tests.records import (
    ADD,
    FUSION,
    MULTIPLY,
    NEGATIVE,
    SPLIT,
    SUM,
    apply,
    constant,
    node,
    parameter,
    source,
    tensor,
)  # fmt: skip

N, T = dims.named("N"), dims.named("T")


def _graph() -> Graph:
    x = source("x", tensor("f32", "N", 2))
    w = parameter("w", np.array([1, 2], np.float32))
    b = parameter("b", np.array([5, 5], np.float32))
    new = apply(ADD, w, apply(SUM, x, axes=(0,)))
    return collect("g", {"y": apply(NEGATIVE, x)}, [(w, new), (b, w)])


def test_outputs_and_simultaneous_updates() -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    outputs, state = evaluate(_graph(), {"x": x})
    np.testing.assert_array_equal(outputs["y"], -x)
    np.testing.assert_array_equal(state["w"], [7, 11])
    np.testing.assert_array_equal(state["b"], [1, 2])
    _, state = evaluate(_graph(), {"x": x[:0]}, state)
    np.testing.assert_array_equal(state["b"], [7, 11])


def test_precise_computes_in_float64() -> None:
    x = source("x", tensor("f32"))
    graph = collect("g", {"y": apply(ADD, x, constant(1e-12))})
    outputs, _ = evaluate(graph, {"x": np.float32(1)}, precise=True)
    assert outputs["y"].dtype == np.float64 and outputs["y"] > 1
    outputs, _ = evaluate(graph, {"x": np.float32(1)})
    assert outputs["y"].dtype == np.float32 and outputs["y"] == 1


def test_bodies_and_several_results() -> None:
    a = source("a", tensor("f32", "N"))
    body = collect("f", {"r": apply(NEGATIVE, a), "s": apply(MULTIPLY, a, a)})
    x = source("x", tensor("f32", "N"))
    fused = Node(FUSION, (x,), {}, [v.type for v in body.results], body=body)
    first, second = node(SPLIT, fused.results[1]).results
    graph = collect("g", {"r": fused.results[0], "p": first, "q": second})
    outputs, _ = evaluate(graph, {"x": np.array([1, 2, 3], np.float32)})
    assert outputs["r"].tolist() == [-1, -2, -3]
    assert outputs["p"].tolist() == [1, 4, 9] and outputs["q"].tolist() == [-1, -4, -9]


def test_long_chain() -> None:
    x: Value = source("x", tensor("f32"))
    for _ in range(20_000):
        x = apply(NEGATIVE, x)
    outputs, _ = evaluate(collect("chain", {"y": x}), {"x": 3.0})
    assert outputs["y"] == 3


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({}, UnknownInputError, "needs the input 'x'"),
        ({"x": np.zeros((1, 2), np.float32), "z": 1}, UnknownInputError, "no input 'z'"),
        ({"x": np.zeros((1, 2))}, DTypeError, "%x is float32, given float64"),
        ({"x": np.zeros(2, np.float32)}, ShapeError, r"\(N, 2\), given \(2\)"),
        ({"x": np.zeros((1, 3), np.float32)}, DimError, "axis 1 of %x must be 2, not 3"),
    ],
)
def test_inputs_that_do_not_fit(
    inputs: dict[str, object], error: type[GraphcError], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate(_graph(), inputs)


def test_missing_state_and_unknown_constants() -> None:
    with pytest.raises(UnknownInputError, match="no parameter 'b'"):
        evaluate(_graph(), {"x": np.zeros((0, 2), np.float32)}, {"w": np.zeros(2, np.float32)})
    big = collect("g", {"y": constant(np.zeros(17))})
    with pytest.raises(UnsupportedError, match="known only by its digest"):
        evaluate(parse(text(big)), {})


def test_dims_are_solved() -> None:
    shaped = [
        Shaped("a", (2 * N * T + N, 7), (21, 7)),
        Shaped("b", (N + 1,), (4,)),
    ]
    assert solve(shaped, [(N, ">=", 3), (T, "==", N)]) == {"N": 3, "T": 3}


@pytest.mark.parametrize(
    ("shaped", "constraints", "message"),
    [
        ([Shaped("x", (N,), (3,)), Shaped("y", (1, N), (1, 4))], [],
         "N is 3 by axis 0 of x, but 4 by axis 1 of y"),
        ([Shaped("x", (2 * N,), (3,))], [], "3 for no size N"),
        ([Shaped("x", (N + 5,), (3,))], [], "3 for no size N"),
        ([Shaped("x", (N * N,), (9,))], [], "the dim N has no value"),
        ([Shaped("x", (N, N + 1), (3, 5))], [], "must be N . 1 = 4, not 5, where N = 3"),
        ([Shaped("x", (N,), (3,))], [(N, ">=", 10)], "demands N >= 10, but N = 3"),
        ([Shaped("x", (N, T, N // T), (3, 0, 1))], [], "divides by zero where N = 3, T = 0"),
        ([Shaped("x", (N // 2,), (1,))], [], "the dim N has no value"),
    ],
)  # fmt: skip
def test_dims_that_conflict(shaped: list[Shaped], constraints: list, message: str) -> None:
    with pytest.raises(DimError, match=message):
        solve(shaped, constraints)


def test_what_nodes_require_is_checked_with_the_dims() -> None:
    x = ops.input("x", ("N",))
    graph = collect("g", {"y": x[5:].value})
    assert graph.constraints == ((N, ">=", 5),)
    assert collect("g", graph.outputs, constraints=graph.constraints) == graph
    with pytest.raises(DimError, match="demands N >= 5, but N = 4"):
        evaluate(graph, {"x": [1.0] * 4})
