"""The process's worker threads: how many a program uses, and the native pool that they are in.

One pool for the whole process, started by the first region of work that is large enough for it.
Its text is in ``runtime/native``; it is linked once and never unloaded, since its threads live as
long as the process.  Results never depend on it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Callable
from functools import cache
from time import perf_counter

import numpy as np

from runtime import native, processor
from runtime.memory import address_of
from runtime.once import Once

MOST_THREADS = 256
LEAST_SHARED = 5_000_000  # picoseconds of work: a region of two threads costs about a tenth of it
LEAST_WOKEN = 20_000_000  # waking a thread costs 3 microseconds here, and 30 until it is there
VARIABLE = "GRAPHC_NUM_THREADS"
_PROCESSORS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_SPIN_SECONDS = 100e-6  # how long a worker looks for work before it sleeps
_LOOKS = 500  # looks that are timed to find out how many those are


def thread_count(threads: int | None = None) -> int:
    """How many threads ``threads`` means: ``None`` is $GRAPHC_NUM_THREADS, and where that is not
    set, the processors this process may run on.

    Raises ``ValueError`` for what is no int of at least 1.

    >>> thread_count(2)
    2
    """
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads should be an int of at least 1, not {threads!r}")
        return threads
    asked = os.environ.get(VARIABLE, "").strip()
    if not asked:
        return processor.count()
    if not asked.isdecimal() or int(asked) < 1:
        raise ValueError(f"{VARIABLE} should be an int of at least 1, not {asked!r}")
    return int(asked)


def team(threads: int) -> int:
    """The address to put into the pool word of a frame: null for one thread, or where the system
    has no threads of the kind that the pool is made of."""
    if threads == 1 or os.name != "posix":
        return 0
    return address_of(_team(min(threads, MOST_THREADS), LEAST_SHARED, LEAST_WOKEN))


def is_linked() -> bool:
    """Whether ``team`` has nothing left to compile."""
    return _pool.is_made or os.name != "posix"


@cache
def _team(threads: int, least_shared: int, least_woken: int) -> np.ndarray:
    """The words of a team, as ``runtime.program`` says."""
    return np.array([Pool.get().run, threads, least_shared, least_woken], np.int64)


class Pool:
    """The linked pool; a process has one, ``get()``, made when it is first needed."""

    def __init__(self, waiting: str | None = None) -> None:
        from runtime import jit

        library = jit.compile(text(waiting))
        library.keep()
        function = ctypes.CFUNCTYPE
        self.run = library.address("graphc.pool.run")
        self.reset = function(None)(library.address("graphc.pool.reset"))
        self.workers = function(ctypes.c_int64)(library.address("graphc.pool.workers"))
        self.sleepers = function(ctypes.c_int64)(library.address("graphc.pool.sleepers"))
        self.regions = function(ctypes.c_int64)(library.address("graphc.pool.regions"))
        configure = function(None, ctypes.c_int64, ctypes.c_int32)
        spin = function(None, ctypes.c_int64)(library.address("graphc.pool.spin"))
        mask = getattr(signal, "SIG_SETMASK", -1)
        configure(library.address("graphc.pool.configure"))(_spins(spin), mask)
        os.register_at_fork(after_in_child=self.reset)

    @staticmethod
    def get() -> Pool:
        """The process's pool."""
        return _pool()


@Once
def _pool() -> Pool:
    return Pool()


def _spins(spin: Callable[[int], None]) -> int:
    """How often a worker looks for work before it sleeps, on this processor."""
    fastest = 1.0
    for _ in range(3):
        started = perf_counter()
        spin(_LOOKS)
        fastest = min(fastest, perf_counter() - started)
    return max(100, int(_SPIN_SECONDS / fastest * _LOOKS))


def processor_name() -> str:
    """Which of the texts beside the pool's is for this machine."""
    return _PROCESSORS.get(platform.machine().lower(), "generic")


def text(waiting: str | None = None, processor: str | None = None) -> str:
    """The pool's module; ``waiting`` is ``futex`` or ``mutex``, ``processor`` x86_64, aarch64 or
    generic: unless given, what this machine has."""
    processor = processor or processor_name()
    linux = sys.platform.startswith("linux") and processor != "generic"
    names = ("pool", f"wait_{waiting or ('futex' if linux else 'mutex')}", processor)
    return "\n".join(native.text(f"{name}.ll") for name in names)
