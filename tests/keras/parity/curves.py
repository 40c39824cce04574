"""Loss curves of 100 steps by ``keras`` alone, to be run with Keras and with graphc.keras.

One model holds three networks side by side, each with its own output, labels and loss, so that one
model gives the curves of three losses.  Nothing here imports either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

STEPS, BATCHES, ROWS, FEATURES, CLASSES = 100, 4, 32, 8, 5
LOSSES = {
    "mse": "mean_squared_error",
    "binary": "binary_crossentropy",
    "sparse": "sparse_categorical_crossentropy",
}


def data(dtype: str) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """The batches, which come round again and again: features, and labels of each output."""
    draw = np.random.default_rng(0)
    made = []
    for _ in range(BATCHES):
        x = draw.normal(size=(ROWS, FEATURES))
        target = np.sin(x[:, :2].sum(-1, keepdims=True)) + 0.1 * draw.normal(size=(ROWS, 1))
        yes = (x[:, 1:2] + x[:, 2:3] ** 2 > 0.5).astype(dtype)
        classes = np.argmax(x @ draw.normal(size=(FEATURES, CLASSES)), -1).astype("int32")
        made.append((x.astype(dtype), [target.astype(dtype), yes, classes]))
    return made


def network(keras: Any, dtype: str, batch_norm: bool, **layer: Any) -> Any:
    """Three networks side by side, of weights that a generator gives."""
    layers = keras.layers
    x = keras.Input((FEATURES,), dtype=dtype)
    outputs = []
    heads = (("mse", 1, None, "tanh"), ("binary", 1, "sigmoid", "relu"),
             ("sparse", CLASSES, "softmax", "relu"))  # fmt: skip
    for name, size, head, activation in heads:
        h = layers.Dense(16, activation=None if batch_norm else activation, **layer)(x)
        if batch_norm:
            h = layers.Activation(activation)(layers.BatchNormalization(momentum=0.9)(h))
        outputs.append(layers.Dense(size, activation=head, name=name, **layer)(h))
    model = keras.Model(x, outputs)
    draw = np.random.default_rng(1)
    # No bias of 0: there JAX has another gradient of ``abs`` than TensorFlow, torch and graphc.
    model.set_weights([
        np.ones(np.shape(w)) if "gamma" in v.name or "variance" in v.name
        else draw.normal(size=np.shape(w)) * 0.4
        for v, w in zip(model.weights, model.get_weights(), strict=True)
    ])  # fmt: skip
    return model


def curve(
    keras: Any, dtype: str, optimizer: Any, batch_norm: bool = False, **layer: Any
) -> Iterator[tuple[str, np.ndarray]]:
    """The curves of the three losses, and of their sum with penalties; and the last weights."""
    model = network(keras, dtype, batch_norm, **layer)
    model.compile(optimizer=optimizer, loss=list(LOSSES.values()), metrics=None)
    batches, logs = data(dtype), []
    for step in range(STEPS):
        model.reset_metrics()
        x, y = batches[step % BATCHES]
        logs.append(model.train_on_batch(x, y, return_dict=True))
    for name in LOSSES:
        yield name, np.array([float(log[f"{name}_loss"]) for log in logs])
    yield "total", np.array([float(log["loss"]) for log in logs])
    yield "weights", np.concatenate([np.ravel(w) for w in model.get_weights()])


def optimizers(keras: Any) -> dict[str, Callable[[], Any]]:
    """Every optimizer, with and without what it may have."""
    made = keras.optimizers
    rules: dict[str, tuple[Any, dict[str, Any]]] = {
        "SGD": (made.SGD, {"learning_rate": 0.05}),
        "SGD momentum": (made.SGD, {"learning_rate": 0.02, "momentum": 0.9}),
        "SGD nesterov": (made.SGD, {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True}),
        "RMSprop": (made.RMSprop, {}),
        "RMSprop momentum": (made.RMSprop, {"momentum": 0.9, "centered": True}),
        "Adam": (made.Adam, {"learning_rate": 0.005}),
        "Adam amsgrad": (made.Adam, {"amsgrad": True}),
        "AdamW": (made.AdamW, {}),
        "Adamax": (made.Adamax, {"learning_rate": 0.01}),
        "Nadam": (made.Nadam, {"learning_rate": 0.005}),
        "Adagrad": (made.Adagrad, {"learning_rate": 0.05}),
        "Adadelta": (made.Adadelta, {"learning_rate": 1.0}),
        "Ftrl": (made.Ftrl, {"learning_rate": 0.05}),
        "Lion": (made.Lion, {"learning_rate": 0.0005}),
    }
    return {name: lambda k=kind, o=options: k(**o) for name, (kind, options) in rules.items()}


def variations(keras: Any) -> dict[str, tuple[Callable[[], Any], dict[str, Any]]]:
    """Regularizers, constraints, clipping, decay, schedules and batch norm."""
    made, plans = keras.optimizers, keras.optimizers.schedules
    regularizers = {
        "kernel_regularizer": "l2",
        "bias_regularizer": keras.regularizers.L1(0.01),
        "activity_regularizer": keras.regularizers.L1L2(1e-3, 1e-3),
    }
    return {
        "regularizers, InverseTimeDecay": (
            lambda: made.SGD(plans.InverseTimeDecay(0.05, 20, 0.5), momentum=0.9), regularizers,
        ),
        "max_norm, clipnorm, ExponentialDecay": (
            lambda: made.SGD(plans.ExponentialDecay(0.1, 20, 0.8), clipnorm=0.1),
            {"kernel_constraint": "max_norm"},
        ),
        "clipvalue, PiecewiseConstantDecay": (
            lambda: made.RMSprop(plans.PiecewiseConstantDecay([20, 60], [0.02, 0.01, 0.005]),
                                 clipvalue=0.01), {},
        ),
        "global_clipnorm, PolynomialDecay": (
            lambda: made.Adam(plans.PolynomialDecay(0.05, 80, power=2.0), global_clipnorm=0.1), {},
        ),
        "weight_decay, ema, CosineDecay": (
            lambda: made.Adam(
                plans.CosineDecay(0.001, 80, warmup_target=0.05, warmup_steps=10),
                weight_decay=0.01, use_ema=True, ema_overwrite_frequency=10,
            ), {},
        ),
        "batch norm, CosineDecayRestarts": (
            lambda: made.RMSprop(plans.CosineDecayRestarts(0.05, 20)), {"batch_norm": True},
        ),
    }  # fmt: skip


FEW = (
    "SGD momentum", "RMSprop", "Adam", "Nadam", "Adagrad", "regularizers, InverseTimeDecay",
    "batch norm, CosineDecayRestarts",
)  # fmt: skip


def _curves(keras: Any, dtype: str, chosen: Any = None) -> dict[str, np.ndarray]:
    keras.backend.set_floatx(dtype)
    cases = {name: (make, {}) for name, make in optimizers(keras).items()} | variations(keras)
    try:
        return {
            f"{case}|{name}": values
            for case in chosen or cases
            for name, values in curve(keras, dtype, cases[case][0](), **cases[case][1])
        }
    finally:
        keras.backend.set_floatx("float32")


ALL: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    "float32": lambda keras: _curves(keras, "float32"),
    "float64_few": lambda keras: _curves(keras, "float64", FEW),
    "float64": lambda keras: _curves(keras, "float64"),
}
