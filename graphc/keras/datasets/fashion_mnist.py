"""``keras.datasets.fashion_mnist``: pieces of clothing, 28 by 28 pixels, ten kinds."""

from __future__ import annotations

import os
from pathlib import Path

from graphc.keras.datasets.sources import (
    Split,
    cache_directory,
    download,
    given_or_cached,
    none_of,
    say,
)
from runtime.data import FASHION_DIRECTORY, read_images
from runtime.errors import DataFileError

_DEFAULT = "fashion-mnist"
# SHA-256 of the files unpacked.
_FILES = {
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}


def load_data(path: str | os.PathLike[str] = _DEFAULT) -> Split:
    """``(x_train, y_train), (x_test, y_test)``: 60,000 and 10,000 images uint8 (n, 28, 28), labels
    uint8 (n,).

    ``path`` names a directory with the four idx files, or an ``.npz``, by itself or within Keras'
    cache.  Without it: ``fashion-mnist`` in the cache, else where Debian's package
    dataset-fashion-mnist puts it, else a download into the cache.  A line says which it was.
    Raises ``DataFileError`` where there is none, or what was asked for is missing or damaged.
    """
    found = given_or_cached(path, _DEFAULT)
    if found is not None:
        return say("fashion_mnist", _read(found), str(found))
    if Path(FASHION_DIRECTORY).is_dir():
        return say("fashion_mnist", _read(Path(FASHION_DIRECTORY)), FASHION_DIRECTORY)
    folder = cache_directory() / _DEFAULT
    try:
        for name, digest in _FILES.items():
            download(name, digest, folder / name)
    except DataFileError as error:
        tried = [f"{folder} is not there", f"nor is {FASHION_DIRECTORY}", str(error)]
        advice = (
            "Give the path of a directory with its four files, or install Debian's package "
            "dataset-fashion-mnist."
        )
        raise none_of("fashion_mnist", tried, advice) from error
    return say("fashion_mnist", _read(folder), f"a download, kept in {folder}")


def _read(path: Path) -> Split:
    arrays = read_images(path)
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
