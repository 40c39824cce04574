"""Calls a list of callbacks as one, and only those that listen.

``fit``, ``evaluate`` and ``predict`` call its hooks.  Metrics may be handed over as a function that
reads them: it is called only where somebody wants to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from graphc.keras.callbacks.base import HOOKS, Callback, Logs, overrides
from graphc.keras.callbacks.history import History
from graphc.keras.callbacks.progbar_logger import ProgbarLogger

LogsOrReader = Logs | Callable[[], Logs] | None


class CallbackList(Callback):
    """The callbacks of a run, called together in the order of the list.

    ``add_history`` and ``add_progbar`` append a ``History`` and a ``ProgbarLogger`` unless there is
    one; ``params`` go to ``set_params``.  A loop of one's own calls it so::

        with CallbackList(callbacks, add_history=True, model=model, epochs=2, steps=10) as told:
            told.on_train_begin()
            for epoch in range(2):
                told.on_epoch_begin(epoch)
                for step in range(10):
                    ...
                    told.on_train_batch_end(step, read_metrics)
                told.on_epoch_end(epoch, read_metrics())
            told.on_train_end()

    Leaving the ``with`` releases files and the terminal, also after an error.  Raises ``TypeError``
    for something that is no ``Callback``.

    >>> told = CallbackList([History()])
    >>> told.wants("on_train_batch_end"), told.wants("on_epoch_end")
    (False, True)
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Any] | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks = list(_flat(callbacks))
        if add_history and not any(isinstance(one, History) for one in self.callbacks):
            self.callbacks.append(History())
        if add_progbar and not any(isinstance(one, ProgbarLogger) for one in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self._find_listeners()
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Adds one more at the end."""
        self.callbacks.extend(_flat(callback))
        self._find_listeners()

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)
        self._find_listeners()

    def wants(self, hook: str) -> bool:
        """Whether any callback overrides ``hook``: if not, there is no need to call it."""
        return bool(self._listeners[hook])

    def __enter__(self) -> CallbackList:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    def _release(self) -> None:
        for callback in self.callbacks:
            callback._release()

    def _find_listeners(self) -> None:
        self._listeners = {
            hook: tuple(one for one in self.callbacks if overrides(one, hook)) for hook in HOOKS
        }
        # The usual case, for which nothing may be spent between two pictures.
        self._only_bar = {
            hook: len(found) == 1 and isinstance(found[0], ProgbarLogger)
            for hook, found in self._listeners.items()
        }

    def _tell(self, hook: str, *arguments: Any) -> None:
        for callback in self._listeners[hook]:
            try:
                getattr(callback, hook)(*arguments)
            except Exception as error:
                error.add_note(_note(callback, hook, arguments))
                raise

    def _tell_batch(self, hook: str, batch: int, logs: LogsOrReader) -> None:
        """Tells about a batch those who are due; reads the metrics once at most."""
        listeners = self._listeners[hook]
        if not listeners or (self._only_bar[hook] and not _is_due(listeners[0])):
            return
        due = [one for one in listeners if _is_due(one)]
        known = logs() if callable(logs) else logs
        for callback in due:
            try:
                getattr(callback, hook)(batch, logs=known if known is not None else {})
            except Exception as error:
                error.add_note(_note(callback, hook, (batch,)))
                raise

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._tell("on_train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._tell("on_train_end", logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._tell("on_test_begin", logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._tell("on_test_end", logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._tell("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._tell("on_predict_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._tell("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """The callbacks share ``logs``, so that one may add to what the next ones see."""
        self._tell("on_epoch_end", epoch, logs if logs is not None else {})

    def on_train_batch_begin(self, batch: int, logs: LogsOrReader = None) -> None:
        self._tell_batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: LogsOrReader = None) -> None:
        self._tell_batch("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: LogsOrReader = None) -> None:
        self._tell_batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: LogsOrReader = None) -> None:
        self._tell_batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: LogsOrReader = None) -> None:
        self._tell_batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._tell_batch("on_predict_batch_end", batch, logs)


def _flat(callbacks: Any) -> Iterator[Callback]:
    """The callbacks in a callback, a list, or lists of lists."""
    if callbacks is None:
        return
    if isinstance(callbacks, CallbackList):
        yield from callbacks.callbacks
    elif isinstance(callbacks, Callback):
        yield callbacks
    elif isinstance(callbacks, list | tuple):
        for one in callbacks:
            yield from _flat(one)
    elif isinstance(callbacks, type) and issubclass(callbacks, Callback):
        name = callbacks.__name__
        raise TypeError(f"callbacks: {name} is a class; pass an object of it, {name}(...)")
    else:
        kind = type(callbacks).__name__
        raise TypeError(f"callbacks: {callbacks!r} ({kind}) is not a keras.callbacks.Callback")


def _is_due(callback: Callback) -> bool:
    """A progress bar is redrawn some times a second, not after every batch."""
    return not isinstance(callback, ProgbarLogger) or callback.is_due()


def _note(callback: Callback, hook: str, arguments: tuple[Any, ...]) -> str:
    where = f"{type(callback).__name__}.{hook}"
    if arguments and isinstance(arguments[0], int):
        where += f" ({'epoch' if 'epoch' in hook else 'batch'} {arguments[0]})"
    return (
        f"raised in the callback {where}; the model keeps its weights, and model.history the "
        f"epochs done"
    )
