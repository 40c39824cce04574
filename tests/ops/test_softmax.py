"""softmax, log_softmax, logsumexp: values, large numbers, special rows, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc.ops as ops
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.errors import AxisError
from graphc.ir.op import Composite, lookup
from graphc.tensor import Tensor
from tests.evaluation import value, values

INF = np.inf
FUNCTIONS = (ops.softmax, ops.log_softmax)


def expansion_of(y: Tensor) -> Tensor:
    """What the composite that made ``y`` expands to."""
    node = y.value.node
    assert isinstance(node.op, Composite)
    expanded: Tensor = node.op.expand(*map(Tensor, node.operands), **node.attributes)
    return expanded


def _input(array: Any) -> Tensor:
    return ops.input("x", np.shape(array), np.asarray(array).dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), [((7,), 0), ((3, 5), -1), ((3, 5), 0), ((2, 3, 4), 1)])
def test_values_and_expansion_agree(shape: Any, axis: int, dtype: str) -> None:
    x = np.random.default_rng(1).normal(size=shape).astype(dtype) * 5
    e = np.exp(x.astype("f8"))
    share = e / e.sum(axis, keepdims=True)
    for function, truth in zip(FUNCTIONS, (share, np.log(share)), strict=True):
        y = function(_input(x), axis)
        for found in values([y, expansion_of(y)], x=x):
            assert found.dtype == dtype
            # A logarithm near 0 is a difference of numbers near 1: absolute bounds.
            bound = 1e-5 if dtype == "float32" else 1e-12
            np.testing.assert_allclose(found, truth, rtol=bound, atol=bound)
    y = ops.logsumexp(_input(x), axis)
    for found in values([y, expansion_of(y)], x=x):
        np.testing.assert_allclose(found, np.log(e.sum(axis)), rtol=1e-5)


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4, 3e38])
def test_large_numbers_do_not_overflow(shift: float) -> None:
    x = np.array([[1.0, 2.0, 3.0]], np.float32) + np.float32(shift)
    for function in (*FUNCTIONS, ops.logsumexp):
        y = function(_input(x))
        for found in values([y, expansion_of(y)], x=x):
            assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([-INF, -INF], -INF),
        ([INF, 1.0], INF),
        ([-INF, 2.0], 2.0),
        ([np.nan, 1.0], np.nan),
        ([INF, np.nan], np.nan),
    ],
)
def test_logsumexp_of_special_rows(row: list[float], expected: float) -> None:
    x = np.array(row)
    y = ops.logsumexp(_input(x))
    for found in values([y, expansion_of(y)], x=x):
        np.testing.assert_array_equal(found, expected)


def test_empty_rows_and_empty_batches() -> None:
    none = np.zeros((0, 3), np.float32)
    assert value(ops.softmax(_input(none)), x=none).shape == (0, 3)
    assert value(ops.logsumexp(_input(none), 1), x=none).shape == (0,)
    np.testing.assert_array_equal(value(ops.logsumexp(_input(none), 0), x=none), [-INF] * 3)
    narrow = np.zeros((3, 0), np.float32)
    assert value(ops.log_softmax(_input(narrow)), x=narrow).shape == (3, 0)


def test_integers_become_floats_and_keepdims() -> None:
    x = ops.input("x", ("N", 3), "int32")
    assert str(ops.softmax(x).value.type) == "f64[N, 3]"
    assert ops.logsumexp(x, 1, keepdims=True).shape == (x.shape[0], 1)
    assert ops.logsumexp(x).shape == ()


@pytest.mark.parametrize("axis", [2, -3, None, (0, 1), 0.5])
def test_axes_out_of_range(axis: Any) -> None:
    x = ops.input("x", (2, 3))
    with pytest.raises(AxisError, match="softmax"):
        ops.softmax(x, axis)


def test_a_scalar_has_no_axis() -> None:
    with pytest.raises(AxisError):
        ops.softmax(ops.input("x", ()))
    assert ops.logsumexp(ops.input("x", ())).shape == ()


@pytest.mark.parametrize("function", [*FUNCTIONS, ops.logsumexp], ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_of_rule_and_expansion(function: Any, axis: int) -> None:
    x = np.random.default_rng(2).normal(size=(3, 4))
    check_gradient(lambda t: function(t, axis), [x])
    check_gradient(lambda t: expansion_of(function(t, axis)), [x])
    check_gradient(lambda t: grad(ops.sum(function(t, axis) ** 2), [t]), [x])


def test_gradients_stay_finite_for_large_numbers() -> None:
    x = np.array([[1000.0, 0.0, -1000.0]], np.float32)
    for function in (*FUNCTIONS, ops.logsumexp):
        tensor = _input(x)
        (dx,) = grad(ops.sum(function(tensor)), [tensor])
        assert np.isfinite(value(dx, x=x)).all()


def test_records_are_composites() -> None:
    for name in ("softmax", "log_softmax", "logsumexp"):
        assert isinstance(lookup(name), Composite)
