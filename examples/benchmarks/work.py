"""What a benchmark is made of: a work, its data, and the program each framework runs it with.

A form builds a ``Program`` of one framework from the work's arrays. All forms of a work compute
the same outputs, which are checked against ``expected`` before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

Arrays = list[np.ndarray]
_LINE, _HUGE_PAGE = 64, 2 << 20  # bytes
_LARGE = 16 << 20  # bytes: what no processor's caches surely hold
_PLACES, _READS = 4, 8  # places for large inputs, and how often each is tried


@dataclass(frozen=True)
class Program:
    """``call`` does the work once and returns when it is done; ``outputs`` gives the arrays to
    check, of a program that has not been called before."""

    call: Callable[[], Any]
    outputs: Callable[[], Arrays]


Form = Callable[[Sequence[np.ndarray], int], Program]


@dataclass(frozen=True)
class Work:
    """One row of the table. ``forms`` are by the name of their framework; ``flops`` are the
    least that any program has to do."""

    group: str
    case: str
    arrays: Callable[[], Arrays]
    expected: Callable[..., Any]
    forms: Mapping[str, Form]
    tolerance: tuple[float, float] = (1e-4, 1e-5)
    flops: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.group} {self.case}".strip()

    def check(self, outputs: Arrays, arrays: Sequence[np.ndarray]) -> None:
        """Raises ``AssertionError`` where ``outputs`` are not what NumPy computes."""
        wanted = as_list(self.expected(*arrays))
        assert len(outputs) == len(wanted), f"{len(outputs)} outputs, not {len(wanted)}"
        relative, absolute = self.tolerance
        for got, want in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=relative, atol=absolute)


def as_list(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


def drawn(*shapes: tuple[int, ...], dtype: str = "float32", scale: float = 1.0) -> Arrays:
    """Normal arrays of ``shapes``, the same ones each time."""
    generator = np.random.default_rng(0)
    return [(generator.standard_normal(shape) * scale).astype(dtype) for shape in shapes]


def placed(arrays: Sequence[np.ndarray]) -> Arrays:
    """Copies of ``arrays`` where every framework finds the same: from a cache line's start, in huge
    pages where the system has them; frameworks that share memory with NumPy can use it as it is.
    Which pages large arrays lie in decides how fast they are read, by up to a factor of two, and
    processes are given different ones: of a few places each takes what NumPy reads fastest."""
    size = sum(-(-array.nbytes // _LINE) * _LINE for array in arrays)
    places = [_huge_pages(size) for _ in range(_PLACES if size >= _LARGE else 1)]
    if len(places) > 1:
        for place in places:
            place[...] = 0  # pages are given when they are written to
        times = [min(_time_to_read(place) for _ in range(_READS)) for place in places]
        places = [places[times.index(min(times))]]
    copies, start = [], 0
    for array in arrays:
        part = places[0][start : start + array.nbytes]
        copies.append(part.view(array.dtype).reshape(array.shape))
        copies[-1][...] = array
        start += -(-array.nbytes // _LINE) * _LINE
    return copies


def _huge_pages(size: int) -> np.ndarray:
    """Bytes from a huge page's start, of so large an array that NumPy asks for such pages."""
    whole = np.empty(size + 2 * _HUGE_PAGE, np.uint8)
    start = -whole.ctypes.data % _HUGE_PAGE
    return whole[start : start + size]


def _time_to_read(place: np.ndarray) -> float:
    start = perf_counter()
    place.max()
    return perf_counter() - start
