"""Rearrangements: values against NumPy, symbolic shapes, and their pieces element by element."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.ir import dtypes, graphs, interpreter
from graphc.ir.binding import value_of
from graphc.ir.op import Rearrange
from graphc.tensor import Tensor
from tests.ops.values import random, run, same, stand_in


def by_pieces(
    result: Tensor, arrays: list[np.ndarray], sizes: dict[str, int]
) -> np.ndarray | None:
    """The value of a node by its record's pieces, one element at a time."""
    node = result.value.node
    shape = tuple(value_of(size, sizes) for size in result.shape)
    out = np.zeros(shape, result.dtype.numpy)
    for index in itertools.product(*map(range, shape)):
        types = [v.type for v in node.operands]
        pieces = node.op.pieces(index, types, result.value.type, node.attributes)
        if not pieces:
            return None
        assert pieces[-1].where == ()
        out[index] = next(
            piece.fill
            if piece.operand is None
            else arrays[piece.operand][tuple(value_of(i, sizes) for i in piece.index)]
            for piece in pieces
            if all(value_of(a, sizes) <= value_of(e, sizes) < value_of(b, sizes)
                   for e, a, b in piece.where)
        )  # fmt: skip
    return out


def check(result: Tensor, expected: Any, **arrays: np.ndarray) -> None:
    """By interpreter, and each rearranging node by its pieces."""
    nodes = graphs.topological([result.value])
    graph = graphs.collect("test", {f"v{i}": node.result for i, node in enumerate(nodes)})
    outputs, _ = interpreter.evaluate(graph, arrays)
    values = {node.result: outputs[f"v{i}"] for i, node in enumerate(nodes)}
    same(values[result.value], np.asarray(expected))
    sizes: dict[str, int] = {}
    for value in graph.inputs:
        pairs = zip(value.type.shape, values[value].shape, strict=True)
        sizes.update({str(size): have for size, have in pairs if not isinstance(size, int)})
    for node in nodes:
        if isinstance(node.op, Rearrange):
            moved = by_pieces(Tensor(node.result), [values[v] for v in node.operands], sizes)
            if moved is not None:
                same(moved, values[node.result])


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize(
    "before,after",
    [
        ((6,), (2, 3)), ((2, 3), (6,)), ((2, 3), (3, 2)), ((2, 3), (-1,)), ((4, 6), (-1, 3)),
        ((4, 6), (4, 2, 3)), ((4, 6), (2, 2, 6)), ((1, 4, 1), (4,)), ((4,), (1, 4, 1, 1)),
        ((), (1, 1)), ((1, 1), ()), ((0, 3), (-1, 1, 3)), ((2, 2, 6), (4, 2, 3)), ((5, 1), (5, 1)),
    ],
)  # fmt: skip
def test_reshape(before: tuple[int, ...], after: tuple[int, ...], symbolic: bool) -> None:
    x = numbers(*before)
    tensor = stand_in("x", x, symbolic=symbolic)
    check(graphc.reshape(tensor, after), x.reshape(after), x=x)


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("symbolic", [False, True])
def test_axes(symbolic: bool, dtype: dtypes.DType) -> None:
    x = random(np.random.default_rng(2), (2, 1, 3), dtype)
    t = stand_in("x", x, symbolic=symbolic)
    check(graphc.permute_dims(t, (2, 0, 1)), x.transpose(2, 0, 1), x=x)
    check(t.T, x.T, x=x)
    check(t.mT, np.swapaxes(x, -1, -2), x=x)
    check(graphc.expand_dims(t, (0, -1)), np.expand_dims(x, (0, -1)), x=x)
    check(graphc.squeeze(t, 1), x.squeeze(1), x=x)
    check(graphc.squeeze(t), x.squeeze(), x=x)
    check(graphc.flip(t), np.flip(x), x=x)
    check(graphc.flip(t, (0, -1)), np.flip(x, (0, -1)), x=x)
    check(graphc.swapaxes(t, 0, 2), np.swapaxes(x, 0, 2), x=x)
    check(graphc.broadcast_to(t, (4, t.shape[0], 5, 3)), np.broadcast_to(x, (4, 2, 5, 3)), x=x)


@pytest.mark.parametrize("symbolic", [False, True])
def test_joining(symbolic: bool) -> None:
    x, y = numbers(2, 3), numbers(4, 3) + 100
    a, b = stand_in("x", x, symbolic=symbolic), stand_in("y", y, symbolic=symbolic)
    check(graphc.concat([a, b]), np.concatenate([x, y]), x=x, y=y)
    check(graphc.concat([a, b, a], -2), np.concatenate([x, y, x]), x=x, y=y)
    check(graphc.concat([a, a], 1), np.concatenate([x, x], 1), x=x)
    check(graphc.concat([a, b], None), np.concatenate([x, y], None), x=x, y=y)
    check(graphc.concat([a]), x, x=x)
    for axis in (0, 1, -1):
        check(graphc.stack([a, 2 * a], axis), np.stack([x, 2 * x], axis), x=x)
    check(graphc.pad(a, 1), np.pad(x, 1), x=x)
    check(graphc.pad(a, (1, 2)), np.pad(x, (1, 2)), x=x)
    widths = ((0, 0), (2, 1))
    filled = graphc.pad(a, widths, constant_values=7)
    check(filled, np.pad(x, widths, constant_values=7), x=x)


def test_concat_promotes() -> None:
    x, y = graphc.input("x", (2,), graphc.int32), graphc.input("y", ("N",), graphc.uint8)
    assert graphc.concat([x, y]).dtype is graphc.int32
    assert graphc.concat([x, y]).shape == (graphc.input("z", ("N + 2",)).shape[0],)


INDICES: list[Any] = [
    0, -1, (1, 2), slice(1, None), slice(None, None, -1), slice(None, None, 2), slice(-2, None),
    (slice(None), None, 1), (..., 0), (None, ..., None), (slice(None), slice(None, None, -2)),
    (slice(3, 1, -1), slice(1, 3)), (slice(None), slice(5, 2)), (slice(None), slice(-100, 100)),
    (slice(1, 4, 2), ..., -1), (), ..., (slice(4, None, -3), slice(None, 0, -1)),
]  # fmt: skip


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing(index: Any, symbolic: bool) -> None:
    x = numbers(5, 4)
    t = stand_in("x", x, symbolic=symbolic)
    check(t[index], x[index], x=x)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_slice_gradient_puts_elements_back(index: Any) -> None:
    x = numbers(5, 4)
    for symbolic in (False, True):
        t = stand_in("x", x, symbolic=symbolic)
        node = t[index].value.node
        while node.op.name not in ("slice", "input"):
            node = node.operands[0].node
        if node.op.name == "input":
            continue
        part = run(Tensor(node.result), x=x)
        g = random(np.random.default_rng(1), part.shape, graphc.float32)
        cotangent = graphc.input("g", node.result.type.shape)
        (back,) = node.op.grad([cotangent], [Tensor(node.result)], t, **node.attributes)
        bounds = {k: tuple(value_of(v, {"X0": 5}) for v in node.attributes[k])
                  for k in ("start", "stop", "step")}  # fmt: skip
        expected = np.zeros_like(x)
        expected[
            tuple(
                slice(a, None if b < 0 else b, s) for a, b, s in zip(*bounds.values(), strict=True)
            )
        ] = g
        arrays = {"g": g} if not symbolic else {"g": g, "x": x}
        assert back.shape == t.shape
        same(run(back + 0 * t if symbolic else back, **arrays), expected)


def test_symbolic_bounds_become_constraints() -> None:
    x = graphc.input("x", ("N", 3))
    node = x[5:].value.node
    types = [v.type for v in node.operands]
    assert [f"{a} {r} {b}" for a, r, b in node.op.requires(types, node.attributes)] == ["N >= 5"]
    node = x[: x.shape[0] // 2].value.node
    assert x[::-1].value.node.op.requires(types, x[::-1].value.node.attributes) == []
    merged = graphc.reshape(x, ("M", 3)).value.node
    assert [f"{a} {r} {b}" for a, r, b in merged.op.requires(types, merged.attributes)] == [
        "3*M == 3*N"
    ]


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda x: x[7], graphc.errors.IndexRangeError, "index 7 is out of range"),
    (lambda x: x[0, 0, 0], graphc.errors.AxisError, "too many indices"),
    (lambda x: x[..., 0, ...], graphc.errors.AxisError, "more than one"),
    (lambda x: x[[0, 1]], graphc.errors.UnsupportedError, "take_along_axis"),
    (lambda x: x[x > 0], graphc.errors.UnsupportedError, "masks"),
    (lambda x: x[True], graphc.errors.UnsupportedError, "bool"),
    (lambda x: x[::0], graphc.errors.IndexRangeError, "other than 0"),
    (lambda x: x[1.5], graphc.errors.UnsupportedError, "float"),
    (lambda x: graphc.reshape(x, (7,)), graphc.errors.ShapeError, "do not fill"),
    (lambda x: graphc.reshape(x, (-1, -1)), graphc.errors.ShapeError, "only one"),
    (lambda x: graphc.reshape(x, (-1, 5)), graphc.errors.ShapeError, "do not fill"),
    (lambda x: graphc.squeeze(x, 0), graphc.errors.ShapeError, "size 1"),
    (lambda x: graphc.permute_dims(x, (0,)), graphc.errors.AxisError, "no order"),
    (lambda x: graphc.permute_dims(x, (0, 0)), graphc.errors.AxisError, "twice"),
    (lambda x: graphc.concat([]), graphc.errors.ArgumentError, "at least one"),
    (lambda x: graphc.concat([x, x[:, :1]]), graphc.errors.ShapeError, "differ"),
    (lambda x: graphc.concat([x[0, 0]]), graphc.errors.ShapeError, "rank 0"),
    (lambda x: graphc.stack([x, x[:1]]), graphc.errors.ShapeError, "differ"),
    (lambda x: graphc.pad(x, -1), graphc.errors.ShapeError, "negative"),
    (lambda x: graphc.pad(x, ((1, 1), (1, 1), (1, 1))), graphc.errors.ShapeError, "pair"),
    (lambda x: graphc.pad(x, 1, mode="edge"), graphc.errors.ArgumentError, "mode"),
    (lambda x: graphc.broadcast_to(x, (2, 3)), graphc.errors.ShapeError, "cannot broadcast"),
    (lambda x: graphc.matrix_transpose(x[0]), graphc.errors.ShapeError, "two axes"),
]


@pytest.mark.parametrize("mistake,error,text", BAD)
def test_mistakes(mistake: Any, error: type[Exception], text: str) -> None:
    x = graphc.input("x", (4, 3))
    with pytest.raises(error, match=text) as raised:
        mistake(x)
    assert "test_shapes.py:" in str(raised.value)


def test_requirements_of_a_graph() -> None:
    x = graphc.input("x", ("N", 3))
    y = x[5:] + x[:-5] + x[5:]
    graph = graphs.collect("test", {"y": y.value})
    assert [" ".join(map(str, c)) for c in graph.constraints] == ["N >= 5", "N - 5 >= 0"]


parts = st.one_of(
    st.none(),
    st.integers(-6, 6),
)
entries = st.one_of(
    st.integers(-3, 2),
    st.builds(slice, parts, parts, st.sampled_from([None, 1, 2, 3, -1, -2, -3])),
    st.none(),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(entries, max_size=4), st.integers(0, 4), st.booleans())
def test_any_basic_index(index: list[Any], ellipsis_at: int, with_ellipsis: bool) -> None:
    x = numbers(3, 4, 5)
    if with_ellipsis:
        index = [*index[:ellipsis_at], ..., *index[ellipsis_at:]]
    t = stand_in("x", x, symbolic=False)
    try:
        expected = x[tuple(index)]
    except IndexError:
        with pytest.raises(IndexError):
            t[tuple(index)]
        return
    check(t[tuple(index)], expected, x=x)
