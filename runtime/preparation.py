"""The native code that every program needs, compiled while another thread compiles the program.

LLVM works without Python's lock, and passes over graphs need nothing else; with one core nothing is
lost.  What fails here fails again, and is reported, where the code is used.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runtime import gathering, native_call, pool

_one = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child has no helper that would let go of what it holds
    os.register_at_fork(
        before=_one.acquire, after_in_parent=_one.release, after_in_child=_one.release
    )


def begin(threads: int | None) -> None:
    """Start to load LLVM and to compile these, and what fetches batches: there will be a program
    that trains soon, and the caller has other things to do until then.  The interpreter's exit
    waits for the end."""
    threading.Thread(target=_prepare, args=(threads, gathering.link)).start()


@contextmanager
def meanwhile(threads: int | None) -> Iterator[None]:
    """While the body runs, compile the path of calls, and the workers where a program is to use
    more than one of ``threads``; all of it is done at the end."""
    helper = threading.Thread(target=_prepare, args=(threads,), daemon=True)
    helper.start()
    try:
        yield
    finally:
        helper.join()


def _prepare(threads: int | None, *others: Callable[[], object]) -> None:
    with _one:
        try:
            native_call.link()
            pool.team(pool.thread_count(threads))
            for link in others:
                link()
        except Exception:
            return
