"""x**y: of floats as 2**(y log2 x) with the logarithm in two parts, of integers by squaring.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import EXP2_TAIL, Power
from graphc.ops.vecmath.floats import (
    INFINITY,
    NAN,
    Format,
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
# Those of sqrt(3 / 2): m is compared with 1 below and with 3/2 above.
SPLIT_BITS = {float32: 0x3F9CC471, float64: 0x3FF3988E1409212E}
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

# float32: (2 / ln 2 atanh(t ln 2 / 2) - t) / t^3, float64: (atanh(t) - t - t^3 / 3) / t^5, at t^2
LOG2_TAIL = {
    float32: (0.040037755, 0.0028852124, 0.00025166993),
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
    digits = b.bit_and(shifted, (1 << fmt.mantissa) - 1)
    m = b.bitcast(b.add(digits, start), dtype)

    # log2(m / c), c being 1 or 3/2, where the bits of ``above`` are 0 or 1
    above = b.shift_right(b.sub(SPLIT_BITS[dtype] - start, digits), 8 * dtype.size - 1)
    bits = b.add(b.bit_and(above, 1 << (fmt.mantissa - 1)), fmt.bias << fmt.mantissa)
    centre = b.bitcast(bits, dtype)
    upper, total = b.sub(m, centre), b.add(m, centre)
    part = _of_quotient_32 if dtype is float32 else _of_quotient_64
    product, product_error = part(b, upper, total, b.sub(m, b.sub(total, centre)))

    high, low = (_masked(b, above, v, fmt) for v in LOG2_3_2[dtype])
    result, error = fast_two_sum(b, b.add(k, high), product)
    return result, b.add(b.add(error, product_error), low)


def _masked(b: ScalarBuilder, mask: Scalar, value: float, fmt: Format) -> Scalar:
    """``value`` where the bits of ``mask`` are 1, 0 where they are 0."""
    bits = b.bitcast(b.constant(value, fmt.dtype), fmt.integer)
    return b.bitcast(b.bit_and(mask, bits), fmt.dtype)


def _of_quotient_32(b: ScalarBuilder, upper: Scalar, total: Scalar, lost: Scalar) -> Parts:
    """2 / ln 2 atanh(t) in two parts, t = upper / (total + lost)."""
    high, low = SLOPE[float32]
    inverse = b.div(1.0, total)
    scaled, scaled_error = two_product(b, upper, b.constant(high, float32))
    scaled_error = b.fma(upper, low, scaled_error)
    linear = b.mul(scaled, inverse)
    remainder = b.fma(b.neg(linear), lost, residual(b, scaled, linear, total))
    error = b.mul(b.add(remainder, scaled_error), inverse)
    square = b.mul(linear, linear)
    # The cube of linear + error.
    cube = b.mul(square, b.fma(error, 3.0, linear))
    return linear, b.fma(cube, polynomial(b, square, LOG2_TAIL), error)


def _of_quotient_64(b: ScalarBuilder, upper: Scalar, total: Scalar, lost: Scalar) -> Parts:
    """2 / ln 2 atanh(t) in two parts, t = upper / (total + lost).  A result has exponents eight
    times as large as of float32, so that t^3 / 3 is wanted in two parts, too."""
    inverse = b.div(1.0, total)
    t = b.mul(upper, inverse)
    remainder = b.fma(b.neg(t), lost, residual(b, upper, t, total))
    series, series_error = _atanh(b, t, b.mul(remainder, inverse))
    high, low = SLOPE[float64]
    product, product_error = two_product(b, series, b.constant(high, float64))
    return product, b.fma(series_error, high, b.fma(series, low, product_error))


def _atanh(b: ScalarBuilder, t: Scalar, error: Scalar) -> Parts:
    """atanh(t + error) in two parts."""
    square, square_error = two_product(b, t, t)
    error = b.fma(error, square, error)  # the derivative is 1 + t^2 + ...
    tail = polynomial(b, square, LOG2_TAIL)
    third, third_error = two_product(b, square, b.constant(THIRD_HIGH, float64))
    third_error = b.fma(square_error, THIRD_HIGH, b.fma(square, THIRD_LOW, third_error))
    third_error = b.fma(b.mul(square, square), tail, third_error)
    cubic, cubic_error = two_product(b, t, third)
    cubic_error = b.fma(t, third_error, cubic_error)
    total, total_error = fast_two_sum(b, t, cubic)
    return total, b.add(total_error, b.add(cubic_error, error))


def _exp2_of_any(b: ScalarBuilder, x: Scalar, error: Scalar) -> Scalar:
    """2**(x + error) of any x."""
    fmt, limit = format_of(b, x), LIMIT[b.dtype(x)]
    # Where x is clamped, infinite or NaN, its error says nothing.
    error = b.select(b.lt(b.abs(error), 1.0), error, 0.0)
    x = clamp(b, x, -limit, limit)
    shifted = b.add(x, fmt.shifter)
    n = b.sub(shifted, fmt.shifter)
    r = b.add(b.sub(x, n), error)
    return Power(n, b.bitcast(shifted, fmt.integer), fmt).times(b, _small_exp2(b, r))


def _small_exp2(b: ScalarBuilder, r: Scalar) -> Scalar:
    """2**r of an r within half a unit."""
    return b.fma(r, polynomial(b, r, EXP2_TAIL), 1.0)


def power(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    """x**y as C99 has it: 1 where x is 1 or y is 0, else NaN where an operand is NaN, or where a
    negative x has an exponent that is no integer."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    high, low = _log2(b, x)
    # y log2 x = n + r; n stands in the low bits of ``whole``.
    shifter = 1.5 * 2.0**fmt.mantissa
    shifted = b.fma(b.add(high, low), y, b.constant(shifter, dtype))
    n, whole = b.sub(shifted, shifter), b.bitcast(shifted, fmt.integer)
    r = b.fma(low, y, b.neg(residual(b, n, high, y)))
    significand = b.bitcast(_small_exp2(b, r), fmt.integer)
    common = b.bitcast(b.add(significand, b.shift_left(whole, fmt.mantissa)), dtype)

    def special() -> Scalar:
        magnitude = b.abs(x)
        high, low = fast_two_sum(b, *_log2_of_any(b, magnitude))
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

    # A normal result is one power of two times the significand; an infinite or undefined y has no
    # exponent within the limits.
    lowest, least = -(1 << 8 * dtype.size - 1), fmt.whole_bits - fmt.bias + 2
    fits = b.lt(b.add(whole, lowest - least), lowest + 2 * fmt.bias - 1)
    ordinary = b.bit_and(is_normal(b, x), fits)
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
