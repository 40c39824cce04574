"""Shows ``fit``, ``evaluate`` and ``predict`` as they run."""

from __future__ import annotations

from typing import Any

from graphc.keras.callbacks.base import Callback, Logs
from graphc.keras.utils.progbar import Progbar


class ProgbarLogger(Callback):
    """A bar for each epoch, with running metrics, the time of a step and the time that remains, and
    one line when it is done; in a log file or a notebook the lines alone.

    ``fit`` adds it by itself; ``verbose`` (0: nothing, 1 and "auto": bar and line, 2: line) says
    what it shows.  A validation within ``fit`` is silent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.verbose = 1
        self.epochs = 1
        self.target: int | None = None
        self._bar: Progbar | None = None
        self._in_fit = False
        self._seen = 0

    def is_due(self) -> bool:
        """Whether the bar would be redrawn now; if not, nobody need read the metrics for it."""
        return self._bar is not None and (self._bar.target is None or self._bar.is_due)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._release()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        width = len(str(self.epochs))
        self._start(f"Epoch {epoch + 1:{width}}/{self.epochs}" if self.epochs > 1 else "")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._start("")
        elif self._bar is not None:
            self._bar.end_steps()

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._start("")

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish(None)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._update(batch, None)

    def _release(self) -> None:
        """Gives the terminal back."""
        self._in_fit = False
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _start(self, label: str) -> None:
        self._seen = 0
        self._bar = Progbar(
            self.target, verbose=self.verbose, stateless_metrics=(), label=label
        )  # fmt: skip

    def _update(self, batch: int, logs: Logs | None) -> None:
        self._seen = batch + 1
        if self._bar is not None:
            self._bar.update(self._seen, (logs or {}).items(), finalize=False)

    def _finish(self, logs: Logs | None) -> None:
        if self._bar is None:
            return
        if self.target is None:
            self.target = self._seen
        self._bar.update(self.target, (logs or {}).items(), finalize=True)
        self._bar = None
