"""Axes moved, added, dropped and reversed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import AxisError, Mark, ShapeError
from graphc.ir.op import Attributes, Piece
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, fail
from graphc.ops.declare import OpFunction, helper, public, rearrange
from graphc.ops.shapes import normal_axes
from graphc.tensor import Tensor

Types = Sequence[TensorType]
Index = tuple[Any, ...]


def _of(result: Any) -> Tensor:
    tensor: Tensor = result
    return tensor


def _permuted_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    axes = attributes["axes"]
    if sorted(axes) != list(range(x.rank)):
        raise AxisError(f"axes {axes} are no order of the {x.rank} axes of {x}")
    return (x.with_shape(tuple(x.shape[axis] for axis in axes)),)


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(axes.index(axis) for axis in range(len(axes)))


_permute_dims: OpFunction = rearrange(
    "permute_dims",
    infer=_permuted_type,
    numpy=lambda x, *, axes: np.transpose(x, axes),
    pieces=lambda index, types, result, attributes: [
        Piece(0, tuple(index[axis] for axis in _inverse(attributes["axes"])))
    ],
    grad=lambda cotangents, outputs, x, *, axes: (
        _permute_dims(cotangents[0], axes=_inverse(axes)),
    ),
    doc="Result axis i is operand axis axes[i].",
)


@public(_permute_dims)
def permute_dims(x: Any, axes: Any) -> Tensor:
    """Axes in another order: result axis ``i`` is operand axis ``axes[i]``.  Raises ``AxisError``.

    >>> import graphc
    >>> graphc.permute_dims(graphc.input("x", ("N", 3, 4)), (2, 0, 1))
    Tensor permute_dims: f32[4, N, 3]
    """
    tensor = as_tensor(x, name="permute_dims")
    axes = tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
    normal_axes("permute_dims", axes, tensor.ndim, tensor)
    order = tuple(int(axis) % tensor.ndim for axis in axes)
    if len(order) == tensor.ndim and order == tuple(range(tensor.ndim)):
        return tensor
    return _of(_permute_dims(tensor, axes=order))


@helper
def matrix_transpose(x: Any) -> Tensor:
    """The last two axes exchanged.  Raises ``ShapeError`` below rank 2.

    >>> import graphc
    >>> graphc.matrix_transpose(graphc.input("x", ("B", 3, 4)))
    Tensor permute_dims: f32[B, 4, 3]
    """
    tensor = as_tensor(x, name="matrix_transpose")
    if tensor.ndim < 2:
        reason = f"needs two axes; rank {tensor.ndim} has not"
        raise fail(ShapeError(reason), "matrix_transpose", [tensor])
    rank = tensor.ndim
    return permute_dims(tensor, (*range(rank - 2), rank - 1, rank - 2))


@helper
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    >>> import graphc
    >>> graphc.swapaxes(graphc.input("x", ("N", 3, 4)), 0, -1).shape
    (4, 3, N)
    """
    tensor = as_tensor(x, name="swapaxes")
    first, second = (normal_axes("swapaxes", a, tensor.ndim, tensor)[0] for a in (axis1, axis2))
    order = list(range(tensor.ndim))
    order[first], order[second] = second, first
    return permute_dims(tensor, order)


def _expanded_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    axes = attributes["axes"]
    rank = x.rank + len(axes)
    if list(axes) != sorted(set(axes)) or any(not 0 <= axis < rank for axis in axes):
        raise AxisError(f"axes {axes} are no new axes of rank {rank}")
    sizes = iter(x.shape)
    return (x.with_shape(tuple(1 if i in axes else next(sizes) for i in range(rank))),)


_expand_dims = rearrange(
    "expand_dims",
    infer=_expanded_type,
    numpy=lambda x, *, axes: np.expand_dims(x, axes),
    pieces=lambda index, types, result, attributes: [
        Piece(0, tuple(at for i, at in enumerate(index) if i not in attributes["axes"]))
    ],
    grad=lambda cotangents, outputs, x, *, axes: (_squeeze(cotangents[0], axes=axes),),
    doc="New axes of size 1, at the result's axes.",
)


@public(_expand_dims)
def expand_dims(x: Any, axis: Any = 0) -> Tensor:
    """New axes of size 1 at the places ``axis`` (one or several) of the result.

    >>> import graphc
    >>> graphc.expand_dims(graphc.input("x", ("N",)), (0, -1))
    Tensor expand_dims: f32[1, N, 1]
    """
    tensor = as_tensor(x, name="expand_dims")
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    axes = normal_axes("expand_dims", axis, tensor.ndim + count, tensor)
    return _of(_expand_dims(tensor, axes=axes)) if axes else tensor


def _squeezed_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    axes = attributes["axes"]
    for axis in axes:
        if not 0 <= axis < x.rank:
            raise AxisError(f"axis {axis} is out of range for rank {x.rank}")
        if x.shape[axis] != 1:
            reason = f"only axes of size 1 can be dropped; axis {axis} has {x.shape[axis]}"
            raise ShapeError(reason, mark=Mark(0, axis))
    return (x.with_shape(tuple(size for i, size in enumerate(x.shape) if i not in axes)),)


def _squeeze_pieces(
    index: Index, types: Types, result: TensorType, attributes: Attributes
) -> list[Piece]:
    places = iter(index)
    axes = range(types[0].rank)
    return [Piece(0, tuple(0 if i in attributes["axes"] else next(places) for i in axes))]


_squeeze: OpFunction = rearrange(
    "squeeze",
    infer=_squeezed_type,
    numpy=lambda x, *, axes: np.squeeze(x, axes),
    pieces=_squeeze_pieces,
    grad=lambda cotangents, outputs, x, *, axes: (_expand_dims(cotangents[0], axes=axes),),
    doc="Axes of size 1 dropped.",
)


@public(_squeeze)
def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Axes of size 1 dropped: those of ``axis``, or all.  Raises ``ShapeError`` for other sizes.

    >>> import graphc
    >>> graphc.squeeze(graphc.input("x", ("N", 1)), -1)
    Tensor squeeze: f32[N]
    """
    tensor = as_tensor(x, name="squeeze")
    if axis is None:
        axes = tuple(i for i, size in enumerate(tensor.shape) if size == 1)
    else:
        axes = normal_axes("squeeze", axis, tensor.ndim, tensor)
    return _of(_squeeze(tensor, axes=axes)) if axes else tensor


def _reversed_pieces(
    index: Index, types: Types, result: TensorType, attributes: Attributes
) -> list[Piece]:
    axes, shape = attributes["axes"], result.shape
    return [
        Piece(0, tuple(at * -1 + (shape[i] - 1) if i in axes else at for i, at in enumerate(index)))
    ]


_flip: OpFunction = rearrange(
    "flip",
    infer=lambda types, attributes: (types[0],),
    numpy=lambda x, *, axes: np.flip(x, axes),
    pieces=_reversed_pieces,
    grad=lambda cotangents, outputs, x, *, axes: (_flip(cotangents[0], axes=axes),),
    doc="Elements in reverse along axes.",
)


@public(_flip)
def flip(x: Any, axis: Any = None) -> Tensor:
    """Elements in reverse along ``axis`` (one, several, or all).

    >>> import graphc
    >>> graphc.flip(graphc.input("x", ("N", 3)), 0)
    Tensor flip: f32[N, 3]
    """
    tensor = as_tensor(x, name="flip")
    axes = normal_axes("flip", axis, tensor.ndim, tensor)
    return _of(_flip(tensor, axes=axes)) if axes else tensor
