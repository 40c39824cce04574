"""keras.saving: models and weights as files, objects as plain data."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from graphc.keras.naming import missing

_HOMES = {
    "CustomObjectScope": "objects",
    "custom_object_scope": "objects",
    "deserialize_keras_object": "objects",
    "get_custom_objects": "objects",
    "get_registered_name": "objects",
    "get_registered_object": "objects",
    "load_model": "archive",
    "load_weights": "archive",
    "register_keras_serializable": "objects",
    "save_model": "archive",
    "save_weights": "archive",
    "serialize_keras_object": "objects",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise missing(sys.modules[__name__], name, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
