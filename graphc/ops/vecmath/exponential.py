"""exp, expm1 and elu by x = n ln 2 + r with abs(r) <= ln(2)/2, and a polynomial in r.

Responsible for the arithmetic only.  What is not a function of its own serves the
functions made of exponentials (hyperbolic, logistic, error_function, power).
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.floats import Format, clamp, format_of, polynomial

LOG2_E = 1.4426950408889634
# ln 2 in two parts; the first has trailing zeros, so that n * LN2_HIGH is exact.
LN2_HIGH = {float32: 0.693145751953125, float64: 0.6931471803691238}
LN2_LOW = {float32: 1.42860677e-06, float64: 1.9082149292705877e-10}
LN2 = {float32: 0.6931472, float64: 0.6931471805599453}
# Results overflow above, and are 0 below.
LOWEST = {float32: -104.0, float64: -745.2}
HIGHEST = {float32: 89.0, float64: 709.9}

# expm1 is -1 to the last bit below.
EXPM1_LOWEST = {float32: -18.0, float64: -38.0}

# (exp(r) - 1 - r) / r^2
EXP_TAIL = {
    float32: (0.5, 0.1666654, 0.041666478, 0.008366871, 0.0013933744),
    float64: (
        0.5000000000000006,
        0.16666666666666677,
        0.04166666666657285,
        0.008333333333321381,
        0.0013888888932764433,
        0.00019841269886838284,
        2.4801503875900035e-05,
        2.7557243421775654e-06,
        2.762658504149415e-07,
        2.510933371211467e-08,
    ),
}

# (2**r - 1) / r
EXP2_TAIL = {
    float32: (0.6931472, 0.2402265, 0.055503577, 0.009618077, 0.0013391859, 0.00015456394),
    float64: (
        0.6931471805599453,
        0.24022650695910136,
        0.055504108664822936,
        0.009618129107592271,
        0.001333355814616464,
        0.0001540353045938746,
        1.5252734036389455e-05,
        1.3215434169751695e-06,
        1.0177985887218451e-07,
        7.0739714301166115e-09,
        4.465491004756495e-10,
    ),
}


@dataclass(frozen=True)
class Reduced:
    """x = n LN2_HIGH + r, which is exact; ``bits`` hold n + 2 * bias in their low part."""

    n: Scalar
    r: Scalar
    bits: Scalar


def reduce(b: ScalarBuilder, x: Scalar) -> Reduced:
    """Splits ``x``, which must be within the bounds of ``exp``.  From ``r``, n LN2_LOW is still to
    be taken away."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    shifted = b.fma(x, LOG2_E, b.constant(fmt.shifter, dtype))
    n = b.sub(shifted, fmt.shifter)
    return Reduced(n, b.fma(n, -LN2_HIGH[dtype], x), b.bitcast(shifted, fmt.integer))


def tail(b: ScalarBuilder, r: Scalar) -> Scalar:
    """``(exp(r) - 1 - r) / r**2``."""
    return polynomial(b, r, EXP_TAIL)


@dataclass(frozen=True)
class Power:
    """2**n of a whole float ``n`` with ``bits`` that hold n + 2 * bias in their low part."""

    n: Scalar
    bits: Scalar
    fmt: Format

    def times(self, b: ScalarBuilder, x: Scalar) -> Scalar:
        """``x * 2**n``, rounded once where x * 2**(n / 2) is normal."""
        if b.scales:
            return b.scale(x, self.n)
        # Two factors: one alone would leave the range of exponents.
        half = b.shift_right(self.bits, 1)
        rest = b.sub(self.bits, half)
        for part in (half, rest):
            x = b.mul(x, b.bitcast(b.shift_left(part, self.fmt.mantissa), self.fmt.dtype))
        return x


def argument(b: ScalarBuilder, x: Scalar, error: Scalar | None = None) -> tuple[Scalar, Power]:
    """``(r, power)`` with e**(x + error) = e**r * power and r small.

    ``x`` is within the bounds of ``exp``; ``error`` is far below it.
    """
    dtype, fmt = b.dtype(x), format_of(b, x)
    parts = reduce(b, x)
    low = -LN2_LOW[dtype]
    if error is None:
        r = b.fma(parts.n, low, parts.r)
    else:
        r = b.add(parts.r, b.fma(parts.n, low, error))
    return r, Power(parts.n, parts.bits, fmt)


def small_exp(b: ScalarBuilder, r: Scalar) -> Scalar:
    """e**r of a reduced r."""
    return b.fma(r, b.fma(r, tail(b, r), 1.0), 1.0)


def small_expm1(b: ScalarBuilder, r: Scalar) -> Scalar:
    """e**r - 1 of a reduced r."""
    return b.fma(b.mul(r, r), tail(b, r), r)


def exp(b: ScalarBuilder, x: Scalar) -> Scalar:
    """e**x."""
    dtype = b.dtype(x)
    r, power = argument(b, clamp(b, x, LOWEST[dtype], HIGHEST[dtype]))
    return power.times(b, small_exp(b, r))


def split(b: ScalarBuilder, x: Scalar) -> tuple[Scalar, Scalar]:
    """``(r, 2**n)`` of x = n LN2 + r, where an error of n roundings of ln 2 in x is no harm.  ``x``
    is so bounded that 2**n is normal."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    shifted = b.fma(x, LOG2_E, b.constant(fmt.shifter, dtype))
    r = b.fma(b.sub(shifted, fmt.shifter), -LN2[dtype], x)
    exponent = b.sub(b.bitcast(shifted, fmt.integer), fmt.bias)
    return r, b.bitcast(b.shift_left(exponent, fmt.mantissa), dtype)


def expm1_parts(b: ScalarBuilder, x: Scalar) -> tuple[Scalar, Scalar, Scalar]:
    """``(high, low, factor)`` with e**x - 1 = (high + low) * factor, a factor of 2 where a power of
    two would overflow; high = (2**n - 1) + 2**n r is rounded once."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    parts = reduce(b, clamp(b, x, EXPM1_LOWEST[dtype], HIGHEST[dtype]))
    r, low = parts.r, b.mul(parts.n, -LN2_LOW[dtype])
    total = b.add(r, low)
    small = b.fma(b.mul(total, total), tail(b, total), low)
    largest = b.gt(parts.n, fmt.bias + 0.5)
    excess = b.select(largest, b.constant(fmt.bias + 1, fmt.integer), fmt.bias)
    scale = b.bitcast(b.shift_left(b.sub(parts.bits, excess), fmt.mantissa), fmt.dtype)
    factor = b.select(largest, 2.0, b.constant(1.0, dtype))
    return b.fma(scale, r, b.sub(scale, 1.0)), b.mul(scale, small), factor


def expm1(b: ScalarBuilder, x: Scalar) -> Scalar:
    """e**x - 1."""
    high, low, factor = expm1_parts(b, x)
    return b.copysign(b.mul(b.add(high, low), factor), x)


def elu(b: ScalarBuilder, x: Scalar, alpha: float) -> Scalar:
    """x above 0, alpha (e**x - 1) below, where no factor is needed; the product is rounded once."""
    high, low, _ = expm1_parts(b, x)
    size = b.constant(abs(alpha), b.dtype(x))
    below = b.copysign(b.fma(high, size, b.mul(low, size)), x)
    return b.select(b.gt(x, 0.0), x, b.neg(below) if alpha < 0 else below)
