"""Chapter 4: classification into many classes, which of 46 topics is a short news text on?

    python examples/chapter4_news.py

The real texts are used where Keras' cache has its ``reuters.npz``; elsewhere a stand-in: made-up
word numbers that are no news.  Labels are given both ways, one-hot and as integers, and a hidden
layer of four units shows what a bottleneck costs.
"""

from __future__ import annotations

from chapter_tools import batch_size, best_epoch, multi_hot, options, plot_curves

from graphc import keras
from graphc.keras import layers
from runtime.errors import DataFileError

WORDS, TOPICS = 10000, 46


def load(samples: int):
    """Texts as rows of zeros and ones, topics as integers."""
    try:
        train, test = keras.datasets.reuters.load_data(num_words=WORDS)
    except DataFileError:
        train, test = keras.datasets.reuters.stand_in(num_words=WORDS, samples=samples or 6000)
    return [(multi_hot(x, WORDS), y) for x, y in (train, test)]


def network(loss: str, middle: int = 64) -> keras.Model:
    """Two hidden layers and the probabilities of the topics."""
    model = keras.Sequential(
        [
            layers.Dense(64, activation="relu"),
            layers.Dense(middle, activation="relu"),
            layers.Dense(TOPICS, activation="softmax"),
        ]
    )
    model.compile(optimizer="rmsprop", loss=loss, metrics=["accuracy"])
    return model


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Trains three networks; gives their test accuracies."""
    chosen = options(__doc__, arguments, epochs=15)
    (x_train, y_train), (x_test, y_test) = load(chosen.samples)
    keras.utils.set_random_seed(0)
    batch = batch_size(len(x_train))
    one_hot = keras.utils.to_categorical(y_train, TOPICS)
    held = len(x_train) // 8
    history = network("categorical_crossentropy").fit(
        x_train[held:], one_hot[held:], epochs=chosen.epochs, batch_size=batch,
        validation_data=(x_train[:held], one_hot[:held]), verbose=chosen.verbose,
    ).history  # fmt: skip
    curves = {"training loss": history["loss"], "validation loss": history["val_loss"]}
    plot_curves(chosen.pictures / "news_loss.png", curves, "news")

    best = best_epoch(history["val_loss"])
    found = {}
    for name, middle in (("64 units", 64), ("4 units", 4)):
        model = network("sparse_categorical_crossentropy", middle)
        model.fit(x_train, y_train, epochs=best, batch_size=batch, verbose=0)
        _, found[name] = model.evaluate(x_test, y_test, verbose=0)
        print(f"{name} in the middle, {best} epochs: test accuracy {found[name]:.3f}")
    by_chance = float((y_test == y_train[: len(y_test)]).mean())
    print(f"guessing by frequency: {by_chance:.3f}")
    first = model.predict(x_test[:1], verbose=0)[0]
    print(f"the probabilities of a prediction add up to {first.sum():.4f}")
    return {**found, "by chance": by_chance}


if __name__ == "__main__":
    main()
