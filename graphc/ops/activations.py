"""The smooth activations of neural networks, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.declare import OpFunction, call, elementwise
from graphc.ops.vecmath import error_function, exponential, logistic, references
from graphc.ops.vecmath.references import widened

sigmoid: OpFunction = elementwise(
    "sigmoid",
    math=lambda sp, x: 1 / (1 + sp.exp(-x)),
    numpy=widened(references.sigmoid),
    lower=logistic.sigmoid,
    # Not 1 - out, which has no digits left where out is near 1.
    grad=lambda g, out, x: g * out * sigmoid(-x),
    doc="The logistic function 1 / (1 + e**-x).",
    cost=15,
)

softplus = elementwise(
    "softplus",
    math=lambda sp, x: sp.log(1 + sp.exp(x)),
    numpy=widened(references.softplus),
    lower=logistic.softplus,
    grad=lambda g, out, x: g * sigmoid(x),
    doc="The smooth ramp log(1 + e**x), without overflow.",
    cost=28,
)

silu = elementwise(
    "silu",
    math=lambda sp, x: x / (1 + sp.exp(-x)),
    numpy=widened(references.silu),
    lower=logistic.silu,
    grad=lambda g, out, x: g * sigmoid(x) * (1 + x * sigmoid(-x)),
    doc="x * sigmoid(x), also called swish.",
    cost=20,
)


def _elu(b: ScalarBuilder, x: Scalar, *, alpha: float = 1.0) -> Scalar:
    return exponential.elu(b, x, alpha)


elu = elementwise(
    "elu",
    math=lambda sp, x, *, alpha=1.0: sp.Piecewise((x, x > 0), (alpha * (sp.exp(x) - 1), True)),
    numpy=widened(references.elu),
    lower=_elu,
    # At 0 the slope of the negative side; the minimum keeps the other from overflowing.
    grad=lambda g, out, x, *, alpha: g * call.where(x > 0, 1, alpha * call.exp(call.minimum(x, 0))),
    doc="x where x is positive, alpha * (e**x - 1) elsewhere.",
    cost=16,
)

_LINEAR = 2 * math.sqrt(2 / math.pi)
_CUBIC = 0.044715 * _LINEAR


def _gelu(b: ScalarBuilder, x: Scalar, *, approximate: bool = False) -> Scalar:
    return logistic.gelu_tanh(b, x) if approximate else error_function.gelu(b, x)


def _gelu_reference(x: np.ndarray, *, approximate: bool = False) -> np.ndarray:
    return widened(references.gelu_tanh if approximate else references.gelu)(x)


def _gelu_meaning(sp: Any, x: Any, *, approximate: bool = False) -> Any:
    if not approximate:
        return x * (1 + sp.erf(x / sp.sqrt(2))) / 2
    cubic = x + sp.Rational(44715, 1000000) * x**3
    return x * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * cubic)) / 2


def _gelu_gradient(g: Any, out: Any, x: Any, *, approximate: bool) -> Any:
    """gate + x * slope of the gate.  The gate is out / x, which keeps its digits where it is nearly
    closed; 1/2 at 0."""
    gate = call.where(x == 0, 0.5, out / call.where(x == 0, 1, x))
    if not approximate:
        density = call.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
        return g * (gate + x * density)
    square = call.square(x)
    closed = sigmoid(-x * (_LINEAR + _CUBIC * square))
    return g * gate * (1 + x * closed * (_LINEAR + 3 * _CUBIC * square))


gelu = elementwise(
    "gelu",
    math=_gelu_meaning,
    numpy=_gelu_reference,
    lower=_gelu,
    grad=_gelu_gradient,
    doc="""x * P(x) with P the normal distribution; ``approximate=True`` takes
1/2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) for P.""",
    cost=28,
)
