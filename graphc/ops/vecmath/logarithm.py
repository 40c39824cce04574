"""log, log1p and log2 by x = 2**k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2).

Responsible for the arithmetic only.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.dtypes import float32, float64, int32, int64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import LN2_HIGH, LN2_LOW
from graphc.ops.vecmath.floats import INFINITY, NAN, fast_two_sum, format_of, polynomial

# The bits of sqrt(1/2), cut after a few: where the binades of 1 + f begin.
ROOT_BITS = {float32: 0x3F3504F3, float64: 0x3FE6A09E00000000}
# log2(e), in two parts.
LOG2_E_HIGH = {float32: 1.442695, float64: 1.4426950408889634}
LOG2_E_LOW = {float32: 1.925963e-08, float64: 2.0355273740931033e-17}

# float32: (log(1 + f) - f) / f^2.  float64: (log(1 + f) - 2 s) / s^3 at s^2, where s = f / (2 + f).
LOG_TAIL = {
    float32: (
        -0.5,
        0.33333328,
        -0.25000864,
        0.20001487,
        -0.16622138,
        0.14195654,
        -0.13165624,
        0.12804687,
        -0.076732695,
    ),
    float64: (
        0.6666666666666737,
        0.39999999999397445,
        0.28571428745996863,
        0.22222198213077984,
        0.18183582853289504,
        0.15313576213346528,
        0.14800731001529535,
    ),
}

# float32's cells of 1 + f, sixteen in order of its bits: numbers of few digits near the inverse, 1
# around 1 and nearest to the side of 1 beside it, where much would cancel; and the logarithms to
# base 2 of what they are inverses of, which are nearly exact.
CELL_INVERSES = (
    1.369384765625, 1.328857421875, 1.279052734375, 1.222900390625, 1.17724609375, 1.13623046875,
    1.090576171875, 1.061279296875, 1.019775390625, 1.0, 0.942626953125, 0.880615234375,
    0.843994140625, 0.79345703125, 0.7587890625, 0.722412109375,
)  # fmt: skip
CELL_LOG2 = (
    -0.45352787, -0.41018632, -0.35507575, -0.2903069, -0.23541594, -0.1842555, -0.12509054,
    -0.08580438, -0.028251428, 0.0, 0.08524116, 0.18341629, 0.24469511, 0.333776, 0.3982292,
    0.46910602,
)  # fmt: skip
# The same for float64 and the natural logarithm: these are multiples of 2**-42, and the inverses
# such that they are exact to 2**-63.
LOG_INVERSES = (
    1.3693820459869115, 1.3288536079107443, 1.2790565366777298, 1.2228965526838371,
    1.1772430879959115, 1.1362289650403181, 1.0905785911081378, 1.0612761343237935,
    1.0197725794386276, 1.0, 0.942630011606545, 0.880615725914666, 0.8439939856184385,
    0.7934573812757775, 0.7587915299595708, 0.7224101608463902,
)  # fmt: skip
CELL_LOG = (
    -0.31435957675785176, -0.2843166216027839, -0.2461227254334517, -0.20122226824105383,
    -0.1631753388105608, -0.12771485372240932, -0.08670837293766454, -0.05947208432257867,
    -0.019579641101927336, 0.0, 0.05908142582416076, 0.12713392763839693, 0.16960991045607443,
    0.231355450255478, 0.2760282033984822, 0.32516221157629843,
)  # fmt: skip
# (log(1 + r) - r) / r^2, for abs(r) <= 0.0395
LOG_OF_CELL = {
    float64: (
        -0.5,
        0.3333333333332946,
        -0.24999999999994463,
        0.2000000002381391,
        -0.16666666695052096,
        0.14285668511908556,
        -0.12499951503709705,
        0.11145857339762497,
        -0.10033882486532493,
    ),
}
# log2(1 + r) / r, for abs(r) <= 0.0395
LOG2_OF_CELL = {float32: (1.442695, -0.72134733, 0.48094758, -0.3611473, 0.2636111)}


def split(b: ScalarBuilder, x: Scalar) -> tuple[Scalar, Scalar]:
    """``(1 + f, e)`` of a positive normal ``x``; e is the integer k + bias."""
    fmt, root = format_of(b, x), ROOT_BITS[b.dtype(x)]
    shifted = b.add(b.bitcast(x, fmt.integer), (fmt.bias << fmt.mantissa) - root)
    exponent = b.shift_right_logical(shifted, fmt.mantissa)
    bits = b.add(b.bit_and(shifted, (1 << fmt.mantissa) - 1), root)
    return b.bitcast(bits, fmt.dtype), exponent


def as_float(b: ScalarBuilder, exponent: Scalar, x: Scalar) -> Scalar:
    """k of the small non-negative integer k + bias, in the dtype of ``x``: in the last places of a
    large float, which is cheaper than a conversion where integers are 64 bits wide."""
    fmt = format_of(b, x)
    large = 2.0**fmt.mantissa
    ones = (fmt.bias + fmt.mantissa) << fmt.mantissa
    return b.sub(b.bitcast(b.bit_or(exponent, ones), fmt.dtype), large + fmt.bias)


def log_tail(b: ScalarBuilder, f: Scalar) -> Scalar:
    """log(1 + f) - f."""
    square = b.mul(f, f)
    if b.dtype(f) is float32:
        return b.mul(square, polynomial(b, f, LOG_TAIL))
    s = b.div(f, b.add(f, 2.0))
    z = b.mul(s, s)
    half = b.mul(square, 0.5)
    return b.sub(b.mul(s, b.fma(z, polynomial(b, z, LOG_TAIL), half)), half)


def combine(b: ScalarBuilder, k: Scalar, f: Scalar) -> Scalar:
    """k ln 2 + log(1 + f); for k = 0 with the relative accuracy of a small result."""
    dtype = b.dtype(f)
    total, error = fast_two_sum(b, b.mul(k, LN2_HIGH[dtype]), f)
    return b.add(total, b.add(error, b.fma(k, LN2_LOW[dtype], log_tail(b, f))))


def combine_log2(b: ScalarBuilder, k: Scalar, f: Scalar) -> Scalar:
    """k + log2(1 + f)."""
    dtype = b.dtype(f)
    small = b.fma(f, LOG2_E_LOW[dtype], b.mul(log_tail(b, f), LOG2_E_HIGH[dtype]))
    return b.add(k, b.fma(f, LOG2_E_HIGH[dtype], small))


def log(b: ScalarBuilder, x: Scalar) -> Scalar:
    """The natural logarithm."""
    if b.dtype(x) is float64 and b.fused:
        return _of_any(b, x, lambda k, m: _log_by_cells(b, k, m))
    return _of_any(b, x, lambda k, m: combine(b, k, b.sub(m, 1.0)))


def _log_by_cells(b: ScalarBuilder, k: Scalar, m: Scalar, low: Scalar | None = None) -> Scalar:
    """k ln 2 + log(m + low) of a float64, from the inverse and the logarithm of a number near m;
    ``low`` is below the last place of m."""
    cell = b.shift_right(b.sub(b.bitcast(m, int64), ROOT_BITS[float64]), 48)
    inverse = b.lookup(LOG_INVERSES, cell, float64)
    main = b.fma(k, LN2_HIGH[float64], b.lookup(CELL_LOG, cell, float64))  # exact
    r = b.fma(m, inverse, -1.0)
    total, error = fast_two_sum(b, main, r)
    small = b.mul(k, LN2_LOW[float64])
    if low is not None:
        r, small = b.fma(low, inverse, r), b.fma(low, inverse, small)
    tail = b.fma(b.mul(r, r), polynomial(b, r, LOG_OF_CELL), small)
    return b.add(total, b.add(error, tail))


def log2(b: ScalarBuilder, x: Scalar) -> Scalar:
    """The logarithm to base 2, exact for powers of 2."""
    # Look-ups cost more than they save where there is no FMA either.
    if b.dtype(x) is float32 and b.fused:
        return _of_any(b, x, lambda k, m: _log2_by_cells(b, k, m))
    return _of_any(b, x, lambda k, m: combine_log2(b, k, b.sub(m, 1.0)))


def _log2_by_cells(b: ScalarBuilder, k: Scalar, m: Scalar) -> Scalar:
    """k + log2(m), from the inverse and the logarithm of a number near m."""
    cell = b.shift_right(b.sub(b.bitcast(m, int32), ROOT_BITS[float32]), 19)
    r = b.fma(m, b.lookup(CELL_INVERSES, cell, float32), -1.0)
    whole = b.add(k, b.lookup(CELL_LOG2, cell, float32))
    return b.fma(r, polynomial(b, r, LOG2_OF_CELL), whole)


def log1p(b: ScalarBuilder, x: Scalar) -> Scalar:
    """log(1 + x): u = 1 + x rounded is split, and what the rounding lost is added last."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    u = b.add(x, 1.0)
    small, large = b.select(b.lt(x, 1.0), x, 1.0), b.select(b.gt(x, 1.0), x, 1.0)
    lost = b.sub(small, b.sub(u, large))
    m, exponent = split(b, u)
    # 2**-k, or 0 where that is hardly normal: then nothing that was lost counts.
    shrunk = b.sub(2 * fmt.bias, exponent)
    shrunk = b.select(b.lt(shrunk, 0), 0, shrunk)
    unscale = b.bitcast(b.shift_left(shrunk, fmt.mantissa), dtype)
    low, k = b.mul(lost, unscale), as_float(b, exponent, x)
    if dtype is float64 and b.fused:
        result = b.copysign(_log_by_cells(b, k, m, low), x)
    else:
        high = b.sub(m, 1.0)
        total, error = fast_two_sum(b, b.mul(k, LN2_HIGH[dtype]), high)
        small = b.fma(k, LN2_LOW[dtype], b.add(low, log_tail(b, b.add(high, low))))
        result = b.copysign(b.add(total, b.add(error, small)), x)

    def special() -> Scalar:
        limit = b.select(b.eq(x, -1.0), b.constant(-INFINITY, dtype), NAN)
        return b.select(b.lt(u, INFINITY), b.select(b.le(x, -1.0), limit, result), x)

    return b.rarely(b.bit_not(is_normal(b, u)), special, result)


def _of_any(b: ScalarBuilder, x: Scalar, of_split: Callable[[Scalar, Scalar], Scalar]) -> Scalar:
    """``of_split(k, m)`` of normal numbers 2**k m, and the limits, zeros and denormals of a
    logarithm."""
    fmt = format_of(b, x)

    def of_normal(x: Scalar) -> tuple[Scalar, Scalar]:
        m, exponent = split(b, x)
        return as_float(b, exponent, x), m

    def rare() -> Scalar:
        small = b.lt(x, fmt.smallest_normal)
        k, m = of_normal(b.select(small, b.mul(x, 2.0**fmt.mantissa), x))
        result = of_split(b.select(small, b.sub(k, float(fmt.mantissa)), k), m)
        result = b.select(b.lt(x, INFINITY), result, x)
        limit = b.select(b.eq(x, 0.0), b.constant(-INFINITY, fmt.dtype), NAN)
        return b.select(b.le(x, 0.0), limit, result)

    return b.rarely(b.bit_not(is_normal(b, x)), rare, of_split(*of_normal(x)))


def is_normal(b: ScalarBuilder, x: Scalar) -> Scalar:
    """``smallest normal <= x < infinity``, in one comparison of integers."""
    fmt = format_of(b, x)
    lowest = -(1 << 8 * fmt.dtype.size - 1)
    one = 1 << fmt.mantissa
    shifted = b.add(b.bitcast(x, fmt.integer), lowest - one)
    return b.lt(shifted, lowest + 2 * fmt.bias * one)
