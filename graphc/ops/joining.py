"""Tensors put beside each other, and margins put around one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, Mark, ShapeError
from graphc.ir.dims import Size
from graphc.ir.op import Attributes, Constraint, Piece
from graphc.ir.types import TensorType
from graphc.operands import as_array, as_tensor, convert, fail
from graphc.ops.declare import call, helper, public, rearrange
from graphc.ops.shapes import normal_axes
from graphc.ops.sources import as_size
from graphc.tensor import Tensor

Types = Sequence[TensorType]


def _concat_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    first, *others = types
    axis = attributes["axis"]
    total: Size = first.shape[axis]
    for position, other in enumerate(others, start=1):
        if other.rank != first.rank:
            reason = f"ranks {first.rank} and {other.rank} differ"
            raise ShapeError(reason, mark=Mark(position, None))
        for i, (want, have) in enumerate(zip(first.shape, other.shape, strict=True)):
            if i != axis and want != have:
                note = f"{have} here and {want} in the first; only axis {axis} may differ"
                raise ShapeError("sizes differ", mark=Mark(position, i, note))
        total = total + other.shape[axis]
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    return (first.with_shape(shape),)


def _concat_pieces(
    index: Any, types: Types, result: TensorType, attributes: Attributes
) -> list[Piece]:
    axis = attributes["axis"]
    pieces, offset = [], 0
    for position, operand in enumerate(types):
        place = tuple(at - offset if i == axis else at for i, at in enumerate(index))
        end = offset + operand.shape[axis]
        is_last = position == len(types) - 1
        pieces.append(
            Piece(position, place, where=() if is_last else ((index[axis], offset, end),))
        )
        offset = end  # type: ignore[assignment]
    return pieces


def _concat_grad(cotangents: Any, outputs: Any, *operands: Tensor, axis: int) -> list[Tensor]:
    gradients, offset = [], 0
    for operand in operands:
        end = offset + operand.shape[axis]
        place = tuple(slice(offset, end) if i == axis else slice(None) for i in range(operand.ndim))
        gradients.append(cotangents[0][place])
        offset = end  # type: ignore[assignment]
    return gradients


_concat = rearrange(
    "concat",
    infer=_concat_type,
    numpy=lambda *arrays, axis: np.concatenate(arrays, axis),
    pieces=_concat_pieces,
    grad=_concat_grad,
    doc="Operands one after the other along an axis.",
)


@public(_concat)
def concat(arrays: Any, axis: int | None = 0) -> Tensor:
    """Tensors one after the other along ``axis``; all flattened first where it is ``None``.

    All other sizes must be equal (``ShapeError``).  Element types promote.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 3))
    >>> graphc.concat([x, x, [[1.0, 2.0, 3.0]]]).shape
    (2*N + 1, 3)
    """
    tensors = _several("concat", arrays)
    if axis is None:
        tensors, axis = [x.flatten() for x in tensors], 0
    if tensors[0].ndim == 0:
        raise fail(ShapeError("rank 0 has no axis; use stack"), "concat", tensors)
    (along,) = normal_axes("concat", axis, tensors[0].ndim, tensors[0])
    if len(tensors) == 1:
        return tensors[0]
    result: Tensor = _concat(*tensors, axis=along)
    return result


@helper
def stack(arrays: Any, axis: int = 0) -> Tensor:
    """Tensors of equal shapes beside each other along a new axis of the result.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 3))
    >>> graphc.stack([x, x], axis=-1).shape
    (N, 3, 2)
    """
    tensors = _several("stack", arrays)
    (along,) = normal_axes("stack", axis, tensors[0].ndim + 1, tensors[0])
    for position, other in enumerate(tensors):
        if other.shape != tensors[0].shape:
            error = ShapeError("shapes differ", mark=Mark(position, None))
            raise fail(error, "stack", tensors)
    return concat([call.expand_dims(x, along) for x in tensors], along)


def _several(name: str, arrays: Any) -> list[Tensor]:
    if isinstance(arrays, (tuple, list)):
        given = list(arrays)
    elif isinstance(arrays, (Tensor, np.ndarray)) and arrays.ndim:
        given = [arrays[i] for i in range(len(arrays))]
    else:
        reason = f"takes a list of tensors, not {type(arrays).__name__}"
        raise fail(ArgumentError(reason, advice="write [x, y]"), name)
    if not given:
        raise fail(ArgumentError("needs at least one tensor"), name)
    return convert(name, given)


# -- pad ---------------------------------------------------------------------------------------


def _pad_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    low, high = attributes["low"], attributes["high"]
    if not len(low) == len(high) == x.rank:
        raise ShapeError(f"needs a width before and after each of the {x.rank} axes")
    for axis, width in enumerate(zip(low, high, strict=True)):
        if any(isinstance(w, int) and w < 0 for w in width):
            raise ShapeError(f"widths cannot be negative: {width}", mark=Mark(0, axis))
    sizes = zip(low, x.shape, high, strict=True)
    return (x.with_shape(tuple(before + size + after for before, size, after in sizes)),)


def _pad_requires(types: Types, attributes: Attributes) -> list[Constraint]:
    widths = (*attributes["low"], *attributes["high"])
    return [(width, ">=", 0) for width in widths if not isinstance(width, int)]


def _pad_numpy(x: np.ndarray, *, low: Any, high: Any, fill: Any) -> Any:
    widths = list(zip(low, high, strict=True))
    return np.pad(x, widths, constant_values=fill) if widths else x


def _pad_pieces(
    index: Any, types: Types, result: TensorType, attributes: Attributes
) -> list[Piece]:
    low, high, shape = attributes["low"], attributes["high"], types[0].shape
    place = tuple(at if before == 0 else at - before for at, before in zip(index, low, strict=True))
    where = tuple(
        (index[axis], low[axis], low[axis] + size)
        for axis, size in enumerate(shape)
        if low[axis] != 0 or high[axis] != 0
    )
    inside = Piece(0, place, where=where)
    return [inside, Piece(None, fill=attributes["fill"])] if where else [inside]


def _pad_grad(cotangents: Any, outputs: Any, x: Tensor, *, low: Any, high: Any, fill: Any) -> Any:
    sizes = zip(low, x.shape, strict=True)
    return (cotangents[0][tuple(slice(before, before + size) for before, size in sizes)],)


_pad = rearrange(
    "pad",
    infer=_pad_type,
    numpy=_pad_numpy,
    pieces=_pad_pieces,
    grad=_pad_grad,
    requires=_pad_requires,
    doc="A margin of equal elements on every side.",
)


@public(_pad)
def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Tensor:
    """A margin of ``constant_values`` around ``x``.

    ``pad_width`` is one width for all sides, ``(before, after)`` for all axes, or one such pair an
    axis; widths are sizes.  Raises ``ShapeError``, and ``ArgumentError`` for another ``mode``.

    >>> import graphc
    >>> graphc.pad(graphc.input("x", ("N", 3)), ((0, 0), (1, 2))).shape
    (N, 6)
    """
    tensor = as_tensor(x, name="pad")
    if mode != "constant":
        raise fail(
            ArgumentError(f"only the mode 'constant' is there, not {mode!r}"), "pad", [tensor]
        )
    if isinstance(constant_values, Tensor):
        raise fail(ArgumentError("constant_values must be a number"), "pad", [tensor])
    number = as_array(constant_values, tensor.dtype, "pad")
    if number.ndim:
        raise fail(ArgumentError("constant_values must be one number"), "pad", [tensor])
    widths = _widths(tensor, pad_width)
    if all(width == (0, 0) for width in widths):
        return tensor
    low, high = (tuple(side) for side in zip(*widths, strict=True))
    result: Tensor = _pad(tensor, low=low, high=high, fill=number.item())
    return result


def _widths(tensor: Tensor, pad_width: Any) -> list[tuple[Size, Size]]:
    rank = tensor.ndim
    if isinstance(pad_width, np.ndarray):
        pad_width = pad_width.tolist()
    if not isinstance(pad_width, (tuple, list)):
        pad_width = (pad_width, pad_width)
    pairs = [pad_width] * rank if not isinstance(pad_width[0], (tuple, list)) else list(pad_width)
    if len(pairs) == 1:
        pairs = pairs * rank
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        reason = f"pad_width {pad_width} has no pair of widths for each of {rank} axes"
        raise fail(ShapeError(reason), "pad", [tensor])
    return [(as_size(before, "pad"), as_size(after, "pad")) for before, after in pairs]
