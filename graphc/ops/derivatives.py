"""Gradient rules derived from the mathematics of the records, by ``graphc.symbolic.derive``.

Generated: change a record's ``math`` and run ``python -m graphc.symbolic.derive``; never edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def add_gradient(cotangents: Any, outputs: Any, x: Any, y: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g, g]


def multiply_gradient(cotangents: Any, outputs: Any, x: Any, y: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * y, g * x]


def negative_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [-g]


def subtract_gradient(cotangents: Any, outputs: Any, x: Any, y: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g, -g]


RULES: Mapping[str, Callable[..., Sequence[Any]]] = {
    "add": add_gradient,
    "multiply": multiply_gradient,
    "negative": negative_gradient,
    "subtract": subtract_gradient,
}
