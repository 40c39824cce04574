"""The loop of ``fit``: epochs of steps, with validation, callbacks and interruption."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from graphc.keras.callbacks.container import CallbackList
from graphc.keras.models import checking
from graphc.keras.models.feeding import Feed, Rows, Stream
from runtime.interruption import DeferredInterrupt

Batch = tuple[Feed, list[np.ndarray]]


class Epochs:
    """One ``fit`` of ``model`` on ``source``; ``validation`` is data, steps and how often."""

    def __init__(
        self,
        model: Any,
        source: Rows | Stream,
        steps: int | None,
        told: CallbackList,
        interrupt: DeferredInterrupt,
    ) -> None:
        self.model, self.source, self.steps = model, source, steps
        self.told, self.interrupt = told, interrupt
        self.validation: tuple[Any, int | None, Any] = (None, None, 1)
        self._running: Iterator[Batch] | None = None
        self._exhausted = False
        self._checked: set[Any] = set()

    def run(self, first: int, last: int) -> None:
        """The epochs from ``first`` to before ``last``, or until something stops them."""
        model, told = self.model, self.told
        logs: dict[str, Any] = {}
        told.on_train_begin()
        for epoch in range(first, last):
            model.reset_metrics()
            told.on_epoch_begin(epoch)
            done = self._train(epoch)
            if self.interrupt.pending:
                break
            if not done:
                break
            logs = model.get_metrics_result()
            checking.loss_is_number(model, logs, self.source)
            logs = dict(sorted({**logs, **self._validate(epoch)}.items()))
            told.on_epoch_end(epoch, logs)
            if model.stop_training or self.interrupt.pending or self._exhausted:
                break
        if not self.interrupt.pending:  # the weights stay those of the last step, as in Keras
            told.on_train_end(logs)

    def _train(self, epoch: int) -> int:
        """The steps of one epoch; how many there were."""
        told, model, interrupt = self.told, self.model, self.interrupt
        begin, end = told.wants("on_train_batch_begin"), told.wants("on_train_batch_end")
        every, read = model.steps_per_execution, model.get_metrics_result
        # Of all rows there is one entry, and it comes first: the workers, which fetch the batches,
        # are compiled beside it.
        known = self.source.feed if isinstance(self.source, Rows) else None
        entry = None if known is None else model._steps.entry("train", known)
        done = 0
        for step, (feed, arrays) in enumerate(self._batches(epoch)):
            if entry is None or feed is not known:
                entry = model._steps.entry("train", feed)
            if begin and step % every == 0:
                told.on_train_batch_begin(step, {})
            model.run_step("train", entry, arrays)
            done = step + 1
            if end and done % every == 0:
                told.on_train_batch_end(step, read)
            if interrupt.pending or model.stop_training:
                break
        return done

    def _batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch: all of the data, or the number asked for, going on where the
        epoch before ended."""
        if self.steps is None and self.source.finite:
            yield from self.source.epoch(epoch)
            return
        for step in range(self.steps or 2**62):
            batch = self._next(epoch)
            if batch is None:
                self._exhausted = True
                if self.steps is not None:
                    warnings.warn(
                        f"the data ended after {step} of the {self.steps} steps of epoch "
                        f"{epoch + 1}: a generator must give steps_per_epoch * epochs batches",
                        stacklevel=5,
                    )
                return
            yield batch

    def _next(self, epoch: int) -> Batch | None:
        if self._running is None:
            self._running = self.source.epoch(epoch)
        batch = next(self._running, None)
        if batch is None and self.source.finite:
            self._running = self.source.epoch(epoch)
            batch = next(self._running, None)
        return batch

    def _validate(self, epoch: int) -> dict[str, Any]:
        source, steps, often = self.validation
        due = (epoch + 1) % often == 0 if isinstance(often, int) else epoch + 1 in often
        if source is None or not due:
            return {}
        try:
            logs = self.model._evaluate(source, steps, self.told)
        except ValueError as error:
            error.add_note(
                f"raised for validation_data, after the steps of epoch {epoch + 1}; the weights "
                f"are those of its last step"
            )
            raise
        return {f"val_{name}": value for name, value in logs.items()}
