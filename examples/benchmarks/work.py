"""What a benchmark is made of: a work, its data, and the program each framework runs it with.

A form builds a ``Program`` of one framework from the work's arrays. All forms of a work compute
the same outputs, which are checked against ``expected`` before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = list[np.ndarray]
_LINE, _HUGE_PAGE = 64, 2 << 20  # bytes


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
    pages where the system has them.  Which pages a large array lies in decides how fast it is read,
    by up to a factor of two; and frameworks that share memory with NumPy can use it as it is."""
    offsets, end = [], 0
    for array in arrays:
        offsets.append(end)
        end += -(-array.nbytes // _LINE) * _LINE
    whole = np.empty(end + 2 * _HUGE_PAGE, np.uint8)  # so large that NumPy asks for huge pages
    start = -whole.ctypes.data % _HUGE_PAGE
    copies = []
    for array, offset in zip(arrays, offsets, strict=True):
        part = whole[start + offset : start + offset + array.nbytes]
        copies.append(part.view(array.dtype).reshape(array.shape))
        copies[-1][...] = array
    return copies
