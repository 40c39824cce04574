"""Callbacks that set the optimizer's learning rate between epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.keras.callbacks.base import Callback, Logs
from graphc.keras.callbacks.monitor import MonitorCallback


class LearningRateScheduler(Callback):
    """Sets the learning rate to ``schedule(epoch, rate)`` before each epoch.

    ``schedule`` gets the epoch's number and the present rate (or the number alone, if that is all
    it takes) and returns a float.  The rate is in the epoch's logs as ``learning_rate``.  Raises
    ``ValueError`` where it returns something else.

    >>> from types import SimpleNamespace
    >>> model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5))
    >>> halving = LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> halving.set_model(model)
    >>> halving.on_epoch_begin(0)
    >>> model.optimizer.learning_rate
    0.25
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = _optimizer(self.model)
        rate = self._scheduled(epoch, float(optimizer.learning_rate))
        if isinstance(rate, bool) or not isinstance(rate, float | np.floating):
            raise ValueError(
                f"LearningRateScheduler: the schedule should return a float, not {rate!r}"
            )
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler sets the learning rate to {rate}.")

    def _scheduled(self, epoch: int, rate: float) -> float:
        """Tries two arguments, then one, as schedules written for either are about."""
        try:
            return self.schedule(epoch, rate)
        except TypeError:
            return self.schedule(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(_optimizer(self.model).learning_rate)


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by ``factor`` when a metric has not improved for ``patience``
    epochs; then waits ``cooldown`` epochs, and never goes below ``min_lr``.

    The rate is in the epoch's logs as ``learning_rate``.  Raises ``ValueError`` for a factor of 1
    or more.

    >>> ReduceLROnPlateau("val_loss", factor=0.2, patience=5, min_lr=0.001).in_cooldown()
    False
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor should be below 1, not {factor}")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether the rate was reduced within the last ``cooldown`` epochs."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(_optimizer(self.model).learning_rate)
        value = self._monitored(logs, "reducing the learning rate")
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        optimizer = _optimizer(self.model)
        old = float(optimizer.learning_rate)
        # A rate kept in float32 is not above a minimum that rounds to it.
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = new
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau sets the learning rate to {new}.")
        return True


def _optimizer(model: Any) -> Any:
    optimizer = getattr(model, "optimizer", None)
    if not hasattr(optimizer, "learning_rate"):
        raise ValueError("the model has no optimizer with a learning_rate; compile it first")
    return optimizer
