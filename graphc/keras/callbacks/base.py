"""What a callback may override: a method for every moment of fit, evaluate and predict.

Holds the hooks and what they are given.  Who calls them, and when, is the business of
``container`` and of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

Logs = MutableMapping[str, float]

BATCH_HOOKS = tuple(
    f"on_{mode}_batch_{moment}"
    for mode in ("train", "test", "predict")
    for moment in ("begin", "end")
)
HOOKS = (
    *(
        f"on_{mode}_{moment}"
        for mode in ("train", "test", "predict")
        for moment in ("begin", "end")
    ),
    "on_epoch_begin",
    "on_epoch_end",
    *BATCH_HOOKS,
)


class Callback:
    """Watches and steers a model at work; each hook does nothing unless a subclass says otherwise.

    ``model`` is the model at work and ``params`` has "verbose", "epochs" and "steps" (batches an
    epoch, or ``None``).  ``logs`` maps the names of metrics to numbers: averages over the epoch so
    far.  Setting ``model.stop_training = True`` ends the training after the batch.  Hooks of
    batches that no callback overrides cost nothing; one that is overridden reads the metrics after
    every batch.  An exception ends the run at once: the model keeps the weights of the last batch
    and ``model.history`` every finished epoch.

    >>> class Weather(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch}: {'sunny' if logs['loss'] < 1 else 'rain'}")
    >>> Weather().on_epoch_end(0, {"loss": 0.5})
    epoch 0: sunny
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that is fitted, evaluated or asked for predictions."""
        return getattr(self, "_model", None)

    def set_params(self, params: dict[str, Any]) -> None:
        """Told once before the run: "verbose", "epochs", "steps"."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Told once before the run."""
        self._model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch of ``fit``."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch of ``fit``, with its metrics; not after an exception."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before ``evaluate``, and before the validation at the end of an epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After ``evaluate`` or a validation, with its metrics."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before ``predict``."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After ``predict``."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before the first batch of ``epoch``, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After the last batch and the validation of ``epoch``, whose metrics start ``val_``."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for ``on_train_batch_end``."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of ``fit``; with ``steps_per_execution=n``, before every n of them."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of ``fit``; the weights are updated."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of ``evaluate`` or of a validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of ``evaluate`` or of a validation."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of ``predict``."""

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """After a batch of ``predict``; ``logs["outputs"]`` is what was predicted."""

    def _release(self) -> None:
        """Lets go of what the callback holds (a file, the terminal), however the run ended."""


def overrides(callback: Callback, hook: str) -> bool:
    """Whether ``callback`` has a ``hook`` of its own, by its class or as an attribute."""
    own = getattr(callback, hook)
    if getattr(own, "__func__", own) is not getattr(Callback, hook):
        return True
    return hook.startswith("on_train_batch") and overrides(callback, hook.replace("train_", ""))
