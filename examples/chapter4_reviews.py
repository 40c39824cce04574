"""Chapter 4: binary classification, is a review friendly or not?

    python examples/chapter4_reviews.py

The real reviews are used where Keras' cache has its ``imdb.npz``; elsewhere a stand-in: made-up
word numbers that are no reviews, with which accuracies mean little, but the curves look alike.
"""

from __future__ import annotations

import numpy as np
from chapter_tools import batch_size, best_epoch, multi_hot, options, plot_curves

from graphc import keras
from graphc.keras import layers
from runtime.errors import DataFileError

WORDS = 10000


def load(samples: int, words: int = WORDS):
    """Reviews as rows of ``words`` zeros and ones, labels float32 (n, 1)."""
    try:
        train, test = keras.datasets.imdb.load_data(num_words=words)
    except DataFileError:
        train, test = keras.datasets.imdb.stand_in(num_words=words, samples=samples or 8000)
    half = samples // 2 or None
    return [
        (multi_hot(x[:half], words), np.asarray(y[:half], np.float32)[:, None])
        for x, y in (train, test)
    ]


def network() -> keras.Model:
    """Two hidden layers of 16 units, and the probability of a friendly review."""
    model = keras.Sequential(
        [
            layers.Dense(16, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def main(arguments: list[str] | None = None) -> float:
    """Finds the best number of epochs on held-back reviews, trains anew, tests."""
    chosen = options(__doc__, arguments, epochs=15)
    (x_train, y_train), (x_test, y_test) = load(chosen.samples)
    keras.utils.set_random_seed(0)
    batch = batch_size(len(x_train))
    held = len(x_train) * 2 // 5
    history = network().fit(
        x_train[held:], y_train[held:], epochs=chosen.epochs, batch_size=batch,
        validation_data=(x_train[:held], y_train[:held]), verbose=chosen.verbose,
    ).history  # fmt: skip
    curves = {"training loss": history["loss"], "validation loss": history["val_loss"]}
    plot_curves(chosen.pictures / "reviews_loss.png", curves, "reviews")
    curves = {"training": history["accuracy"], "validation": history["val_accuracy"]}
    plot_curves(chosen.pictures / "reviews_accuracy.png", curves, "reviews", "accuracy")

    best = best_epoch(history["val_loss"])
    print(f"the validation loss is smallest after epoch {best}: training anew for as long")
    model = network()
    model.fit(x_train, y_train, epochs=best, batch_size=batch, verbose=chosen.verbose)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy {accuracy:.3f}")
    predicted = model.predict(x_test[:5], verbose=0)[:, 0].astype(float)
    print(f"first predictions {predicted.round(2).tolist()}")
    return float(accuracy)


if __name__ == "__main__":
    main()
