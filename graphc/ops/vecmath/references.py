"""NumPy references of the transcendental functions, good to the last place.

float32 is computed in float64, and float64 in NumPy's long double; on platforms whose long double
is float64, functions composed of others are a few units off.  Responsible for the references only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Reference = Callable[..., Array]


def rounded(x: Any, dtype: np.dtype[Any]) -> Array:
    result: Array = np.asarray(x).astype(dtype)
    return result


def widened(function: Callable[..., Any]) -> Reference:
    """``function`` computed one format wider than its operands, quietly, and rounded once."""

    def reference(*operands: Array, **attributes: Any) -> Array:
        dtype = np.result_type(*operands)
        wide = np.float64 if dtype == np.float32 else np.longdouble
        with np.errstate(all="ignore"):
            result = function(*(np.asarray(x, wide) for x in operands), **attributes)
            return rounded(result, dtype)

    return reference


def sigmoid(x: Array) -> Array:
    decay = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, decay, 1) / (1 + decay))


def silu(x: Array) -> Array:
    """x sigmoid(x), with the limit -0 at -infinity."""
    return np.where(np.isneginf(x), -np.zeros_like(x), x * sigmoid(x))


def softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def elu(x: Array, *, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(x))


def gelu_tanh(x: Array) -> Array:
    """x sigmoid(2 u); beyond 40 the gate is closed or open to the last bit of every format."""
    pi = np.arctan2(np.zeros_like(x), -np.ones_like(x))
    near = np.clip(x, -40, 40)
    gate = np.sqrt(2 / pi) * 2 * (near + x.dtype.type("0.044715") * near**3)
    opened = np.where(gate > 0, 1, np.exp(np.minimum(gate, 0))) / (1 + np.exp(-np.abs(gate)))
    return np.asarray(np.where(np.isneginf(x), near, x) * opened)


_libm_erf, _libm_erfc = np.frompyfunc(math.erf, 1, 1), np.frompyfunc(math.erfc, 1, 1)


def _erf_series(x: Array) -> Array:
    """erf of x in [-2, 2], by a series of terms of one sign."""
    total = np.ones_like(x)
    for term in range(60, 0, -1):
        total = 1 + 2 * x**2 / (2 * term + 1) * total
    return np.asarray(2 / _root_pi(x) * np.exp(-(x**2)) * x * total)


def _erfc_fraction(x: Array) -> Array:
    """erfc of x >= 1.7, by its continued fraction (Laplace)."""
    fraction = x
    for term in range(90, 0, -1):
        fraction = x + term / (2 * fraction)
    return np.asarray(np.exp(-(x**2)) / (_root_pi(x) * fraction))


def _root_pi(x: Array) -> Any:
    return np.sqrt(np.arctan2(x.dtype.type(0), x.dtype.type(-1)))


def erf(x: Array) -> Array:
    """libm's in float64, whose last place does not matter to float32; else series and fraction."""
    if x.dtype == np.float64:
        return rounded(_libm_erf(x), x.dtype)
    far = np.copysign(1 - _erfc_fraction(np.clip(np.abs(x), 1.75, 10)), x)
    return np.where(np.abs(x) < 1.75, _erf_series(np.clip(x, -1.75, 1.75)), far)


def _erfc(x: Array) -> Array:
    if x.dtype == np.float64:
        return rounded(_libm_erfc(x), x.dtype)
    tail = _erfc_fraction(np.maximum(np.abs(x), 1.75))
    tail = np.where(x < 0, 2 - tail, tail)
    return np.where(np.abs(x) < 1.75, 1 - _erf_series(np.clip(x, -1.75, 1.75)), tail)


def gelu(x: Array) -> Array:
    """x erfc(-x / sqrt(2)) / 2; 0 below -45 in every format, and x above."""
    near = np.clip(x, -45, 45)
    return np.asarray(np.where(x > 45, x, near) * _erfc(-near / np.sqrt(x.dtype.type(2))) / 2)


def power(x: Array, y: Array) -> Array:
    """C99's power of floats; of integers modulo 2**bits, and 1 / x**-y rounded towards 0."""
    if np.result_type(x, y).kind == "f":
        return widened(np.power)(x, y)
    negative = y < 0
    whole = np.power(x, np.where(negative, np.zeros_like(y), y))
    sign = np.where(y % 2 == 1, x, np.ones_like(x))
    return np.where(negative, np.where(np.abs(x) == 1, sign, np.zeros_like(x)), whole)
