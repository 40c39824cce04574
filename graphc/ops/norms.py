"""The Euclidean norm, with a gradient that is finite at zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.op import Attributes
from graphc.ir.types import TensorType
from graphc.operands import convert
from graphc.ops.declare import call, composite, public
from graphc.ops.shapes import normal_axes
from graphc.tensor import Tensor


def _reduced(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    kept = (size for axis, size in enumerate(x.shape) if axis not in attributes["axes"])
    return (x.with_shape(tuple(kept)),)


def _norm_gradient(cotangents: Any, outputs: Any, x: Tensor, *, axes: tuple[int, ...]) -> Any:
    (g,), (out,) = cotangents, outputs
    # At zero every direction of length at most 1 is a slope; 0 is the least of them.
    scale = call.where(out == 0, 0, g / call.where(out == 0, 1, out))
    return [x * call.expand_dims(scale, axes)]


_norm = composite(
    "norm",
    numpy=lambda x, *, axes: np.sqrt(np.sum(np.square(x), axis=axes)),
    expand=lambda x, *, axes: call.sqrt(call.sum(call.square(x), axis=axes)),
    grad=_norm_gradient,
    infer=_reduced,
    doc="The square root of the sum of squares along axes.",
)


@public(_norm)
def norm(x: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The Euclidean norm ``sqrt(sum(x**2))`` over ``axis`` (one, several, or ``None`` for all).

    Squares may overflow where the norm itself would not.  The gradient at zero is 0.  Integers
    become floats.  Raises ``AxisError``.

    >>> import graphc
    >>> graphc.norm(graphc.input("x", ("N", 3)), axis=1)
    Tensor norm: f32[N]
    """
    (tensor,) = convert("norm", [x], "float")
    axes = normal_axes("norm", axis, tensor.ndim, tensor)
    length = _norm(tensor, axes=axes)
    return call.expand_dims(length, axes) if keepdims else length  # type: ignore[no-any-return]
