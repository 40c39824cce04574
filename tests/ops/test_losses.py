"""Losses against their formulas written out, Keras' clipping, gradients and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc.ops as ops
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.errors import DTypeError, IndexRangeError, ShapeError
from graphc.ir.graphs import topological
from tests.evaluation import value, values
from tests.ops.test_softmax import expansion_of

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(6, 5)) * 3
SHARES = np.abs(RNG.normal(size=(6, 5))) + 0.1
TARGETS = RNG.dirichlet(np.ones(5), 6)
LABELS = RNG.integers(0, 5, 6)


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def _both(y: Any, rtol: float = 1e-12, **inputs: Any) -> np.ndarray:
    """The reference's value, which the expansion's must be too."""
    reference, expanded = values([y, expansion_of(y)], **inputs)
    np.testing.assert_allclose(reference, expanded, rtol=rtol)
    assert reference.dtype == expanded.dtype
    return reference


def _declared(dtype: str = "float64") -> tuple[Any, Any, Any]:
    return (
        ops.input("t", ("N", 5), dtype),
        ops.input("p", ("N", 5), dtype),
        ops.input("labels", ("N",), "int64"),
    )


@pytest.mark.parametrize("from_logits", [True, False])
def test_sparse_and_categorical(from_logits: bool) -> None:
    t, p, labels = _declared()
    given = LOGITS if from_logits else SHARES
    share = _softmax(LOGITS) if from_logits else SHARES / SHARES.sum(-1, keepdims=True)
    sparse = ops.sparse_categorical_crossentropy(labels, p, from_logits=from_logits)
    expected = -np.log(share[np.arange(6), LABELS])
    np.testing.assert_allclose(_both(sparse, p=given, labels=LABELS), expected, rtol=1e-12)
    dense = ops.categorical_crossentropy(t, p, from_logits=from_logits)
    expected = -(TARGETS * np.log(share)).sum(-1)
    np.testing.assert_allclose(_both(dense, p=given, t=TARGETS), expected, rtol=1e-12)


def test_other_class_axes() -> None:
    p = ops.input("p", (5, 6), "float64")
    labels = ops.input("labels", (6,), "uint8")
    loss = ops.sparse_categorical_crossentropy(labels, p, from_logits=True, axis=0)
    expected = -np.log(_softmax(LOGITS)[np.arange(6), LABELS])
    found = _both(loss, p=LOGITS.T.copy(), labels=LABELS.astype("u1"))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_one_sample_without_a_batch_axis() -> None:
    p, labels = ops.input("p", (5,), "float64"), ops.input("labels", (), "int32")
    loss = ops.sparse_categorical_crossentropy(labels, p, from_logits=True)
    found = _both(loss, p=LOGITS[0], labels=np.int32(3))
    np.testing.assert_allclose(found, -np.log(_softmax(LOGITS)[0, 3]), rtol=1e-12)


def test_binary() -> None:
    t, p, _ = _declared()
    q = SHARES / SHARES.max() * 0.99
    loss = ops.binary_crossentropy(t, p)
    expected = -(TARGETS * np.log(q) + (1 - TARGETS) * np.log(1 - q)).mean(-1)
    np.testing.assert_allclose(_both(loss, p=q, t=TARGETS), expected, rtol=1e-12)
    loss = ops.binary_crossentropy(t, p, from_logits=True)
    q = 1 / (1 + np.exp(-LOGITS))
    expected = -(TARGETS * np.log(q) + (1 - TARGETS) * np.log(1 - q)).mean(-1)
    np.testing.assert_allclose(_both(loss, p=LOGITS, t=TARGETS), expected, rtol=1e-10)


def test_squared_and_absolute_errors() -> None:
    t, p, _ = _declared("float32")
    a, b = LOGITS.astype("f4"), SHARES.astype("f4")
    found = _both(ops.mse(t, p), 1e-6, t=a, p=b)
    np.testing.assert_allclose(found, ((a - b) ** 2).mean(-1), rtol=1e-6)
    found = _both(ops.mae(t, p), 1e-6, t=a, p=b)
    np.testing.assert_allclose(found, np.abs(a - b).mean(-1), rtol=1e-6)


def test_probabilities_are_clipped_as_keras_does() -> None:
    t, p, labels = _declared("float32")
    zero = np.array([[1, 0, 0, 0, 0]], "f4")
    one, other = np.array([1]), np.array([0])
    sparse = ops.sparse_categorical_crossentropy(labels, p)
    worst, best = np.log(np.float32(1e-7)), np.log(np.float32(1 - 1e-7))
    np.testing.assert_allclose(_both(sparse, p=zero, labels=one), [-worst], rtol=1e-6)
    np.testing.assert_allclose(_both(sparse, p=zero, labels=other), [-best], rtol=1e-6)
    binary = ops.binary_crossentropy(t, p)
    assert np.isfinite(_both(binary, p=zero, t=1 - zero)).all()


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4])
def test_logits_of_any_size_give_finite_losses_and_gradients(scale: float) -> None:
    t, p, labels = _declared("float32")
    z, targets = (LOGITS * scale).astype("f4"), TARGETS.astype("f4")
    for loss in (
        ops.sparse_categorical_crossentropy(labels, p, from_logits=True),
        ops.categorical_crossentropy(t, p, from_logits=True),
        ops.binary_crossentropy(t, p, from_logits=True),
    ):
        (dp,) = grad(ops.mean(loss), [p])
        for found in values([loss, dp], p=z, t=targets, labels=LABELS):
            assert np.isfinite(found).all()


def test_small_binary_losses_keep_their_digits() -> None:
    t, p = ops.input("t", (1, 2), "float32"), ops.input("p", (1, 2), "float32")
    loss = ops.binary_crossentropy(t, p, from_logits=True)
    z = np.array([[20.0, -20.0]], "f4")
    found = _both(loss, 1e-6, p=z, t=np.array([[1.0, 0.0]], "f4"))
    np.testing.assert_allclose(found, [np.log1p(np.exp(-20.0))], rtol=1e-6)


@pytest.mark.parametrize("from_logits", [True, False])
def test_gradients_of_rules_and_expansions(from_logits: bool) -> None:
    given = LOGITS if from_logits else SHARES / SHARES.sum(-1, keepdims=True) * 0.9

    def sparse(p: Any) -> Any:
        return ops.sparse_categorical_crossentropy(LABELS, p, from_logits=from_logits)

    def dense(t: Any, p: Any) -> Any:
        return ops.categorical_crossentropy(t, p, from_logits=from_logits)

    def binary(t: Any, p: Any) -> Any:
        return ops.binary_crossentropy(t, p, from_logits=from_logits)

    for loss, inputs in ((sparse, [given]), (dense, [TARGETS, given]), (binary, [TARGETS, given])):
        check_gradient(loss, inputs)
        check_gradient(lambda *xs, loss=loss: expansion_of(loss(*xs)), inputs)
        few = [array[:2] for array in inputs]
        if loss is not sparse:
            check_gradient(lambda *xs, loss=loss: grad(ops.sum(loss(*xs)), xs), few, step=1e-4)


def test_gradients_of_errors() -> None:
    check_gradient(ops.mse, [LOGITS, SHARES])
    check_gradient(ops.mae, [LOGITS, SHARES])
    check_gradient(lambda t, p: grad(ops.sum(ops.mse(t, p)), [t, p]), [LOGITS[:2], SHARES[:2]])


def test_the_sparse_gradient_is_softmax_less_one_hot_without_a_gather() -> None:
    _, p, labels = _declared()
    loss = ops.sparse_categorical_crossentropy(labels, p, from_logits=True)
    (dp,) = grad(ops.sum(loss), [p])
    expected = _softmax(LOGITS) - np.eye(5)[LABELS]
    np.testing.assert_allclose(value(dp, p=LOGITS, labels=LABELS), expected, atol=1e-12)
    used = {node.op.name for node in topological([dp.value, expansion_of(loss).value])}
    assert not used & {"take_along_axis", "one_hot"}


@pytest.mark.parametrize("bad", [-1, 5, 100])
def test_labels_out_of_range_are_an_error_with_position_and_value(bad: int) -> None:
    _, p, labels = _declared()
    loss = ops.sparse_categorical_crossentropy(labels, p, from_logits=True)
    wrong = LABELS.copy()
    wrong[2] = bad
    for y in (loss, expansion_of(loss)):
        with pytest.raises(IndexRangeError, match=rf"{bad} at \(2\)"):
            value(y, p=LOGITS, labels=wrong)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
def test_labels_that_are_no_integers(dtype: str) -> None:
    _, p, _ = _declared()
    labels = ops.input("labels", ("N",), dtype)
    with pytest.raises(DTypeError, match="labels are class numbers") as raised:
        ops.sparse_categorical_crossentropy(labels, p)
    assert "test_losses.py" in str(raised.value)


def test_losses_do_not_broadcast() -> None:
    p = ops.input("p", ("N", 5))
    for shape in (("N", 1), (5,), ("M", 5), ("N", 4), ("N", 5, 1)):
        for loss in (ops.mse, ops.mae, ops.binary_crossentropy, ops.categorical_crossentropy):
            with pytest.raises(ShapeError, match="equal shapes"):
                loss(ops.input("t", shape), p)
    for shape in (("N", 1), ("N", 5), ("M",), ()):
        with pytest.raises(ShapeError, match="without axis 1"):
            ops.sparse_categorical_crossentropy(ops.input("t", shape, "int32"), p)
    with pytest.raises(ShapeError, match="rank 1"):
        ops.mse(ops.input("a", ()), ops.input("b", ()))


def test_integer_targets_take_the_dtype_of_the_predictions() -> None:
    p = ops.input("p", ("N", 5), "float32")
    for dtype in ("int64", "uint8", "bool", "float64"):
        loss = ops.categorical_crossentropy(ops.input("t", ("N", 5), dtype), p)
        assert str(loss.value.type) == "f32[N]"


def test_empty_batches() -> None:
    t, p, labels = _declared()
    none, no_labels = np.zeros((0, 5)), np.zeros(0, np.int64)
    loss = ops.sparse_categorical_crossentropy(labels, p, from_logits=True)
    assert _both(loss, p=none, labels=no_labels).shape == (0,)
    assert _both(ops.mse(t, p), p=none, t=none).shape == (0,)


@pytest.mark.filterwarnings("error")
def test_losses_of_nothing_are_nan_without_a_warning() -> None:
    x = ops.input("x", (3, 0))
    for loss in (ops.mse(x, x), ops.mae(x, x), ops.binary_crossentropy(x, x)):
        assert np.isnan(value(loss, x=np.ones((3, 0), np.float32))).all()
