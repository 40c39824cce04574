"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.keras.callbacks.base import HOOKS, Callback

Hook = Callable[..., Any]


class LambdaCallback(Callback):
    """Calls a function at each moment that one is given for.

    Functions for epochs take ``(epoch, logs)``, for a whole run ``(logs)``, for batches
    ``(batch, logs)``; any other hook may be given by its name.  Raises ``TypeError`` for a name
    that is no hook.

    >>> shout = LambdaCallback(on_epoch_end=lambda epoch, logs: print("EPOCH", epoch))
    >>> shout.on_epoch_end(3, {})
    EPOCH 3
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        **kwargs: Hook,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        allowed = {*HOOKS, "on_batch_begin", "on_batch_end"}
        for name, function in given.items():
            if name not in allowed:
                raise TypeError(
                    f"LambdaCallback: no hook is named {name!r}; there are: "
                    f"{', '.join(sorted(allowed))}"
                )
            if function is not None:
                setattr(self, name, function)
