"""Random graphs in memory whose ends are pages that nobody may touch.

Every input, output, parameter, constant and place in the arena ends, or starts, where a page lies
that the system protects: the first load or store beyond it ends the process.  So this is a program
for a process of its own, which says what it is about to run: ``python -m
tests.random_graphs.guard_pages FIRST LAST``.  What lies between a buffer and the page at its other
end holds bytes that a store would change.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc import api
from graphc.compiler import compile_graphs
from graphc.ir import dims
from graphc.ir.dims import Size
from graphc.loops import memory as places
from graphc.passes import groups, shape_products
from runtime import call, executable, jit, memory, pool, state
from runtime.errors import CheckError, GuardError, InputError
from runtime.target import Target
from tests.random_graphs.checks import other_targets
from tests.random_graphs.generate import ACROSS_VIEWS, STEPS, Case, case

PAGE = mmap.PAGESIZE
BATCH = 20
NOTHING = 0  # PROT_NONE
at_end = True  # buffers lie before a page that is protected; else behind one
_protect: Any = ctypes.CDLL(None, use_errno=True).mprotect
_protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def protect(start: int, nbytes: int) -> None:
    if _protect(start, nbytes, NOTHING):
        raise OSError(ctypes.get_errno(), "mprotect")


class Paged:
    """Memory between two protected pages, in place of ``runtime.memory.Guarded``; aligned as its
    size is, which suffices for whole elements."""

    unit = 1

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        inner = -(-max(nbytes, 1) // PAGE) * PAGE
        self._whole = np.frombuffer(mmap.mmap(-1, inner + 2 * PAGE), np.uint8)
        self._whole[:] = memory._POISON_BYTE
        start = PAGE + (inner - -(-nbytes // self.unit) * self.unit if at_end else 0)
        self.bytes = self._whole[start : start + nbytes]
        self._around = (self._whole[PAGE:start], self._whole[start + nbytes : PAGE + inner])
        first = memory.address_of(self._whole)
        protect(first, PAGE)
        protect(first + PAGE + inner, PAGE)

    def check(self, what: str) -> None:
        if any((part != memory._POISON_BYTE).any() for part in self._around):
            raise GuardError(f"{what}: written beside it")


class Aligned(Paged):
    """The same for parameters and constants."""

    unit = memory.ALIGNMENT


class Places(Paged):
    """An arena, with a protected page before and behind each place in it."""

    slots: Sequence[tuple[int, int]] = ()

    def __init__(self, nbytes: int) -> None:
        super().__init__(-(-nbytes // PAGE) * PAGE)
        self._free = np.ones(self.nbytes, bool)
        start = memory.address_of(self.bytes)
        for offset, size in self.slots:
            first, last = offset // PAGE * PAGE, -(-(offset + size) // PAGE) * PAGE
            self._free[offset : offset + size] = False
            if last < self.nbytes:
                self._free[last : last + PAGE] = False
                protect(start + last, PAGE)
            if first:
                self._free[first - PAGE : first] = False
                protect(start + first - PAGE, PAGE)

    def check(self, what: str) -> None:
        for at in range(0, self.nbytes, PAGE):
            free = self._free[at : at + PAGE]
            if free.any() and (self.bytes[at : at + PAGE][free] != memory._POISON_BYTE).any():
                raise GuardError(f"{what}: written beside the places in it")

    def high_water(self) -> int:
        return 0


def place(start: Size, size: Size) -> tuple[places.Region, Size]:
    """A place of whole pages in the arena, at their end or start, a page free behind it."""
    whole = dims.ceil_divide(size, PAGE) * PAGE
    return (start + whole - size if at_end else start, size), start + whole + PAGE


def constant(value: np.ndarray) -> np.ndarray:
    bytes_ = Aligned(value.nbytes).bytes
    bytes_[:] = np.frombuffer(value.tobytes(), np.uint8)
    return bytes_.view(value.dtype).reshape(value.shape)


def install() -> None:
    """From here on all buffers of executables with ``poison`` lie so, and all kernels are shared
    among threads."""
    changes: tuple[tuple[Any, str, Any], ...] = (
        (call, "Guarded", Paged), (state, "Guarded", Aligned), (memory, "Guarded", Places),
        (executable, "_aligned", constant), (places, "_behind", place),
        (places, "_fits", lambda size, region: bool(size == region)),
        (pool, "LEAST_SHARED", 0), (pool, "LEAST_WOKEN", 0),
    )  # fmt: skip
    for module, name, value in changes:
        if not hasattr(module, name):
            raise AttributeError(f"{module.__name__} has no {name}")
        setattr(module, name, value)


def run(cases: Sequence[Case], target: Target, fuse: bool) -> int:
    """How many calls were made."""
    made = compile_graphs([one.graph.ir for one in cases], target, name="random", fuse=fuse)
    exe = api.Executable(made, None, 3, target=target.name, poison=True)
    before = exe.state.snapshot()
    calls = 0
    for one in cases:
        entry = exe.entries[one.graph.name]
        print(f"seed {one.seed}, {target.name}, fuse={fuse}, at_end={at_end}", flush=True)
        for inputs in one.calls:
            try:
                binding = entry.binding(
                    tuple(np.shape(inputs[spec.name]) for spec in entry.entry.inputs)
                )
                Places.slots = [
                    (binding.size(s.offset), binding.size(s.bytes)) for s in entry.entry.slots
                ]
                entry(**inputs)
            except (CheckError, InputError):
                continue
            finally:
                exe.state.restore(before)
            calls += 1
    return calls


def main(first: int, last: int) -> None:
    """Seeds ``first`` to ``last``; buffers at the end and at the start of pages by turns, and one
    batch in two with what is otherwise done for large sizes only."""
    global at_end
    install()
    usual = groups.LONG, groups.WIDE, shape_products.FEWEST_ROWS
    others = other_targets()
    calls = 0
    for start in range(first, last, BATCH):
        turn = start // BATCH
        at_end = turn % 2 == 0
        large = turn // 2 % 2 == 0
        groups.LONG, groups.WIDE, shape_products.FEWEST_ROWS = (2, 1, 1) if large else usual
        steps = ACROSS_VIEWS if turn // 4 % 2 else STEPS
        cases = [case(seed, steps) for seed in range(start, min(start + BATCH, last))]
        calls += run(cases, jit.host_target(), True)
        calls += run(cases, jit.host_target(), False)
        if others:
            calls += run(cases, others[turn % len(others)], True)
    print(f"{calls} calls")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
