"""x**y: of floats as 2**(y log2 x) with the logarithm in two parts, of integers by squaring.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import EXP2_TAIL, scales
from graphc.ops.vecmath.floats import (
    INFINITY,
    NAN,
    Parts,
    clamp,
    fast_two_sum,
    format_of,
    polynomial,
    residual,
    two_product,
)
from graphc.ops.vecmath.logarithm import as_float, is_normal

# The bits of sqrt(3) / 2, cut after a few: x = 2**k m with sqrt(3) / 2 <= m < sqrt(3).
START_BITS = {float32: 0x3F5DB000, float64: 0x3FEBB67B00000000}
SPLIT = 1.2247448713915890  # sqrt(3 / 2): m is compared with 1 below and with 3/2 above.
# log2(3 / 2) and 2 / ln 2 in two parts, for log2((1 + t) / (1 - t)) = 2 / ln 2 atanh(t); the first
# of log2(3 / 2) has room for k beside it.
LOG2_3_2 = {
    float32: (0.58496094, 1.5632212e-06),
    float64: (0.5849625007194845, 1.6716575836880369e-12),
}
SLOPE = {
    float32: (2.88539, 3.851926e-08),
    float64: (2.8853900817779268, 4.0710547481862066e-17),
}

THIRD_HIGH, THIRD_LOW = 0.3333333333333333, 1.850371707708594e-17

# float32: (atanh(t) - t) / t^3, float64: (atanh(t) - t - t^3 / 3) / t^5, at t^2
LOG2_TAIL = {
    float32: (0.33333334, 0.19999029, 0.14484139),
    float64: (
        0.19999999999999812,
        0.14285714285958936,
        0.11111110991549467,
        0.09090937833988254,
        0.07688663677372706,
        0.06899967063964624,
    ),
}
# Powers of 2 are infinite or 0 beyond.
LIMIT = {float32: 160.0, float64: 1100.0}


def _log2_of_any(b: ScalarBuilder, x: Scalar) -> Parts:
    """log2 of a positive finite x, also a denormal one, in two parts."""
    fmt = format_of(b, x)
    small = b.lt(x, fmt.smallest_normal)
    high, low = _log2(b, b.select(small, b.mul(x, 2.0**fmt.mantissa), x))
    scaled = b.select(small, b.constant(-float(fmt.mantissa), fmt.dtype), 0.0)
    total, error = fast_two_sum(b, scaled, high)
    return b.select(small, total, high), b.select(small, b.add(error, low), low)


def _log2(b: ScalarBuilder, x: Scalar) -> Parts:
    """log2 of a positive normal x in two parts that overlap by a few digits."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    start = START_BITS[dtype]
    shifted = b.add(b.bitcast(x, fmt.integer), (fmt.bias << fmt.mantissa) - start)
    k = as_float(b, b.shift_right_logical(shifted, fmt.mantissa), x)
    m = b.bitcast(b.add(b.bit_and(shifted, (1 << fmt.mantissa) - 1), start), dtype)

    # t = (m - c) / (m + c) in two parts, c being 1 or 3/2
    upper = b.gt(m, SPLIT)
    centre = b.select(upper, b.constant(1.5, dtype), 1.0)
    difference, total = b.sub(m, centre), b.add(m, centre)
    lost = b.sub(m, b.sub(total, centre))
    inverse = b.div(1.0, total)
    t = b.mul(difference, inverse)
    remainder = b.fma(b.neg(t), lost, residual(b, difference, t, total))
    t_error = b.mul(remainder, inverse)

    high, low = SLOPE[dtype]
    series, series_error = _atanh(b, t, t_error)
    product, product_error = two_product(b, series, b.constant(high, dtype))
    product_error = b.fma(series_error, high, b.fma(series, low, product_error))

    high, low = LOG2_3_2[dtype]
    k = b.select(upper, b.add(k, high), k)
    result, error = fast_two_sum(b, k, product)
    error = b.add(b.add(error, product_error), b.select(upper, b.constant(low, dtype), 0.0))
    return result, error


def _atanh(b: ScalarBuilder, t: Scalar, error: Scalar) -> Parts:
    """atanh(t + error) in two parts.  A float64 result has exponents eight times as large as
    float32, so that t^3 / 3 is wanted in two parts, too."""
    square, square_error = two_product(b, t, t)
    error = b.fma(error, square, error)  # the derivative is 1 + t^2 + ...
    tail = polynomial(b, square, LOG2_TAIL)
    if b.dtype(t) is float32:
        return fast_two_sum(b, t, b.fma(b.mul(square, t), tail, error))
    third, third_error = two_product(b, square, b.constant(THIRD_HIGH, float64))
    third_error = b.fma(square_error, THIRD_HIGH, b.fma(square, THIRD_LOW, third_error))
    third_error = b.fma(b.mul(square, square), tail, third_error)
    cubic, cubic_error = two_product(b, t, third)
    cubic_error = b.fma(t, third_error, cubic_error)
    total, total_error = fast_two_sum(b, t, cubic)
    return total, b.add(total_error, b.add(cubic_error, error))


def _exp2_of_any(b: ScalarBuilder, x: Scalar, error: Scalar) -> Scalar:
    """2**(x + error) of any x."""
    limit = LIMIT[b.dtype(x)]
    # Where x is clamped, infinite or NaN, its error says nothing.
    error = b.select(b.lt(b.abs(error), 1.0), error, 0.0)
    return _exp2(b, clamp(b, x, -limit, limit), error)


def _exp2(b: ScalarBuilder, x: Scalar, error: Scalar) -> Scalar:
    """2**(x + error) of an x within ``LIMIT``."""
    fmt = format_of(b, x)
    shifted = b.add(x, fmt.shifter)
    r = b.add(b.sub(x, b.sub(shifted, fmt.shifter)), error)
    p = b.fma(r, polynomial(b, r, EXP2_TAIL), 1.0)
    first, second = scales(b, b.bitcast(shifted, fmt.integer), fmt)
    return b.mul(b.mul(p, first), second)


def power(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    """x**y as C99 has it: 1 where x is 1 or y is 0, else NaN where an operand is NaN, or where a
    negative x has an exponent that is no integer."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    high, low = _log2(b, x)
    exponent, error = two_product(b, high, y)
    common = _exp2(b, exponent, b.fma(low, y, error))

    def special() -> Scalar:
        magnitude = b.abs(x)
        high, low = _log2_of_any(b, magnitude)
        exponent, error = two_product(b, high, y)
        result = _exp2_of_any(b, exponent, b.fma(low, y, error))
        # |x| of 0 or infinity has a logarithm of that sign; 1 to an infinite power is 1.
        limit = b.select(b.eq(magnitude, 0.0), b.constant(-INFINITY, dtype), high)
        limit = b.select(b.eq(magnitude, INFINITY), INFINITY, limit)
        grows = b.mul(limit, y)
        beyond = b.select(b.gt(grows, 0.0), b.constant(INFINITY, dtype), 0.0)
        beyond = b.select(b.ne(grows, grows), grows, beyond)
        unbounded = b.bit_or(b.eq(b.abs(y), INFINITY), b.ne(b.abs(limit), b.abs(high)))
        value = b.select(unbounded, beyond, result)
        value = b.select(b.eq(magnitude, 1.0), 1.0, value)
        half = b.mul(y, 0.5)
        whole = b.eq(b.trunc(y), y)
        odd = b.bit_and(whole, b.ne(b.trunc(half), half))
        negative = b.lt(b.bitcast(x, fmt.integer), 0)
        signed = b.select(b.bit_and(negative, odd), b.neg(value), value)
        undefined = b.bit_and(b.bit_and(b.lt(x, 0.0), b.gt(x, -INFINITY)), b.bit_not(whole))
        signed = b.select(undefined, NAN, signed)
        signed = b.select(b.bit_or(b.ne(x, x), b.ne(y, y)), b.add(x, y), signed)
        return b.select(b.bit_or(b.eq(x, 1.0), b.eq(y, 0.0)), 1.0, signed)

    # An infinite or undefined y has no exponent within the limit.
    ordinary = b.bit_and(is_normal(b, x), b.lt(b.abs(exponent), LIMIT[dtype]))
    return b.rarely(b.bit_not(ordinary), special, common)


def integer_power(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    """x**y modulo 2**bits; a negative y gives the quotient 1 / x**-y, which is 0 unless x is 1 or
    -1 (and of x = 0, too)."""
    dtype = b.dtype(x)
    result = b.constant(1, dtype)
    factor, bits = x, b.dtype(y).bits - (0 if dtype.kind == "u" else 1)
    for bit in range(bits):
        if bit:
            factor = b.mul(factor, factor)
        used = b.ne(b.bit_and(y, 1 << bit), 0)
        result = b.select(used, b.mul(result, factor), result)
    if dtype.kind == "u":
        return result
    odd = b.ne(b.bit_and(y, 1), 0)
    of_minus_one = b.select(odd, b.constant(-1, dtype), 1)
    fraction = b.select(b.eq(x, -1), of_minus_one, 0)
    return b.select(b.lt(y, 0), b.select(b.eq(x, 1), 1, fraction), result)
