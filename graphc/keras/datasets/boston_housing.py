"""``keras.datasets.boston_housing``: median house prices of 506 districts in the 1970s.

One of its 13 columns was made on an assumption about race and prices; use it to practise, not to
conclude anything.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from graphc.keras.datasets.sources import Split, file_or_machine, say
from runtime.data import read_boston_housing, read_npz

_DEFAULT = "boston_housing.npz"
_DIGEST = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(
    path: str | os.PathLike[str] = _DEFAULT, test_split: float = 0.2, seed: int = 113
) -> Split:
    """``(x_train, y_train), (x_test, y_test)``: features float64 (n, 13), prices float64 (n,) in
    thousands of dollars; the same rows in the same order as in Keras.

    ``path`` names a ``boston_housing.npz``, by itself or within Keras' cache.  Without it: the one
    in the cache, else the table that comes with mlxtend, else a download into the cache.  A line
    says which it was.  ``test_split`` is the part to test with, ``seed`` that of the shuffle.
    Raises ``DataFileError`` where there is none, ``ValueError`` for a part outside [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split should be in [0, 1), not {test_split}")
    machine = (read_boston_housing, "the table that comes with mlxtend")
    file = (_DEFAULT, _DIGEST)
    (features, prices), origin = file_or_machine("boston_housing", path, file, _read, machine)
    order = np.arange(len(features))
    np.random.RandomState(seed).shuffle(order)
    cut = int(len(order) * (1 - test_split))
    train, test = order[:cut], order[cut:]
    data = (features[train], prices[train]), (features[test], prices[test])
    return say("boston_housing", data, origin)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    arrays = read_npz(path, ("x", "y"))
    return arrays["x"], arrays["y"]
