"""The few names of ``keras.backend`` that programs of Keras 2 and 3 share."""

from __future__ import annotations

import sys
from typing import Any

from graphc.keras.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
)
from graphc.keras.naming import clear_session, missing

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "image_data_format", "set_epsilon",
    "set_floatx",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
