"""What may watch and steer a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.trainer import Trainer


class Callback:
    """Called by ``Trainer.fit``; each method does nothing unless a subclass says otherwise.

    ``metrics`` are averages over the epoch's samples so far.  Setting ``trainer.stop = True`` ends
    the training after the step.  An exception ends it at once, with the state of the last step.
    """

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        """Before the first batch of ``epoch`` (counted from 0)."""

    def on_batch_end(self, trainer: Trainer, step: int, metrics: Mapping[str, float]) -> None:
        """After the batch number ``step`` of the epoch; the parameters are updated."""

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: Mapping[str, float]) -> None:
        """After the last batch and the validation; ``metrics`` are the epoch's."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """At the end, whatever the reason."""
