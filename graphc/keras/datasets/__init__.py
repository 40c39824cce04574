"""Small data sets to learn with; each ``load_data`` says where its data came from."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from graphc.keras.naming import missing

__all__ = ["boston_housing", "fashion_mnist", "imdb", "mnist", "reuters"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise missing(sys.modules[__name__], name, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
