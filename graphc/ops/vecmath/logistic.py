"""Functions of 1 / (1 + e**-x): sigmoid, silu, softplus, and gelu's tanh form.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import (
    EXP2_TAIL,
    LN2_HIGH,
    LN2_LOW,
    argument,
    small_exp,
)
from graphc.ops.vecmath.floats import (
    fast_two_sum,
    format_of,
    horner,
    multiply_add,
    residual,
    two_product,
)
from graphc.ops.vecmath.logarithm import LOG2_E_HIGH, LOG2_E_LOW, log_tail

# x e**x is 0 below.
FAR = {float32: -112.0, float64: -760.0}
# The gate of gelu's tanh form is closed or open beyond.
GELU_FAR = {float32: 11.0, float64: 22.0}
# -2 sqrt(2 / pi) / ln 2 and that times 0.044715, each in two parts; the first of all has trailing
# zeros.
GELU_LINEAR = {
    float32: (-2.302208, -2.5136697e-07),
    float64: (-2.3022081981443137, -1.1233558506659262e-14),
}
GELU_CUBIC = {
    float32: (-0.10294324, 2.0161985e-09),
    float64: (-0.1029432395800235, 5.978177400718744e-18),
}
# Closed gates are so many powers of two larger until the end; what is left is normal.
RAISED = {float32: 64, float64: 512}


def _decay(b: ScalarBuilder, x: Scalar) -> Scalar:
    """e**-abs(x); NaN passes."""
    far = FAR[b.dtype(x)]
    down = b.neg(b.abs(x))
    r, power = argument(b, b.select(b.lt(down, far), far, down))
    return power.times(b, small_exp(b, r))


def sigmoid(b: ScalarBuilder, x: Scalar) -> Scalar:
    """1 / (1 + e**-x), with the exponent negative on both sides of 0."""
    decay = _decay(b, x)
    part = b.div(decay, b.add(decay, 1.0))
    # d - d^2 / (1 + d), where the rounding of 1 + d hardly counts
    return b.select(b.lt(x, 0.0), b.fma(b.neg(decay), part, decay), b.sub(1.0, part))


def _closed(b: ScalarBuilder, x: Scalar, factor: Scalar, error: Scalar) -> Scalar:
    """x / (1 + 2**-y) for x >= 0 >= y = x (factor + error): what a nearly closed gate lets through.

    With y = n - r it is x 2**n / (2**n + 2**r).  The divisor is halved: then its rounding error,
    which should be divided by it, need not be, where it counts.
    """
    dtype, fmt = b.dtype(x), format_of(b, x)
    # The low bits of the sum hold those of the exponent of 2**(n - 1).
    shifter = 1.5 * 2.0**fmt.mantissa + fmt.bias - 1
    shifted = b.fma(x, factor, b.constant(shifter, dtype))
    n = b.sub(shifted, shifter)
    r = b.fma(b.neg(x), error, residual(b, n, x, factor))
    x, scale = _raised(b, x, b.bitcast(shifted, fmt.integer))
    first, *others = (c / 2 for c in EXP2_TAIL[dtype])
    excess = b.fma(r, first, b.fma(b.mul(r, r), horner(b, r, others), scale))
    half = b.add(excess, 0.5)
    lost = b.sub(excess, b.sub(half, 0.5))
    result = b.div(x, half)
    return b.mul(b.fma(b.neg(result), lost, result), scale)


def _raised(b: ScalarBuilder, x: Scalar, bits: Scalar) -> tuple[Scalar, Scalar]:
    """``x`` and the power of two whose exponent is in ``bits``; where that is hardly normal, x is
    smaller and it is larger by ``RAISED``."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    low = b.shift_right(b.sub(bits, fmt.whole_bits + 4), 8 * dtype.size - 1)
    raised = b.bit_and(low, RAISED[dtype] << fmt.mantissa)
    scale = b.add(b.shift_left(bits, fmt.mantissa), raised)
    return b.bitcast(b.sub(b.bitcast(x, fmt.integer), raised), dtype), b.bitcast(scale, dtype)


def open_above(b: ScalarBuilder, x: Scalar, closed: Scalar) -> Scalar:
    """x times a gate, from ``closed``: abs(x) times the gate at -abs(x).  Gates at x and -x sum to
    1, so for positive x it is x - closed."""
    # Both zeros the same, so that it is one maximum.
    zero = b.constant(-0.0, b.dtype(x))
    return b.sub(b.select(b.lt(x, zero), zero, x), closed)


def silu(b: ScalarBuilder, x: Scalar) -> Scalar:
    """x sigmoid(x)."""
    dtype, magnitude = b.dtype(x), b.abs(x)
    far = -FAR[dtype]
    magnitude = b.select(b.gt(magnitude, far), far, magnitude)
    factor, error = (b.constant(-part[dtype], dtype) for part in (LOG2_E_HIGH, LOG2_E_LOW))
    return open_above(b, x, _closed(b, magnitude, factor, error))


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
    """x / 2 (1 + tanh(u)) = x sigmoid(2 u), 2 u = x (a + c x^2) with a factor in two parts."""
    dtype = b.dtype(x)
    a_high, a_low = GELU_LINEAR[dtype]
    c_high, c_low = GELU_CUBIC[dtype]
    far, near = GELU_FAR[dtype], b.abs(x)
    near = b.select(b.gt(near, far), far, near)
    square, square_error = two_product(b, near, near)
    factor, error = multiply_add(b, square, b.constant(c_high, dtype), b.constant(a_high, dtype))
    error = b.fma(square_error, c_high, error)
    error = b.add(error, b.fma(square, c_low, b.constant(a_low, dtype)))
    return open_above(b, x, _closed(b, near, factor, error))
