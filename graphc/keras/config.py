"""What holds for all models: the float dtype, the small number of ``epsilon``, the threads."""

from __future__ import annotations

import os
import sys
from typing import Any

from graphc.keras.naming import missing

_FLOATS = ("float32", "float64")


__all__ = [
    "backend", "epsilon", "floatx", "image_data_format", "set_epsilon", "set_floatx",
    "set_threads", "standard_dtype", "threads",
]  # fmt: skip


class _Settings:
    floatx = "float32"
    epsilon = 1e-7
    threads: int | None = None


def floatx() -> str:
    """The dtype of weights and results unless a layer says otherwise.

    >>> floatx()
    'float32'
    """
    return _Settings.floatx


def set_floatx(value: str) -> None:
    """``"float32"`` or ``"float64"``; ``ValueError`` for another."""
    if value not in _FLOATS:
        raise ValueError(f"floatx is 'float32' or 'float64', not {value!r}")
    _Settings.floatx = value


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite.

    >>> epsilon()
    1e-07
    """
    return _Settings.epsilon


def set_epsilon(value: float) -> None:
    """Sets ``epsilon``."""
    _Settings.epsilon = float(value)


def backend() -> str:
    """What computes.

    >>> backend()
    'graphc'
    """
    return "graphc"


def image_data_format() -> str:
    """Images are (height, width, channels).

    >>> image_data_format()
    'channels_last'
    """
    return "channels_last"


def threads() -> int:
    """The most threads that a step may use: those of this process, unless set.

    Results do not depend on it.
    """
    if _Settings.threads is not None:
        return _Settings.threads
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def set_threads(count: int | None) -> None:
    """The most threads of models compiled from now on; ``None`` for all of the process."""
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError(f"threads should be an int of at least 1, or None, not {count!r}")
    _Settings.threads = count


def standard_dtype(dtype: Any) -> str:
    """The name of a dtype that variables may have; ``None`` is ``floatx``.

    Raises ``ValueError`` for one that graphc lacks.

    >>> import numpy
    >>> standard_dtype(None), standard_dtype(numpy.int32), standard_dtype("bool")
    ('float32', 'int32', 'bool')
    """
    from graphc.ir.dtypes import as_dtype

    if dtype is None:
        return floatx()
    named = getattr(dtype, "name", dtype)
    try:
        return as_dtype(named).name
    except (KeyError, TypeError, ValueError):
        known = "float32, float64, int32, int64, uint8 and bool"
        raise ValueError(f"dtype {named!r} is not there: graphc has {known}") from None


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
