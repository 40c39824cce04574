"""sin, cos, tan of every finite number, by x = n pi/2 + r with abs(r) <= pi/4; and atan2.

Responsible for the polynomials and quadrants; ``range_reduction`` finds n and r.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.floats import INFINITY, Parts, fast_two_sum, format_of, polynomial, quotient
from graphc.ops.vecmath.range_reduction import Angle, is_large, reduce, reduce_large

# (atan(q) - q) / q^3 at q^2, for abs(q) <= TURN
ATAN_TAIL = {
    float32: (-0.33333316, 0.19998875, -0.1426057, 0.10847947, -0.07645192, 0.03415664),
    float64: (
        -0.33333333333333154,
        0.19999999999952753,
        -0.14285714281338735,
        0.11111110906030852,
        -0.09090903394509377,
        0.07692205466143381,
        -0.06665418845180862,
        0.05871668916923229,
        -0.051979204538682496,
        0.04476269193402251,
        -0.03454454807401728,
        0.02024478715636204,
        -0.006366042407833596,
    ),
}
# Between tan(pi / 8) and this, pi/4 minus something would lose a bit.
TURN = 0.547
# pi / 4 in two parts; three times the first is exact.
QUARTER_PI_HIGH = {float32: 0.785398006439209, float64: 0.7853981633974483}
QUARTER_PI_LOW = {float32: 1.5695823663008923e-07, float64: 3.061616997868383e-17}

# (sin(r) - r) / r^3 and (cos(r) - 1 + r^2 / 2) / r^4, at r^2
SINE_TAIL = {
    float32: (-0.16666654, 0.008332109, -0.0001950837),
    float64: (
        -0.16666666666666627,
        0.008333333333321116,
        -0.00019841269828747575,
        2.755731331649385e-06,
        -2.505069818108593e-08,
        1.5893258609351785e-10,
    ),
}
COSINE_TAIL = {
    float32: (0.041666646, -0.0013887301, 2.4430665e-05),
    float64: (
        0.04166666666666659,
        -0.001388888888887214,
        2.4801587288235308e-05,
        -2.755731398867444e-07,
        2.0875673312699215e-09,
        -1.1357032721750906e-11,
    ),
}
# (tan(r) - r) / r^3 at r^2
TANGENT_TAIL = {
    float32: (0.33333135, 0.1333938, 0.053362083, 0.024610475, 0.0028231626, 0.009565198),
}


def _sine(b: ScalarBuilder, angle: Angle, square: Scalar) -> Parts:
    """sin(r + r_error), as a sum of something large and something small."""
    r = angle.r
    return r, b.fma(b.mul(r, square), polynomial(b, square, SINE_TAIL), angle.r_error)


def _cosine(b: ScalarBuilder, angle: Angle, square: Scalar) -> Parts:
    """cos(r + r_error), likewise; the small part has what rounding 1 - r^2 / 2 lost."""
    r = angle.r
    half = b.mul(r, -0.5)
    main = b.fma(half, r, 1.0)
    lost = b.fma(half, r, b.sub(1.0, main))
    tail = b.fma(b.mul(square, square), polynomial(b, square, COSINE_TAIL), lost)
    return main, b.fma(b.neg(r), angle.r_error, tail)


def _at_quadrant(b: ScalarBuilder, angle: Angle, quarters: int) -> Scalar:
    """sin(x + quarters * pi / 2)."""
    fmt = format_of(b, angle.r)
    square = b.mul(angle.r, angle.r)
    quadrant = b.add(angle.quadrant, quarters) if quarters else angle.quadrant
    odd = b.ne(b.bit_and(quadrant, 1), 0)
    value = b.select(odd, b.add(*_cosine(b, angle, square)), b.add(*_sine(b, angle, square)))
    sign = b.shift_left(b.bit_and(quadrant, 2), 8 * fmt.dtype.size - 2)
    return b.bitcast(b.bit_xor(b.bitcast(value, fmt.integer), sign), fmt.dtype)


def _for_all(b: ScalarBuilder, x: Scalar, of_angle: Callable[[Angle], Scalar]) -> Scalar:
    """``of_angle`` of x reduced; a large x is reduced exactly, infinities have no angle."""

    def rare() -> Scalar:
        finite = b.lt(b.sub(x, x), 1.0)
        return b.select(finite, of_angle(reduce_large(b, x)), b.sub(x, x))

    return b.rarely(is_large(b, x), rare, of_angle(reduce(b, x)))


def sin(b: ScalarBuilder, x: Scalar) -> Scalar:
    """The sine."""
    result = _for_all(b, x, lambda angle: _at_quadrant(b, angle, 0))
    return b.select(b.eq(x, 0.0), x, result)


def cos(b: ScalarBuilder, x: Scalar) -> Scalar:
    """The cosine."""
    return _for_all(b, x, lambda angle: _at_quadrant(b, angle, 1))


def tan(b: ScalarBuilder, x: Scalar) -> Scalar:
    """The tangent."""
    of_angle = _tangent_32 if b.dtype(x) is float32 else _tangent_64
    return b.select(b.eq(x, 0.0), x, _for_all(b, x, lambda angle: of_angle(b, angle)))


def _tangent_32(b: ScalarBuilder, angle: Angle) -> Scalar:
    """tan(r) by a polynomial, and -1 / tan(r) after a quarter turn."""
    r, square = angle.r, b.mul(angle.r, angle.r)
    odd = b.ne(b.bit_and(angle.quadrant, 1), 0)
    # The derivative is 1 + tan(r)^2, which is not far from this.
    error = b.fma(b.mul(angle.r_error, 1.5), square, angle.r_error)
    small = b.fma(b.mul(r, square), polynomial(b, square, TANGENT_TAIL), error)
    tangent = b.add(r, small)
    return b.select(odd, b.div(-1.0, tangent), tangent)


def _tangent_64(b: ScalarBuilder, angle: Angle) -> Scalar:
    """The quotient of sine and cosine."""
    square = b.mul(angle.r, angle.r)
    odd = b.ne(b.bit_and(angle.quadrant, 1), 0)
    sine = fast_two_sum(b, *_sine(b, angle, square))
    cosine = fast_two_sum(b, *_cosine(b, angle, square))
    upper = [b.select(odd, b.neg(c), s) for s, c in zip(sine, cosine, strict=True)]
    lower = [b.select(odd, s, c) for s, c in zip(sine, cosine, strict=True)]
    return quotient(b, upper, lower, b.div(1.0, lower[0]))


def atan2(b: ScalarBuilder, y: Scalar, x: Scalar) -> Scalar:
    """The angle of the point (x, y): m pi / 4 + atan(q) with abs(q) <= TURN."""
    dtype, fmt = b.dtype(x), format_of(b, x)
    width, height = b.abs(x), b.abs(y)
    steep, backward = b.gt(height, width), b.lt(b.bitcast(x, fmt.integer), 0)
    large, small = b.select(steep, height, width), b.select(steep, width, height)
    # A power of 2 that makes denormals normal, and sums of the largest numbers finite.
    unit = b.select(b.gt(large, 2.0**64), b.constant(0.25, dtype), 2.0 ** (fmt.mantissa + 1))
    large, small = b.mul(large, unit), b.mul(small, unit)
    # An eighth turn down: atan(s / l) = pi/4 + atan((s - l) / (s + l)).
    turned = b.bit_or(b.gt(small, b.mul(large, TURN)), b.eq(small, INFINITY))
    upper = b.select(turned, b.sub(small, large), small)
    quotient = b.div(upper, b.select(turned, b.add(small, large), large))
    # 0/0 and infinity/infinity
    quotient = b.select(b.eq(small, large), 0.0, quotient)

    m = b.select(turned, b.constant(1.0, dtype), 0.0)
    m = b.select(steep, b.sub(2.0, m), m)
    m = b.select(backward, b.sub(4.0, m), m)
    q = b.select(b.bit_xor(steep, backward), b.neg(quotient), quotient)
    square = b.mul(q, q)
    tail = b.mul(b.mul(q, square), polynomial(b, square, ATAN_TAIL))
    total, error = fast_two_sum(b, b.mul(m, QUARTER_PI_HIGH[dtype]), q)
    tail = b.fma(m, QUARTER_PI_LOW[dtype], tail)
    return b.copysign(b.add(total, b.add(error, tail)), y)
