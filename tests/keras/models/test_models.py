"""Making models: Sequential, functional, subclasses; their layers, names, summaries, copies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runtime
from graphc import keras
from graphc.keras import layers

X = np.random.default_rng(2).standard_normal((6, 4)).astype(np.float32)


def test_a_sequential_is_built_on_first_data() -> None:
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)], name="late")
    assert not model.built and not model.weights
    with pytest.raises(ValueError, match="'late' is not built yet"):
        _ = model.inputs
    assert model.predict(X, verbose=0).shape == (6, 2)
    assert [v.shape for v in model.weights] == [(4, 3), (3,), (3, 2), (2,)]
    assert model.weights[0].path == f"late/{model.layers[0].name}/kernel"
    assert model.input_shape == (None, 4) and model.output_shape == (None, 2)


def test_a_sequential_grows_and_shrinks() -> None:
    model = keras.Sequential()
    model.add(keras.Input((4,)))
    model.add(layers.Dense(3))
    first = model.predict(X, verbose=0)
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2) and model.predict(X, verbose=0).shape == (6, 2)
    model.pop()
    np.testing.assert_array_equal(model.predict(X, verbose=0), first)
    with pytest.raises(ValueError, match="was built for a last size"):
        keras.Sequential([keras.Input((5,)), model.layers[0]])


def test_old_ways_to_say_the_shape() -> None:
    for options in ({"input_shape": (4,)}, {"input_dim": 4}):
        model = keras.Sequential([layers.Dense(2, **options)])
        assert model.built and model.count_params() == 10


def test_shared_layers_and_models_in_models() -> None:
    shared = layers.Dense(3, name="shared")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    twins = keras.Model([a, b], layers.Subtract()([shared(a), shared(b)]))
    assert twins.count_params() == 15
    assert not twins.predict([X, X], verbose=0).any()
    both = keras.Model(a, twins([a, keras.layers.Rescaling(2.0)(a)]))
    w, _ = shared.get_weights()
    np.testing.assert_allclose(both.predict(X, verbose=0), -X @ w, rtol=1e-4, atol=1e-5)
    assert both.layers[-1] is twins


def test_parts_of_a_model_are_models() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.ReLU(), layers.Dense(1)])
    features = keras.Model(model.inputs, [layer.output for layer in model.layers])
    found = features.predict(X, verbose=0)
    assert [f.shape for f in found] == [(6, 3), (6, 3), (6, 1)]
    np.testing.assert_array_equal(found[-1], model.predict(X, verbose=0))
    inner = keras.Model(model.layers[1].output, model.output)
    np.testing.assert_array_equal(inner.predict(found[1], verbose=0), found[2])


def test_ops_are_layers_of_a_model() -> None:
    x = keras.Input((4,))
    y = keras.ops.concatenate([x * 2, keras.ops.mean(x, axis=1, keepdims=True)], axis=-1)
    model = keras.Model(x, (y - 1.0) / 2)
    wanted = (np.concatenate([X * 2, X.mean(1, keepdims=True)], 1) - 1) / 2
    np.testing.assert_allclose(model.predict(X, verbose=0), wanted, rtol=1e-6)
    again = type(model).from_config(model.get_config())
    np.testing.assert_allclose(again.predict(X, verbose=0), wanted, rtol=1e-6)


def test_dicts_in_and_out() -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model({"a": a, "b": b}, {"sum": a + b, "difference": a - b})
    found = model.predict({"b": X, "a": 2 * X, "unused": X}, verbose=0)
    np.testing.assert_allclose(found["sum"], 3 * X, rtol=1e-6)
    np.testing.assert_allclose(found["difference"], X, rtol=1e-6)
    assert model.output_names == ["difference", "sum"]


class Scaled(keras.Model):
    """A functional model with a method of its own."""

    def __init__(self, units: int) -> None:
        inputs = keras.Input((4,))
        super().__init__(inputs=inputs, outputs=layers.Dense(units)(inputs))
        self.units = units

    def double(self, x: np.ndarray) -> Any:
        return 2 * self.predict(x, verbose=0)


def test_a_subclass_may_be_functional() -> None:
    model = Scaled(3)
    assert isinstance(model, Scaled) and model.units == 3
    np.testing.assert_array_equal(model.double(X), 2 * model.predict(X, verbose=0))
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense"]


class Residual(keras.Model):
    """A model that connects its layers in ``call``."""

    def __init__(self, units: int = 4, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.hidden = layers.Dense(units, activation="relu")
        self.norm = layers.BatchNormalization()

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs + self.norm(self.hidden(inputs), training=training)


def test_a_subclass_connects_in_call() -> None:
    model = Residual(name="residual")
    model.build((None, 4))
    assert model.count_params() == 20 + 16
    model.compile("adam", "mse")
    before = model.norm.get_weights()[2]
    model.fit(X, X, epochs=2, verbose=0)
    assert (model.norm.get_weights()[2] != before).any()
    np.testing.assert_allclose(model(X), model.predict(X, verbose=0), rtol=1e-6)
    assert model.get_layer(model.hidden.name) is model.hidden
    with pytest.raises(NotImplementedError, match="train_step is not there"):
        type("Own", (Residual,), {"train_step": lambda self, data: {}})().compile("sgd", "mse")


def test_a_loss_that_a_subclass_computes() -> None:
    class Own(Residual):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, **rest: Any) -> Any:
            return super().compute_loss(x=x, y=y, y_pred=y_pred, **rest) + keras.ops.max(x)

    class Bare(Residual):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, **rest: Any) -> Any:
            return keras.ops.mean(keras.ops.square(y_pred - x))

    y = np.zeros_like(X)
    model = Own()
    model.compile("sgd", "mse")
    wanted = (model.predict(X, verbose=0) ** 2).mean() + X.max()
    np.testing.assert_allclose(model.evaluate(X, y, verbose=0), wanted, rtol=1e-5)
    bare = Bare()
    bare.compile("sgd")
    wanted = ((bare.predict(X, verbose=0) - X) ** 2).mean()
    np.testing.assert_allclose(bare.evaluate(X, verbose=0), wanted, rtol=1e-5)
    losses = bare.fit(X, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_metrics_and_losses_of_ones_own() -> None:
    class Largest(keras.metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="largest")
            self.seen = self.add_variable((), "zeros", name="seen")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.seen.assign(keras.ops.maximum(self.seen, keras.ops.max(y_true)))

        def result(self) -> Any:
            return self.seen

    def fourth(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean((y_true - y_pred) ** 4, axis=-1)

    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.0), fourth, metrics=[Largest(), fourth, "mae"])
    y = np.arange(12, dtype=np.float32).reshape(6, 2)
    error = np.abs(model.predict(X, verbose=0) - y)
    found = model.evaluate(X, y, verbose=0, return_dict=True, batch_size=4)
    assert found["largest"] == 11.0
    np.testing.assert_allclose(found["loss"], (error**4).mean(), rtol=1e-5)
    np.testing.assert_allclose(found["fourth"], found["loss"], rtol=1e-6)
    np.testing.assert_allclose(found["mae"], error.mean(), rtol=1e-5)
    assert model.metrics_names == ["loss", "largest", "fourth", "mae"]


def test_a_clone_has_weights_of_its_own() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.5)])
    clone = keras.models.clone_model(model)
    assert clone.get_config() == model.get_config()
    assert (clone.get_weights()[0] != model.get_weights()[0]).any()
    again = keras.models.model_from_json(model.to_json())
    assert again.get_config() == model.get_config()

    def without_dropout(layer: Any) -> Any:
        return layers.Identity(name=layer.name) if isinstance(layer, layers.Dropout) else (
            type(layer).from_config(layer.get_config())
        )  # fmt: skip

    other = keras.models.clone_model(model, clone_function=without_dropout)
    assert type(other.layers[1]).__name__ == "Identity"


def test_a_deep_network_needs_no_recursion() -> None:
    x = first = keras.Input((4,))
    for _ in range(1500):
        x = x + 1.0
    model = keras.Model(first, x)
    np.testing.assert_allclose(model.predict(X[:1], verbose=0), X[:1] + 1500, rtol=1e-5)


def test_the_compiled_model_runs_without_the_compiler(tmp_path: Any) -> None:
    model = keras.Sequential([keras.Input((4,), name="x"), layers.Dense(2, name="y")])
    model.executable.save(tmp_path / "model.graphc")
    loaded = runtime.load(tmp_path / "model.graphc")
    np.testing.assert_array_equal(loaded(x=X)["y"], model.predict(X, verbose=0))


def test_constants_and_variables_are_inputs_too() -> None:
    class Positions(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.table = layers.Embedding(5, 4)
            self.mix = layers.Dense(4)
            self.start = keras.Variable(np.ones((1, 4), np.float32), name="start")

        def call(self, inputs: Any) -> Any:
            rows = self.table(np.arange(inputs.shape[1]))
            return inputs + rows + self.mix(self.start)

    cube = np.zeros((2, 3, 4), np.float32)
    layer = Positions()
    table = layer(cube)
    rows, (kernel, bias) = layer.table.get_weights()[0][:3], layer.mix.get_weights()
    np.testing.assert_allclose(table[1], rows + kernel.sum(0) + bias, rtol=1e-5, atol=1e-6)
    model = keras.Sequential([keras.Input((3, 4)), layer])
    model.compile("sgd", "mse")
    before = [w.copy() for w in model.get_weights()]
    model.fit(cube, cube + 1, verbose=0)
    changed = [(a != b).any() for a, b in zip(before, model.get_weights(), strict=True)]
    assert all(changed)


def test_any_batch_size_is_one_program() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    whole = model.predict(X, verbose=0)
    for size in (1, 2, 5, 6, 100):
        found = model.predict(X, batch_size=size, verbose=0)
        np.testing.assert_array_equal(found, whole)
    assert len(model._steps._entries) == 1
    assert math.prod(model.predict(X[:1], verbose=0).shape) == 2


def test_names_that_two_models_share_do_not_part_them() -> None:
    """A layer may get another parameter name in a second model; the first one goes on with it."""
    first, second = layers.Dense(4, name="d"), layers.Dense(4, name="d")
    i, j = keras.Input((4,)), keras.Input((4,))
    model = keras.Model(i, first(i))
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    outer = keras.Model(j, model(second(j)))
    assert outer.predict(X, verbose=0).shape == (6, 4)
    assert first.weights[0].parameter_name != second.weights[0].parameter_name
    made = model.executable
    made.entries["train"](X, X)
    (found,) = made.entries["predict"](X).values()
    np.testing.assert_array_equal(found, model.predict(X, verbose=0))
    np.testing.assert_allclose(
        found, X @ first.get_weights()[0] + first.get_weights()[1], rtol=1e-4
    )


def test_summaries_read_so(golden: Callable[[str, str], None]) -> None:
    keras.backend.clear_session()
    sequential = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(300, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    sequential.layers[0].trainable = False
    sequential.compile("adam", "binary_crossentropy")
    sequential.fit(X, np.zeros(6), verbose=0)
    a, b = keras.Input((4,), name="title"), keras.Input((2,), name="tags")
    x = layers.Dense(2, name="features")(layers.Concatenate()([a, b]))
    functional = keras.Model([a, b], [x, layers.Dense(1, name="priority")(x * 2)], name="tickets")
    lines: list[str] = []
    for model in (sequential, functional, keras.Sequential([layers.Dense(2)], name="unbuilt")):
        model.summary(print_fn=lines.append, show_trainable=model is sequential)
    golden("keras/summaries.txt", "\n\n".join(lines) + "\n")
