"""fit, evaluate and predict: against training by hand, and as a Keras user expects them."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from graphc import keras
from graphc.keras import layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((22, 3)).astype(np.float32)
Y = RNG.standard_normal((22, 2)).astype(np.float32)
CLASSES = RNG.integers(0, 2, 22)


def linear(loss: str = "mse", **options: Any) -> Any:
    """One dense layer."""
    keras.utils.set_random_seed(3)
    activation = "softmax" if loss.endswith("crossentropy") else None
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation=activation)])
    model.compile(keras.optimizers.SGD(0.1), loss, **options)
    return model


def by_hand(model: Any, batch_size: int, epochs: int) -> tuple[list[float], list[np.ndarray]]:
    """The losses of epochs and the final weights of ``linear`` in NumPy."""
    w, b = (v.astype(np.float64) for v in model.get_weights())
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(X), batch_size):
            x, y = X[start : start + batch_size], Y[start : start + batch_size]
            error = x @ w + b - y
            total += float((error**2).mean()) * len(x)
            slope = 2 * error / error.size
            w, b = w - 0.1 * (x.T @ slope), b - 0.1 * slope.sum(0)
        losses.append(total / len(X))
    return losses, [w, b]


def test_training_is_gradient_descent() -> None:
    model = linear()
    losses, weights = by_hand(model, 5, 4)
    history = model.fit(X, Y, batch_size=5, epochs=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)
    for found, wanted in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert history is model.history and history.epoch == [0, 1, 2, 3]


def test_one_native_call_a_batch_and_no_second_compilation() -> None:
    model = linear("sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, CLASSES, batch_size=5, verbose=0)
    (entry,) = model._steps._entries.values()
    calls = entry.calls
    model.fit(X, CLASSES, batch_size=7, epochs=2, verbose=0)
    assert entry.calls - calls == 8
    assert list(model._steps._entries.values()) == [entry]


def test_the_entries_share_the_weights() -> None:
    model = linear()
    before = model.predict(X, verbose=0)
    loss = model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(loss, ((before - Y) ** 2).mean(), rtol=1e-5)
    model.fit(X, Y, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < loss
    w, b = model.get_weights()
    np.testing.assert_allclose(model.predict(X, batch_size=5, verbose=0), X @ w + b, rtol=1e-4)
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))
    model.set_weights([w * 0, b * 0])
    assert not model.predict(X, verbose=0).any()
    assert {g.name for g in (model.graph("train"), model.graph("test"))} == {"train", "test"}
    assert set(model.executable.entries) == {"train", "test", "predict"}


def test_one_program_holds_all_entries() -> None:
    model = linear()
    model.fit(X, Y, verbose=0)
    made = model.executable
    found = made.entries["predict"](X)
    (values,) = found.values()
    np.testing.assert_array_equal(values, model.predict(X, verbose=0))
    before = model.get_weights()[0]
    made.entries["train"](X, Y)
    assert (model.get_weights()[0] != before).any()


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "int8", "float16", "bool"])
def test_data_of_any_dtype_mean_the_same(dtype: str) -> None:
    x = (np.arange(24).reshape(8, 3) % 2).astype(dtype)
    found = []
    for data in (x, x.astype(np.float32)):
        model = linear()
        model.fit(data, Y[:8], epochs=2, batch_size=3, shuffle=False, verbose=0)
        found.append(model.get_weights()[0])
    np.testing.assert_array_equal(*found)


def test_images_of_uint8_are_fed_as_they_are() -> None:
    images = RNG.integers(0, 256, (10, 4, 4)).astype(np.uint8)
    model = keras.Sequential([layers.Flatten(), layers.Rescaling(1 / 255), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(images, Y[:10], verbose=0)
    source = model._source(images, Y[:10], None, 4)
    assert next(iter(source.batches.arrays.values())) is images
    (given, _) = model.graph("train").ir.inputs
    assert str(given.type.dtype) == "u8" or given.type.dtype.name == "uint8"


def test_forms_of_data_are_equal() -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    out = layers.Dense(2, name="first")(layers.Concatenate()([a, b]))
    other = layers.Dense(1, name="second")(out)
    model = keras.Model([a, b], [out, other])
    start = model.get_weights()
    labels = [Y, Y[:, :1]]

    def batches() -> Iterator[Any]:
        for i in range(0, 22, 8):
            yield (X[i : i + 8], -X[i : i + 8]), (labels[0][i : i + 8], labels[1][i : i + 8])

    class Indexed:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> Any:
            return list(batches())[i]

    forms: list[tuple[Any, Any]] = [
        ([X, -X], labels),
        ((X, -X), tuple(labels)),
        ({"a": X, "b": -X}, {"first": Y, "second": Y[:, :1]}),
        (batches(), None),
        (Indexed(), None),
    ]
    results = []
    for x, y in forms:
        model.set_weights(start)
        model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5])
        size = 8 if y is not None else None
        history = model.fit(x, y, batch_size=size, shuffle=False, verbose=0)
        results.append((model.get_weights()[0], history.history["loss"]))
    for weights, losses in results[1:]:
        np.testing.assert_array_equal(weights, results[0][0])
        assert losses == results[0][1]
    assert set(history.history) == {"loss", "first_loss", "second_loss"}


def test_a_generator_goes_on_where_it_was() -> None:
    seen = []

    def endless() -> Iterator[Any]:
        while True:
            seen.append(len(seen))
            yield X[:4], Y[:4]

    model = linear()
    history = model.fit(
        endless(), steps_per_epoch=3, epochs=2, validation_data=endless(), validation_steps=2,
        verbose=0,
    )  # fmt: skip
    assert len(history.history["val_loss"]) == 2
    assert len(seen) == 2 * 3 + 2 * 2
    with pytest.warns(UserWarning, match="ended after 2 of the 3 steps") as told:
        model.fit(((X, Y) for _ in range(2)), steps_per_epoch=3, epochs=2, verbose=0)
    assert told[0].filename == __file__


def test_steps_of_arrays_go_on_in_the_next_epoch() -> None:
    model, other = linear(), linear()
    model.fit(X[:20], Y[:20], batch_size=5, epochs=2, steps_per_epoch=2, shuffle=False, verbose=0)
    other.fit(X[:20], Y[:20], batch_size=5, shuffle=False, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])


def test_the_validation_share_is_the_last_rows() -> None:
    model = linear()
    history = model.fit(X, Y, validation_split=0.25, shuffle=False, verbose=0, batch_size=4)
    expected = model.evaluate(X[16:], Y[16:], verbose=0)
    assert history.history["val_loss"] == [expected]
    other = linear()
    other.fit(X[:16], Y[:16], shuffle=False, verbose=0, batch_size=4)
    np.testing.assert_array_equal(model.get_weights()[0], other.get_weights()[0])
    history = model.fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_weights_of_classes_are_weights_of_samples() -> None:
    results = []
    for options in (
        {"class_weight": {0: 1.0, 1: 3.0}},
        {"sample_weight": np.where(CLASSES == 1, 3.0, 1.0)},
    ):
        model = linear("sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        history = model.fit(X, CLASSES, shuffle=False, verbose=0, epochs=2, **options)
        results.append((history.history, model.get_weights()[0].tolist()))
    assert results[0] == results[1]
    one_hot = linear("categorical_crossentropy")
    one_hot.fit(X, np.eye(2)[CLASSES], shuffle=False, verbose=0, epochs=2, class_weight={1: 3.0})
    np.testing.assert_allclose(one_hot.get_weights()[0], results[0][1], rtol=1e-5)


def test_a_seed_repeats_a_training() -> None:
    def losses() -> Any:
        keras.utils.set_random_seed(11)
        model = keras.Sequential([layers.Dense(8), layers.Dropout(0.4), layers.Dense(2)])
        model.compile("adam", "mse")
        return model.fit(X, Y, epochs=3, batch_size=4, verbose=0).history["loss"]

    first = losses()
    assert losses() == first


def test_shuffling_changes_the_order_and_nothing_else() -> None:
    seen = []

    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    numbers = np.arange(10, dtype=np.float32)[:, None]
    for _ in range(3):
        source = model._source(numbers, numbers, None, 4, shuffle=True)
        rows = np.concatenate([arrays[0].copy() for _, arrays in source.epoch(0)])
        seen.append(rows[:, 0].tolist())
    assert all(sorted(order) == list(range(10)) for order in seen)
    assert seen[0] != seen[1]


def test_frozen_layers_stay() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(2)])
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    before = [w.copy() for w in model.get_weights()]
    model.fit(X, Y, verbose=0)
    changed = [(a != b).any() for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, True, True]
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (2, 2)
    model.layers[0].trainable = True
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert (model.get_weights()[0] != before[0]).any()


def test_the_learning_rate_is_set_between_steps() -> None:
    model = linear()
    model.fit(X, Y, verbose=0)
    before, made = model.get_weights()[0], list(model._steps._entries.values())
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    assert list(model._steps._entries.values()) == made


def test_callbacks_see_every_moment() -> None:
    told: list[Any] = []

    class Told(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            told.append("begin")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            told.append((epoch, sorted(logs)))
            self.model.stop_training = epoch == 1

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            told.append((batch, logs["loss"] > 0))

        def on_train_end(self, logs: Any = None) -> None:
            told.append("end")

    linear().fit(X, Y, batch_size=11, epochs=5, callbacks=[Told()], verbose=0)
    epoch = [(0, True), (1, True)]
    names = ["loss"]
    assert told == ["begin", *epoch, (0, names), *epoch, (1, names), "end"]


def test_an_interrupt_keeps_history_and_weights() -> None:
    model = linear()

    class Interrupts(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if len(self.model.history.epoch) == 2 and batch == 1:
                signal.raise_signal(signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals go to the main thread")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=5, epochs=9, callbacks=[Interrupts()], verbose=0)
    assert len(model.history.history["loss"]) == 2
    assert np.isfinite(model.get_weights()[0]).all()
    model.fit(X, Y, verbose=0)


def test_a_nan_is_traced_to_the_data() -> None:
    x = X.copy()
    x[7, 2] = np.nan
    model = linear()
    with pytest.warns(UserWarning, match=r"nan in 'input_layer.*' at \(7, 2\)") as told:
        model.fit(x, Y, epochs=2, verbose=0)
    assert [warning.filename for warning in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linear().fit(X, Y, verbose=0)


def test_regularizers_and_added_losses_count() -> None:
    class Penalty(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(keras.ops.mean(inputs * inputs))
            return inputs

    model = keras.Sequential(
        [keras.Input((3,)), Penalty(), layers.Dense(2, kernel_regularizer="l2")]
    )  # fmt: skip
    model.compile(keras.optimizers.SGD(0.0), "mse")
    w, b = model.get_weights()
    wanted = ((X @ w + b - Y) ** 2).mean() + (X * X).mean() + 0.01 * (w * w).sum()
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), wanted, rtol=1e-5)
    np.testing.assert_allclose(float(model.losses[0]), 0.01 * (w * w).sum(), rtol=1e-5)


def test_threads_change_no_bit() -> None:
    x = np.random.default_rng(1).standard_normal((300, 40)).astype(np.float32)
    weights = []
    for threads in (1, 3):
        keras.config.set_threads(threads)
        try:
            keras.utils.set_random_seed(4)
            model = keras.Sequential([layers.Dense(64, activation="tanh"), layers.Dense(40)])
            model.compile("adam", "mse")
            model.fit(x, x, epochs=2, batch_size=64, verbose=0)
        finally:
            keras.config.set_threads(None)
        weights.append(model.get_weights()[0])
    np.testing.assert_array_equal(*weights)


def test_float64_all_the_way() -> None:
    keras.backend.set_floatx("float64")
    try:
        model = linear()
        losses, weights = by_hand(model, 5, 3)
        history = model.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0)
    finally:
        keras.backend.set_floatx("float32")
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-12)
    np.testing.assert_allclose(model.get_weights()[0], weights[0], rtol=1e-12)
