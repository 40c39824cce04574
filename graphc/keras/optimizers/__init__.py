"""Keras' optimizers: rules that turn gradients into updates, and learning rate schedules.

Responsible for their names.  They serve models and the graph API alike: ``optimizer.updates(loss,
parameters)`` gives what ``graphc.Graph`` takes as ``updates``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from graphc.keras.naming import missing
from graphc.keras.optimizers import schedules
from graphc.keras.optimizers.adam import Adam, Adamax, AdamW, Nadam
from graphc.keras.optimizers.adaptive import Adadelta, Adagrad, Ftrl
from graphc.keras.optimizers.base import Optimizer
from graphc.keras.optimizers.descent import SGD, Lion, RMSprop
from graphc.keras.registry import Registry

_CLASSES = (Adadelta, Adagrad, Adam, AdamW, Adamax, Ftrl, Lion, Nadam, RMSprop, SGD)
_REGISTRY = Registry(
    "optimizer",
    "keras.optimizers",
    {name: one for one in _CLASSES for name in (one.__name__, one.__name__.lower())},
)
serialize = _REGISTRY.serialize

__all__ = [
    "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion", "Nadam", "Optimizer",
    "RMSprop", "SGD", "deserialize", "get", "schedules", "serialize",
]  # fmt: skip


def get(identifier: Any) -> Any:
    """The optimizer that ``identifier`` names, describes or is.  ``None`` stays.

    ``ArgumentError`` with the nearest name for an unknown one.

    >>> get("rmsprop").get_config()["rho"]
    0.9
    """
    found = None if identifier is None else _REGISTRY.made(identifier)
    if found is not None and not isinstance(found, Optimizer):
        raise _REGISTRY.unknown(identifier)
    return found


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Optimizer:
    """The optimizer that ``serialize`` has written as ``config``.

    >>> deserialize(serialize(SGD(momentum=0.5))).momentum
    0.5
    """
    made: Optimizer = _REGISTRY.deserialize(config, custom_objects)
    return made


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
