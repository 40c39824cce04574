"""keras.models: Sequential, the functional API, subclasses of Model."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from graphc.keras.models.functional import Functional
from graphc.keras.models.model import Model
from graphc.keras.models.sequential import Sequential
from graphc.keras.naming import missing

_LATER = {
    "clone_model": "graphc.keras.models.cloning",
    "load_model": "graphc.keras.saving.archive",
    "save_model": "graphc.keras.saving.archive",
    "model_from_json": "graphc.keras.models.cloning",
}

__all__ = ["Functional", "Model", "Sequential", *_LATER]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise missing(sys.modules[__name__], name, __all__)
