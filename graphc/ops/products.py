"""The matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import DTypeError, Mark, ShapeError, shape_text
from graphc.ir import dims, dtypes
from graphc.ir.dims import Shape
from graphc.ir.op import Attributes
from graphc.ir.types import TensorType
from graphc.operands import broadcast, cast, convert, fail
from graphc.ops.declare import call, contraction, public
from graphc.tensor import Tensor


def _matmul_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    x, y = types
    if x.dtype is not y.dtype or x.dtype.is_bool:
        raise DTypeError(f"needs two operands of one dtype, not {x.dtype} and {y.dtype}")
    if x.rank != y.rank or x.rank < 2 or x.shape[:-2] != y.shape[:-2]:
        raise ShapeError("needs operands of equal rank and batch sizes; a broadcast is missing")
    if x.shape[-1] != y.shape[-2]:
        raise _inner_error(x.shape, y.shape)
    return (x.with_shape((*x.shape[:-1], y.shape[-1])),)


def _inner_error(x: Shape, y: Shape) -> ShapeError:
    axis = -2 if len(y) > 1 else -1
    return ShapeError(
        f"cannot multiply {shape_text(x)} by {shape_text(y)}",
        mark=Mark(1, axis, f"{x[-1]} columns on the left, {y[axis]} rows on the right"),
    )


def _matmul_grad(cotangents: Any, outputs: Any, x: Tensor, y: Tensor, order: Any = None) -> Any:
    g = cotangents[0]
    return (_matmul(g, y.mT), _matmul(x.mT, g))


def _reference(x: np.ndarray, y: np.ndarray, *, order: str | None = None) -> Any:
    return np.matmul(x, y)


_matmul = contraction(
    "matmul",
    infer=_matmul_type,
    numpy=_reference,
    grad=_matmul_grad,
    doc="The matrix product over the last two axes, one for each batch index.",
)


@public(_matmul)
def matmul(x: Any, y: Any) -> Tensor:
    """The matrix product ``x @ y`` of the last two axes; all axes before them broadcast.

    An operand of rank 1 is a row on the left, a column on the right, and its axis goes.  Integers
    wrap; of booleans, whether any pair is true.  Raises ``ShapeError``.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 784))
    >>> graphc.matmul(x, graphc.parameter("w", [[1.0, 2.0]] * 784))
    Tensor matmul: f32[N, 2]
    """
    left, right = convert("matmul", [x, y])
    if left.ndim == 0 or right.ndim == 0:
        raise fail(ShapeError("an operand of rank 0 has no matrix"), "matmul", [left, right])
    inner = right.shape[-2] if right.ndim > 1 else right.shape[0]
    if left.shape[-1] != inner:
        raise fail(_inner_error(left.shape, right.shape), "matmul", [left, right])
    if left.dtype.is_bool:
        return matmul(cast(left, dtypes.int64), cast(right, dtypes.int64)) != 0
    rows = call.expand_dims(left, 0) if left.ndim == 1 else left
    columns = call.expand_dims(right, 1) if right.ndim == 1 else right
    product = _batched(rows, columns)
    gone = [axis for axis, operand in ((-2, left), (-1, right)) if operand.ndim == 1]
    return call.squeeze(product, tuple(gone)) if gone else product


def _batched(x: Tensor, y: Tensor) -> Tensor:
    if x.ndim == y.ndim == 2:
        return _result(_matmul(x, y))
    if y.ndim == 2:
        # One tall product instead of a batch; its weight's gradient is one product as well.
        tall = call.reshape(x, (dims.product(x.shape[:-1]), x.shape[-1]))
        return _result(call.reshape(_matmul(tall, y), (*x.shape[:-1], y.shape[-1])))
    batch = _batch_shape(x, y)
    left = broadcast(x, (*batch, *x.shape[-2:]))
    return _result(_matmul(left, broadcast(y, (*batch, *y.shape[-2:]))))


def _batch_shape(x: Tensor, y: Tensor) -> Shape:
    """The batch axes broadcast; an error shows the operands whole."""
    rank = max(x.ndim, y.ndim)
    batch = []
    for axis in range(-rank, -2):
        sizes = [t.shape[axis] for t in (x, y) if t.ndim >= -axis and t.shape[axis] != 1]
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            note = f"{sizes[0]} and {sizes[1]} differ and neither is 1"
            reason = (
                f"cannot broadcast the batches of {shape_text(x.shape)} and {shape_text(y.shape)}"
            )
            raise fail(ShapeError(reason, mark=Mark(1, axis, note)), "matmul", [x, y])
        batch.append(sizes[0] if sizes else 1)
    return tuple(batch)


def _result(result: Any) -> Tensor:
    tensor: Tensor = result
    return tensor
