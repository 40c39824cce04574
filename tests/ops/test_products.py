"""The matrix product in all its ranks; gathers, one_hot and the check of indices; sources."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir import dtypes
from tests.ops.values import random, run, run_expanded, same, stand_in

SHAPES = [
    ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((6, 1, 2, 3), (5, 3, 4)), ((3,), (5, 3, 2)),
    ((5, 2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 4)), ((2, 2, 2, 2, 3, 1), (2, 1, 1, 2)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("left,right", SHAPES, ids=str)
def test_matmul(left: tuple[int, ...], right: tuple[int, ...], dtype: dtypes.DType) -> None:
    rng = np.random.default_rng(4)
    x, y = random(rng, left, dtype), random(rng, right, dtype)
    a, b = stand_in("x", x, symbolic=False), stand_in("y", y, symbolic=False)
    with np.errstate(all="ignore"):
        expected = np.matmul(x, y)
    actual = run(a @ b, x=x, y=y)
    assert actual.dtype == expected.dtype and actual.shape == expected.shape
    scale = 1e-4 if dtype.is_float else 0
    np.testing.assert_allclose(actual, expected, rtol=scale, atol=scale * 100)


def test_matmul_of_named_sizes() -> None:
    x, w = graphc.input("x", ("B", "T", 3)), graphc.input("w", (3, 4))
    assert str((x @ w).shape) == "(B, T, 4)"
    assert str((x @ x.mT).shape) == "(B, T, T)"


@pytest.mark.parametrize(
    "left,right,text",
    [
        ((2, 3), (4, 5), "3 columns on the left, 4 rows on the right"),
        ((), (3,), "rank 0"),
        ((5, 2, 3), (4, 3, 2), "5 and 4 differ"),
        ((3,), (4,), "3 columns"),
    ],
)
def test_matmul_mistakes(left: Any, right: Any, text: str) -> None:
    with pytest.raises(graphc.errors.ShapeError, match=text):
        graphc.input("x", left) @ graphc.input("y", right)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("kind", ["int32", "int64", "uint8"])
def test_take_along_axis(axis: int, kind: str) -> None:
    rng = np.random.default_rng(8)
    x = random(rng, (4, 5, 3), graphc.float32)
    count = x.shape[axis]
    index = rng.integers(0 if kind == "uint8" else -count, count, (4, 5, 3)).astype(kind)
    t, i = stand_in("x", x, symbolic=False), stand_in("i", index, symbolic=False)
    same(run(graphc.take_along_axis(t, i, axis), x=x, i=index), np.take_along_axis(x, index, axis))


def test_take_along_axis_broadcasts_and_checks() -> None:
    x = graphc.input("x", ("N", 10))
    labels = graphc.input("labels", ("N",), graphc.int32)
    taken = graphc.take_along_axis(x, labels[:, None], 1)
    data = np.arange(30, dtype=np.float32).reshape(3, 10)
    assert run(taken, x=data, labels=np.int32([0, 9, -1]))[:, 0].tolist() == [0, 19, 29]
    row = graphc.take_along_axis(x, [[3]], 1)
    assert run(row, x=data)[:, 0].tolist() == [3, 13, 23]
    with pytest.raises(graphc.errors.IndexRangeError, match="outside -10 to 9"):
        run(
            graphc.take_along_axis(x, graphc.expand_dims(labels, 1), 1),
            x=data,
            labels=np.int32([0, 10, 1]),
        )


def test_indices_of_labels_are_checked_whatever_their_sign_was() -> None:
    labels = graphc.input("labels", ("N",), graphc.uint8)
    checked = graphc.check_index(labels, 10)
    assert run(checked, labels=np.uint8([0, 9])).tolist() == [0, 9]
    with pytest.raises(graphc.errors.IndexRangeError, match=r"index 10 at \(1\)"):
        run(checked, labels=np.uint8([9, 10]))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_hot(axis: int) -> None:
    index = np.int32([[0, 2], [1, -1], [5, 3]])
    t = stand_in("i", index)
    for dtype in (graphc.float32, graphc.int64, graphc.bool_):
        result = graphc.one_hot(t, 4, axis=axis, dtype=dtype)
        expected = np.moveaxis(np.arange(4) == index[..., None], -1, axis).astype(dtype.numpy)
        same(run(result, i=index), expected)
        same(run_expanded(result, i=index), expected)


def test_one_hot_of_floats() -> None:
    with pytest.raises(graphc.errors.DTypeError, match="indices are integers"):
        graphc.one_hot(graphc.input("labels", ("N",)), 3)


def test_sources() -> None:
    x = graphc.input("x", ("N", 3))
    n = x.shape[0]
    data = np.zeros((7, 3), np.float32)
    zero = graphc.sum(x).astype(graphc.int64)
    assert run(graphc.size_of(n) + zero, x=data) == 7
    assert run(graphc.size_of(2 * n + 1) + zero, x=data) == 15
    assert run(graphc.size_of(0) + zero, x=data) == 0
    assert run(graphc.size_of(n) + zero, x=data[:0]) == 0
    assert run(x + n, x=data).tolist() == [[7.0] * 3] * 7
    assert run(graphc.arange(3, 10, 2)).tolist() == [3, 5, 7, 9]
    assert run(graphc.arange(5, 0, -2)).tolist() == [5, 3, 1]
    assert run(graphc.arange(n) + zero, x=data).tolist() == list(range(7))
    assert run(graphc.iota((2, 3), 1)).tolist() == [[0, 1, 2]] * 2
    assert run(graphc.full((2,), 3.0)).tolist() == [3, 3]
    assert graphc.zeros_like(x).shape == x.shape
    assert graphc.ones((2,), graphc.int32).dtype is graphc.int32


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_iota_of_every_dtype(dtype: dtypes.DType) -> None:
    value = run(graphc.iota((4,), dtype=dtype))
    same(value, np.arange(4).astype(dtype.numpy))
