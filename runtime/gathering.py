"""Rows of a data set into a batch: chosen by number, on the way cast and scaled.

The data stays as the user gave it.  What is contiguous within a row goes by ``native/gather.ll``,
bytes cast and scaled too; the rest by NumPy, to the same bits.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from runtime.memory import address_of, aligned_empty


@dataclass(frozen=True)
class Cast:
    """Every element becomes one of ``dtype``, a float, and is multiplied by ``scale``."""

    dtype: str
    scale: float


class Rows:
    """The rows of ``array``, ``cast`` if asked.

    >>> rows = Rows(np.array([[0], [51], [255]], np.uint8), Cast("float32", 1 / 255))
    >>> out = rows.buffer(2)
    >>> rows.gather(np.array([2, 1]), out)
    >>> out.tolist()
    [[1.0], [0.20000001788139343]]
    """

    def __init__(self, array: np.ndarray, cast: Cast | None = None) -> None:
        self.array = array
        self._cast = cast
        self._size = math.prod(array.shape[1:]) * array.itemsize
        self._native = self._size > 0 and _is_contiguous_in_rows(array)
        self._address = int(array.__array_interface__["data"][0])
        self._staged: np.ndarray | None = None

    def buffer(self, count: int) -> np.ndarray:
        """A new array for ``count`` rows, not initialised."""
        dtype = self.array.dtype if self._cast is None else self._cast.dtype
        return aligned_empty((count, *self.array.shape[1:]), dtype)

    def gather(self, numbers: np.ndarray, out: np.ndarray) -> None:
        """Row ``numbers[i]`` into ``out[i]``; ``numbers`` are int64 and in range, ``out`` is
        from ``buffer``."""
        if self._cast is None:
            self._copy(numbers, out)
            return
        direct = self.array.dtype == np.uint8 and out.dtype == np.float32
        if direct and self._native:
            self._run(_native().cast, numbers, out, ctypes.c_double(self._cast.scale))
            return
        if self._staged is None or len(self._staged) < len(out):
            self._staged = aligned_empty(out.shape, self.array.dtype)
        staged = self._staged[: len(out)]
        self._copy(numbers, staged)
        # First the dtype, then the product: an int64 is no product of float64.
        out[...] = staged
        np.multiply(out, out.dtype.type(self._cast.scale), out=out)

    def _copy(self, numbers: np.ndarray, out: np.ndarray) -> None:
        if self._native:
            self._run(_native().copy, numbers, out)
            return
        # The rows are in range; every other mode than "clip" makes NumPy copy once more.
        np.take(self.array, numbers, axis=0, out=out, mode="clip")

    def _run(
        self, function: Callable[..., None], numbers: np.ndarray, out: np.ndarray, *more: Any
    ) -> None:
        stride = self.array.strides[0]
        places = (address_of(out), self._address, address_of(numbers))
        function(*places, len(numbers), self._size, stride, *more)


def _is_contiguous_in_rows(array: np.ndarray) -> bool:
    return len(array) > 0 and array.dtype.isnative and array[0].flags.c_contiguous


@dataclass(frozen=True)
class _Native:
    """The functions of the text, and what keeps them in memory."""

    copy: Callable[..., None]
    cast: Callable[..., None]
    library: Any


@cache
def _native() -> _Native:
    from runtime import jit

    library = jit.compile((files("runtime") / "native" / "gather.ll").read_text())
    words = [ctypes.c_void_p] * 3 + [ctypes.c_int64] * 3
    copy = ctypes.CFUNCTYPE(None, *words)(library.address("graphc.gather"))
    name = "graphc.gather.uint8.float32"
    cast = ctypes.CFUNCTYPE(None, *words, ctypes.c_double)(library.address(name))
    return _Native(copy, cast, library)
