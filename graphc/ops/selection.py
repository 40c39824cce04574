"""One value or another: where, clip, and the activations that choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DTypeError, Mark, ShapeError
from graphc.ir.op import Attributes
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ir.types import TensorType
from graphc.operands import broadcast, broadcast_shape, build, convert, fail, single
from graphc.ops.arithmetic import _maximum, _minimum, maximum, minimum
from graphc.ops.declare import call, elementwise, public
from graphc.tensor import Tensor


def _where_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    condition, x, y = types
    if not condition.dtype.is_bool:
        raise DTypeError("the condition must be bool", mark=Mark(0, None))
    if x.dtype is not y.dtype:
        raise DTypeError(f"operands of {x.dtype} and {y.dtype}; an astype is missing")
    if not condition.shape == x.shape == y.shape:
        raise ShapeError(f"operands of {condition}, {x} and {y}; a broadcast is missing")
    return (x,)


_where = elementwise(
    "where",
    numpy=np.where,
    lower=lambda b, condition, x, y: b.select(condition, x, y),
    grad=lambda g, out, condition, x, y: (
        None,
        call.where(condition, g, 0),
        call.where(condition, 0, g),
    ),
    domain="any",
    infer=_where_type,
    doc="x where the condition holds, else y.",
)


@public(_where)
def where(condition: Any, x: Any, y: Any) -> Tensor:
    """``x`` where ``condition`` is true (not zero), else ``y``; all three broadcast.

    What is not taken has no influence, and gets no gradient, even where it is NaN.

    >>> import graphc
    >>> x = graphc.input("x", ("N",))
    >>> graphc.where(x > 0, x, 0)
    Tensor where: f32[N]
    """
    (chosen,) = convert("where", [condition], "bool")
    tensors = [chosen, *convert("where", [x, y])]
    shape = broadcast_shape("where", tensors)
    operands = [broadcast(t, shape).value for t in tensors]
    return single(build(_where.op, operands, {}))


def _clip_grad(g: Any, out: Any, x: Any, low: Any, high: Any) -> Any:
    """All of it to x where ``low <= x <= high``, else to the bound that was taken."""
    above = call.maximum(x, low) > high
    below = (x < low) & ~above
    return (
        where(above | below, 0, g),
        where(below, g, 0),
        where(above, g, 0),
    )


_clip = elementwise(
    "clip",
    math=lambda sp, x, low, high: sp.Min(sp.Max(x, low), high),
    numpy=lambda x, low, high: minimum.op.numpy(maximum.op.numpy(x, low), high),
    lower=lambda b, x, low, high: _minimum(b, _maximum(b, x, low), high),
    grad=_clip_grad,
    domain="any",
    doc="x held between two bounds.",
    cost=2,
)


@public(_clip)
def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """``x`` held between ``min`` and ``max``, of which one may be ``None``; ``max`` wins.

    At a bound the gradient is that of ``x``.

    >>> import graphc
    >>> graphc.clip(graphc.input("x", ("N",)), 0, 1)
    Tensor clip: f32[N]
    """
    if min is None and max is None:
        raise fail(ArgumentError("one of the two bounds must be given"), "clip")
    given = [x, *(bound for bound in (min, max) if bound is not None)]
    dtype = convert("clip", given)[0].dtype
    limits = np.iinfo(dtype.numpy) if dtype.is_integer else None
    lowest, highest = (limits.min, limits.max) if limits else (-np.inf, np.inf)
    if dtype.is_bool:
        lowest, highest = False, True
    result: Tensor = _clip(x, lowest if min is None else min, highest if max is None else max)
    return result


def _relu(b: ScalarBuilder, x: Scalar) -> Scalar:
    dtype = b.dtype(x)
    return x if dtype.kind == "u" else b.select(b.lt(x, 0), b.constant(0, dtype), x)


relu = elementwise(
    "relu",
    math=lambda sp, x: sp.Max(x, 0),
    numpy=lambda x: np.where(x < 0, np.zeros((), x.dtype), x),
    lower=_relu,
    grad=lambda g, out, x: where(out > 0, g, 0),  # 0 at 0
    domain="numeric",
    doc="x where it is positive, else 0; NaN stays.",
)

leaky_relu = elementwise(
    "leaky_relu",
    math=lambda sp, x, *, negative_slope=0.2: sp.Max(x, 0) + negative_slope * sp.Min(x, 0),
    numpy=lambda x, *, negative_slope=0.2: np.where(x > 0, x, x.dtype.type(negative_slope) * x),
    lower=lambda b, x, *, negative_slope=0.2: b.select(b.gt(x, 0), x, b.mul(x, negative_slope)),
    grad=lambda g, out, x, *, negative_slope: where(x > 0, g, negative_slope * g),
    doc="x where it is positive, else negative_slope * x.",
    cost=2,
)
