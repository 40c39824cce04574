"""Losses: shapes and labels that do not fit, reductions, gradients, and a user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc import keras
from graphc.errors import ArgumentError, IndexRangeError, ShapeError

ROWS, CLASSES = 6, 4
CLASS_NUMBERS = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
FUNCTIONS = [
    name for name in keras.losses.__all__
    if name[0].islower() and name not in ("get", "serialize", "deserialize")
]  # fmt: skip


def _example(name: str, kind: str) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    draw = np.random.default_rng(0)
    found = draw.uniform(0.05, 0.95, (ROWS, CLASSES)).astype(kind)
    options = {"q": 0.5} if "generalized" in name else {}
    if name in CLASS_NUMBERS:
        return draw.integers(0, CLASSES, ROWS).astype("int32"), found, options
    if name == "mean_absolute_percentage_error":  # divides by the label
        return draw.uniform(1, 2, (ROWS, CLASSES)).astype(kind), found, options
    return np.eye(CLASSES, dtype=kind)[draw.integers(0, CLASSES, ROWS)], found, options


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_as_at_once_with_a_right_gradient(name: str, kind: str) -> None:
    true, found, options = _example(name, kind)
    function = getattr(keras.losses, name)
    at_once = function(true, found, **options)
    assert at_once.dtype == kind
    y = graphc.input("y", ("N", *true.shape[1:]), true.dtype.name)
    p = graphc.input("p", ("N", CLASSES), kind)
    each = function(y, p, **options)
    np.testing.assert_allclose(
        graphc.compile(graphc.Graph("f", {"each": each}))(y=true, p=found)["each"], at_once,
        rtol=2e-5,
    )  # fmt: skip
    total = graphc.sum(each)
    (slope,) = graphc.grad(total, [p])
    if kind == "float64":
        got = graphc.evaluate(slope, y=true, p=found)
        step = 1e-6
        for place in ((0, 0), (2, 3), (5, 1)):
            moved = [found.copy(), found.copy()]
            moved[0][place] += step
            moved[1][place] -= step
            high, low = (float(np.sum(function(true, m, **options))) for m in moved)
            assert got[place] == pytest.approx((high - low) / (2 * step), rel=1e-4, abs=1e-6)


def test_labels_and_predictions_that_do_not_fit() -> None:
    p = graphc.input("p", ("N", 10))
    with pytest.raises(ShapeError, match="does not broadcast"):
        keras.losses.MeanSquaredError()(graphc.input("y", ("N", 1)), p)
    with pytest.raises(ShapeError, match="sparse_categorical_crossentropy"):
        keras.losses.get("categorical_crossentropy")(graphc.input("y", ("N",), "int32"), p)
    with pytest.raises(ShapeError, match="one-hot rows go with categorical_crossentropy"):
        keras.losses.get("sparse_categorical_crossentropy")(graphc.input("y", ("N", 10)), p)
    with pytest.raises(ArgumentError, match="reduction"):
        keras.losses.MeanSquaredError(reduction="average")


def test_a_label_that_is_no_class_is_an_error() -> None:
    loss = keras.losses.SparseCategoricalCrossentropy()
    with pytest.raises(IndexRangeError):
        loss(np.int32([0, 4]), np.full((2, 4), 0.25, "float32"))


def test_labels_may_be_of_any_dtype_and_lack_an_axis() -> None:
    found = np.float32([[0.1, 0.9], [0.6, 0.4]])
    expected = float(keras.losses.SparseCategoricalCrossentropy()(np.int32([1, 0]), found))
    for kind in ("uint8", "int64", "float32", "float64"):
        labels = np.array([1, 0], kind)
        loss = keras.losses.SparseCategoricalCrossentropy()
        assert float(loss(labels, found)) == pytest.approx(expected)
        assert float(loss(labels[:, None], found)) == pytest.approx(expected)
    column = np.float32([[0.5], [2.0]])
    for labels in (np.array([1, 0], "uint8"), np.array([True, False]), np.array([[1], [0]])):
        assert float(keras.losses.MeanSquaredError()(labels, column)) == pytest.approx(2.125)


def test_weights_and_reductions() -> None:
    true, found, weight = np.zeros((4, 1), "float32"), np.float32([[1], [2], [3], [4]]), None
    values = {None: 7.5, (0.0, 1.0, 0.0, 1.0): 5.0}
    for given, mean in values.items():
        weight = None if given is None else np.float32(given)
        assert float(keras.losses.MeanSquaredError()(true, found, weight)) == mean
        total = keras.losses.MeanSquaredError(reduction="sum")(true, found, weight)
        assert float(total) == 4 * mean
        share = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
        assert float(share(true, found, weight)) == (mean if weight is None else 10.0)
    nothing = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    assert float(nothing(true, found, np.zeros(4, "float32"))) == 0.0


def test_an_ignored_class_does_not_count() -> None:
    found = np.float32([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]])
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    expected = -np.log([0.5, 0.1]).mean()
    assert float(loss(np.int32([0, -1, 1]), found)) == pytest.approx(expected, rel=1e-5)


def test_a_users_function_and_class() -> None:
    def squares(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.square(y_true - y_pred)

    loss = keras.losses.get(squares)
    assert loss.name == "squares"
    assert float(loss(np.int32([[1], [2]]), np.float32([[3], [2]]))) == 2.0
    y, p = graphc.input("y", ("N", 1), "int32"), graphc.input("p", ("N", 1))
    made = loss(y, p)
    assert made.shape == () and made.dtype.name == "float32"


def test_from_logits_survives_what_probabilities_do_not() -> None:
    labels, logits = np.int32([0, 1]), np.float32([[1000, -1000], [1000, -1000]])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(each, [0.0, 2000.0])
    binary = keras.losses.binary_crossentropy([[1.0]], [[-500.0]], from_logits=True)
    assert float(binary[0]) == 500.0
