"""Callbacks that watch one metric: whether it has become better, and what follows from that."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from graphc.keras.callbacks.base import Callback, Logs

# Where the model's metrics do not say it themselves: what these names count is better when larger.
_LARGER_IS_BETTER = (
    "acc", "auc", "precision", "recall", "cosine_similarity", "f1", "r2", "top_k",
)  # fmt: skip
_SMALLER_IS_BETTER = (
    "loss", "error", "mse", "mae", "mape", "msle", "rmse", "crossentropy", "kl_divergence",
    "hinge", "poisson", "log_cosh", "logcosh", "huber",
)  # fmt: skip


class MonitorCallback(Callback):
    """Knows the best value of a metric so far.

    ``mode`` says which is better: "min", "max", or "auto": what the metric of that name says.
    Changes of at most ``min_delta`` are none.  ``baseline`` is the first value to beat.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            name = type(self).__name__
            warnings.warn(
                f"{name}: mode {mode!r} is not 'auto', 'min' or 'max'; taken as 'auto'",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        if self._larger_is_better():
            return bool(value - self.min_delta > reference)
        return bool(value + self.min_delta < reference)

    def _larger_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        for metric in _metrics(self.model):
            direction = getattr(metric, "_direction", None)
            if getattr(metric, "name", None) == name and direction is not None:
                return bool(direction == "up")
        if any(part in name for part in _SMALLER_IS_BETTER):
            return False
        if any(part in name for part in _LARGER_IS_BETTER):
            return True
        raise ValueError(
            f"{type(self).__name__}: whether a larger {self.monitor!r} is better cannot be told "
            f"from its name; pass mode='max' or mode='min'"
        )

    def _monitored(self, logs: Logs | None, purpose: str) -> float | None:
        """The metric's value; a warning where there is none."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(logs or {}) or "none"
            warnings.warn(
                f"{type(self).__name__}: {purpose} depends on {self.monitor!r}, which is not "
                f"measured; there are: {known}",
                stacklevel=4,
            )
            return None
        if np.ndim(value) > 0:
            raise ValueError(
                f"{type(self).__name__}: {self.monitor!r} should be one number, not an array of "
                f"shape {np.shape(value)}"
            )
        return float(value)


class EarlyStopping(MonitorCallback):
    """Ends the training when a metric has not improved for ``patience`` epochs.

    An improvement is a change by more than ``min_delta``; with ``baseline``, the wait starts anew
    only when the metric beats that too.  Epochs before ``start_from_epoch`` do not count.  With
    ``restore_best_weights`` the model ends with the weights of its best epoch.  ``stopped_epoch``
    is the epoch in which it stopped, 0 if it did not.

    >>> class Model:
    ...     stop_training = False
    >>> stopping = EarlyStopping("loss", patience=1)
    >>> stopping.set_model(Model())
    >>> stopping.on_train_begin()
    >>> for epoch, loss in enumerate([3.0, 2.0, 2.5]):
    ...     stopping.on_epoch_end(epoch, {"loss": loss})
    >>> stopping.model.stop_training, stopping.stopped_epoch
    (True, 2)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self._monitored(logs, "stopping early")
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._is_improvement(value, self.best):
            self._note_best(epoch, value)
            if self.baseline is None or self._is_improvement(value, self.baseline):
                self.wait = 0
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _note_best(self, epoch: int, value: float) -> None:
        self.best, self.best_epoch = value, epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


def _metrics(model: Any) -> list[Any]:
    """The model's metrics, those within containers of metrics too."""
    found = []
    for metric in getattr(model, "metrics", ()):
        found.extend([metric, *getattr(metric, "metrics", ())])
    return found
