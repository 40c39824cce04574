"""tanh, sinh and cosh.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64, int32
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import LN2_LOW, Reduced, reduce, small_exp, split
from graphc.ops.vecmath.floats import fast_two_sum, format_of, of_cells, polynomial

# (f(x) - x) / x^3 at x^2, of float64's tanh on [0, TANH_SMALL] and of sinh on [0, ln(2) / 2]
TANH_TAIL = {
    float64: (
        -0.33333333333332815,
        0.13333333333257694,
        -0.05396825392950435,
        0.021869487540128286,
        -0.00886322057446533,
        0.0035919859898455955,
        -0.0014549436418318236,
        0.0005862696237022761,
        -0.00022847437678741227,
        7.704704918411882e-05,
        -1.6027002705552315e-05,
    ),
}
SINH_TAIL = {
    float32: (0.16666539, 0.008367031),
    float64: (
        0.16666666666666677,
        0.008333333333321351,
        0.00019841269886967713,
        2.7557243247206695e-06,
        2.510940757209043e-08,
    ),
}
# (cosh(r) - 1) / r^2 at r^2
COSH_TAIL = {
    float32: (0.5, 0.04166645, 0.0013936159),
    float64: (
        0.5,
        0.041666666666666685,
        0.001388888888887323,
        2.4801587349408668e-05,
        2.7557251569391506e-07,
        2.0921867283732857e-09,
    ),
}
TANH_SMALL = 0.625
# tanh is 1 to the last bit from here on.
TANH_ONE = {float32: 10.0, float64: 19.1}
# The centres of float32's cells, which are two a binade from 1/4 on, and the coefficients of tanh
# at the distance from the centre.
TANH_CENTRES = (0.0, 0.3125, 0.4375, 0.625, 0.875, 1.25, 1.75, 2.5, 3.5, 5.0, 7.0, 9.0)
TANH_CELLS = (
    (
        0.0, 0.30270973, 0.41157004, 0.5545997, 0.7039056, 0.84828365, 0.94137555, 0.9866143,
        0.9981779, 0.9999092, 0.99999833, 0.99999994,
    ),
    (
        1.0, 0.9083668, 0.8306101, 0.6924192, 0.5045169, 0.28041476, 0.113812044, 0.026592337,
        0.003640956, 0.00018186166, 3.3312488e-06, 6.101406e-08,
    ),
    (
        -1.1482829e-06, -0.27496988, -0.3418271, -0.3840053, -0.3551213, -0.2378724, -0.10714181,
        -0.026235783, -0.0036339061, -0.00018182641, -3.2812807e-06, 1.7219783e-07,
    ),
    (
        -0.3332684, -0.21953565, -0.1361791, -0.01784008, 0.081806116, 0.10832543, 0.06292818,
        0.017017407, 0.0024117248, 0.00011882032, 2.1767542e-06, 3.98688e-08,
    ),
    (
        -0.0012040891, 0.15734373, 0.15612762, 0.13660079, 0.05939555, -0.012552346, -0.023461906,
        -0.008053685, -0.0012005188, -5.950986e-05, -1.18979e-06, -4.8638555e-07,
    ),
    (
        0.14317748, 0.042440083, -0.004914153, -0.054232676, -0.05860159, -0.019682862,
        0.0034829052, 0.002887535, 0.0004903782, 2.8482991e-05, 5.2287925e-07, 9.577272e-09,
    ),
    (
        -0.03712579, 0.036477517, 1.9641109, 0.023162384, 0.06407542, 0.014801514, 0.001524066,
        -0.000692417, -0.00015029623, -9.3770195e-06, -1.1576372e-07, 2.6336153e-07,
    ),
)  # fmt: skip
# sinh and cosh are infinite from here on.
HYPERBOLIC_HIGHEST = {float32: 89.5, float64: 710.6}


def tanh(b: ScalarBuilder, x: Scalar) -> Scalar:
    """The hyperbolic tangent, of abs(x)."""
    one, magnitude = TANH_ONE[b.dtype(x)], b.abs(x)
    bounded = b.select(b.gt(magnitude, one), one, magnitude)
    if b.dtype(x) is float32:
        return b.copysign(_tanh_32(b, bounded), x)
    return b.copysign(_tanh_64(b, magnitude, bounded), x)


def _tanh_32(b: ScalarBuilder, x: Scalar) -> Scalar:
    """A polynomial for each cell."""
    last = len(TANH_CENTRES) - 1
    cell = b.sub(b.shift_right(b.bitcast(x, int32), 22), 249)
    cell = b.select(b.lt(cell, 0), 0, cell)
    cell = b.select(b.gt(cell, last), last, cell)  # NaN
    return of_cells(b, b.sub(x, b.lookup(TANH_CENTRES, cell, float32)), cell, TANH_CELLS)


def _tanh_64(b: ScalarBuilder, x: Scalar, bounded: Scalar) -> Scalar:
    """A polynomial near 0, and 1 - 2 / (e**(2 x) + 1) elsewhere."""
    square = b.mul(x, x)
    near = b.fma(b.mul(x, square), polynomial(b, square, TANH_TAIL), x)
    r, scale = split(b, b.add(bounded, bounded))
    far = b.sub(1.0, b.div(2.0, b.fma(scale, small_exp(b, r), 1.0)))
    return b.select(b.lt(x, TANH_SMALL), near, far)


def _halves(b: ScalarBuilder, parts: Reduced) -> tuple[Scalar, Scalar]:
    """2**(n - 2) and 2**(-n - 2), n >= 0; the second is 0 where it does not matter."""
    fmt = format_of(b, parts.r)
    grown = b.sub(parts.bits, fmt.bias + 2)
    # ``bits`` are those of the shifter plus n, which is with 2 * bias.
    shrunk = b.sub(fmt.whole_bits + 3 * fmt.bias - 2, parts.bits)
    shrunk = b.select(b.lt(shrunk, 0), 0, shrunk)
    first, second = (b.shift_left(k, fmt.mantissa) for k in (grown, shrunk))
    return b.bitcast(first, fmt.dtype), b.bitcast(second, fmt.dtype)


def _sinh_cosh(b: ScalarBuilder, x: Scalar) -> tuple[Scalar, ...]:
    """e**(n ln 2) / 4, e**(-n ln 2) / 4, sinh(r), cosh(r) - 1 of abs(x) = n ln 2 + r."""
    dtype = b.dtype(x)
    highest = HYPERBOLIC_HIGHEST[dtype]
    magnitude = b.abs(x)
    parts = reduce(b, b.select(b.gt(magnitude, highest), highest, magnitude))
    r = b.fma(parts.n, -LN2_LOW[dtype], parts.r)
    square = b.mul(r, r)
    sinh_r = b.fma(b.mul(r, square), polynomial(b, square, SINH_TAIL), r)
    cosh_r = b.mul(square, polynomial(b, square, COSH_TAIL))
    return (*_halves(b, parts), sinh_r, cosh_r)


def sinh(b: ScalarBuilder, x: Scalar) -> Scalar:
    """sinh(n ln 2) cosh(r) + cosh(n ln 2) sinh(r): no cancellation, no division."""
    grown, shrunk, sinh_r, cosh_r = _sinh_cosh(b, x)
    cosh_n = b.add(grown, shrunk)
    sinh_n, lost = fast_two_sum(b, grown, b.neg(shrunk))
    small = b.fma(cosh_n, sinh_r, b.fma(sinh_n, cosh_r, lost))
    half = b.add(sinh_n, small)
    result = b.copysign(b.add(half, half), x)
    # The half of a denormal would lose its last bit.
    return b.select(b.lt(b.abs(x), 2.0**-40), x, result)


def cosh(b: ScalarBuilder, x: Scalar) -> Scalar:
    """cosh(n ln 2) cosh(r) + sinh(n ln 2) sinh(r)."""
    grown, shrunk, sinh_r, cosh_r = _sinh_cosh(b, x)
    cosh_n, sinh_n = b.add(grown, shrunk), b.sub(grown, shrunk)
    small = b.fma(sinh_n, sinh_r, b.mul(cosh_n, cosh_r))
    # Not cosh_n + small: the sum of the two powers is rounded at n = 12.
    half = b.add(grown, b.add(shrunk, small))
    return b.add(half, half)
