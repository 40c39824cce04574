"""Showing a training as it runs: a bar on a terminal, a line for each epoch anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from runtime.bar import Bar
from runtime.callbacks import Callback

if TYPE_CHECKING:
    from runtime.trainer import Trainer


class Progress(Callback):
    """A line for each epoch, and on a terminal a bar for the running one.

    ``stream`` is standard output unless given.  Uses rich where it is installed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._bar = Bar(stream)

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        if trainer.run is not None:
            label = _epoch_label(trainer, epoch)
            self._bar.start(label, len(trainer.run.batches), trainer.step)

    def on_batch_end(self, trainer: Trainer, step: int, metrics: Mapping[str, float]) -> None:
        if self._bar.is_due:
            self._bar.update(step + 1, format_metrics(metrics))

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: Mapping[str, float]) -> None:
        history = trainer.history
        rate = history.samples[-1] / max(history.seconds[-1], 1e-9)
        self._bar.print(
            f"{_epoch_label(trainer, epoch)}  {format_metrics(metrics)}  {rate:,.0f} samples/s"
        )

    def on_fit_end(self, trainer: Trainer) -> None:
        self._bar.stop()


def format_metrics(metrics: Mapping[str, float]) -> str:
    """
    >>> format_metrics({"loss": 0.25, "accuracy": 0.93125})
    'loss 0.2500  accuracy 0.9313'
    """
    return "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def _epoch_label(trainer: Trainer, epoch: int) -> str:
    last = trainer.run.last_epoch if trainer.run is not None else epoch + 1
    return f"epoch {epoch + 1:{len(str(last))}}/{last}"
