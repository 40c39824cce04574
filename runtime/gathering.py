"""Rows of a data set into a batch: chosen by number, on the way cast and scaled.

The data stays as the user gave it.  What is contiguous within a row goes by ``native/gather.ll``,
bytes cast and scaled too; the rest by NumPy, to the same bits.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from runtime import native, pool
from runtime.memory import address_of, aligned_empty
from runtime.once import Once

_PICOSECONDS_A_BYTE = 90  # of rows in random order, measured


@dataclass(frozen=True)
class Cast:
    """Every element becomes one of ``dtype``, a float, and is multiplied by ``scale``."""

    dtype: str
    scale: float


class Rows:
    """The rows of ``array``, ``cast`` if asked, fetched by as many as ``threads``.

    >>> rows = Rows(np.array([[0], [51], [255]], np.uint8), Cast("float32", 1 / 255))
    >>> out = rows.buffer(2)
    >>> rows.gather(np.array([2, 1]), out)
    >>> out.tolist()
    [[1.0], [0.20000001788139343]]
    """

    def __init__(self, array: np.ndarray, cast: Cast | None = None, threads: int = 1) -> None:
        self.array = array
        self._cast = cast
        self._size = math.prod(array.shape[1:]) * array.itemsize
        self._native = self._size > 0 and _is_contiguous_in_rows(array)
        self._address = int(array.__array_interface__["data"][0])
        self._threads = threads
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
            self._run(numbers, out, self._cast.scale)
            return
        if self._staged is None or len(self._staged) < len(out):
            self._staged = aligned_empty(out.shape, self.array.dtype)
        staged = self._staged[: len(out)]
        self._copy(numbers, staged)
        # First the dtype, then the product: an int64 is no product of float64.
        out[...] = staged
        np.multiply(out, out.dtype.type(self._cast.scale), out=out)

    @cached_property
    def _team(self) -> int:
        """The workers, who are not compiled before there are rows to fetch."""
        return pool.team(self._threads)

    def _copy(self, numbers: np.ndarray, out: np.ndarray) -> None:
        if self._native:
            self._run(numbers, out)
            return
        # The rows are in range; every other mode than "clip" makes NumPy copy once more.
        np.take(self.array, numbers, axis=0, out=out, mode="clip")

    def _run(self, numbers: np.ndarray, out: np.ndarray, scale: float | None = None) -> None:
        count, size = len(numbers), self._size
        link().gather(
            self._team,
            address_of(out),
            self._address,
            address_of(numbers),
            count,
            size,
            self.array.strides[0],
            scale is not None,
            scale or 0.0,
            count * size * _PICOSECONDS_A_BYTE,
        )


def _is_contiguous_in_rows(array: np.ndarray) -> bool:
    return len(array) > 0 and array.dtype.isnative and array[0].flags.c_contiguous


class _Native(NamedTuple):
    """The function of the text, and what keeps it in memory."""

    gather: Callable[..., None]
    library: Any


@Once
def link() -> _Native:
    """``gather.ll``, linked once for the process."""
    from runtime import jit

    library = jit.compile(native.text("gather.ll"))
    pointers, words = [ctypes.c_void_p] * 4, [ctypes.c_int64] * 4
    types = (*pointers, *words, ctypes.c_double, ctypes.c_int64)
    return _Native(ctypes.CFUNCTYPE(None, *types)(library.address("graphc.gather")), library)
