"""The record of a training: the metrics of every finished epoch."""

from __future__ import annotations

from typing import Any

from graphc.keras.callbacks.base import Callback, Logs


class History(Callback):
    """What ``fit`` returns: ``history["loss"]`` is the list of losses by epoch, ``epoch`` the
    numbers of those epochs.

    It is the model's ``history`` from the beginning of the training, so that an interrupted or
    failed one leaves the epochs done there.

    >>> record = History()
    >>> record.on_train_begin()
    >>> record.on_epoch_end(0, {"loss": 0.5})
    >>> record.on_epoch_end(1, {"loss": 0.25})
    >>> record.history, record.epoch
    ({'loss': [0.5, 0.25]}, [0, 1])
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        model.history = self

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        return f"<History: {len(self.epoch)} epochs of {', '.join(self.history) or 'nothing'}>"
