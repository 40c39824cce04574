"""tanh, sinh and cosh.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import LN2_LOW, Reduced, reduce, small_exp, split
from graphc.ops.vecmath.floats import fast_two_sum, format_of, polynomial

# (f(x) - x) / x^3 at x^2, of tanh on [0, TANH_SMALL] and of sinh on [0, ln(2) / 2]
TANH_TAIL = {
    float32: (-0.3333323, 0.13330096, -0.05363191, 0.020301355, -0.005342693),
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
TANH_SMALL = {float32: 0.67, float64: 0.625}
# tanh is 1 to the last bit from here on.
TANH_ONE = {float32: 9.1, float64: 19.1}
# sinh and cosh are infinite from here on.
HYPERBOLIC_HIGHEST = {float32: 89.5, float64: 710.6}


def tanh(b: ScalarBuilder, x: Scalar) -> Scalar:
    """A polynomial near 0, and 1 - 2 / (e**(2 abs(x)) + 1) elsewhere."""
    dtype = b.dtype(x)
    magnitude = b.abs(x)
    square = b.mul(x, x)
    near = b.fma(b.mul(magnitude, square), polynomial(b, square, TANH_TAIL), magnitude)

    far = b.select(b.gt(magnitude, TANH_ONE[dtype]), TANH_ONE[dtype], magnitude)
    r, scale = split(b, b.add(far, far))
    far = b.sub(1.0, b.div(2.0, b.fma(scale, small_exp(b, r), 1.0)))

    result = b.select(b.lt(magnitude, TANH_SMALL[dtype]), near, far)
    return b.copysign(result, x)


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
