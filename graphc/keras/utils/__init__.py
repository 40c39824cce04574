"""Keras' helpers: labels, seeds, pictures of models, the progress bar, data in batches."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from graphc.keras.naming import missing

_HOMES = {
    "Progbar": "progbar",
    "PyDataset": "py_dataset",
    "normalize": "labels",
    "plot_model": "plotting",
    "set_random_seed": "seeds",
    "to_categorical": "labels",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise missing(sys.modules[__name__], name, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
