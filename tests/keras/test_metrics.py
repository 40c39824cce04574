"""Metrics: kept from batch to batch, in a compiled step as at once; and a user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc import keras
from graphc.errors import ArgumentError

NAMES = [n for n in keras.metrics.__all__
         if n[0].isupper() and n not in ("Metric", "MeanMetricWrapper", "Mean", "Sum")]  # fmt: skip


def _batches(name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    draw = np.random.default_rng(0)
    made = []
    for rows in (7, 1, 16):
        found = draw.uniform(0.05, 0.95, (rows, 4)).astype("float32")
        classes = draw.integers(0, 4, rows)
        if name.startswith("Sparse"):
            made.append((classes.astype("int32"), found))
        else:
            made.append((np.eye(4, dtype="float32")[classes], found))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_step_keeps_what_values_keep(name: str) -> None:
    at_once, traced = (getattr(keras.metrics, name)() for _ in range(2))
    batches = _batches(name)
    true, found = batches[0]
    y = graphc.input("y", ("N", *true.shape[1:]), true.dtype.name)
    p, w = graphc.input("p", ("N", 4)), graphc.input("w", ("N",))
    if name in ("R2Score", "F1Score", "FBetaScore"):  # make their sums with the first batch
        for metric in (at_once, traced):
            metric.update_state(true, found)
            metric.reset_state()
    with keras.Trace() as trace:
        traced.update_state(y, p, sample_weight=w)
        result = traced.result()
    step = graphc.Graph("step", {"result": graphc.mean(result)}, trace.updates, inputs=[y, p, w])
    exe = graphc.compile(step)
    for number, (true, found) in enumerate(batches):
        weight = np.random.default_rng(number).random(len(true), "float32")
        at_once.update_state(true, found, sample_weight=weight)
        got = exe(y=true, p=found, w=weight)["result"]
        np.testing.assert_allclose(got, np.mean(at_once.result()), rtol=1e-4, atol=1e-6)


def test_means_of_nothing_are_0() -> None:
    for name in ("Mean", "Sum", "Precision", "Recall", "AUC", "MeanSquaredError"):
        assert float(getattr(keras.metrics, name)().result()) == 0.0


def test_reset_and_names() -> None:
    metric = keras.metrics.Mean(name="gap")
    assert float(metric([1.0, 2.0])) == 1.5
    metric.reset_state()
    assert float(metric([4.0])) == 4.0
    assert [v.path for v in metric.variables] == ["gap/total", "gap/count"]
    keras.backend.clear_session()
    names = [keras.metrics.AUC().name for _ in range(2)]
    assert names == ["auc", "auc_1"]


def test_a_users_metric_with_metrics_within() -> None:
    class Both(keras.metrics.Metric):
        def __init__(self, name: str = "both") -> None:
            super().__init__(name=name)
            self.count = self.add_weight(name="count", initializer="zeros")
            self.inner = keras.metrics.Mean(name="inner")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.count.assign_add(keras.ops.cast(keras.ops.size(y_true), "float32"))
            self.inner.update_state(keras.ops.abs(y_true - y_pred))

        def result(self) -> Any:
            return {"count": self.count.value, "gap": self.inner.result()}

    metric = Both()
    metric.update_state(np.float32([1, 2]), np.float32([2, 4]))
    found = metric.result()
    assert float(found["count"]) == 2.0 and float(found["gap"]) == 1.5
    assert len(metric.variables) == 3
    metric.reset_state()
    assert float(metric.inner.result()) == 0.0


def test_the_books_own_metric() -> None:
    """Chapter 7's: sums of other dtypes, sizes of a batch, results from both."""
    ops = keras.ops

    class Root(keras.metrics.Metric):
        def __init__(self, name: str = "rmse", **options: Any) -> None:
            super().__init__(name=name, **options)
            self.mse_sum = self.add_weight(name="mse_sum", initializer="zeros")
            self.samples = self.add_weight(name="samples", initializer="zeros", dtype="int32")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            hot = ops.one_hot(y_true, num_classes=ops.shape(y_pred)[1])
            self.mse_sum.assign_add(ops.sum(ops.square(hot - y_pred)))
            self.samples.assign_add(ops.shape(y_pred)[0])

        def result(self) -> Any:
            return ops.sqrt(self.mse_sum / ops.cast(self.samples, "float32"))

        def reset_state(self) -> None:
            self.mse_sum.assign(0.0)
            self.samples.assign(0)

    true, found = np.int32([1, 0, 1]), np.float32([[0.25, 0.75], [1, 0], [1, 0]])
    at_once, traced = Root(), Root()
    at_once.update_state(true, found)
    y, p = graphc.input("y", ("N",), "int32"), graphc.input("p", ("N", 2))
    with keras.Trace() as trace:
        traced.update_state(y, p)
        result = traced.result()
    exe = graphc.compile(graphc.Graph("step", {"rmse": result}, trace.updates))
    assert exe(y=true, p=found)["rmse"] == pytest.approx(float(at_once.result()))
    assert float(at_once.result()) == pytest.approx(np.sqrt(2.125 / 3))
    at_once.reset_state()
    assert int(at_once.samples) == 0


def test_dtype_of_sums() -> None:
    metric = keras.metrics.Mean(dtype="float64")
    metric.update_state(np.full(3, 1e-9))
    assert metric.result().dtype == np.float64


def test_ties_and_special_values_of_accuracies() -> None:
    top = keras.metrics.sparse_top_k_categorical_accuracy
    rows = np.float32([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7], [np.nan, 0.2, 0.1]])
    np.testing.assert_array_equal(top(np.int32([1, 0, 0]), rows, k=1), [1, 0, 0])
    exact = keras.metrics.sparse_categorical_accuracy
    np.testing.assert_array_equal(exact(np.int32([0, 2, 0]), rows), [1, 1, 1])


def test_bad_arguments() -> None:
    made = keras.metrics
    for wrong in (
        lambda: made.AUC(curve="R"), lambda: made.AUC(num_thresholds=1),
        lambda: made.AUC(summation_method="x"), lambda: made.Precision(thresholds=2.0),
        lambda: made.FBetaScore(average="x"), lambda: made.FBetaScore(beta=0.0),
    ):  # fmt: skip
        with pytest.raises(ArgumentError):
            wrong()
