"""Angles within a quarter turn: x = quadrant * pi/2 + r + r_error, abs(r) <= pi/4.

Responsible for the reduction only.  Below a bound it subtracts n * pi/2 in three parts (Cody and
Waite); above, x * 2/pi is computed modulo 4 in integers (Payne and Hanek), so that r has its full
relative accuracy for every finite x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.ir.dtypes import float32, float64, int32, int64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.floats import fast_two_sum, format_of, residual, two_product

TWO_OVER_PI = 0.6366197723675814
# pi/2 in three parts; the first two are cut, not rounded, so that all are positive (0 stays 0).
PARTS = {
    float32: (1.570796251296997, 7.549789415861596e-08, 5.390302953474238e-15),
    float64: (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
# From here on the three parts do not suffice, nor is the rounding of x * 2/pi small.
LARGE = {float32: 2.0**17, float64: 2.0**30}

# The first binary digits of 2/pi, as many as the largest float64 needs.
_DIGITS = (
    "A2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561"
    "B7246E3A424DD2E006492EEA09D1921CFE1DEB1CB129A73EE88235F52EBB4484"
    "E99C7026B45F7E413991D639835339F49C845F8BBDF9283B1FF897FFDE05980F"
    "EF2F118B5A0A6D1F6D367ECF27CB09B74F463F669E5FEA2D7527BAC7EBE5F17B"
    "3D0739F78A5292EA6BFB5FB11F8D5D08560330"
)
_WORD = 24


def window(position: int) -> int:
    """The 24 binary digits of 2/pi that end ``position`` places after the point."""
    return (int(_DIGITS, 16) >> (4 * len(_DIGITS) - position)) & ((1 << _WORD) - 1)


@dataclass(frozen=True)
class Angle:
    """``quadrant`` is an integer of the size of ``r``; its two low bits count."""

    r: Scalar
    r_error: Scalar
    quadrant: Scalar


@dataclass(frozen=True)
class _Words:
    """How many words of 24 bits: of x shifted, of the product, and below it to catch carries."""

    operand: int
    product: int
    guard: int
    largest_exponent: int


_WORDS = {float32: _Words(2, 3, 2, 126), float64: _Words(3, 5, 3, 993)}


def is_large(b: ScalarBuilder, x: Scalar) -> Scalar:
    """Whether ``x`` needs ``reduce_large`` (true for infinities, false for NaN)."""
    return b.ge(b.abs(x), LARGE[b.dtype(x)])


def reduce(b: ScalarBuilder, x: Scalar) -> Angle:
    """The angle of an ``x`` that is not large."""
    fmt = format_of(b, x)
    first, second, third = (b.constant(part, fmt.dtype) for part in PARTS[fmt.dtype])
    shifter = 1.5 * 2.0**fmt.mantissa
    shifted = b.fma(x, TWO_OVER_PI, b.constant(shifter, fmt.dtype))
    n = b.sub(shifted, shifter)
    # Exact: n * first and x are multiples of the last place of the result.
    start = residual(b, x, n, first)
    # ``start`` is a multiple of the last place of the product, so the difference back is exact.
    r = b.sub(start, b.mul(n, second))
    error = residual(b, b.sub(start, r), n, second)
    return Angle(r, b.fma(b.neg(n), third, error), b.bitcast(shifted, fmt.integer))


def reduce_large(b: ScalarBuilder, x: Scalar) -> Angle:
    """The angle of any finite ``x`` of at least 2**17."""
    dtype = b.dtype(x)
    quarters, high, low = _fraction(b, _product(b, x), _WORDS[dtype].product)
    negative = b.lt(x, 0.0)
    quadrant = b.select(negative, b.neg(quarters), quarters)
    first, second, _ = PARTS[float64]
    r, error = two_product(b, high, b.constant(first, float64))
    error = b.fma(high, second, error)
    error = b.fma(low, first, error)
    if dtype is float32:
        total = b.add(r, error)
        r = b.cast(total, float32)
        error = b.cast(b.sub(total, b.cast(r, float64)), float32)
        quadrant = b.cast(quadrant, int32)
    return Angle(b.select(negative, b.neg(r), r), b.select(negative, b.neg(error), error), quadrant)


def _product(b: ScalarBuilder, x: Scalar) -> Sequence[Scalar]:
    """abs(x) * 2/pi * 2**22 modulo 2**24, and the words after its point; the lowest word first."""
    fmt, words = format_of(b, x), _WORDS[b.dtype(x)]
    bits = b.bit_and(b.cast(b.bitcast(x, fmt.integer), int64), (1 << 8 * fmt.dtype.size - 1) - 1)
    # x = significand * 2**(exponent - 22)
    exponent = b.sub(b.shift_right(bits, fmt.mantissa), fmt.bias + fmt.mantissa - 22)
    significand = b.bit_or(b.bit_and(bits, (1 << fmt.mantissa) - 1), 1 << fmt.mantissa)
    significand = b.shift_left(significand, b.bit_and(exponent, 7))
    # Infinities lie beyond the table, small numbers in other lanes of a vector before it.
    row, last = b.shift_right(exponent, 3), words.largest_exponent >> 3
    row = b.select(b.gt(row, last), last, b.select(b.lt(row, 0), 0, row))
    count, mask = words.product + words.guard, (1 << _WORD) - 1
    table = [window(8 * i) for i in range(last + 3 * count)]
    digits = [b.lookup(table, b.add(row, 3 * j), int64) for j in reversed(range(count))]
    factors = [b.bit_and(b.shift_right(significand, _WORD * i), mask) for i in range(words.operand)]
    carry, result = b.constant(0, int64), []
    for column in range(words.guard - 1, count):
        for i, factor in enumerate(factors):
            if i <= column:
                carry = b.add(carry, b.mul(factor, digits[column - i]))
        if column >= words.guard:
            result.append(b.bit_and(carry, mask))
        carry = b.shift_right(carry, _WORD)
    return result


def _fraction(
    b: ScalarBuilder, words: Sequence[Scalar], count: int
) -> tuple[Scalar, Scalar, Scalar]:
    """The nearest integer to the number in ``words``, and the rest in float64, in two parts."""
    top = words[-1]
    quarters = b.shift_right(b.add(top, 1 << 21), 22)
    top = b.sub(top, b.shift_left(quarters, 22))
    leading = b.cast(b.add(b.shift_left(top, _WORD), words[-2]), float64)
    high, low = b.mul(leading, 2.0**-46), b.mul(b.cast(words[-3], float64), 2.0**-70)
    if count == 3:
        return quarters, high, low
    low = b.fma(b.cast(words[-4], float64), 2.0**-94, low)
    # The sum may cancel down to 2**-62, where only the last word is left to give digits.
    high, low = fast_two_sum(b, high, low)
    low = b.fma(b.cast(words[-5], float64), 2.0**-118, low)
    return quarters, *fast_two_sum(b, high, low)
