"""keras: the names, arguments and behaviour that a Keras user knows, over the graph compiler.

Namespaces and names are imported when they are first used, so that ``from graphc import keras``
stays light.  A Keras name that is not there yet says so, and what is there instead.

>>> from graphc import keras
>>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
>>> model.count_params()
15
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from graphc.keras.naming import missing

_NAMESPACES = (
    "activations", "backend", "callbacks", "config", "constraints", "datasets", "initializers",
    "layers", "losses", "metrics", "models", "ops", "optimizers", "random", "regularizers",
    "saving", "utils",
)  # fmt: skip
_HOMES = {
    "Initializer": "graphc.keras.initializers",
    "Input": "graphc.keras.layers",
    "KerasTensor": "graphc.keras.tensor",
    "Layer": "graphc.keras.layers",
    "Loss": "graphc.keras.losses",
    "Metric": "graphc.keras.metrics",
    "Model": "graphc.keras.models",
    "Optimizer": "graphc.keras.optimizers",
    "Regularizer": "graphc.keras.regularizers",
    "Sequential": "graphc.keras.models",
    "Trace": "graphc.keras.variables",
    "Variable": "graphc.keras.variables",
}

__all__ = [*_NAMESPACES, *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _NAMESPACES and find_spec(f"{__name__}.{name}") is not None:
        return import_module(f"{__name__}.{name}")
    raise missing(sys.modules[__name__], name, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
