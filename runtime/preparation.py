"""The native code that every program needs, compiled while another thread compiles the program.

LLVM works without Python's lock, and passes over graphs need nothing else; with one core nothing is
lost.  What fails here fails again, and is reported, where the code is used.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runtime import native_call, pool

_one = threading.Lock()


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


def _prepare(threads: int | None) -> None:
    with _one:
        try:
            native_call.link()
            pool.team(pool.thread_count(threads))
        except Exception:
            return
