"""Machine code of modules, made by several threads, also before somebody asks for it.

LLVM works without Python's lock: while passes over graphs run, threads compile what is written
already.  What was started is kept until it is asked for or forgotten.  Knows texts and object
files; how one becomes the other is said by whoever makes an ``Emission``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from runtime import object_cache, processor
from runtime.target import Target

Emit = Callable[[str, Target], bytes]


class _Task:
    """A module to be compiled; when ``done``, there is an ``image`` or an ``error``."""

    def __init__(self, text: str, target: Target) -> None:
        self._text = text
        self._target = target
        self.key = object_cache.key(text, processor.compiler(), target)
        self.size = len(text)
        self.image: bytes | None = None
        self.error: Exception | None = None
        self.was_kept = False
        self.done = threading.Event()

    def run(self, emit: Emit) -> None:
        try:
            kept = object_cache.load(self.key)
            if kept is not None:
                (self.image,) = kept
                self.was_kept = True
                return
            self.image = emit(self._text, self._target)
            object_cache.store(self.key, [self.image])
        except Exception as error:
            self.error = error
        finally:
            self.done.set()

    def result(self) -> bytes:
        self.done.wait()
        if self.error is not None:
            raise self.error
        if self.image is None:
            raise RuntimeError("the compilation was interrupted")
        return self.image


class Emission:
    """The threads, which end when nothing is left to do, and what was started."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """As in a new process: the child of a fork has none of the threads."""
        self._lock = threading.Lock()
        self._left: list[_Task] = []
        self._started: dict[str, _Task] = {}
        self._workers = 0

    def start(self, text: str, target: Target) -> None:
        """Begin to compile ``text``, for which ``images`` will be asked."""
        task = _Task(text, target)
        with self._lock:
            self._started[task.key] = task
        self._add([task], 1)

    def forget(self) -> None:
        """Nobody will ask for what was started."""
        with self._lock:
            unwanted = set(self._started.values())
            self._left = [task for task in self._left if task not in unwanted]
            self._started.clear()

    def images(self, texts: Sequence[str], target: Target) -> tuple[list[bytes], bool]:
        """The object files of ``texts``, and whether any was not kept on disk.  This thread works
        on them too.  Raises the first error of ``emit``."""
        new = [_Task(text, target) for text in texts]
        with self._lock:
            tasks = [self._started.pop(task.key, task) for task in new]
        fresh = set(new)
        own = [task for task in tasks if task in fresh]
        self._add(own, len(own) - 1)
        while (task := self._next()) is not None:
            task.run(self._emit)
        images = [task.result() for task in tasks]
        return images, not all(task.was_kept for task in tasks)

    def _add(self, tasks: Sequence[_Task], helpers: int) -> None:
        """Have ``tasks`` run by so many more threads while there are processors beside that of the
        caller."""
        with self._lock:
            self._left += tasks
            started = max(min(helpers, processor.count() - 1 - self._workers), 0)
            self._workers += started
        for number in range(started):
            # Daemons only where the caller is one: the process must not end while one is within
            # LLVM, but must end though a daemon goes on compiling.
            try:
                threading.Thread(target=self._work).start()
            except RuntimeError:  # the system gives no more: those that are there do it
                with self._lock:
                    self._workers -= started - number
                return

    def _next(self, *, ends: bool = False) -> _Task | None:
        """The longest that is left: nobody should be at work on it when all others are done.  Where
        there is none, a worker ``ends``."""
        with self._lock:
            task = max(self._left, key=lambda task: task.size, default=None)
            if task is not None:
                self._left.remove(task)
            elif ends:
                self._workers -= 1
            return task

    def _work(self) -> None:
        while (task := self._next(ends=True)) is not None:
            task.run(self._emit)
