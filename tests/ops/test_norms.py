"""The Euclidean norm: values, axes, and its gradient at zero."""

from __future__ import annotations

import numpy as np
import pytest

import graphc.ops as ops
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.errors import AxisError
from tests.evaluation import value, values
from tests.ops.test_softmax import expansion_of


def test_values() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    tensor = ops.input("x", x.shape, "float64")
    for axis in (None, 0, -1, (0, 2)):
        y = ops.norm(tensor, axis)
        expected = np.sqrt((x**2).sum(axis))
        for found in values([y, expansion_of(y)], x=x):
            np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert ops.norm(tensor, 1, keepdims=True).shape == (2, 1, 4)


def test_gradients_and_zero() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3))
    check_gradient(lambda t: ops.norm(t, 1), [x])
    check_gradient(lambda t: grad(ops.sum(ops.norm(t, 1)), [t]), [x])
    tensor = ops.input("x", (2, 3), "float32")
    (dx,) = grad(ops.sum(ops.norm(tensor, 1)), [tensor])
    found = value(dx, x=np.array([[0, 0, 0], [3, 0, 4]], np.float32))
    np.testing.assert_allclose(found, [[0, 0, 0], [0.6, 0, 0.8]], rtol=1e-6)


def test_empty_scalar_and_errors() -> None:
    assert float(value(ops.norm(ops.zeros((0, 3))))) == 0
    assert float(value(ops.norm(ops.constant(-2.0)))) == 2
    with pytest.raises(AxisError, match="norm"):
        ops.norm(ops.zeros((2,)), 1)
