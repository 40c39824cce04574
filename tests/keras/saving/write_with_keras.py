"""Writes the files of ``written_by_keras`` with real Keras: models, and what they predict.

KERAS_BACKEND=jax python tests/keras/saving/write_with_keras.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

DIRECTORY = Path(__file__).parent / "written_by_keras"


def sequential(keras: Any) -> Any:
    """Dense layers with all that stands between them, trained for a step."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Rescaling(0.5, offset=-0.1),
            layers.Dense(6, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="tanh", use_bias=False),
            layers.LayerNormalization(),
            layers.GaussianNoise(0.1),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    x = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
    model.fit(x, np.arange(12) % 3, epochs=2, verbose=0)
    return model, {"x": x}


def functional(keras: Any) -> Any:
    """Two inputs and two outputs, a layer used twice, ops, an embedding, adapted statistics."""
    layers = keras.layers
    rng = np.random.default_rng(1)
    numbers = rng.standard_normal((10, 4)).astype(np.float32)
    words = rng.integers(0, 9, (10, 3)).astype(np.int32)
    scaled = layers.Normalization()
    scaled.adapt(numbers)
    first = keras.Input((4,), name="numbers")
    second = keras.Input((3,), dtype="int32", name="words")
    shared = layers.Dense(5, name="shared", activation=keras.activations.gelu)
    read = layers.Embedding(9, 2)(second)
    flat = layers.Reshape((6,))(layers.Permute((2, 1))(read))
    left = shared(scaled(first))
    right = shared(layers.Dense(4)(flat))
    both = layers.Concatenate()([left, right, left * right + 1.0])
    mean = layers.Average()([left, right])
    out = layers.Dense(2, name="classes", activation="softmax")(both)
    other = layers.Dense(1, name="value")(layers.LeakyReLU(0.2)(mean))
    model = keras.Model({"numbers": first, "words": second}, {"classes": out, "value": other})
    model.compile(
        keras.optimizers.SGD(1e-2, momentum=0.9),
        {"classes": keras.losses.CategoricalCrossentropy(label_smoothing=0.1), "value": "mse"},
        loss_weights={"classes": 1.0, "value": 0.5},
    )
    labels = {"classes": np.eye(2)[np.arange(10) % 2], "value": numbers[:, :1]}
    model.fit({"numbers": numbers, "words": words}, labels, epochs=1, verbose=0)
    return model, {"numbers": numbers, "words": words}


def main() -> None:
    """Writes an archive, a file of weights and the predictions of each model."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    DIRECTORY.mkdir(exist_ok=True)
    for make in (sequential, functional):
        model, data = make(keras)
        name = make.__name__
        model.save(DIRECTORY / f"{name}.keras")
        model.save_weights(DIRECTORY / f"{name}.weights.h5")
        given = data if len(data) > 1 else data["x"]
        found = model.predict(given, verbose=0)
        outputs = found if isinstance(found, dict) else {"y": found}
        arrays = {f"in_{k}": v for k, v in data.items()}
        arrays.update({f"out_{k}": v for k, v in outputs.items()})
        np.savez(DIRECTORY / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
