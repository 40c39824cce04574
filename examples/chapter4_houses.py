"""Chapter 4: regression, the median price of houses, judged by K-fold validation.

    python examples/chapter4_houses.py

506 districts of Boston in the 1970s.  So few samples make a single validation a matter of luck:
each quarter is held back once, and the four errors are averaged.
"""

from __future__ import annotations

import numpy as np
from chapter_tools import best_epoch, options, plot_curves

from graphc import keras
from graphc.keras import layers


def network() -> keras.Model:
    """Two hidden layers, and a number without an activation."""
    model = keras.Sequential(
        [
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer="rmsprop", loss="mean_squared_error", metrics=["mean_absolute_error"])
    return model


def folds(x: np.ndarray, y: np.ndarray, k: int, epochs: int) -> np.ndarray:
    """The mean absolute error after each epoch, for each of ``k`` parts held back: (k, epochs)."""
    errors = []
    size = len(x) // k
    for fold in range(k):
        part = slice(fold * size, (fold + 1) * size)
        rest = np.r_[0 : part.start, part.stop : len(x)]
        history = network().fit(
            x[rest], y[rest], validation_data=(x[part], y[part]), epochs=epochs, batch_size=16,
            verbose=0,
        )  # fmt: skip
        errors.append(history.history["val_mean_absolute_error"])
        print(f"fold {fold + 1} of {k}: {errors[-1][-1]:.2f} thousand dollars off")
    return np.array(errors)


def main(arguments: list[str] | None = None) -> float:
    """Gives the mean absolute error on the test part, in thousands of dollars."""
    chosen = options(__doc__, arguments, epochs=120)
    (x_train, y_train), (x_test, y_test) = keras.datasets.boston_housing.load_data()
    mean, spread = x_train.mean(axis=0), x_train.std(axis=0)
    x_train, x_test = (x_train - mean) / spread, (x_test - mean) / spread
    keras.utils.set_random_seed(0)

    average = folds(x_train, y_train, 4, chosen.epochs).mean(axis=0)
    curve = {"validation error": average[min(10, chosen.epochs - 1) :]}
    plot_curves(chosen.pictures / "houses.png", curve, "houses, after 10 epochs", "thousand $")
    best = best_epoch(average)
    print(f"smallest after epoch {best}: {average[best - 1]:.2f}")

    model = network()
    model.fit(x_train, y_train, epochs=best, batch_size=16, verbose=0)
    _, error = model.evaluate(x_test, y_test, verbose=0)
    print(f"test: {error:.2f} thousand dollars off")
    print(f"first prediction {model.predict(x_test[:1], verbose=0)[0, 0]:.1f}, true {y_test[0]}")
    return float(error)


if __name__ == "__main__":
    main()
