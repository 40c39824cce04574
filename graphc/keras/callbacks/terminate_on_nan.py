"""Ends a training whose loss is no number any more."""

from __future__ import annotations

import math

from graphc.keras.callbacks.base import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops the training after the batch that makes the loss NaN or infinite.

    With ``raise_error`` a ``RuntimeError`` ends it at once, without ``on_train_end``.  It reads the
    loss after every batch.

    >>> TerminateOnNaN(raise_error=True).on_batch_end(7, {"loss": float("nan")})
    Traceback (most recent call last):
    RuntimeError: the loss is nan after batch 7
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {float(loss)} after batch {batch}")
        print(f"Batch {batch}: the loss is {float(loss)}, terminating training")
        self.model.stop_training = True
