"""Showing a training as it runs: a bar by rich on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any, TextIO

from runtime.callbacks import Callback

if TYPE_CHECKING:
    from runtime.trainer import Trainer

_SECONDS_BETWEEN_UPDATES = 0.1


class Progress(Callback):
    """A line for each epoch, and on a terminal a bar for the running one.

    ``stream`` is standard output unless given.  Uses rich where it is installed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream
        self._bar: Any = None
        self._task: Any = None
        self._shown = 0.0

    def on_fit_begin(self, trainer: Trainer) -> None:
        stream = self.stream or sys.stdout
        if stream.isatty() and find_spec("rich") is not None:
            self._bar = _rich_bar(stream)
            self._bar.start()

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        if self._bar is None or trainer.run is None:
            return
        label = _epoch_label(trainer, epoch)
        self._task = self._bar.add_task(
            label, total=len(trainer.run.batches), completed=trainer.step, metrics=""
        )

    def on_batch_end(self, trainer: Trainer, step: int, metrics: Mapping[str, float]) -> None:
        if self._bar is None or perf_counter() - self._shown < _SECONDS_BETWEEN_UPDATES:
            return
        self._shown = perf_counter()
        self._bar.update(self._task, completed=step + 1, metrics=format_metrics(metrics))

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: Mapping[str, float]) -> None:
        history = trainer.history
        rate = history.samples[-1] / max(history.seconds[-1], 1e-9)
        line = f"{_epoch_label(trainer, epoch)}  {format_metrics(metrics)}  {rate:,.0f} samples/s"
        if self._bar is None:
            print(line, file=self.stream or sys.stdout, flush=True)
            return
        self._bar.remove_task(self._task)
        self._bar.console.print(line, highlight=False, markup=False)

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def format_metrics(metrics: Mapping[str, float]) -> str:
    """
    >>> format_metrics({"loss": 0.25, "accuracy": 0.93125})
    'loss 0.2500  accuracy 0.9313'
    """
    return "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def _epoch_label(trainer: Trainer, epoch: int) -> str:
    last = trainer.run.last_epoch if trainer.run is not None else epoch + 1
    return f"epoch {epoch + 1:{len(str(last))}}/{last}"


def _rich_bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[metrics]}"),
        console=Console(file=stream),
        transient=True,
    )
