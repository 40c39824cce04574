"""Metrics that are a model's or a layer's attributes, and results that a subclass says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc import keras
from graphc.keras import layers, ops

RNG = np.random.default_rng(5)
X = RNG.standard_normal((22, 3)).astype(np.float32)
Y = RNG.standard_normal((22, 1)).astype(np.float32)


class Watched(layers.Layer):
    """Keeps the mean size of what passes."""

    def __init__(self) -> None:
        super().__init__()
        self.level = keras.metrics.Mean(name="level")

    def call(self, x: Any) -> Any:
        self.level.update_state(ops.abs(x))
        return x


class Told(keras.Model):
    """Gives results of its own beside the metrics'."""

    def __init__(self) -> None:
        super().__init__()
        self.watched, self.scores = Watched(), layers.Dense(1)
        self.rows = keras.metrics.Sum(name="rows")

    def call(self, x: Any) -> Any:
        return self.scores(self.watched(x))

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        found = super().compute_metrics(x, y, y_pred, sample_weight)
        self.rows.update_state(ops.ones_like(y_pred))
        return {**found, "rows": self.rows.result(), "the widest": ops.max(ops.abs(y - y_pred))}


def test_metrics_among_the_attributes_are_told_and_reset() -> None:
    model = keras.Sequential([keras.Input((3,)), Watched(), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X, Y, batch_size=5, epochs=2, verbose=0).history
    assert [metric.name for metric in model.metrics] == ["loss", "mae", "level"]
    np.testing.assert_allclose(history["level"], [np.abs(X).mean()] * 2, rtol=1e-5)
    *_, level = model.evaluate(X[:5], Y[:5], verbose=0)
    np.testing.assert_allclose(level, np.abs(X[:5]).mean(), rtol=1e-5)
    assert model.metrics_names == ["loss", "mae", "level"]


def test_a_metric_that_is_given_and_an_attribute_is_one() -> None:
    model = Told()
    model.mine = keras.metrics.MeanAbsoluteError(name="mine")
    model.compile("sgd", "mse", metrics=[model.mine])
    model.fit(X, Y, verbose=0)
    assert [metric.name for metric in model.metrics].count("mine") == 1


def test_results_that_a_subclass_says() -> None:
    model = Told()
    model.compile("sgd", "mse")
    seen: list[dict[str, float]] = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(logs))
    history = model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[watch]).history
    assert sorted(history) == ["level", "loss", "rows", "the widest"]
    assert [log["rows"] for log in seen] == [8, 16, 22] * 2
    assert history["rows"] == [22, 22] and history["the widest"][1] == seen[-1]["the widest"]
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    apart = np.abs(Y - model.predict(X, verbose=0))
    np.testing.assert_allclose(found["the widest"], apart.max(), rtol=1e-5)
    np.testing.assert_allclose(found["loss"], (apart**2).mean(), rtol=1e-5)
    assert found["rows"] == 22
    values = model.test_on_batch(X[:4], Y[:4])
    assert values[model.metrics_names.index("rows")] == 26
    stop = keras.callbacks.EarlyStopping(monitor="the widest", mode="max", patience=0)
    assert len(model.fit(X, Y, epochs=5, verbose=0, callbacks=[stop]).epoch) == 2


def test_results_are_a_dict() -> None:
    class Silent(Told):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            super().compute_metrics(x, y, y_pred, sample_weight)

    model = Silent()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"Silent.compute_metrics gives a dict of results, not Non"):
        model.fit(X, Y, verbose=0)
