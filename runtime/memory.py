"""The memory native code works in: aligned buffers, outputs, the arena, guard bands.

Large blocks start at a multiple of 2 MiB and ask the system for huge pages; all others start at a
multiple of 64.  Knows bytes and NumPy arrays, nothing of programs.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import mmap
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from runtime.errors import GuardError

ALIGNMENT = 64
LARGE = 2 << 20
GUARD = 4096
_SMALL_OUTPUT = 16 << 10
_numbers = itertools.count()
_POISON_BYTE = 0xFF  # all bits set: NaN as a float, -1 as an integer, not a bool

_HAS_FLAGS = hasattr(mmap, "MAP_ANONYMOUS")
_CHAR: Any = ctypes.c_char
_POINTER_AT = ctypes.addressof


def address_of(array: np.ndarray) -> int:
    """The address of a contiguous array's first element; a few tenths of a microsecond."""
    try:
        return _POINTER_AT(_CHAR.from_buffer(array))
    except (TypeError, ValueError):
        # Read-only and empty arrays, which ctypes refuses.
        return int(array.__array_interface__["data"][0])


def aligned_bytes(nbytes: int) -> np.ndarray:
    """``nbytes`` new bytes (uint8), not initialised, which no other array shares.

    Raises ``MemoryError``.
    """
    if nbytes >= LARGE and hasattr(mmap, "MAP_ANONYMOUS"):
        return _huge_pages(nbytes)
    raw = np.empty(nbytes + ALIGNMENT, np.uint8)
    return _from_alignment(raw, ALIGNMENT, nbytes)


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """A new array in aligned memory, not initialised."""
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    return aligned_bytes(nbytes).view(dtype).reshape(shape)


def output_maker(shape: tuple[int, ...], dtype: np.dtype) -> Callable[[], np.ndarray]:
    """A function that makes new arrays for a result, not initialised.

    Very large ones reuse the memory of results the user has dropped: fresh pages cost more than
    the arithmetic on them.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < _SMALL_OUTPUT:
        return partial(np.empty, shape, dtype)
    if nbytes < LARGE:
        return partial(_aligned_output, shape, dtype, nbytes)
    return lambda: outputs.take(nbytes).view(dtype).reshape(shape)


class _Block(np.ndarray):
    """Bytes under an output.  A type of its own, so that NumPy gives a view of the output the
    output for its base, and not the bytes: who looks at its references knows of all its views."""


def _aligned_output(shape: tuple[int, ...], dtype: np.dtype, nbytes: int) -> np.ndarray:
    block = _Block((nbytes + ALIGNMENT,), np.uint8)
    return np.ndarray(shape, dtype, block, -address_of(block) % ALIGNMENT)


def _from_alignment(raw: np.ndarray, alignment: int, nbytes: int) -> np.ndarray:
    start = -int(raw.__array_interface__["data"][0]) % alignment
    return raw[start : start + nbytes]


def _huge_pages(nbytes: int) -> np.ndarray:
    """Private pages: a child process must not write into its parent's buffers."""
    try:
        # Windows knows no flags; its pages are private as they are.
        flags = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if _HAS_FLAGS else {}
        pages = mmap.mmap(-1, nbytes + LARGE, **flags)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"no {nbytes:,} bytes of memory to be had ({error})") from error
    if hasattr(mmap, "MADV_HUGEPAGE"):
        _advise(pages, mmap.MADV_HUGEPAGE)
    return _from_alignment(np.frombuffer(pages, np.uint8), LARGE, nbytes)


def _advise(pages: mmap.mmap, advice: int) -> None:
    """A hint: kernels built without huge pages refuse it, and all works without."""
    try:
        pages.madvise(advice)
    except OSError:
        return


class _Loan:
    """Owns a block while any array on it lives, then gives it back to its list."""

    def __init__(self, owner: FreeList, block: np.ndarray, nbytes: int) -> None:
        self.owner, self.block = owner, block
        self.__array_interface__: dict[str, Any] = {
            "version": 3,
            "typestr": "|u1",
            "shape": (nbytes,),
            "data": (address_of(block), False),
        }

    def __del__(self) -> None:
        self.owner._give_back(self.block)


class FreeList:
    """Large blocks that are used again once the arrays on them are gone.

    ``limit`` bounds the bytes that lie idle.  Safe in several threads without a lock: a block
    changes hands by one dict operation, since one may come back while any code runs.
    """

    def __init__(self, limit: int = 512 << 20) -> None:
        self.limit = limit
        self._idle: dict[int, np.ndarray] = {}

    def take(self, nbytes: int) -> np.ndarray:
        """``nbytes`` bytes (uint8), from an idle block at most a quarter too large, or new."""
        block = self._find(nbytes)
        if block is None:
            block = aligned_bytes(-(-nbytes // LARGE) * LARGE)
        return np.asarray(_Loan(self, block, nbytes))

    def idle_bytes(self) -> int:
        return sum(block.nbytes for block in list(self._idle.values()))

    def clear(self) -> None:
        """Returns all idle memory to the system."""
        self._idle.clear()

    def _find(self, nbytes: int) -> np.ndarray | None:
        most = max(nbytes + nbytes // 4, nbytes + LARGE)
        sizes = [(block.nbytes, address) for address, block in list(self._idle.items())]
        for size, address in sorted(sizes):
            if not nbytes <= size <= most:
                continue
            block = self._idle.pop(address, None)
            if block is not None:
                return block
        return None

    def _give_back(self, block: np.ndarray) -> None:
        if self.idle_bytes() + block.nbytes <= self.limit:
            self._idle[address_of(block)] = block


outputs = FreeList()


class Guarded:
    """Memory between two guard bands, so that writes outside it can be found afterwards."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        # Bands differ from buffer to buffer: copying one band onto another must show, too.
        number = next(_numbers)
        self._band = 1 + number * 37 % 254
        # So do starts modulo 4096: a store in one buffer would delay loads at the same place of
        # another, which processors first tell apart by the low twelve bits of their addresses.
        self._start = GUARD + ALIGNMENT * (number * 5 % 64)
        self._whole = aligned_bytes(self._start + nbytes + GUARD)
        self._whole[: self._start] = self._band
        self._whole[self._start + nbytes :] = self._band
        self.bytes = self._whole[self._start : self._start + nbytes]
        self.poison()

    def poison(self) -> None:
        """Fills the memory with NaNs, so that reading what was never written shows."""
        self.bytes[:] = _POISON_BYTE

    def check(self, what: str) -> None:
        """Raises ``GuardError`` with the distance when a guard band was written to."""
        before = np.flatnonzero(self._whole[: self._start] != self._band)
        after = np.flatnonzero(self._whole[self._start + self.nbytes :] != self._band)
        if before.size:
            first = self._start - int(before[0])
            raise GuardError(f"{what}: written {first} bytes before its start")
        if after.size:
            raise GuardError(f"{what}: written {int(after[-1]) + 1} bytes beyond its end")

    def high_water(self) -> int:
        """One more than the last byte written since ``poison`` (with anything but the poison)."""
        written = np.flatnonzero(self.bytes != _POISON_BYTE)
        return int(written[-1]) + 1 if written.size else 0


class Arena:
    """The scratch memory of an executable's calls.  Kept between calls; grows, never shrinks.

    With ``poison`` every call finds NaNs in it and guard bands round exactly what it asked for.
    ``place`` is the address of two words that native code reads: address and capacity.
    """

    def __init__(self, poison: bool = False) -> None:
        self._poison = poison
        self._guarded: Guarded | None = None
        self._words = np.zeros(2, np.int64)
        self.place = address_of(self._words)
        self.high_water = 0
        self._use(aligned_bytes(ALIGNMENT), 0)

    def reserve(self, nbytes: int) -> int:
        """The address of at least ``nbytes`` bytes; growing loses what was in the arena."""
        if self._poison:
            self._guarded = Guarded(nbytes)
            self.address = address_of(self._guarded.bytes)
        elif nbytes > self.capacity:
            self._grow(nbytes)
        return self.address

    def check(self) -> None:
        """After a poisoned call: raises ``GuardError``, and notes the high-water mark."""
        if self._guarded is None:
            return
        self._guarded.check("arena")
        self.high_water = max(self.high_water, self._guarded.high_water())

    def _grow(self, nbytes: int) -> None:
        """The old block goes first, so that both need not fit; an error leaves an empty arena."""
        wanted = max(nbytes, self.capacity + self.capacity // 2)
        self._use(aligned_bytes(ALIGNMENT), 0)
        self._use(aligned_bytes(wanted), wanted)

    def _use(self, memory: np.ndarray, capacity: int) -> None:
        self._memory = memory
        self.address, self.capacity = address_of(memory), capacity
        self._words[:] = self.address, capacity
