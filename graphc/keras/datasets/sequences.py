"""Lists of word numbers with labels: reading Keras' imdb.npz and reuters.npz, cutting, shuffling.

The files hold lists of Python ints, which NumPy stores as a pickle.  It is read by an unpickler
that knows NumPy's arrays and nothing else, so that a file cannot run code.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import DataFileError

_HARMLESS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}


@dataclass(frozen=True)
class Coding:
    """How words are numbered: Keras' arguments of the same names."""

    num_words: int | None = None
    skip_top: int = 0
    maxlen: int | None = None
    start_char: int | None = 1
    oov_char: int | None = 2
    index_from: int = 3


def coded(
    sequences: Sequence[Sequence[int]], labels: np.ndarray, coding: Coding
) -> tuple[np.ndarray, np.ndarray]:
    """The sequences with words counted from ``index_from``, a start mark before, rare and very
    frequent words replaced by ``oov_char`` (left out where that is ``None``); those of ``maxlen``
    or more words are left out.  Raises ``ValueError`` where nothing remains.

    >>> x, y = coded([[1, 9], [5]], np.array([0, 1]), Coding(num_words=10))
    >>> x.tolist(), y.tolist()
    ([[1, 4, 2], [1, 8]], [0, 1])
    """
    start = [] if coding.start_char is None else [coding.start_char]
    moved = [[*start, *(word + coding.index_from for word in words)] for words in sequences]
    kept = [i for i, words in enumerate(moved) if not coding.maxlen or len(words) < coding.maxlen]
    if not kept:
        raise ValueError(f"no sequence is shorter than maxlen={coding.maxlen}")
    highest = max((max(moved[i], default=0) for i in kept), default=0)
    words_end = coding.num_words or highest + 1
    result = np.empty(len(kept), object)
    for at, i in enumerate(kept):
        result[at] = _limited(moved[i], coding.skip_top, words_end, coding.oov_char)
    return result, np.asarray(labels)[kept]


def _limited(words: list[int], first: int, end: int, oov: int | None) -> list[int]:
    if oov is None:
        return [word for word in words if first <= word < end]
    return [word if first <= word < end else oov for word in words]


def shuffled(
    sequences: np.ndarray, labels: np.ndarray, order: np.random.RandomState
) -> tuple[list[Any], np.ndarray]:
    """Both in the same random order."""
    indices = np.arange(len(sequences))
    order.shuffle(indices)
    return list(sequences[indices]), labels[indices]


def read_ragged(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays ``names`` of an ``.npz`` that may hold lists.  Raises ``DataFileError`` for one
    that is damaged, or that holds anything but numbers and lists of them."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            missing = [name for name in names if f"{name}.npy" not in members]
            if missing:
                raise DataFileError(f"{path}: lacks {', '.join(missing)}")
            return {name: _member(archive.read(f"{name}.npy")) for name in names}
    except DataFileError:
        raise
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise DataFileError(
            f"{path}: damaged, or not the archive it should be ({error})"
        ) from error


def _member(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        array = np.asarray(_Harmless(stream).load(), object)
        return array.reshape(shape)
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


class _Harmless(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no data set needs")
        return super().find_class(module, name)
