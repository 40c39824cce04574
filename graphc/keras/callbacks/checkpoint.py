"""Saving the model while it trains, so that neither a crash nor a full disk loses the last one."""

from __future__ import annotations

import os
from pathlib import Path

from graphc.keras.callbacks.base import Logs
from graphc.keras.callbacks.monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch or every ``save_freq`` batches.

    ``filepath`` ends in ``.keras`` (or in ``.weights.h5`` or ``.safetensors`` with
    ``save_weights_only``) and may hold ``{epoch}``, counted from 1, and the names of metrics, as in
    ``"best-{epoch:02d}-{val_loss:.2f}.keras"``.  With ``save_best_only`` it saves only when
    ``monitor`` has improved, from ``initial_value_threshold`` on.  A file is replaced as a whole:
    whatever interrupts the saving, the one before survives.

    Raises ``ValueError`` for another ending or ``save_freq``, ``KeyError`` for a name in the path
    that is not measured, ``OSError`` where it cannot be written.

    >>> ModelCheckpoint("best.keras", save_best_only=True).monitor
    'val_loss'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._epoch = 0
        self._batches = 0
        self._last_batch = -1
        _check(self.filepath, save_weights_only, save_freq)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            return
        # Several batches at once count as such.
        self._batches += batch - self._last_batch
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save({"batch": batch + 1, **(logs or {})}, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._epoch = epoch
            self._save(dict(logs or {}), logs)

    def _save(self, names: dict[str, float], logs: Logs | None) -> None:
        path = self._path(names)
        if not self._wanted(path, logs):
            return
        if Path(path).is_dir():
            raise IsADirectoryError(
                f"ModelCheckpoint: {path} is a directory, not a file to save to"
            )
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        self._say(f"saved {path}")

    def _wanted(self, path: str, logs: Logs | None) -> bool:
        if not self.save_best_only:
            return True
        value = self._monitored(logs, "saving the best model")
        if value is None:
            return True
        known = "none so far" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(value, self.best):
            self._say(f"{self.monitor} {value:.5f} is no improvement on {known}")
            return False
        self._say(f"{self.monitor} improved from {known} to {value:.5f}, saving {path}")
        self.best = value
        return True

    def _path(self, names: dict[str, float]) -> str:
        try:
            return self.filepath.format(**{**names, "epoch": self._epoch + 1})
        except KeyError as error:
            known = ", ".join(["epoch", *names])
            raise KeyError(
                f"ModelCheckpoint: {self.filepath!r} names {error}; there are: {known}"
            ) from error

    def _say(self, what: str) -> None:
        if self.verbose > 0:
            print(f"\nEpoch {self._epoch + 1}: {what}")


def _check(path: str, weights_only: bool, save_freq: str | int) -> None:
    if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
        raise ValueError(
            f"ModelCheckpoint: save_freq should be 'epoch' or a number of batches, not "
            f"{save_freq!r}"
        )
    endings = (".weights.h5", ".safetensors") if weights_only else (".keras",)
    if not path.endswith(endings):
        what = "weights" if weights_only else "a whole model"
        raise ValueError(
            f"ModelCheckpoint: a file of {what} ends in {' or '.join(endings)}, not as {path!r} "
            f"does"
        )
