"""Chapter 5: what makes networks fit, and what makes them generalise; on digits.

    python examples/chapter5_generalisation.py

Four experiments: pixels beside which stands noise, or nothing; labels that are shuffled; a learning
rate that is too high, and one that is not; a model that is too small.
"""

from __future__ import annotations

import numpy as np
from chapter_tools import options, plot_curves

from graphc import keras
from graphc.keras import layers


def network(hidden: tuple[int, ...] = (512,), rate: float = 1e-3) -> keras.Model:
    """Dense layers for the digits."""
    model = keras.Sequential([layers.Dense(units, activation="relu") for units in hidden])
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def trained(model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int) -> dict:
    """The history of a training that holds back a fifth."""
    return model.fit(
        x, y, epochs=epochs, batch_size=128, validation_split=0.2, verbose=0
    ).history  # fmt: skip


def noise_channels(x: np.ndarray, y: np.ndarray, epochs: int) -> dict[str, list[float]]:
    """Accuracies in validation with 784 more features that say nothing."""
    rng = np.random.default_rng(0)
    noise = rng.random(x.shape).astype(np.float32)
    beside_noise = np.concatenate([x, noise], axis=1)
    beside_zeros = np.concatenate([x, np.zeros_like(x)], axis=1)
    return {
        "beside noise": trained(network(), beside_noise, y, epochs)["val_accuracy"],
        "beside zeros": trained(network(), beside_zeros, y, epochs)["val_accuracy"],
    }


def shuffled_labels(x: np.ndarray, y: np.ndarray, epochs: int) -> dict[str, list[float]]:
    """A network learns labels by heart in which there is nothing to learn."""
    history = trained(network(), x, np.random.default_rng(1).permutation(y), epochs)
    return {"training": history["accuracy"], "validation": history["val_accuracy"]}


def learning_rates(x: np.ndarray, y: np.ndarray, epochs: int) -> dict[str, list[float]]:
    """Losses at two learning rates."""
    return {
        f"rate {rate:g}": trained(network(rate=rate), x, y, epochs)["val_loss"]
        for rate in (1.0, 1e-2)
    }


def capacities(x: np.ndarray, y: np.ndarray, epochs: int) -> dict[str, list[float]]:
    """Validation losses of a model that is too small, and of one that can overfit."""
    return {
        "no hidden layer": trained(network(()), x, y, epochs)["val_loss"],
        "two of 128": trained(network((128, 128)), x, y, epochs)["val_loss"],
    }


def main(arguments: list[str] | None = None) -> dict[str, dict[str, list[float]]]:
    """Runs all four; gives their curves."""
    chosen = options(__doc__, arguments, epochs=12)
    (x, y), _ = keras.datasets.mnist.load_data()
    x = x.reshape((-1, 784)).astype(np.float32) / 255
    x, y = x[: chosen.samples or 10000], y[: chosen.samples or 10000]
    keras.utils.set_random_seed(0)
    found = {}
    for experiment, measured, epochs in (
        (noise_channels, "accuracy in validation", chosen.epochs),
        (shuffled_labels, "accuracy", chosen.epochs * 4),
        (learning_rates, "validation loss", chosen.epochs),
        (capacities, "validation loss", chosen.epochs * 2),
    ):
        name = experiment.__name__
        found[name] = experiment(x, y, epochs)
        for label, values in found[name].items():
            print(f"{name}: {label}: {measured} {values[-1]:.3f} after {len(values)} epochs")
        plot_curves(chosen.pictures / f"{name}.png", found[name], name, measured)
    return found


if __name__ == "__main__":
    main()
