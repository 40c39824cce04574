"""keras.ops of whatever a user has: arrays, Tensors, variables, and layers' symbolic results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc import keras
from graphc.errors import ArgumentError, IndexRangeError, ShapeError

ops = keras.ops
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def test_every_name_is_there_and_documented() -> None:
    for name in ops.__all__:
        function = getattr(ops, name)
        assert callable(function)
        assert (function.__doc__ or "").strip(), name


CALLS: list[Any] = [
    lambda x: ops.relu(x), lambda x: ops.mean(x, axis=-1), lambda x: ops.softmax(x),
    lambda x: ops.concatenate([x, x * 2], axis=1), lambda x: ops.where(x > 0, x, 0.0),
    lambda x: ops.matmul(x, np.ones((4, 2), "float32")), lambda x: ops.expand_dims(x, -1),
    lambda x: ops.cast(x, "int32"), lambda x: ops.split(x, 2, axis=1)[1],
    lambda x: ops.one_hot(ops.argmax(x, axis=-1), 4), lambda x: ops.clip(x, -1.0, 1.0),
    lambda x: ops.layer_normalization(x), lambda x: ops.add(ops.exp(x), 1.0),
    lambda x: ops.take(x, np.int32([1, 0]), axis=1), lambda x: ops.logsumexp(x, axis=1),
    lambda x: ops.moments(x, axes=[1])[1], lambda x: ops.cond(True, lambda: x, lambda: -x),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_one_function_for_arrays_tensors_and_layers(call: Any) -> None:
    at_once = call(X)
    assert isinstance(at_once, np.ndarray)
    compiled = graphc.compile(call(graphc.input("x", ("N", 4))))
    np.testing.assert_allclose(compiled(X), at_once, rtol=1e-5, atol=1e-6)
    inputs = keras.Input((4,))
    symbolic = call(inputs)
    assert symbolic.shape == (None, *at_once.shape[1:])
    model = keras.Model(inputs, symbolic)
    np.testing.assert_allclose(model.predict(X, verbose=0), at_once, rtol=1e-5, atol=1e-6)


def test_variables_are_values_outside_and_tensors_within_a_trace() -> None:
    w = keras.Variable(X)
    np.testing.assert_array_equal(ops.abs(w), np.abs(X))
    assert ops.shape(w) == (3, 4)
    with keras.Trace():
        assert isinstance(ops.abs(w), graphc.Tensor)
        assert isinstance(ops.concatenate([w, w]), graphc.Tensor)
        assert isinstance(ops.zeros((2,)), np.ndarray)


def test_sizes_that_are_not_known_yet() -> None:
    x = graphc.input("x", ("N", 4))
    rows, columns = ops.shape(x)
    made = ops.zeros((rows, columns + 1))
    assert isinstance(made, graphc.Tensor) and made.shape == (rows, 5)
    count = graphc.Graph("count", {"n": ops.cast(ops.size(x), "float32")}, inputs=[x])
    assert graphc.compile(count)(x=X)["n"] == 12.0
    with pytest.raises(ShapeError, match="not known"):
        ops.split(x, 2, axis=0)


def test_conditions_in_a_graph_choose_from_both() -> None:
    x = graphc.input("x", ())
    made = graphc.compile(ops.cond(x > 0, lambda: ops.sqrt(x), lambda: -x))
    assert float(made(np.float32(4))) == 2.0
    assert float(made(np.float32(-4))) == 4.0


def test_mistakes_are_told() -> None:
    with pytest.raises(AttributeError, match="sort is not there"):
        _ = ops.sort
    with pytest.raises(IndexRangeError):
        ops.take(X, np.int32([7]), axis=1)
    with pytest.raises(ArgumentError, match="num_classes"):
        ops.multi_hot([1, 2])
    with pytest.raises(NotImplementedError):
        ops.norm(X, ord=3)


@pytest.mark.parametrize("kind", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_dtypes(kind: str) -> None:
    x = np.ones((2, 3), kind)
    floats = kind if kind.startswith("float") else "float32"
    assert ops.exp(x).dtype == floats
    assert ops.mean(x).dtype == floats
    assert ops.sum(x).dtype == ("int32" if kind == "bool" else kind)
    assert ops.reshape(x, (3, 2)).dtype == kind
    assert ops.divide(x, x).dtype == floats
    assert ops.multiply(x, np.float32(2)).dtype == ("float64" if kind == "float64" else "float32")
    assert ops.dtype(x) == kind
    assert ops.zeros_like(x).dtype == kind
    assert ops.max(x[:, :0], axis=0).shape == (0,)
    assert ops.concatenate([x, x[:0]]).shape == (2, 3)


def test_numbers_become_float64_without_losing_digits() -> None:
    assert float(ops.cast(0.999, "float64")) == 0.999
    assert float(ops.convert_to_tensor(0.1, "float64")) == 0.1
    assert float(ops.full((1,), 0.1, "float64")[0]) == 0.1
    assert ops.convert_to_tensor([0.1], "float64")[0] == 0.1
    assert ops.cast([2**40], "int64")[0] == 2**40
