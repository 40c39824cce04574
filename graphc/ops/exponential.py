"""Exponentials, logarithms, powers and the error function, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.declare import call, elementwise
from graphc.ops.vecmath import error_function, exponential, logarithm, references
from graphc.ops.vecmath import power as powers
from graphc.ops.vecmath.references import widened

exp = elementwise(
    "exp",
    math=lambda sp, x: sp.exp(x),
    numpy=widened(np.exp),
    lower=exponential.exp,
    doc="e**x.",
    cost=10,
)

expm1 = elementwise(
    "expm1",
    math=lambda sp, x: sp.exp(x) - 1,
    numpy=widened(np.expm1),
    lower=exponential.expm1,
    doc="e**x - 1, without cancellation near 0.",
    cost=15,
)

log = elementwise(
    "log",
    math=lambda sp, x: sp.log(x),
    numpy=widened(np.log),
    lower=logarithm.log,
    doc="The natural logarithm; -infinity at 0, NaN below.",
    cost=16,
)

log1p = elementwise(
    "log1p",
    math=lambda sp, x: sp.log(1 + x),
    numpy=widened(np.log1p),
    lower=logarithm.log1p,
    doc="log(1 + x), without cancellation near 0; -infinity at -1, NaN below.",
    cost=24,
)

log2 = elementwise(
    "log2",
    math=lambda sp, x: sp.log(x) / sp.log(2),
    numpy=widened(np.log2),
    lower=logarithm.log2,
    doc="The logarithm to base 2, exact for powers of 2; -infinity at 0, NaN below.",
    cost=11,
)


def _power(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    return powers.power(b, x, y) if b.dtype(x).is_float else powers.integer_power(b, x, y)


def _power_gradient(g: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """0 for x where y is 0, and 0 for y where out stays 0, though the formulas say 0 * infinity."""
    of_base = call.where(y == 0, 0, y * power(x, y - 1))
    of_exponent = call.where(call.logical_and(x == 0, y >= 0), 0, out * log(x))
    return g * of_base, g * of_exponent


power = elementwise(
    "power",
    math=lambda sp, x, y: x**y,
    numpy=references.power,
    lower=_power,
    grad=_power_gradient,
    domain="numeric",
    doc="""x**y.  Floats: as C99 has it, so 1 where x is 1 or y is 0, and NaN where x is negative
and y no integer.  Integers wrap; with a negative exponent, 1 / x**-y rounded towards 0.""",
    cost=36,
)

erf = elementwise(
    "erf",
    math=lambda sp, x: sp.erf(x),
    numpy=widened(references.erf),
    lower=error_function.erf,
    doc="The error function 2 / sqrt(pi) times the integral of e**(-t**2) from 0 to x.",
    cost=11,
)
