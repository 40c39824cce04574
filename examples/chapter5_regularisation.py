"""Chapter 5: against overfitting: a smaller network, L2 and L1, dropout; stopping in time.

    python examples/chapter5_regularisation.py

On the reviews of chapter 4, real where they are at hand, else a stand-in that says so.
"""

from __future__ import annotations

from chapter4_reviews import load
from chapter_tools import batch_size, best_epoch, options, plot_curves

from graphc import keras
from graphc.keras import layers, regularizers


def network(units: int = 16, regularizer=None, dropout: float = 0.0) -> keras.Model:
    """Two hidden layers, each regularised and followed by dropout as asked for."""
    model = keras.Sequential()
    for _ in range(2):
        model.add(layers.Dense(units, activation="relu", kernel_regularizer=regularizer))
        if dropout:
            model.add(layers.Dropout(dropout))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    return model


VARIANTS = {
    "original": lambda: network(),
    "4 units": lambda: network(4),
    "256 units": lambda: network(256),
    "L2 of 0.002": lambda: network(regularizer=regularizers.L2(0.002)),
    "L1 and L2": lambda: network(regularizer=regularizers.L1L2(1e-4, 1e-3)),
    "dropout of a half": lambda: network(dropout=0.5),
}


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    """Trains each variant; gives their validation losses by epoch."""
    chosen = options(__doc__, arguments, epochs=15)
    words = 2000 if chosen.samples else 10000
    (x, y), (x_test, y_test) = load(chosen.samples, words)
    batch = batch_size(len(x) * 3 // 5)
    losses: dict[str, list[float]] = {}
    for name, make in VARIANTS.items():
        keras.utils.set_random_seed(0)
        history = make().fit(
            x, y, epochs=chosen.epochs, batch_size=batch, validation_split=0.4, verbose=0
        ).history  # fmt: skip
        losses[name] = history["val_loss"]
        gap = history["val_loss"][-1] - history["loss"][-1]
        best, last = best_epoch(losses[name]), losses[name][-1]
        print(
            f"{name:18} best after epoch {best:2}, then {min(losses[name]):.3f}; "
            f"in the end {last:.3f}, {gap:.3f} above training"
        )
        if name != "original":
            pair = {"original": losses["original"], name: losses[name]}
            plot_curves(chosen.pictures / f"regularisation_{name.replace(' ', '_')}.png", pair,
                        f"validation loss, {name}")  # fmt: skip

    stopping = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    model = network()
    history = model.fit(x, y, epochs=chosen.epochs, batch_size=batch, validation_split=0.4,
                        verbose=0, callbacks=[stopping])  # fmt: skip
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"stopped after {len(history.epoch)} epochs: test accuracy {accuracy:.3f}")
    return losses


if __name__ == "__main__":
    main()
