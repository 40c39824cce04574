"""Transcendental functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ops.declare import elementwise
from graphc.ops.vecmath import exponential, hyperbolic, logarithm, logistic, trigonometric


def _wide(f: Any) -> Any:
    def reference(*arrays: Any) -> Any:
        with np.errstate(all="ignore"):
            return f(*(np.asarray(a).astype(np.float64) for a in arrays)).astype(arrays[0].dtype)

    return reference


_EXPM1 = lambda sp, x: sp.exp(x) - 1  # noqa: E731

exp = elementwise("exp", math=lambda sp, x: sp.exp(x), numpy=lambda x: _wide(np.exp)(x), lower=exponential.exp, cost=16, doc="e**x.")
expm1 = elementwise("expm1", math=_EXPM1, numpy=lambda x: _wide(np.expm1)(x), lower=exponential.expm1, cost=16, doc="exp(x) - 1.")
log = elementwise("log", math=lambda sp, x: sp.log(x), numpy=lambda x: _wide(np.log)(x), lower=logarithm.log, cost=16, doc="Natural logarithm.")
log1p = elementwise("log1p", math=lambda sp, x: sp.log(1 + x), numpy=lambda x: _wide(np.log1p)(x), lower=logarithm.log1p, cost=16, doc="log(1 + x).")
log2 = elementwise("log2", math=lambda sp, x: sp.log(x) / sp.log(2), numpy=lambda x: _wide(np.log2)(x), lower=logarithm.log2, cost=16, doc="Base 2.")
sin = elementwise("sin", math=lambda sp, x: sp.sin(x), numpy=lambda x: _wide(np.sin)(x), lower=trigonometric.sin, cost=16, doc="Sine.")
cos = elementwise("cos", math=lambda sp, x: sp.cos(x), numpy=lambda x: _wide(np.cos)(x), lower=trigonometric.cos, cost=16, doc="Cosine.")
tan = elementwise("tan", math=lambda sp, x: sp.tan(x), numpy=lambda x: _wide(np.tan)(x), lower=trigonometric.tan, cost=16, doc="Tangent.")
tanh = elementwise("tanh", math=lambda sp, x: sp.tanh(x), numpy=lambda x: _wide(np.tanh)(x), lower=hyperbolic.tanh, cost=16, doc="tanh.")
sinh = elementwise("sinh", math=lambda sp, x: sp.sinh(x), numpy=lambda x: _wide(np.sinh)(x), lower=hyperbolic.sinh, cost=16, doc="sinh.")
cosh = elementwise("cosh", math=lambda sp, x: sp.cosh(x), numpy=lambda x: _wide(np.cosh)(x), lower=hyperbolic.cosh, cost=16, doc="cosh.")
sigmoid = elementwise("sigmoid", math=lambda sp, x: 1 / (1 + sp.exp(-x)), numpy=lambda x: _wide(lambda v: 1 / (1 + np.exp(-v)))(x), lower=logistic.sigmoid, cost=16, doc="1 / (1 + exp(-x)).")
power = elementwise("power", math=lambda sp, x, y: x**y, numpy=lambda x, y: _wide(np.power)(x, y), lower=lambda b, x, y: exponential.exp(b, b.mul(y, logarithm.log(b, x))), cost=32, doc="x**y.")
