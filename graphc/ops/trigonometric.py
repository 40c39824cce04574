"""Trigonometric and hyperbolic functions, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ops.declare import call, elementwise
from graphc.ops.vecmath import hyperbolic, trigonometric
from graphc.ops.vecmath.references import widened

sin = elementwise(
    "sin",
    math=lambda sp, x: sp.sin(x),
    numpy=widened(np.sin),
    lower=trigonometric.sin,
    doc="The sine of x radians, for every finite x; NaN at infinities.",
    cost=24,
)

cos = elementwise(
    "cos",
    math=lambda sp, x: sp.cos(x),
    numpy=widened(np.cos),
    lower=trigonometric.cos,
    doc="The cosine of x radians, for every finite x; NaN at infinities.",
    cost=24,
)

tan = elementwise(
    "tan",
    math=lambda sp, x: sp.tan(x),
    numpy=widened(np.tan),
    lower=trigonometric.tan,
    doc="The tangent of x radians, for every finite x; NaN at infinities.",
    cost=20,
)


tanh = elementwise(
    "tanh",
    math=lambda sp, x: sp.tanh(x),
    numpy=widened(np.tanh),
    lower=hyperbolic.tanh,
    doc="The hyperbolic tangent.",
    cost=14,
)

sinh = elementwise(
    "sinh",
    math=lambda sp, x: sp.sinh(x),
    numpy=widened(np.sinh),
    lower=hyperbolic.sinh,
    doc="The hyperbolic sine.",
    cost=18,
)

cosh = elementwise(
    "cosh",
    math=lambda sp, x: sp.cosh(x),
    numpy=widened(np.cosh),
    lower=hyperbolic.cosh,
    doc="The hyperbolic cosine.",
    cost=15,
)


def _atan2_gradient(g: Any, out: Any, y: Any, x: Any) -> tuple[Any, Any]:
    """x / (x^2 + y^2) and -y / (x^2 + y^2), scaled so that no square overflows; 0 at the origin."""
    scale = call.maximum(call.abs(x), call.abs(y))
    scale = call.where(scale == 0, 1, scale)
    across, up = x / scale, y / scale
    square = across * across + up * up
    slope = g / scale / call.where(square == 0, 1, square)
    return across * slope, -up * slope


atan2 = elementwise(
    "atan2",
    math=lambda sp, y, x: sp.atan2(y, x),
    numpy=widened(np.arctan2),
    lower=trigonometric.atan2,
    grad=_atan2_gradient,
    doc="The angle of the point (x, y) from the positive x axis, within [-pi, pi]; 0 at (0, 0).",
    cost=28,
)
