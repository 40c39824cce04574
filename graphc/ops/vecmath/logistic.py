"""Functions of 1 / (1 + e**-x): sigmoid, silu, softplus, and gelu's tanh form.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import (
    LN2_HIGH,
    LN2_LOW,
    argument,
    small_exp,
    small_expm1,
)
from graphc.ops.vecmath.floats import fast_two_sum, two_product
from graphc.ops.vecmath.logarithm import log_tail

# x e**x is 0 below.
FAR = {float32: -112.0, float64: -760.0}
# The gate of gelu's tanh form is closed or open beyond.
GELU_FAR = {float32: 12.0, float64: 22.0}
# 2 sqrt(2 / pi) and that times 0.044715, each in two parts; the first of all has trailing zeros.
GELU_LINEAR = {
    float32: (1.5957031, 6.59966e-05),
    float64: (1.5957691073417664, 1.426396435433791e-08),
}
GELU_CUBIC = {
    float32: (0.071354814, 2.3988325e-09),
    float64: (0.07135481627260025, -6.175149918155315e-19),
}


def _decay(b: ScalarBuilder, x: Scalar) -> Scalar:
    """e**-abs(x); NaN passes."""
    far = FAR[b.dtype(x)]
    down = b.neg(b.abs(x))
    r, first, second = argument(b, b.select(b.lt(down, far), far, down))
    return b.mul(b.mul(small_exp(b, r), first), second)


def sigmoid(b: ScalarBuilder, x: Scalar) -> Scalar:
    """1 / (1 + e**-x), with the exponent negative on both sides of 0."""
    decay = _decay(b, x)
    part = b.div(decay, b.add(decay, 1.0))
    # d - d^2 / (1 + d), where the rounding of 1 + d hardly counts
    return b.select(b.lt(x, 0.0), b.fma(b.neg(decay), part, decay), b.sub(1.0, part))


def _closed(b: ScalarBuilder, x: Scalar, gate: Scalar, error: Scalar | None = None) -> Scalar:
    """x sigmoid(gate + error) for x >= 0 >= gate: what a nearly closed gate lets through.

    With e**gate = s (1 + w) it is x (1 + w) / (1 + s + s w) * s; s comes last, so that nothing is
    rounded to a denormal before the end.
    """
    r, first, second = argument(b, gate, error)
    w = small_expm1(b, r)
    scale = b.mul(first, second)
    lower = b.fma(scale, w, b.add(scale, 1.0))
    lower_error = b.fma(scale, w, b.sub(scale, b.sub(lower, 1.0)))
    upper = b.fma(x, w, x)
    upper_error = b.fma(x, w, b.sub(x, upper))
    result = b.div(upper, lower)
    # lower is near 1 where the correction counts most, so it is not divided by it.
    result = b.add(result, b.fma(b.neg(result), lower_error, upper_error))
    return b.mul(b.mul(result, first), second)


def open_above(b: ScalarBuilder, x: Scalar, closed: Scalar) -> Scalar:
    """x times a gate, from ``closed``: abs(x) times the gate at -abs(x).  Gates at x and -x sum to
    1, so for positive x it is x - closed."""
    return b.sub(b.select(b.lt(x, 0.0), b.constant(-0.0, b.dtype(x)), x), closed)


def silu(b: ScalarBuilder, x: Scalar) -> Scalar:
    """x sigmoid(x)."""
    far, magnitude = -FAR[b.dtype(x)], b.abs(x)
    magnitude = b.select(b.gt(magnitude, far), far, magnitude)
    return open_above(b, x, _closed(b, magnitude, b.neg(magnitude)))


def softplus(b: ScalarBuilder, x: Scalar) -> Scalar:
    """log(1 + e**x) = max(x, 0) + log1p(d), where d = e**-abs(x) <= 1."""
    dtype = b.dtype(x)
    decay = _decay(b, x)
    # Where d is large, log(1 + d) = ln 2 + log(1 + f) with f = (d - 1) / 2; that d / 2 is exact.
    halved = b.gt(decay, 0.4142)
    linear = b.select(halved, b.mul(decay, 0.5), decay)
    f = b.sub(linear, b.select(halved, b.constant(0.5, dtype), 0.0))
    main = b.select(halved, b.constant(LN2_HIGH[dtype] - 0.5, dtype), 0.0)
    small = b.add(log_tail(b, f), b.select(halved, b.constant(LN2_LOW[dtype], dtype), 0.0))
    total, error = fast_two_sum(b, linear, main)
    return b.add(b.select(b.gt(x, 0.0), x, 0.0), b.add(total, b.add(error, small)))


def gelu_tanh(b: ScalarBuilder, x: Scalar) -> Scalar:
    """x / 2 (1 + tanh(u)) = x sigmoid(2 u), where 2 u = x (a + c x^2) is kept in two parts."""
    dtype = b.dtype(x)
    a_high, a_low = GELU_LINEAR[dtype]
    c_high, c_low = GELU_CUBIC[dtype]
    far, near = GELU_FAR[dtype], b.abs(x)
    near = b.select(b.gt(near, far), far, near)
    square, square_error = two_product(b, near, near)
    cubic, cubic_error = two_product(b, square, b.constant(c_high, dtype))
    factor, error = fast_two_sum(b, b.constant(a_high, dtype), cubic)
    error = b.add(error, b.fma(square, c_low, b.fma(square_error, c_high, cubic_error)))
    error = b.add(error, a_low)
    gate, gate_error = two_product(b, b.neg(near), factor)
    gate_error = b.fma(b.neg(near), error, gate_error)
    return open_above(b, x, _closed(b, near, gate, gate_error))
