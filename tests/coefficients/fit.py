"""Fits polynomials for the vector math: weighted least squares at Chebyshev nodes.

Least squares at Chebyshev nodes is within a factor of two of the minimax polynomial, and unlike
Remez needs no iteration.  Coefficients are rounded to the working precision from the lowest degree
up; after each rounding the rest is fitted again, so that they make good what the rounding lost.
Responsible for the fitting only; what is fitted, and on which interval, says ``tables``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath as mp
import numpy as np

Function = Callable[[mp.mpf], mp.mpf]


@dataclass(frozen=True)
class Fit:
    """``f(x) ~ sum(c[i] * x**i, i < terms)`` on ``[low, high]``, the error weighted by ``weight``.

    ``fixed`` gives coefficients that are not fitted; ``precision`` is the NumPy name of the working
    precision.
    """

    f: Function
    terms: int
    low: float
    high: float
    weight: Function
    precision: str
    fixed: tuple[float, ...] = ()


def solve(fit: Fit) -> tuple[float, ...]:
    """The coefficients, lowest degree first, each exactly representable in the precision."""
    with mp.workdps(60):
        known = [mp.mpf(c) for c in fit.fixed]
        nodes = _chebyshev_nodes(fit)
        values = [fit.f(x) for x in nodes]
        weights = [fit.weight(x) for x in nodes]
        while len(known) < fit.terms:
            c = _least_squares(nodes, values, weights, known, fit.terms)
            known.append(mp.mpf(round_to(c, fit.precision)))
        return tuple(float(c) for c in known)


def error(fit: Fit, coefficients: Sequence[float]) -> float:
    """log2 of the largest weighted error of ``coefficients`` on a grid."""
    with mp.workdps(60):
        grid = mp.linspace(mp.mpf(fit.low), mp.mpf(fit.high), 302)
        worst = max(
            abs(fit.weight(x) * (fit.f(x) - mp.polyval(list(coefficients[::-1]), x))) for x in grid
        )
        return float(mp.log(worst, 2))


def round_to(value: mp.mpf, precision: str) -> float:
    """``value`` rounded to the floating-point format called ``precision``."""
    return float(np.dtype(precision).type(float(value)))


def _chebyshev_nodes(fit: Fit) -> list[mp.mpf]:
    low, high, count = mp.mpf(fit.low), mp.mpf(fit.high), 4 * fit.terms + 12
    angles = [mp.pi * (2 * k + 1) / (2 * count) for k in range(count)]
    return [(low + high) / 2 + (high - low) / 2 * mp.cos(angle) for angle in angles]


def _least_squares(
    nodes: list[mp.mpf],
    values: list[mp.mpf],
    weights: list[mp.mpf],
    known: list[mp.mpf],
    terms: int,
) -> mp.mpf:
    """The next coefficient after ``known`` of the best polynomial with ``terms`` coefficients."""
    free = range(len(known), terms)
    matrix = mp.matrix([[w * x**d for d in free] for x, w in zip(nodes, weights, strict=True)])
    rest = [
        w * (y - mp.polyval(known[::-1] or [0], x))
        for x, y, w in zip(nodes, values, weights, strict=True)
    ]
    transposed = matrix.T
    return mp.lu_solve(transposed * matrix, transposed * mp.matrix(rest))[0]
