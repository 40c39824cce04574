"""erf, and gelu in its exact form x P(x) with P the normal distribution.

Responsible for the arithmetic only.
"""

from __future__ import annotations

from graphc.ir.dtypes import float32, float64, int32
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.vecmath.exponential import argument, small_expm1, split, tail
from graphc.ops.vecmath.floats import horner, of_cells, polynomial, quotient, two_product
from graphc.ops.vecmath.logistic import open_above

# float64: log(1 - erf(t)) / t + 1
ERF_EXPONENT = {
    float64: (
        -0.12837916709551256,
        -0.6366197723675908,
        -0.10277260330128589,
        0.01912844699200042,
        0.0002091948702491694,
        -0.00169620780599154,
        0.0005901331542172338,
        -2.590714688259224e-05,
        -6.441349331106841e-05,
        2.9561954275361087e-05,
        -3.149108549627164e-06,
        -3.156890964506177e-06,
        2.0590520964027597e-06,
        -5.864370491450967e-07,
        2.078201250979237e-08,
        6.15947429913234e-08,
        -3.3090278284685414e-08,
        1.0349470075933092e-08,
        -2.2673928960892986e-09,
        3.6057167308689874e-10,
        -4.113146621982127e-11,
        3.2062077805044324e-12,
        -1.5333476015094243e-13,
        3.3976176510111467e-15,
    ),
}
# erf is 1 to the last bit from here on.
ERF_ONE = {float32: 3.8749, float64: 5.95}
# erf(k / 4 + x) - x in float32's cells k.
ERF_CELLS = (
    (
        0.0, 0.2763264, 0.5204999, 0.71115565, 0.8427008, 0.92290014, 0.96610516, 0.9866717,
        0.9953223, 0.9985373, 0.999593, 0.9998994, 0.9999779, 0.9999957, 0.9999993, 0.9999999,
    ),
    (
        0.12837917, 0.060014237, -0.121217325, -0.35706887, -0.5848925, -0.7634789, -0.8810697,
        -0.94722503, -0.97933304, -0.9928577, -0.9978217, -0.9994137, -0.99986076, -0.9999708,
        -0.9999946, -0.999999,
    ),
    (
        2.5513063e-07, -0.2649988, -0.43938786, -0.48220038, -0.41510454, -0.29565674,
        -0.17840175, -0.09236103, -0.041339673, -0.016074672, -0.0054381173, -0.0016144613,
        -0.0004118365, -9.771471e-05, -2.6017318e-05, 1.2910418e-06,
    ),
    (
        -0.3761403, -0.30919665, -0.14648893, 0.026770446, 0.13836978, 0.16753475, 0.13875434,
        0.09016417, 0.048229177, 0.02172742, 0.008344473, 0.0027615263, 0.0007924509,
        0.0001922549, 3.7250746e-05, 3.560899e-06,
    ),
    (
        0.00026501666, 0.12607801, 0.18208623, 0.15035315, 0.06910796, -0.005538167, -0.043958712,
        -0.047709662, -0.03414505, -0.018902713, -0.00905699, -0.0031727448, -0.0013597811,
        -0.00014497474, 0.0002955073, -0.0002584991,
    ),
    (
        0.11106513, 0.08111479, 0.0087019615, -0.052003562, -0.06896769, -0.04706714,
        -0.015052714, 0.0062052114, 0.012747125, 0.010515164, 0.006383382, 0.0027151601,
        0.0008702513, 0.00047929943, 0.00031376188, 0.00011416851,
    ),
)  # fmt: skip
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
# float32: the centres of cells, which are two a binade from 1/4 on, and the coefficients of
# t P(-t) e^(t^2 / 2) at the distance from the centre.  The first of them are nearly exact there.
GATE_CENTRES = (
    0.0, 0.31246328, 0.43743467, 0.62535477, 0.8752861, 1.2498474, 1.7501564, 2.5002213, 3.49971,
    4.9993057, 6.998131, 10.005234, 13.250549,
)  # fmt: skip
GATE_CELLS = (
    (
        0.0, 0.12380481, 0.15927894, 0.20216866, 0.2448407, 0.28843626, 0.3241639, 0.35333437,
        0.37220433, 0.38459292, 0.3912505, 0.39507088, 0.39670786,
    ),
    (
        0.5, 0.3102516, 0.25928348, 0.20023303, 0.1448435, 0.09266154, 0.054346133, 0.027291412,
        0.01277785, 0.005192479, 0.0020797132, 0.00075217814, 0.00033171184,
    ),
    (
        -0.39894208, -0.22666627, -0.18295349, -0.13416529, -0.09071182, -0.05259964,
        -0.027221255, -0.011490711, -0.0043785763, -0.001370104, -0.0004147525, -0.00010862425,
        -3.6736266e-05,
    ),
    (
        0.24998878, 0.13150595, 0.10295812, 0.07214879, 0.04595473, 0.02441541, 0.011292239,
        0.0040678093, 0.0012807734, 0.00031265503, 7.2326024e-05, 1.3789853e-05, 3.5969817e-06,
    ),
    (
        -0.13277248, -0.06534885, -0.04975914, -0.03344139, -0.020183517, -0.009903314,
        -0.0041325693, -0.0012861778, -0.00033867575, -6.534964e-05, -1.1650209e-05,
        -1.6301822e-06, -3.284929e-07,
    ),
    (
        0.06079141, 0.030928025, 0.022660946, 0.013921702, 0.008007388, 0.0036731665,
        0.0013891705, 0.0003854963, 8.503219e-05, 1.3613064e-05, 1.8419144e-06, 1.9968945e-07,
        2.9201662e-08,
    ),
    (
        -0.020042155, 0.000355904, -0.002610438, -0.0052792523, -0.0027885044, -0.0012393962,
        -0.000430133, -0.000104891136, -1.9671485e-05, -2.5432778e-06, -2.690656e-07,
        -2.1848132e-08, -2.4716202e-09,
    ),
)  # fmt: skip
# gelu is -0 below.
GELU_FAR = {float32: 14.5, float64: 38.7}


def erf(b: ScalarBuilder, x: Scalar) -> Scalar:
    """The error function, of abs(x)."""
    t, one = b.abs(x), ERF_ONE[b.dtype(x)]
    t = b.select(b.gt(t, one), one, t)
    return b.copysign(_erf_32(b, t) if b.dtype(x) is float32 else _erf_64(b, t), x)


def _erf_32(b: ScalarBuilder, t: Scalar) -> Scalar:
    """A polynomial for each cell of a quarter."""
    shifter = 1.5 * 2.0**21  # its last place is a quarter
    shifted = b.add(t, shifter)
    cell = b.bit_and(b.bitcast(shifted, int32), 15)
    x = b.sub(t, b.sub(shifted, shifter))
    constant, *others = ERF_CELLS
    # The slope in two parts: near 0 it is as accurate as elsewhere.
    rest = b.fma(x, of_cells(b, x, cell, others), x)
    return b.add(b.lookup(constant, cell, float32), rest)


def _erf_64(b: ScalarBuilder, t: Scalar) -> Scalar:
    """1 - e**(t p(t) - t), as -expm1: near 0 it is as accurate as elsewhere."""
    p = polynomial(b, t, ERF_EXPONENT)
    exponent = b.fma(p, t, b.neg(t))
    r, scale = split(b, exponent)
    # What the rounding of the exponent lost matters where the result is small, not beyond.
    lost = b.fma(p, t, b.neg(b.add(exponent, t)))
    small = b.add(r, b.fma(b.mul(r, r), tail(b, r), lost))
    return b.fma(b.neg(scale), small, b.sub(1.0, scale))


def gelu(b: ScalarBuilder, x: Scalar) -> Scalar:
    """x P(x): with t = abs(x), t P(-t) = t P(-t) e^(t^2 / 2) e^(-t^2 / 2) is what the closed gate
    lets through; the exponent is kept in two parts."""
    t, far = b.abs(x), GELU_FAR[b.dtype(x)]
    t = b.select(b.gt(t, far), far, t)
    r, power = argument(b, *two_product(b, b.mul(t, -0.5), t))
    # Look-ups cost more than a division where there is no FMA either.
    by_cells = b.dtype(x) is float32 and b.fused
    closed = (_closed_by_cells if by_cells else _closed)(b, t, small_expm1(b, r))
    return open_above(b, x, power.times(b, closed))


def _closed_by_cells(b: ScalarBuilder, t: Scalar, w: Scalar) -> Scalar:
    """t P(-t) e^(t^2 / 2) (1 + w) by a polynomial for each cell."""
    last = len(GATE_CENTRES) - 1
    cell = b.sub(b.shift_right(b.bitcast(t, int32), 22), 249)
    cell = b.select(b.lt(cell, 0), 0, cell)
    cell = b.select(b.gt(cell, last), last, cell)  # NaN
    gate = of_cells(b, b.sub(t, b.lookup(GATE_CENTRES, cell, float32)), cell, GATE_CELLS)
    return b.fma(gate, w, gate)


def _closed(b: ScalarBuilder, t: Scalar, w: Scalar) -> Scalar:
    """t P(-t) e^(t^2 / 2) (1 + w) = t p(q) / (t + 5/4) (1 + w); products in two parts."""
    dtype = b.dtype(t)
    centre = CENTRE[dtype]
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
    return quotient(b, (upper, upper_error), (lower, lower_error), b.mul(shifted, inverse))
