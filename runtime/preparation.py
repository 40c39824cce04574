"""Native code that is made while a program is compiled: what every program needs, and the parts of
this one that are written.

LLVM works without Python's lock, and passes over graphs need nothing else; with one core nothing is
lost.  What fails here fails again, and is reported, where the code is used.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runtime import gathering, native_call, pool
from runtime.target import Target

_SWITCH_SECONDS = 1e-4
_one = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child has no helper that would let go of what it holds
    os.register_at_fork(
        before=_one.acquire, after_in_parent=_one.release, after_in_child=_one.release
    )


def begin(threads: int | None) -> None:
    """Start to load LLVM and to compile these, and what fetches batches: there will be a program
    that trains soon, and the caller has other things to do until then.  The interpreter's exit
    waits for the end."""
    _beside(threads, gathering.link)


@contextmanager
def meanwhile(threads: int | None, target: Target) -> Iterator[Callable[[str], None]]:
    """While the body runs, compile the path of calls, and the workers where a program is to use
    more than one of ``threads``; all of it is done at the end.  The body may call what it gets with
    parts of the program's text for ``target``, which ``jit.compile`` will find."""
    from runtime import jit

    engine = jit.engine()
    finish = _beside(threads)
    try:
        with _in_a_hurry():
            engine.forget()
            yield lambda text: engine.start(text, target)
    except BaseException:
        engine.forget()
        raise
    finally:
        finish()


class _Hurry:
    """How many compilations want Python to change threads often, and how it was before."""

    lock = threading.Lock()
    users = 0
    before = 0.0


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    """Threads that wait for Python's lock get it soon: LLVM is called a few times for a module, and
    after each the thread waits for it."""
    with _Hurry.lock:
        if not _Hurry.users:
            _Hurry.before = sys.getswitchinterval()
            sys.setswitchinterval(min(_SWITCH_SECONDS, _Hurry.before))
        _Hurry.users += 1
    try:
        yield
    finally:
        with _Hurry.lock:
            _Hurry.users -= 1
            if not _Hurry.users:
                sys.setswitchinterval(_Hurry.before)


def _beside(threads: int | None, *others: Callable[[], object]) -> Callable[[], None]:
    """Prepare while the caller goes on; what is returned comes back when it is done."""
    helper = threading.Thread(target=_prepare, args=(threads, *others))
    try:
        helper.start()
    except RuntimeError:  # the system gives no more
        return lambda: _prepare(threads, *others)
    return helper.join


def _prepare(threads: int | None, *others: Callable[[], object]) -> None:
    with _one:
        try:
            native_call.link()
            pool.team(pool.thread_count(threads))
            for link in others:
                link()
        except Exception:
            return
