"""``keras.datasets.boston_housing``: median house prices of 506 districts in the 1970s.

One of its 13 columns was made on an assumption about race and prices; use it to practise, not to
conclude anything.
"""

from __future__ import annotations

import os

import numpy as np

from graphc.keras.datasets.sources import (
    Split,
    cache_directory,
    download,
    given_or_cached,
    none_of,
    say,
)
from runtime.data import read_boston_housing, read_npz
from runtime.errors import DataFileError

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
    features, prices, origin = _find(path)
    order = np.arange(len(features))
    np.random.RandomState(seed).shuffle(order)
    cut = int(len(order) * (1 - test_split))
    train, test = order[:cut], order[cut:]
    data = (features[train], prices[train]), (features[test], prices[test])
    return say("boston_housing", data, origin)


def _find(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray, str]:
    found = given_or_cached(path, _DEFAULT)
    if found is not None:
        arrays = read_npz(found, ("x", "y"))
        return arrays["x"], arrays["y"], str(found)
    try:
        return *read_boston_housing(), "the table that comes with mlxtend"
    except DataFileError as error:
        tried = [f"{cache_directory() / _DEFAULT} is not there", str(error)]
    try:
        fetched = download(_DEFAULT, _DIGEST, cache_directory() / _DEFAULT)
    except DataFileError as error:
        advice = "Give the path of a boston_housing.npz, or install mlxtend."
        raise none_of("boston_housing", [*tried, str(error)], advice) from error
    arrays = read_npz(fetched, ("x", "y"))
    return arrays["x"], arrays["y"], f"a download, kept as {fetched}"
