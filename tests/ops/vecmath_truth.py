"""What the vector math must come to: bounds, true values, operands at which errors are large.

``BOUNDS`` is the table of the largest errors allowed, in units in the last place (ulp) of the true
result, for float32 and float64.  True values come from mpmath; for many operands, from functions
computed one format wider.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath as mp
import numpy as np

from graphc.ops.vecmath import references

Array = np.ndarray
HAS_WIDE = np.finfo(np.longdouble).nmant > 60


@dataclass(frozen=True)
class Case:
    """A function: its bounds, truth, wide reference, and where its arithmetic changes its way."""

    float32: float
    float64: float
    true: Callable[..., mp.mpf]
    wide: Callable[..., Array]
    low: tuple[float, float]
    high: tuple[float, float]
    turns: tuple[float, ...] = ()
    operands: int = 1
    op: str = ""
    attributes: tuple[tuple[str, object], ...] = ()

    def bound(self, dtype: np.dtype) -> float:
        return self.float32 if dtype == np.float32 else self.float64

    def interval(self, dtype: np.dtype) -> tuple[float, float]:
        """Where results are neither 0, infinite nor constant."""
        place = 0 if dtype == np.float32 else 1
        return self.low[place], self.high[place]


def _sigmoid(x: mp.mpf) -> mp.mpf:
    return 1 / (1 + mp.exp(-x))


def _gelu_tanh(x: mp.mpf) -> mp.mpf:
    x = max(x, mp.mpf(-100))  # 0 in every format
    gate = 2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)
    return x * _sigmoid(gate)


def _gelu(x: mp.mpf) -> mp.mpf:
    x = max(x, mp.mpf(-100))  # 0 in every format
    return x * mp.erfc(-x / mp.sqrt(2)) / 2 if x < 100 else x


def _erf(x: mp.mpf) -> mp.mpf:
    return mp.erf(x) if abs(x) < 100 else mp.sign(x)


def _power(x: mp.mpf, y: mp.mpf) -> mp.mpf:
    return x**y if x or y > 0 else mp.mpf("inf")


_LN2, _PI = math.log(2), math.pi
_EXPONENTIAL = (_LN2 / 2, -_LN2 / 2, 1.5 * _LN2, -1.5 * _LN2)
_QUADRANTS = (*tuple(k * _PI / 4 for k in range(-9, 10)), 2.0**17, 2.0**30, 22 * _PI, 355.0)
_SHIFTED = tuple(math.log(x) for x in (0.25, 0.4142, 0.5))
_BOTH = (-1e4, -1e8), (1e4, 1e8)

CASES: dict[str, Case] = {
    "exp": Case(1, 2, mp.exp, np.exp, (-104, -746), (89, 710), _EXPONENTIAL),
    "expm1": Case(1.5, 2, mp.expm1, np.expm1, (-18, -38), (89, 710), _EXPONENTIAL),
    "log": Case(1, 2, mp.log, np.log, (0, 0), (10, 10), (1.0, 2**0.5, 0.5**0.5)),
    "log1p": Case(1.5, 2, mp.log1p, np.log1p, (-1, -1), (3, 3), (1.0, 2**0.5 - 1, 0.5**0.5 - 1)),
    "log2": Case(2, 2, lambda x: mp.log(x, 2), np.log2, (0, 0), (10, 10), (1.0, 2**0.5)),
    "sin": Case(1, 2, mp.sin, np.sin, *_BOTH, _QUADRANTS),
    "cos": Case(1, 2, mp.cos, np.cos, *_BOTH, _QUADRANTS),
    "tan": Case(2, 2, mp.tan, np.tan, *_BOTH, _QUADRANTS),
    "tanh": Case(1.5, 2, mp.tanh, np.tanh, (-10, -20), (10, 20), (0.75, 0.625, 9.1, 19.1)),
    "sinh": Case(2, 2, mp.sinh, np.sinh, (-90, -711), (90, 711), (*_EXPONENTIAL, 89.41, 710.47)),
    "cosh": Case(2, 2, mp.cosh, np.cosh, (-90, -711), (90, 711), (*_EXPONENTIAL, 89.41, 710.47)),
    "atan2": Case(
        2, 2, mp.atan2, np.arctan2, (-3, -3), (3, 3), (1.0, 2**0.5 - 1, 2.0**64), operands=2
    ),
    "power": Case(
        2, 2, _power, np.power, (0, 0), (4, 4), (1.0, 1.5**0.5, 0.75**0.5), operands=2
    ),
    "erf": Case(1.5, 2, _erf, references.erf, (-4, -6), (4, 6), (0.9277, 3.95, 5.95)),
    "sigmoid": Case(2, 2, _sigmoid, references.sigmoid, (-104, -746), (20, 40), _EXPONENTIAL),
    "softplus": Case(
        2, 2, lambda x: mp.log1p(mp.exp(x)), references.softplus, (-104, -746), (20, 40), _SHIFTED
    ),
    "silu": Case(
        2, 2, lambda x: x * _sigmoid(x), references.silu, (-110, -752), (20, 40), _EXPONENTIAL
    ),
    "elu": Case(
        2, 2, lambda x: x if x > 0 else 0.6875 * mp.expm1(x),
        lambda x: references.elu(x, alpha=0.6875),
        (-18, -38), (3, 3), _EXPONENTIAL, attributes=(("alpha", 0.6875),),
    ),
    "gelu": Case(
        2, 2, _gelu, references.gelu, (-14.5, -38.7), (7, 9),
        (-14.5, -38.7, -1.0), attributes=(("approximate", False),),
    ),
    "gelu_tanh": Case(
        2, 2, _gelu_tanh, references.gelu_tanh, (-10.6, -21.5), (5, 7), (-12.0, -22.0),
        op="gelu", attributes=(("approximate", True),),
    ),
}  # fmt: skip


def ulps(actual: Array, expected: Array) -> Array:
    """The errors of ``actual`` in units in the last place of ``expected``, which is wider."""
    dtype, wide = actual.dtype, expected.dtype.type
    limits = np.finfo(dtype)
    beyond = wide(2) ** limits.maxexp
    with np.errstate(all="ignore"):
        got = np.clip(actual.astype(wide), -beyond, beyond)
        want = np.clip(expected, -beyond, beyond)
        _, exponent = np.frexp(np.maximum(np.abs(want), wide(limits.smallest_normal)))
        unit = np.ldexp(wide(1), np.minimum(exponent, limits.maxexp) - limits.nmant - 1)
        error = np.abs(got - want) / unit
    agree = np.isnan(actual) & np.isnan(expected)
    return np.where(agree, 0, np.where(np.isnan(error), np.inf, error)).astype(np.float64)


def truth(case: Case, operands: Sequence[Array]) -> Array:
    """The true values, rounded to long double."""
    with mp.workprec(200):
        return np.array([_true(case, row) for row in zip(*operands, strict=True)], np.longdouble)


def _true(case: Case, row: Sequence[float]) -> np.longdouble:
    value = case.true(*(mp.mpf(float(x)) for x in row))
    if not isinstance(value, mp.mpf):  # complex: no real value
        return np.longdouble("nan")
    if abs(value) > mp.mpf(2) ** 1100:
        return np.longdouble("inf") * int(mp.sign(value))
    if abs(value) < mp.mpf(2) ** -1300:
        return np.longdouble(0)
    return np.longdouble(mp.nstr(value, 24))


def near(values: Sequence[float], dtype: np.dtype, count: int) -> Array:
    """``values`` and the ``count`` floats on each side of them, where they are finite."""
    centres = np.array(values, dtype)
    integer = np.int32 if dtype == np.float32 else np.int64
    steps = np.arange(-count, count + 1).astype(integer)
    found = (centres.view(integer)[:, None] + steps).view(dtype).ravel()
    return found[np.isfinite(found)]


def any_bits(rng: np.random.Generator, count: int, dtype: np.dtype) -> Array:
    """Floats of all magnitudes, denormals among them; infinities and NaNs left out."""
    unsigned = np.uint32 if dtype == np.float32 else np.uint64
    bits = rng.integers(0, np.iinfo(unsigned).max, count, unsigned, endpoint=True).view(dtype)
    return np.where(np.isfinite(bits), bits, dtype.type(1))


def sample(case: Case, rng: np.random.Generator, count: int, dtype: np.dtype) -> list[Array]:
    """Operands of ``case``: half of all magnitudes, half where the function varies."""
    low, high = case.interval(dtype)
    half = count // 2
    x = np.concatenate([any_bits(rng, half, dtype), rng.uniform(low, high, half).astype(dtype)])
    if case.operands == 1:
        return [x]
    y = np.concatenate([any_bits(rng, half, dtype), rng.uniform(low, high, half).astype(dtype)])
    if case.true is not _power:
        return [x, y]
    # Results of all magnitudes, of bases near 1 as well as far from it.
    x = np.abs(x)
    x[::4] = np.exp(rng.uniform(-1e-3, 1e-3, x[::4].size))
    reach = 150 * _LN2 if dtype == np.float32 else 1075 * _LN2
    with np.errstate(all="ignore"):
        y = (rng.uniform(-reach, reach, count) / np.log(x.astype(np.float64))).astype(dtype)
    return [x, np.where(np.isfinite(y), y, dtype.type(1))]
