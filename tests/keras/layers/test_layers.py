"""Each layer against its formula in NumPy, its configuration, and its place in a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import keras
from graphc.keras import layers
from graphc.keras.variables import Trace

RNG = np.random.default_rng(5)
X = RNG.standard_normal((6, 4)).astype(np.float32)
Z = RNG.standard_normal((6, 4)).astype(np.float32)
CUBE = RNG.standard_normal((3, 4, 5)).astype(np.float32)


def normalised(x: np.ndarray, axis: Any, epsilon: float = 1e-3) -> np.ndarray:
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def cosines(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return ((x * y).sum(1) / lengths)[:, None]


Case = tuple[Callable[[], Any], Any, Callable[..., Any]]

# A layer, what it is called on, and what it gives, of the layer and the inputs.
CASES: dict[str, Case] = {
    "dense": (lambda: layers.Dense(3), X, lambda layer, x: x @ layer.get_weights()[0]),
    "dense relu": (
        lambda: layers.Dense(3, activation="relu", bias_initializer="ones"),
        X,
        lambda layer, x: np.maximum(x @ layer.get_weights()[0] + 1, 0),
    ),
    "dense of a cube": (
        lambda: layers.Dense(2, use_bias=False),
        CUBE,
        lambda layer, x: x @ layer.get_weights()[0],
    ),
    "dense of integers": (
        lambda: layers.Dense(2),
        np.arange(6, dtype=np.int32).reshape(2, 3),
        lambda layer, x: x @ layer.get_weights()[0],
    ),
    "activation": (lambda: layers.Activation("tanh"), X, lambda _, x: np.tanh(x)),
    "relu": (
        lambda: layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2),
        X,
        lambda _, x: np.where(x >= 1, 1, np.where(x >= 0.2, x, 0.1 * (x - 0.2))),
    ),
    "leaky relu": (lambda: layers.LeakyReLU(), X, lambda _, x: np.where(x > 0, x, 0.3 * x)),
    "prelu": (
        lambda: layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25)),
        X,
        lambda _, x: np.where(x > 0, x, 0.25 * x),
    ),
    "elu": (lambda: layers.ELU(0.5), X, lambda _, x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    "softmax": (
        lambda: layers.Softmax(axis=0),
        X,
        lambda _, x: np.exp(x) / np.exp(x).sum(0),
    ),
    "flatten": (lambda: layers.Flatten(), CUBE, lambda _, x: x.reshape(3, 20)),
    "flatten of a vector": (lambda: layers.Flatten(), X[:, 0], lambda _, x: x[:, None]),
    "reshape": (lambda: layers.Reshape((2, -1)), CUBE, lambda _, x: x.reshape(3, 2, 10)),
    "permute": (lambda: layers.Permute((2, 1)), CUBE, lambda _, x: x.transpose(0, 2, 1)),
    "repeat": (
        lambda: layers.RepeatVector(3),
        X,
        lambda _, x: np.repeat(x[:, None], 3, axis=1),
    ),
    "add": (lambda: layers.Add(), [X, Z, X], lambda _, x, z, w: x + z + w),
    "subtract": (lambda: layers.Subtract(), [X, Z], lambda _, x, z: x - z),
    "multiply": (lambda: layers.Multiply(), [X, Z], lambda _, x, z: x * z),
    "average": (lambda: layers.Average(), [X, Z], lambda _, x, z: (x + z) / 2),
    "maximum": (lambda: layers.Maximum(), [X, Z], lambda _, x, z: np.maximum(x, z)),
    "minimum": (lambda: layers.Minimum(), [X, Z], lambda _, x, z: np.minimum(x, z)),
    "concatenate": (
        lambda: layers.Concatenate(axis=1),
        [X, Z[:, :2]],
        lambda _, x, z: np.concatenate([x, z], 1),
    ),
    "dot": (lambda: layers.Dot(1), [X, Z], lambda _, x, z: (x * z).sum(1, keepdims=True)),
    "cosine": (lambda: layers.Dot(1, normalize=True), [X, Z], lambda _, x, z: cosines(x, z)),
    "dot of cubes": (
        lambda: layers.Dot((2, 1)),
        [CUBE, CUBE.transpose(0, 2, 1)],
        lambda _, x, z: x @ z,
    ),
    "rescaling": (
        lambda: layers.Rescaling(1 / 255, offset=-1),
        np.arange(9, dtype=np.uint8).reshape(3, 3),
        lambda _, x: x / 255 - 1,
    ),
    "batch normalization": (
        lambda: layers.BatchNormalization(),
        X,
        lambda _, x: x / np.sqrt(np.float32(1.001)),
    ),
    "layer normalization": (
        lambda: layers.LayerNormalization(),
        CUBE,
        lambda _, x: normalised(x, -1),
    ),
    "layer normalization of axes": (
        lambda: layers.LayerNormalization(axis=[1, 2]),
        CUBE,
        lambda _, x: normalised(x, (1, 2)),
    ),
    "normalization": (
        lambda: layers.Normalization(mean=[1.0] * 4, variance=[4.0] * 4),
        X,
        lambda _, x: (x - 1) / 2,
    ),
    "inverted": (
        lambda: layers.Normalization(axis=None, mean=1.0, variance=4.0, invert=True),
        X,
        lambda _, x: x * 2 + 1,
    ),
    "embedding": (
        lambda: layers.Embedding(5, 3),
        np.array([[0, 4], [2, 2]]),
        lambda layer, x: layer.get_weights()[0][x],
    ),
    "lambda": (lambda: layers.Lambda(lambda x: x * 2), X, lambda _, x: x * 2),
    "identity": (lambda: layers.Identity(), X, lambda _, x: x),
    "dropout": (lambda: layers.Dropout(0.5), X, lambda _, x: x),
    "noise": (lambda: layers.GaussianNoise(0.5), X, lambda _, x: x),
    "multiplied noise": (lambda: layers.GaussianDropout(0.5), X, lambda _, x: x),
    "penalty": (lambda: layers.ActivityRegularization(l2=0.1), X, lambda _, x: x),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_computes_its_formula(name: str) -> None:
    make, inputs, formula = CASES[name]
    layer = make()
    found = layer(inputs)
    arrays = inputs if isinstance(inputs, list) else [inputs]
    np.testing.assert_allclose(found, formula(layer, *arrays), rtol=2e-5, atol=1e-6)
    assert found.dtype == np.float32
    symbols = [keras.Input(a.shape[1:], dtype=a.dtype.name) for a in arrays]
    declared = layer(symbols if isinstance(inputs, list) else symbols[0])
    assert declared.shape == (None, *found.shape[1:])
    shapes = [(None, *a.shape[1:]) for a in arrays]
    assert layer.compute_output_shape(shapes if isinstance(inputs, list) else shapes[0]) == (
        None,
        *found.shape[1:],
    )


@pytest.mark.parametrize("name", [name for name in CASES if name != "lambda"])
def test_a_configuration_makes_an_equal_layer(name: str) -> None:
    make, inputs, _ = CASES[name]
    layer = make()
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    found = layer(inputs)
    again(inputs)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(inputs), found)


def test_noise_is_drawn_while_training() -> None:
    big = np.ones((200, 50), np.float32)
    dropped = layers.Dropout(0.25, seed=1)(big, training=True)
    assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.75)}
    assert abs((dropped == 0).mean() - 0.25) < 0.02
    columns = layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(big, training=True)
    assert (columns == columns[:, :1]).all()
    layer = layers.GaussianNoise(0.5, seed=1)
    first, second = layer(big, training=True), layer(big, training=True)
    assert abs((first - 1).std() - 0.5) < 0.02 and (first != second).any()
    scaled = layers.GaussianDropout(0.5, seed=1)(big, training=True)
    assert abs(scaled.std() - 1) < 0.05 and abs(scaled.mean() - 1) < 0.05


def test_batch_normalization_moves_its_averages() -> None:
    layer = layers.BatchNormalization(momentum=0.9)
    found = layer(CUBE, training=True)
    np.testing.assert_allclose(found, normalised(CUBE, (0, 1)), rtol=1e-4, atol=1e-5)
    _, _, mean, variance = layer.get_weights()
    np.testing.assert_allclose(mean, 0.1 * CUBE.mean((0, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * CUBE.var((0, 1)), rtol=1e-4)
    layer.trainable = False
    layer(CUBE, training=True)
    np.testing.assert_array_equal(layer.get_weights()[2], mean)
    assert [v.name for v in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_normalization_adapts_to_data_and_to_batches() -> None:
    data = RNG.standard_normal((50, 4)) * 3 + 2
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(data)
    parts.adapt([data[:20], data[20:]])
    for found in (whole(data.astype(np.float32)), parts(data.astype(np.float32))):
        np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(found.std(0), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="at least one sample"):
        layers.Normalization().adapt(np.zeros((0, 4)))


class Linear(layers.Layer):
    """A user's layer as the book writes it."""

    def __init__(self, units: int, activation: Any = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.units = units
        self.activation = activation

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

    def call(self, inputs: Any) -> Any:
        y = keras.ops.matmul(inputs, self.w) + self.b
        return y if self.activation is None else self.activation(y)


class Block(layers.Layer):
    """Layers within a layer, in a list and a dict; knows whether it trains."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.steps = [Linear(3), layers.Dropout(0.5)]
        self.ends = {"last": layers.Dense(2)}
        self.scale = keras.Variable(2.0, name="scale", trainable=False)

    def call(self, inputs: Any, training: bool = False) -> Any:
        x = inputs
        for step in self.steps:
            x = step(x)
        return self.ends["last"](x) * (self.scale if training else 1.0)


def test_layers_of_ones_own() -> None:
    layer = Linear(3, name="mine")
    w, b = (layer(X), layer.get_weights())[1]
    np.testing.assert_allclose(layer(X), X @ w + b, rtol=1e-5, atol=1e-6)
    assert layer.weights[1].path == "mine/b" and layer.count_params() == 15
    assert layer.get_config()["units"] == 3
    assert Linear.from_config(layer.get_config()).units == 3


def test_layers_hold_layers() -> None:
    block = Block()
    assert block(X).shape == (6, 2)
    assert [v.path.split("/")[-1] for v in block.weights] == ["scale", *block_names(block)]
    assert len(block.trainable_weights) == 4
    assert len({v.path for v in block.variables}) == 6  # the generator's state, too
    still = block(X)
    np.testing.assert_array_equal(still, block(X))
    assert (block(X, training=True) != block(X, training=True)).any()
    block.trainable = False
    assert not block.trainable_weights and not block.steps[0].trainable


def block_names(block: Block) -> list[str]:
    inner = [*block.steps[0].weights, *block.ends["last"].weights]
    return [v.path.split("/")[-1] for v in inner]


def test_a_layer_on_tensors_takes_part_in_a_graph() -> None:
    layer = layers.Dense(2, activation="tanh", name="hidden")
    x = graphc.input("x", ("N", 4))
    with Trace():
        y = layer(x)
    assert [v.name for v in graphc.Graph("g", y).ir.parameters] == [
        "hidden.kernel",
        "hidden.bias",
    ]
    assert y.value.node.name == "hidden"
    np.testing.assert_allclose(graphc.evaluate(y, x=X), layer(X), rtol=1e-6)


def test_names_count_up_as_in_keras() -> None:
    keras.backend.clear_session()
    made = [layers.Dense(1), layers.Dense(1), layers.ReLU(), layers.LayerNormalization()]
    assert [one.name for one in made] == ["dense", "dense_1", "re_lu", "layer_normalization"]
    assert layers.Dense(1, name="dense_7").name == "dense_7"


def test_what_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match=r"keras\.layers\.Conv2D is not there \(yet\)"):
        _ = layers.Conv2D
    with pytest.raises(TypeError, match="Dense takes no argument 'activaton'; did you mean"):
        layers.Dense(3, activaton="relu")
    with pytest.raises(ValueError, match="mask_zero=False"):
        layers.Embedding(3, 2, mask_zero=True)
