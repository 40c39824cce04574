"""Comparisons, and what kind of number an element is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.declare import OpFunction, elementwise

Rule = Callable[..., Any]


def _equal(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    return b.bit_not(b.bit_xor(x, y)) if b.dtype(x).is_bool else b.eq(x, y)


def _not_equal(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    return b.bit_xor(x, y) if b.dtype(x).is_bool else b.ne(x, y)


def _less(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    return b.bit_and(b.bit_not(x), y) if b.dtype(x).is_bool else b.lt(x, y)


def _less_equal(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    return b.bit_or(b.bit_not(x), y) if b.dtype(x).is_bool else b.le(x, y)


def _comparison(name: str, numpy: Rule, lower: Rule, doc: str) -> OpFunction:
    return elementwise(
        name,
        numpy=numpy,
        lower=lower,
        grad=lambda g, out, x, y: (None, None),
        domain="any",
        result="bool",
        widen=True,
        doc=f"{doc}  Always false with a NaN.",
    )


equal = _comparison("equal", np.equal, _equal, "Whether x == y.")
less = _comparison("less", np.less, _less, "Whether x < y.")
less_equal = _comparison("less_equal", np.less_equal, _less_equal, "Whether x <= y.")
greater = _comparison(
    "greater",
    np.greater,
    lambda b, x, y: _less(b, y, x) if b.dtype(x).is_bool else b.gt(x, y),
    "Whether x > y.",
)
greater_equal = _comparison(
    "greater_equal",
    np.greater_equal,
    lambda b, x, y: _less_equal(b, y, x) if b.dtype(x).is_bool else b.ge(x, y),
    "Whether x >= y.",
)
not_equal = elementwise(
    "not_equal",
    numpy=np.not_equal,
    lower=_not_equal,
    grad=lambda g, out, x, y: (None, None),
    domain="any",
    result="bool",
    widen=True,
    doc="Whether x != y.  Always true with a NaN.",
)


def _isinf(b: ScalarBuilder, x: Scalar) -> Scalar:
    return b.eq(b.abs(x), math.inf) if b.dtype(x).is_float else _not_equal(b, x, x)


def _isfinite(b: ScalarBuilder, x: Scalar) -> Scalar:
    return b.lt(b.abs(x), math.inf) if b.dtype(x).is_float else _equal(b, x, x)


isnan = elementwise(
    "isnan",
    numpy=np.isnan,
    lower=lambda b, x: _not_equal(b, x, x),
    grad=lambda g, out, x: (None,),
    domain="any",
    result="bool",
    doc="Whether x is NaN.  Never so for integers and booleans.",
)

isinf = elementwise(
    "isinf",
    numpy=np.isinf,
    lower=_isinf,
    grad=lambda g, out, x: (None,),
    domain="any",
    result="bool",
    doc="Whether x is infinite.  Never so for integers and booleans.",
)

isfinite = elementwise(
    "isfinite",
    numpy=np.isfinite,
    lower=_isfinite,
    grad=lambda g, out, x: (None,),
    domain="any",
    result="bool",
    doc="Whether x is neither infinite nor NaN.  Always so for integers and booleans.",
)
