"""Chapter 3: a linear classifier by hand, then its layer and its training the Keras way.

    python examples/chapter3_linear_classifier.py

Two clouds of points in a plane, 1,000 each.  First weights, loss, gradients and updates are written
out; then the same is a ``Layer`` of one's own in a model that is compiled and fitted.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from chapter_tools import options, save

import graphc
from graphc import keras


def clouds(samples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points float32 (2 * samples, 2) and their class, 0 or 1, float32 (2 * samples, 1)."""
    rng = np.random.default_rng(seed)
    spread = [[1.0, 0.5], [0.5, 1.0]]
    below = rng.multivariate_normal([0, 3], spread, samples)
    above = rng.multivariate_normal([3, 0], spread, samples)
    targets = np.repeat([0.0, 1.0], samples)[:, None]
    return np.vstack([below, above]).astype(np.float32), targets.astype(np.float32)


def by_hand(points: np.ndarray, targets: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Trains on all points at once; gives weights and bias."""
    x = graphc.input("x", ("N", 2))
    y = graphc.input("y", ("N", 1))
    w = graphc.parameter("w", graphc.initializers.glorot_uniform((2, 1), seed=1))
    b = graphc.parameter("b", np.zeros(1, np.float32))
    loss = graphc.mean((y - (x @ w + b)) ** 2)
    dw, db = graphc.grad(loss, [w, b])
    step = graphc.Graph("step", outputs={"loss": loss}, updates={w: w - 0.1 * dw, b: b - 0.1 * db})
    executable = graphc.compile(step)
    for number in range(steps):
        found = executable(x=points, y=targets)["loss"]
        if number % 10 == 0 or number == steps - 1:
            print(f"step {number:2}: loss {found:.4f}")
    return executable.state["w"], executable.state["b"]


class SimpleDense(keras.Layer):
    """A dense layer as one would write it oneself."""

    def __init__(self, units: int, activation=None, **keywords) -> None:
        super().__init__(**keywords)
        self.units = units
        self.activation = activation

    def build(self, input_shape) -> None:
        self.W = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, inputs):
        y = keras.ops.matmul(inputs, self.W) + self.b
        return y if self.activation is None else self.activation(y)


def with_keras(points: np.ndarray, targets: np.ndarray, epochs: int, verbose: int):
    """The same classifier as a model, a fifth of the points held back for validation."""
    keras.utils.set_random_seed(1)
    order = np.random.default_rng(2).permutation(len(points))
    model = keras.Sequential([SimpleDense(1)])
    model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=0.1),
        loss=keras.losses.MeanSquaredError(),
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    history = model.fit(
        points[order], targets[order], epochs=epochs, batch_size=16, validation_split=0.2,
        verbose=verbose,
    )  # fmt: skip
    return model, history


def plot(path, points: np.ndarray, targets: np.ndarray, w: np.ndarray, b: np.ndarray) -> None:
    """The points, and the line where the prediction is one half."""
    if find_spec("matplotlib") is None:
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(title="a linear classifier")
    axes.scatter(*points.T, c=targets[:, 0], s=6, cmap="coolwarm")
    across = np.linspace(-1, 4, 50)
    axes.plot(across, (0.5 - b[0] - w[0, 0] * across) / w[1, 0], "k-")
    save(figure, path)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Trains both; gives their accuracies."""
    chosen = options(__doc__, arguments, epochs=5)
    points, targets = clouds(chosen.samples or 1000)
    w, b = by_hand(points, targets, steps=40)
    right = ((points @ w + b > 0.5) == (targets > 0.5)).mean()
    print(f"by hand: accuracy {right:.3f}")
    plot(chosen.pictures / "linear_classifier.png", points, targets, w, b)

    model, history = with_keras(points, targets, chosen.epochs, chosen.verbose)
    _, accuracy = model.evaluate(points, targets, batch_size=128, verbose=0)
    print(f"with Keras: accuracy {accuracy:.3f}, validation loss by epoch "
          f"{np.round(history.history['val_loss'], 4).tolist()}")  # fmt: skip
    predicted = model.predict(points[:3], verbose=0)
    print(f"first predictions {predicted[:, 0].astype(float).round(2).tolist()}")
    return {"by_hand": float(right), "keras": float(accuracy)}


if __name__ == "__main__":
    main()
