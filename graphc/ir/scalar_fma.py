"""Correctly rounded fused multiply-add on NumPy arrays, which NumPy itself lacks.

float32: the product is exact in float64, and rounding the float64 sum to float32 is wrong only
where that sum is a midpoint of two float32 (or the result a denormal); there the sum is first
rounded to odd.  float64: the product and the sum as unevaluated pairs of float64 (Dekker, Knuth),
the low parts rounded to odd (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums",
2008).  Operands out of the range where these are exact are scaled first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
_MIDPOINT_BITS = np.int64((1 << 29) - 1)  # what float64 has beyond float32
_MIDPOINT = np.int64(1 << 28)
_SMALLEST_NORMAL = np.float64(2.0**-126)
_APART = 300  # exponents so far apart that the smaller addend only decides ties


@np.errstate(all="ignore")
def fused_multiply_add(x: Array, y: Array, z: Array) -> Array:
    """``x*y + z`` rounded once, elementwise with broadcasting; all float32 or all float64.

    >>> fused_multiply_add(np.float32(1e20), np.float32(1e20), np.float32(-np.inf))
    np.float32(-inf)
    """
    if x.dtype == np.float32:
        return _fma32(x, y, z)
    if x.dtype == np.float64:
        return _fma64(x, y, z)
    raise TypeError(f"fma is for floats, not {x.dtype}")


def _fma32(x: Array, y: Array, z: Array) -> Array:
    product = np.multiply(x, y, dtype=np.float64)
    total = np.asarray(product + z)
    nearest = total.astype(np.float32)
    doubtful = (total.view(np.int64) & _MIDPOINT_BITS) == _MIDPOINT
    doubtful |= np.abs(total) < _SMALLEST_NORMAL
    if np.any(doubtful):
        shape = total.shape
        addend = np.broadcast_to(z, shape)[doubtful].astype(np.float64)
        exact = _add_to_odd(np.broadcast_to(product, shape)[doubtful], addend)
        nearest[doubtful] = exact.astype(np.float32)
    return nearest[()]


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """``a + b`` rounded, and the exact error."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def _add_to_odd(a: Array, b: Array) -> Array:
    """``a + b``; where inexact, that one of the two float64 around it whose last bit is 1."""
    total, error = _two_sum(a, b)
    total = np.asarray(total)
    bits = total.view(np.int64)
    wrong = (bits & 1 == 0) & (error != 0) & np.isfinite(total)
    away_from_zero = (error > 0) == (total > 0)
    step = np.where(away_from_zero, np.int64(1), np.int64(-1))
    return np.where(wrong, bits + step, bits).view(np.float64)


def _two_product(x: Array, y: Array) -> tuple[Array, Array]:
    """``x * y`` rounded, and the exact error."""
    product = x * y
    (x_high, x_low), (y_high, y_low) = _split(x), _split(y)
    error = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
    return product, error


def _split(x: Array) -> tuple[Array, Array]:
    """``x`` as a sum of two numbers of 26 bits (Veltkamp)."""
    scaled = x * 134217729.0
    high = scaled - (scaled - x)
    return high, x - high


def _exact_sum(x: Array, y: Array, z: Array) -> tuple[Array, Array]:
    """``x*y + z`` as (high, low), low rounded to odd: ``high + low`` rounds as the sum does."""
    product, product_error = _two_product(x, y)
    upper, upper_error = _two_sum(z, product_error)
    high, rest = _two_sum(product, upper)
    return high, _add_to_odd(rest, upper_error)


def _fma64(x: Array, y: Array, z: Array) -> Array:
    plain = np.asarray(x * y + z)
    high, low = _exact_sum(x, y, z)
    total = np.asarray(high + low)
    # An exact zero has the sign that the plain operations give it.
    result = np.where(total == 0, plain, total)
    safe = _within(x, 400) & _within(y, 400) & _within(z, 800)
    if not np.all(safe):
        rare = np.asarray(~safe)
        x, y, z = (np.broadcast_to(operand, rare.shape)[rare] for operand in (x, y, z))
        result[rare] = _fma64_anywhere(x, y, z, plain[rare])
    return result[()]


def _within(x: Array, exponent: int) -> Array:
    magnitude = np.abs(x)
    return ((magnitude >= 2.0**-exponent) & (magnitude <= 2.0**exponent)) | (magnitude == 0)


def _fma64_anywhere(x: Array, y: Array, z: Array, plain: Array) -> Array:
    """For operands of any magnitude, denormal, infinite or NaN; ``plain`` is ``x*y + z``."""
    finite_product = np.isfinite(x) & np.isfinite(y)
    ordinary = finite_product & np.isfinite(z) & (x != 0) & (y != 0) & (z != 0)
    result: Array = np.where(finite_product & ~np.isfinite(z), z, plain)
    # A product that underflows keeps its sign, which adding a zero would lose.
    result = np.where((z == 0) & (x != 0) & (y != 0), x * y, result)
    result[ordinary] = _fma64_scaled(x[ordinary], y[ordinary], z[ordinary])
    return result


def _fma64_scaled(x: Array, y: Array, z: Array) -> Array:
    """For finite operands other than zero: the sum near 1, scaled back with one rounding."""
    x, x_exponent = np.frexp(x)
    y, y_exponent = np.frexp(y)
    z, z_exponent = np.frexp(z)
    product_exponent = x_exponent + y_exponent
    apart = z_exponent - product_exponent
    scale = np.where(apart > _APART, z_exponent - _APART, product_exponent)
    high, low = _exact_sum(x, y, np.ldexp(z, np.clip(apart, -_APART, _APART)))
    total = high + low
    denormal = np.frexp(total)[1] + scale <= -1022
    # Adding 2^52 units of the last denormal bit makes the sum round at that bit.
    unit_exponent = np.minimum(-1074 - scale, 500)
    anchor = np.copysign(np.ldexp(np.float64(1), unit_exponent + 52), total)
    anchored, rest = _two_sum(anchor, high)
    rounded = np.copysign((anchored + _add_to_odd(rest, low)) - anchor, total)
    return np.ldexp(np.where(denormal & (total != 0), rounded, total), scale)
