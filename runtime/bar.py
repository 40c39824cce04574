"""A bar on a terminal for work that has steps, by rich; on anything else it shows nothing."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from time import perf_counter
from typing import Any, TextIO

SECONDS_BETWEEN_UPDATES = 0.1


class Bar:
    """A line with a bar, the steps done, the time that remains and a text.

    ``stream`` is standard output unless given.  The bar is redrawn by ``update`` only, so that no
    thread of its own competes with the work.  Lines are printed above it, and it leaves no trace.

    >>> bar = Bar()
    >>> bar.start("epoch 1/2", total=10)
    >>> bar.update(3, "loss 0.5000")
    >>> bar.print("epoch 1/2  loss 0.4000")
    epoch 1/2  loss 0.4000
    >>> bar.stop()
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream
        self._rich: Any = None
        self._task: Any = None
        self._shown = 0.0

    @property
    def is_due(self) -> bool:
        """Whether there is a bar and its last update is some time ago."""
        return self._rich is not None and perf_counter() - self._shown >= SECONDS_BETWEEN_UPDATES

    def start(self, label: str, total: int | None, done: int = 0) -> None:
        """Shows a bar of ``total`` steps, if known; one that is there is replaced."""
        stream = self.stream or sys.stdout
        if not stream.isatty() or find_spec("rich") is None:
            return
        if self._rich is None:
            self._rich = _rich_bar(stream)
            self._rich.start()
        self._end_task()
        self._task = self._rich.add_task(label, total=total, completed=done, text="")
        self._shown = perf_counter()

    def update(self, done: int, text: str = "") -> None:
        """Redraws it with ``done`` steps."""
        if self._task is None:
            return
        self._shown = perf_counter()
        self._rich.update(self._task, completed=done, text=text, refresh=True)

    def print(self, line: str) -> None:
        """Prints ``line`` and takes the bar away until the next ``start``."""
        if self._rich is None:
            print(line, file=self.stream or sys.stdout, flush=True)
            return
        self._end_task()
        self._rich.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def stop(self) -> None:
        """Takes the bar away and gives the terminal back."""
        if self._rich is not None:
            self._rich.stop()
            self._rich = self._task = None

    def _end_task(self) -> None:
        if self._task is not None:
            self._rich.remove_task(self._task)
            self._task = None


def _rich_bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=Console(file=stream),
        transient=True,
        auto_refresh=False,
    )
