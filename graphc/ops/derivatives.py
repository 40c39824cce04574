"""Gradient rules derived from the mathematics of the records, by ``graphc.symbolic.derive``.

Generated with sympy 1.14.0: never edit it, but change a record's ``math`` and run
``python -m graphc.symbolic.derive``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.ops.declare import call


def add_gradient(cotangents: Any, outputs: Any, x: Any, y: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g, g]


def cos_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [-(g * call.sin(x))]


def cosh_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * call.sinh(x)]


def erf_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * call.exp(-call.square(x)) * 1.1283791670955126]


def exp_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    (out,) = outputs
    return [g * out]


def expm1_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * call.exp(x)]


def log_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g / x]


def log1p_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g / (x + 1)]


def log2_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * 1.4426950408889634 / x]


def multiply_gradient(cotangents: Any, outputs: Any, x: Any, y: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * y, g * x]


def negative_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [-g]


def sin_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * call.cos(x)]


def sinh_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g * call.cosh(x)]


def subtract_gradient(cotangents: Any, outputs: Any, x: Any, y: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g, -g]


def tan_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    (out,) = outputs
    return [g * (call.square(out) + 1)]


def tanh_gradient(cotangents: Any, outputs: Any, x: Any) -> Sequence[Any]:
    (g,) = cotangents
    return [g / call.square(call.cosh(x))]


RULES: Mapping[str, Callable[..., Sequence[Any]]] = {
    "add": add_gradient,
    "cos": cos_gradient,
    "cosh": cosh_gradient,
    "erf": erf_gradient,
    "exp": exp_gradient,
    "expm1": expm1_gradient,
    "log": log_gradient,
    "log1p": log1p_gradient,
    "log2": log2_gradient,
    "multiply": multiply_gradient,
    "negative": negative_gradient,
    "sin": sin_gradient,
    "sinh": sinh_gradient,
    "subtract": subtract_gradient,
    "tan": tan_gradient,
    "tanh": tanh_gradient,
}
