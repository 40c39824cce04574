"""Keras' progress bar: on a terminal a bar that is redrawn, anywhere else one line at the end."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Any

import numpy as np

from runtime.bar import SECONDS_BETWEEN_UPDATES, Bar


class Progbar:
    """Shows ``target`` steps (``None`` where the number is unknown) with averages of values.

    ``verbose`` is 0 for nothing, 1 for a bar on a terminal and a line at the end, 2 for the line
    alone.  Values are averaged over the steps, except those named in ``stateful_metrics`` (or, with
    ``stateless_metrics``, all but those).  ``interval`` is the least number of seconds between two
    pictures, ``label`` stands before the steps.  ``width`` is taken for Keras' sake; the terminal
    decides.

    >>> bar = Progbar(2, label="Epoch 1/1")
    >>> bar.update(1, [("loss", 4.0)])
    >>> bar.update(2, [("loss", 2.0)])              # doctest: +ELLIPSIS
    Epoch 1/1 - 2/2 - ... - loss: 2.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = SECONDS_BETWEEN_UPDATES,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
        label: str = "",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar: give stateful_metrics or stateless_metrics, not both")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.label = label
        self._stateful = None if stateful_metrics is None else set(stateful_metrics)
        self._stateless = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = 0
        self._started = perf_counter()
        self._first: tuple[float, int] | None = None
        self._steps_ended: float | None = None
        self._shown = 0.0
        self._bar = Bar()
        if verbose == 1:
            self._bar.start(label, target)

    @property
    def is_due(self) -> bool:
        """Whether an update would be seen now, or is the first."""
        if self._first is None:
            return True
        return self._bar.is_due and perf_counter() - self._shown >= self.interval

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Notes that ``current`` steps are done, with ``values``: pairs of a name and a number.

        The last update, when the target is reached or ``finalize`` is true, shows the values given
        with it as they are.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._take(name, float(np.mean(value)), max(current - self._seen, 1), finalize)
        self._seen = current
        now = perf_counter()
        if self._first is None and current > 0:
            self._first = now, current
        if finalize:
            self._finish(current)
        elif self.verbose == 1 and self._bar.is_due and now - self._shown >= self.interval:
            self._shown = now
            shown = [self._step_time(current), *self._averages()]
            self._bar.update(current, " - ".join(shown))

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Notes ``n`` more steps."""
        self.update(self._seen + n, values)

    def end_steps(self) -> None:
        """Says that the steps are done, and that what follows (a validation) is not their time."""
        self._steps_ended = perf_counter()
        if self.target is not None:
            self._bar.update(self.target, " - ".join([self._step_time(self.target), "validating"]))

    def stop(self) -> None:
        """Takes the bar away without a last line, as after an error."""
        self._bar.stop()

    def _take(self, name: str, value: float, steps: int, last: bool) -> None:
        if self._stateful is not None:
            averaged = name not in self._stateful
        else:
            averaged = self._stateless is None or name in self._stateless
        total, count = self._sums.get(name, (0.0, 0)) if averaged and not last else (0.0, 0)
        steps = steps if averaged and not last else 1
        self._sums[name] = (total + value * steps, count + steps)

    def _finish(self, current: int) -> None:
        if self.verbose:
            steps = f"{current}/{self.target if self.target is not None else current}"
            seconds = f"{perf_counter() - self._started:.0f}s"
            parts = [self.label, steps, seconds, self._step_time(current), *self._averages()]
            self._bar.print(" - ".join(part for part in parts if part))
        self._bar.stop()

    def _averages(self) -> list[str]:
        return [
            f"{name}: {_number(total / max(count, 1))}"
            for name, (total, count) in self._sums.items()
        ]

    def _step_time(self, current: int) -> str:
        """The mean time of a step; the first, which compiles, counts only while it is alone."""
        since, before = self._started, 0
        if self._first is not None and self._first[1] < current:
            since, before = self._first
        seconds = ((self._steps_ended or perf_counter()) - since) / max(current - before, 1)
        return f"{_duration(seconds)}/{self.unit_name}"


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
