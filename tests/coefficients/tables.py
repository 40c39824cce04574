"""What the polynomials of the vector math approximate: one entry a table in ``graphc.ops.vecmath``.

``python -m tests.coefficients.tables [NAME]`` prints the tables anew, with the weighted error of
each as a power of two.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import mpmath as mp
import numpy as np

from graphc.ops.vecmath.error_function import GATE_CENTRES
from tests.coefficients.fit import Fit, Function, error, solve

TINY = 1e-12
HALF_LN2 = 0.3475
ROOT = (2**-0.5 - 1.001, 2**0.5 - 0.999)


def log1p_tail(f: mp.mpf) -> mp.mpf:
    """(log(1 + f) - f) / f^2."""
    return (mp.log1p(f) - f) / f**2


def log2_slope(r: mp.mpf) -> mp.mpf:
    """log2(1 + r) / r."""
    return mp.log1p(r) / r / mp.log(2)


def log_series(z: mp.mpf) -> mp.mpf:
    """(log((1 + s) / (1 - s)) - 2 s) / s^3 at s = sqrt(z)."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s**3


def both(
    f: Function,
    terms: tuple[int, int],
    low: float,
    high: float,
    weight: Function,
    fixed: tuple[float, ...] = (),
) -> dict[str, Fit]:
    """The same fit in both precisions, with ``terms`` coefficients each."""
    names = ("float32", "float64")
    return {
        name: Fit(f, count, low, high, weight, name, fixed)
        for name, count in zip(names, terms, strict=True)
    }


def cosine_tail(z: mp.mpf) -> mp.mpf:
    """(cos(r) - 1 + r^2 / 2) / r^4 at r = sqrt(z)."""
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def odd_tail(f: Function) -> Function:
    """(f(x) - x) / x^3 at x = sqrt(z), of an odd f with slope 1."""

    def of(z: mp.mpf) -> mp.mpf:
        x = mp.sqrt(z)
        return (f(x) - x) / x**3

    return of


def odd_tail_weight(f: Function) -> Function:
    """Makes the error of ``odd_tail`` relative to f."""
    return lambda z: z**1.5 / f(mp.sqrt(z))


def fifth_tail(z: mp.mpf) -> mp.mpf:
    """(atanh(t) - t - t^3 / 3) / t^5 at t = sqrt(z)."""
    t = mp.sqrt(z)
    return (mp.atanh(t) - t - t**3 / 3) / t**5


def log2_of_ratio(v: mp.mpf) -> mp.mpf:
    """log2((1 + t) / (1 - t)) at t = v ln 2 / 2: its slope is 1."""
    return 2 / mp.log(2) * mp.atanh(v * mp.log(2) / 2)


def erf_exponent(t: mp.mpf) -> mp.mpf:
    """log(1 - erf(t)) / t + 1."""
    return mp.log(mp.erfc(t)) / t + 1


def erf_weight(t: mp.mpf) -> mp.mpf:
    """Makes the error of ``erf_exponent`` that of 1 - e**(t erf_exponent - t), relative."""
    return t * mp.erfc(t) / mp.erf(t)


def normal_tail(centre: float) -> Function:
    """The normal distribution below -t over its density's exponential, times (t + 5/4), which makes
    it nearly constant; at q = (t - centre) / (t + centre), which takes all t >= 0 to [-1, 1]."""

    def of(q: mp.mpf) -> mp.mpf:
        t = centre * (1 + q) / (1 - q)
        return mp.erfc(t / mp.sqrt(2)) / 2 * mp.exp(t * t / 2) * (t + 1.25)

    return of


def normal_fit(centre: float, terms: int, highest: float, precision: str) -> Fit:
    f = normal_tail(centre)
    high = (highest - centre) / (highest + centre)
    return Fit(f, terms, -1.0, high, lambda q: 1 / f(q), precision)


TABLES: dict[str, dict[str, Fit]] = {
    # exp(r) = 1 + r + r^2 q(r); the weight makes it good for expm1(r) = r + r^2 q(r), too.
    "exponential.EXP_TAIL": both(
        lambda r: (mp.expm1(r) - r) / r**2, (5, 10), -HALF_LN2, HALF_LN2, lambda r: r
    ),
    # float32: log(1 + f) = f + f^2 q(f).  float64: log(1 + f) = 2 s + s^3 q(s^2), s = f / (2 + f).
    "logarithm.LOG_TAIL": {
        "float32": Fit(log1p_tail, 9, *ROOT, lambda f: f, "float32", (-0.5,)),
        "float64": Fit(log_series, 7, TINY, 0.0295, lambda z: z, "float64"),
    },
    "logarithm.LOG_OF_CELL": {
        "float64": Fit(log1p_tail, 9, -0.0395, 0.0395, lambda r: r, "float64"),
    },
    "logarithm.LOG2_OF_CELL": {
        "float32": Fit(log2_slope, 5, -0.0395, 0.0395, lambda r: 1 / log2_slope(r), "float32"),
    },
    # On |r| <= pi/4, with some room for the rounding of n.
    "trigonometric.SINE_TAIL": both(odd_tail(mp.sin), (3, 6), TINY, 0.63, lambda z: z),
    "trigonometric.COSINE_TAIL": both(cosine_tail, (3, 6), TINY, 0.63, lambda z: z**2),
    "trigonometric.TANGENT_TAIL": {
        "float32": Fit(odd_tail(mp.tan), 6, TINY, 0.63, odd_tail_weight(mp.tan), "float32"),
    },
    "trigonometric.ATAN_TAIL": both(
        odd_tail(mp.atan), (6, 13), TINY, 0.2995, odd_tail_weight(mp.atan)
    ),
    "error_function.ERF_EXPONENT": {
        "float64": Fit(erf_exponent, 24, 1e-9, 6.0, erf_weight, "float64"),
    },
    "error_function.NORMAL_TAIL": {
        "float32": normal_fit(4.0, 11, 14.5, "float32"),
        "float64": normal_fit(5.0, 23, 38.7, "float64"),
    },
    # float32: 2 / ln 2 atanh(t) = v + v^3 tail, v = 2 / ln 2 t.  float64: t + t^3 / 3 + t^5 tail.
    # On |t| <= (sqrt(3/2) - 1) / (sqrt(3/2) + 1).
    "power.LOG2_TAIL": {
        "float32": Fit(odd_tail(log2_of_ratio), 3, TINY, 0.0851, lambda z: z, "float32"),
        "float64": Fit(fifth_tail, 6, 1e-8, 0.01022, lambda z: z * z, "float64"),
    },
    "exponential.EXP2_TAIL": both(
        lambda r: (mp.mpf(2) ** r - 1) / r, (6, 11), -0.501, 0.501, lambda r: r
    ),
    "hyperbolic.TANH_TAIL": {
        "float64": Fit(odd_tail(mp.tanh), 11, TINY, 0.391, odd_tail_weight(mp.tanh), "float64"),
    },
    "hyperbolic.SINH_TAIL": both(odd_tail(mp.sinh), (2, 5), TINY, 0.121, lambda z: z),
    "hyperbolic.COSH_TAIL": both(
        lambda z: (mp.cosh(mp.sqrt(z)) - 1) / z, (3, 6), TINY, 0.121, lambda z: z
    ),
}


def cells(
    f: Function,
    terms: int,
    centres: Sequence[float],
    edges: Sequence[float],
    slope: float = 0.0,
    first: Sequence[float] = (),
) -> list[Fit]:
    """f(centre + d) - slope * d as polynomials in d, one a cell; f is 0 at 0, the first centre,
    where ``first`` are further coefficients that are not fitted."""
    fits = []
    for number, centre in enumerate(centres):
        low, high = (edges[k] - centre for k in (number, number + 1))
        fits.append(
            Fit(
                lambda d, c=centre: f(c + d) - slope * d,
                terms,
                low if number else TINY,
                high,
                lambda d, c=centre: 1 / f(c + d),
                "float32",
                () if number else (0.0, *first),
            )
        )
    return fits


def erf_to_one(t: mp.mpf) -> mp.mpf:
    """erf, and towards 3.875, where it would still be rounded down, half as far from 1."""
    return 1 - mp.erfc(t) * (1 - max(t - mp.mpf(3.625), 0) ** 2 * 8)


def closed_gate(t: mp.mpf) -> mp.mpf:
    """t P(-t) e^(t^2 / 2), with P the normal distribution."""
    return t * mp.erfc(t / mp.sqrt(2)) / 2 * mp.exp(t * t / 2)


# Piecewise polynomials of float32: one fit a cell.
CELLS: dict[str, list[Fit]] = {
    "error_function.ERF_CELLS": cells(
        erf_to_one, 6, [k / 4 for k in range(16)], [0, *(k / 4 + 0.125 for k in range(16))], 1.0
    ),
    "hyperbolic.TANH_CELLS": cells(
        mp.tanh,
        7,
        [0, 0.3125, 0.4375, 0.625, 0.875, 1.25, 1.75, 2.5, 3.5, 5, 7, 9],
        [0, 0.25, 0.375, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 10],
        first=[1.0],
    ),
    # Centres where the function is within a thousandth of a unit of a float32.
    "error_function.GATE_CELLS": cells(
        closed_gate,
        7,
        [float(np.float32(c)) for c in GATE_CENTRES],
        [0, 0.25, 0.375, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 14.5],
        first=[0.5],
    ),
}


def columns(fits: Sequence[Fit]) -> list[tuple[float, ...]]:
    """The coefficients of each degree, a cell after the other."""
    return list(zip(*(solve(fit) for fit in fits), strict=True))


def literal(value: float, precision: str) -> str:
    """The shortest decimal that rounds to ``value`` in ``precision``."""
    return str(np.dtype(precision).type(value))


def main(wanted: list[str]) -> None:
    for name, fits in TABLES.items():
        if wanted and not any(name.endswith(w) for w in wanted):
            continue
        print(f"{name}:")
        for precision, fit in fits.items():
            coefficients = solve(fit)
            print(f"    {precision}: (  # 2^{error(fit, coefficients):.1f}")
            for c in coefficients:
                print(f"        {literal(c, precision)},")
            print("    ),")
    for name, pieces in CELLS.items():
        if not wanted or any(name.endswith(w) for w in wanted):
            print(f"{name}:")
            for column in columns(pieces):
                print(f"    ({', '.join(literal(c, 'float32') for c in column)}),")


if __name__ == "__main__":
    main(sys.argv[1:])
