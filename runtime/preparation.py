"""Native code that every program needs, made beside what its user waits for: the path of calls
without Python code, the workers, what fetches batches; and the parts of a program that are written.

LLVM works without Python's lock, and passes over graphs need nothing else.  The first call of a
program does not wait for what only later ones gain from: see ``Help``.  What fails here fails
again, and is reported, where the code is used.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from runtime import native_call, pool, processor
from runtime.target import Target

_SWITCH_SECONDS = 1e-4
_LONG_SECONDS = 0.1  # about twice what the workers may take to be compiled
_one = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child has no helper that would let go of what it holds
    os.register_at_fork(
        before=_one.acquire, after_in_parent=_one.release, after_in_child=_one.release
    )


def begin(threads: int | None, *, batches: bool = False) -> None:
    """Start to load LLVM and to compile these, and what fetches ``batches``: there will be a
    program soon, and the caller has other things to do until then.  The interpreter's exit waits
    for the end."""
    steps = [_load, *_links(threads)]
    if batches:
        from runtime import gathering

        steps.append(gathering.link)
    _start(*steps)


def begin_to_compile(threads: int | None) -> None:
    """As ``begin``, but what the first result does not need only where a processor is free."""
    _start(_load, *(_links(threads) if processor.count() > 1 else ()))


@contextmanager
def meanwhile(threads: int | None, target: Target) -> Iterator[Callable[[str], None]]:
    """Begin to compile what calls need; it may be done after the body.  That may call what it gets
    with parts of the program's text for ``target``, which ``jit.compile`` will find."""
    from runtime import jit

    engine = jit.engine()
    begin_to_compile(threads)
    try:
        with in_a_hurry():
            engine.forget()
            yield lambda text: engine.start(text, target)
    except BaseException:
        engine.forget()
        raise


class Help:
    """What the calls of one program are helped by: the path without Python code, and workers.

    The first call gets none where it is not compiled yet, unless it is so long that it is worth
    waiting for; the next call waits for it.  ``team`` is the word of a frame, as ``pool.team``
    gives it, and stays when ``is_there``.
    """

    def __init__(self, threads: int) -> None:
        self.team = 0
        self.is_there = False
        self._threads = threads
        self._was_called = False
        if native_call.link.is_made and (threads == 1 or pool.is_linked()):
            self._wait()

    def before_call(self, seconds: float) -> None:
        """A call is about to be made, which takes so long by one thread alone."""
        if self._was_called or (self._threads > 1 and seconds > _LONG_SECONDS):
            self._wait()

    def after_call(self) -> None:
        """A call was made."""
        if not self._was_called:
            self._was_called = True
            if processor.count() > 1:
                _start(*_links(self._threads))

    def _wait(self) -> None:
        native_call.link()
        self.team = pool.team(self._threads)
        self.is_there = True


class _Hurry:
    """How many compilations want Python to change threads often, and how it was before."""

    lock = threading.Lock()
    users = 0
    before = 0.0


@contextmanager
def in_a_hurry() -> Iterator[None]:
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


def _load() -> None:
    """LLVM, and what it calls this machine."""
    from runtime import jit, llvm

    llvm.load()
    jit.host_target()


def _links(threads: int | None) -> tuple[Callable[[], object], ...]:
    return native_call.link, lambda: pool.team(pool.thread_count(threads))


def _start(*steps: Callable[[], object]) -> None:
    helper = threading.Thread(target=_take, args=steps)
    with suppress(RuntimeError):  # the system gives no more threads: later calls do it themselves
        helper.start()


def _take(*steps: Callable[[], object]) -> None:
    with _one:
        try:
            for step in steps:
                step()
        except Exception:
            return
