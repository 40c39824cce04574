"""erf, and gelu in its exact form x P(x) with P the normal distribution.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import EXP_TAIL_ROUGH, argument, fading, small_expm1
from graphc.ops.vecmath.floats import horner, polynomial, quotient, two_product
from graphc.ops.vecmath.logistic import open_above

# erf(x) / x - 1 at x^2, for abs(x) < ERF_SMALL
ERF_NEAR = {
    float32: (0.12837915, -0.3761249, 0.11281737, -0.026763344, 0.004988085, -0.00059640134),
    float64: (
        0.1283791670955126,
        -0.3761263890318384,
        0.11283791670956606,
        -0.02686617064513378,
        0.005223977623533017,
        -0.0008548326817093708,
        0.00012055322021781544,
        -1.4925300531579623e-05,
        1.6454972012078675e-06,
        -1.627136292098748e-07,
        1.4016546889474986e-08,
        -8.400291826177534e-10,
    ),
}
# log(1 - erf(t)) / t + 1
ERF_FAR = {
    float32: (
        -0.12866004,
        -0.635103,
        -0.10631929,
        0.023835285,
        -0.00367817,
        0.00033186164,
        -1.2164163e-05,
    ),
    float64: (
        -0.12837915388671645,
        -0.6366198522041103,
        -0.10277255668513602,
        0.019129567439633118,
        0.00020358511336911192,
        -0.0016812473920555823,
        0.0005630834016067627,
        1.010512514082974e-05,
        -0.0001011302864854818,
        5.8787845499609654e-05,
        -2.1406819015235245e-05,
        5.702730582028326e-06,
        -1.1520431113108043e-06,
        1.760632605895519e-07,
        -1.9814055619566735e-08,
        1.5522810952304293e-09,
        -7.566304365066817e-11,
        1.7276912792589989e-12,
    ),
}
ERF_SMALL = 0.9277
# erf is 1 to the last bit from here on.
ERF_ONE = {float32: 3.95, float64: 5.95}
# P(-t) e**(t^2 / 2) (t + OFFSET) at q = (t - CENTRE) / (t + CENTRE)
NORMAL_TAIL = {
    float32: (
        0.49565586,
        -0.1393029,
        0.045094512,
        0.010673176,
        -0.024482092,
        0.015815886,
        -0.0048741736,
        -0.00013707155,
        0.000645398,
        -8.253148e-05,
        -7.294649e-05,
    ),
    float64: (
        0.48074565609378933,
        -0.12741667065001183,
        0.060047571397466415,
        -0.010218616930823765,
        -0.014437204895339922,
        0.018683488122430984,
        -0.01292257276339294,
        0.0059272895688195415,
        -0.0016211846772894516,
        4.136088595070687e-05,
        0.00016722739890093736,
        -5.3367621883495186e-05,
        -8.235576786544819e-06,
        8.743372375970478e-06,
        -2.3732031207869363e-07,
        -1.2484766620531113e-06,
        1.4357261029586813e-07,
        1.882285665239722e-07,
        -2.457164739750118e-08,
        -2.9951528235506014e-08,
        9.311354763429547e-10,
        3.665144730503426e-09,
        6.232449507816739e-10,
    ),
}
OFFSET = 1.25
CENTRE = {float32: 4.0, float64: 5.0}
# gelu is -0 below.
GELU_FAR = {float32: 14.5, float64: 38.7}


def erf(b: ScalarBuilder, x: Scalar) -> Scalar:
    """A polynomial near 0, and 1 - e**p(abs(x)) elsewhere."""
    dtype = b.dtype(x)
    square = b.mul(x, x)
    near = b.fma(x, polynomial(b, square, ERF_NEAR), x)

    t, one = b.abs(x), ERF_ONE[dtype]
    t = b.select(b.gt(t, one), one, t)
    power, scale = fading(b, b.fma(polynomial(b, t, ERF_FAR), t, b.neg(t)), EXP_TAIL_ROUGH)
    far = b.copysign(b.fma(b.neg(scale), power, 1.0), x)

    return b.select(b.lt(b.abs(x), ERF_SMALL), near, far)


def gelu(b: ScalarBuilder, x: Scalar) -> Scalar:
    """x P(x): with t = abs(x), t P(-t) = t p(q) / (t + 5/4) e**(-t^2 / 2) is what the closed gate
    lets through; products are kept in two parts."""
    dtype = b.dtype(x)
    t, far, centre = b.abs(x), GELU_FAR[dtype], CENTRE[dtype]
    t = b.select(b.gt(t, far), far, t)
    exponent, exponent_error = two_product(b, b.mul(t, -0.5), t)
    r, first, second = argument(b, exponent, exponent_error)
    w = small_expm1(b, r)
    lower = b.add(t, OFFSET)
    lower_error = b.sub(t, b.sub(lower, OFFSET))
    # One division for two: q need not be exact, and the last quotient is corrected.
    shifted = b.add(t, centre)
    inverse = b.div(1.0, b.mul(shifted, lower))
    q = b.mul(b.sub(t, centre), b.mul(lower, inverse))
    # The last step of the polynomial in two parts.
    first_term, *others = NORMAL_TAIL[dtype]
    rest = horner(b, q, others)
    p = b.fma(q, rest, first_term)
    p_error = b.fma(q, rest, b.sub(first_term, p))
    v, v_error = two_product(b, t, p)
    v_error = b.fma(t, p_error, v_error)
    upper = b.fma(v, w, v)
    upper_error = b.add(b.fma(v, w, b.sub(v, upper)), v_error)
    closed = quotient(b, (upper, upper_error), (lower, lower_error), b.mul(shifted, inverse))
    return open_above(b, x, b.mul(b.mul(closed, first), second))
