"""Broadcasting and promotion: NumPy's, visible as nodes, and never of a symbolic size."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.errors import DTypeError, GraphcError, ShapeError
from graphc.ir import dtypes, graphs
from tests.ops.values import run

shapes = st.lists(st.sampled_from([0, 1, 2, 3]), max_size=4).map(tuple)


@settings(max_examples=150, deadline=None)
@given(shapes, shapes, shapes)
def test_shapes_broadcast_as_in_numpy(a: Any, b: Any, c: Any) -> None:
    x, y = graphc.input("x", a), graphc.input("y", b)
    condition = graphc.input("c", c, graphc.bool_)
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ShapeError, match="cannot broadcast"):
            x + y
        return
    rng = np.random.default_rng(0)
    p, q = rng.standard_normal(a).astype("f4"), rng.standard_normal(b).astype("f4")
    assert (x + y).shape == expected
    np.testing.assert_array_equal(run(x + y, x=p, y=q), p + q)
    try:
        shape = np.broadcast_shapes(a, b, c)
    except ValueError:
        with pytest.raises(ShapeError):
            graphc.where(condition, x, y)
        return
    assert graphc.where(condition, x, y).shape == shape


def test_a_symbolic_size_equals_only_itself() -> None:
    x = graphc.input("x", ("N", 3))
    assert (x + graphc.input("y", ("N", 1))).shape == x.shape
    assert (x + graphc.input("y", (1, 3))).shape == x.shape
    assert (x + graphc.input("y", (3,))).shape == x.shape
    for other in (("M", 3), (2, 3), ("N + 1", 3), ("N", "N")):
        with pytest.raises(ShapeError, match="differ and neither is 1"):
            x + graphc.input("y", other)
    same_size = graphc.input("y", ("2*N - N", 3))
    assert (x + same_size).shape == x.shape


def test_broadcasts_are_nodes() -> None:
    x, y = graphc.input("x", ("N", 1, 3)), graphc.input("y", (4, 1))
    names = [n.op.name for n in graphs.topological([(x + y).value]) if n.op.name != "input"]
    assert names == ["squeeze", "broadcast", "squeeze", "broadcast", "add"]
    left, right = (v.node for v in (x + y).value.node.operands)
    assert left.attributes["axes"] == (0, 2) and right.attributes["axes"] == (1,)
    assert [n.op.name for n in graphs.topological([(x + x).value])] == ["input", "add"]


PAIRS = list(itertools.product(dtypes.ALL, dtypes.ALL))


@pytest.mark.parametrize("left,right", PAIRS, ids=lambda d: d.name)
def test_promotion_of_arrays(left: dtypes.DType, right: dtypes.DType) -> None:
    x, y = graphc.input("x", (2,), left), graphc.input("y", (2,), right)
    expected = np.promote_types(left.numpy, right.numpy)
    assert (x + y).dtype.numpy == expected
    assert graphc.where(x == y, x, y).dtype.numpy == expected
    assert graphc.concat([x, y]).dtype.numpy == expected
    quotient = np.ones(2, left.numpy) / np.ones(2, right.numpy)
    assert (x / y).dtype.numpy == quotient.dtype


SCALARS: list[Any] = [True, 2, 2.5, -1, np.float32(1), np.int64(3), np.uint8(3), np.float64(2)]
ARITHMETIC: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: b * a, lambda a, b: a / b, lambda a, b: a < b,
]  # fmt: skip


@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_promotion_of_scalars(dtype: dtypes.DType, scalar: Any) -> None:
    x, array = graphc.input("x", (2,), dtype), np.ones(2, dtype.numpy)
    for function in ARITHMETIC:
        try:
            expected = np.asarray(function(array, scalar)).dtype
        except OverflowError:
            with pytest.raises(DTypeError, match="does not fit"):
                function(x, scalar)
            continue
        assert function(x, scalar).dtype.numpy == expected


@pytest.mark.parametrize("scalar", [-1, 256, 2**40])
def test_comparison_with_numbers_beyond_the_dtype(scalar: int) -> None:
    x, array = graphc.input("x", ("N",), graphc.uint8), np.uint8([0, 1, 255])
    for function in (np.less, np.greater_equal, np.equal, np.not_equal):
        assert run(function(x, scalar), x=array).tolist() == function(array, scalar).tolist()


def test_floats_in_which_functions_compute() -> None:
    for dtype, computed in [
        (graphc.int32, graphc.float64), (graphc.int64, graphc.float64),
        (graphc.uint8, graphc.float32), (graphc.bool_, graphc.float32),
    ]:  # fmt: skip
        assert graphc.sqrt(graphc.input("x", (2,), dtype)).dtype is computed


def test_casts_come_before_broadcasts() -> None:
    x = graphc.input("x", ("N", 3), graphc.float64) + graphc.input("y", (3,))
    names = [n.op.name for n in graphs.topological([x.value]) if n.op.name != "input"]
    assert names == ["astype", "broadcast", "add"]


def test_an_int_beyond_every_dtype() -> None:
    with pytest.raises(GraphcError):
        graphc.input("x", (2,), graphc.int64) + 2**70
    assert (graphc.input("x", (2,)) + 2**70).dtype is graphc.float32
