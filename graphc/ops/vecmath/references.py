"""NumPy references of the transcendental functions, good to the last place.

float32 is computed in float64, and float64 in NumPy's long double; on platforms whose long double is
float64, functions composed of others are a few units off.  Responsible for the references only.
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


_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def erf(x: Array) -> Array:
    return rounded(_erf(np.asarray(x, np.float64)), x.dtype)


def gelu(x: Array) -> Array:
    """x erfc(a) / 2 with a = -x / sqrt(2), whose rounding to float64 is made good by the slope."""
    with np.errstate(all="ignore"):
        wide = np.clip(np.asarray(x, np.longdouble), -45, 45)
        exact = -wide / np.sqrt(np.longdouble(2))
        a = exact.astype(np.float64)
        slope = -2 / np.sqrt(np.arctan2(np.longdouble(0), np.longdouble(-1))) * np.exp(-(exact**2))
        value = np.asarray(_erfc(a), np.float64) + slope * (exact - a)
        return rounded(np.where(x > 45, x, wide) * value / 2, x.dtype)


def power(x: Array, y: Array) -> Array:
    """C99's power of floats; of integers modulo 2**bits, and 1 / x**-y rounded towards 0."""
    if np.result_type(x, y).kind == "f":
        return widened(np.power)(x, y)
    negative = y < 0
    whole = np.power(x, np.where(negative, np.zeros_like(y), y))
    sign = np.where(y % 2 == 1, x, np.ones_like(x))
    return np.where(negative, np.where(np.abs(x) == 1, sign, np.zeros_like(x)), whole)
