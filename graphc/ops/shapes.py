"""Shapes changed without arithmetic: reshape, axes moved, added, dropped, repeated, reversed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import AxisError, Mark, ShapeError, shape_text
from graphc.ir import dims
from graphc.ir.dims import Shape, Size
from graphc.ir.op import Attributes, Constraint, Piece
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, broadcast, broadcast_shape, fail
from graphc.ops.declare import helper, public, rearrange
from graphc.ops.sources import as_shape
from graphc.tensor import Tensor

Types = Sequence[TensorType]
Index = tuple[Any, ...]


def normal_axes(name: str, axes: Any, rank: int, operand: Tensor | None = None) -> tuple[int, ...]:
    """``axes`` (one, several, or ``None`` for all) as sorted non-negative ones.

    Raises ``AxisError`` for an axis out of range or given twice.
    """
    if axes is None:
        return tuple(range(rank))
    given = tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
    shown = [operand] if operand is not None else []
    for axis in given:
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise fail(AxisError(f"an axis is an int, not {axis!r}"), name, shown)
        if not -rank <= axis < rank:
            raise fail(AxisError(f"axis {axis} is out of range for rank {rank}"), name, shown)
    found = sorted(int(axis) % rank for axis in given)
    if len(set(found)) != len(found):
        raise fail(AxisError(f"an axis is given twice in {tuple(given)}"), name, shown)
    return tuple(found)


# -- broadcast ---------------------------------------------------------------------------------


def _broadcast_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    shape, axes = attributes["shape"], attributes["axes"]
    if len(axes) != x.rank or list(axes) != sorted(set(axes)):
        raise ShapeError(f"axes {axes} do not place the axes of {x}")
    for axis, to in enumerate(axes):
        if not 0 <= to < len(shape) or shape[to] != x.shape[axis]:
            raise ShapeError(f"{x} has no place in {shape_text(shape)} at axes {axes}")
    return (x.with_shape(shape),)


def _broadcast_numpy(x: np.ndarray, *, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    placed = [1] * len(shape)
    for axis, size in zip(axes, x.shape, strict=True):
        placed[axis] = size
    return np.broadcast_to(np.reshape(x, placed), shape)


def _broadcast_grad(cotangents: Any, outputs: Any, x: Tensor, *, shape: Any, axes: Any) -> Any:
    repeated = tuple(axis for axis in range(len(shape)) if axis not in axes)
    return (cotangents[0].sum(repeated) if repeated else cotangents[0],)


_broadcast = rearrange(
    "broadcast",
    infer=_broadcast_type,
    numpy=_broadcast_numpy,
    pieces=lambda index, types, result, attributes: [
        Piece(0, tuple(index[axis] for axis in attributes["axes"]))
    ],
    grad=_broadcast_grad,
    doc="Operand axis i becomes result axis axes[i]; along all others elements are repeated.",
)


@public(_broadcast)
def broadcast_to(x: Any, shape: Any) -> Tensor:
    """``x`` repeated to ``shape`` by NumPy's rule; only literal 1s and missing axes stretch.

    >>> import graphc
    >>> graphc.broadcast_to(graphc.input("x", (3, 1)), ("N", 3, 4))
    Tensor broadcast: f32[N, 3, 4]
    """
    tensor = as_tensor(x, name="broadcast_to")
    wanted = as_shape(shape, "broadcast_to")
    offset = len(wanted) - tensor.ndim
    fits = offset >= 0 and all(s in (1, wanted[i + offset]) for i, s in enumerate(tensor.shape))
    if not fits:
        reason = f"cannot broadcast {shape_text(tensor.shape)} to {shape_text(wanted)}"
        raise fail(ShapeError(reason), "broadcast_to", [tensor])
    return broadcast(tensor, wanted)


@helper
def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    """All operands repeated to their common shape.

    >>> import graphc
    >>> [t.shape for t in graphc.broadcast_arrays(graphc.input("x", ("N", 1)), [1.0, 2.0])]
    [(N, 2), (N, 2)]
    """
    tensors = [as_tensor(x, name="broadcast_arrays") for x in arrays]
    shape = broadcast_shape("broadcast_arrays", tensors)
    return [broadcast(x, shape) for x in tensors]


# -- reshape -----------------------------------------------------------------------------------


def _reshape_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    shape = attributes["shape"]
    size = dims.product(shape)
    if size != x.size and _never_equal(size, x.size):
        reason = f"{x.size} elements do not fill {shape_text(shape)}, which has {size}"
        raise ShapeError(reason, mark=Mark(0, None))
    return (x.with_shape(shape),)


def _never_equal(left: Size, right: Size) -> bool:
    """Whether two different sizes cannot be meant to be equal: numbers, or one a multiple of the
    other.  Any other two are taken for equal, and checked when the dims are bound."""
    if isinstance(left, int) and isinstance(right, int):
        return True
    ratios = (dims.divide_exactly(left, right), dims.divide_exactly(right, left))
    return any(isinstance(ratio, int) for ratio in ratios)


def _reshape_requires(types: Types, attributes: Attributes) -> list[Constraint]:
    size = dims.product(attributes["shape"])
    return [] if size == types[0].size else [(size, "==", types[0].size)]


def _groups(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]] | None:
    """Axes of both shapes in runs of equal size, shortest first; axes of size 1 in none of them.
    ``None`` where the runs cannot be told apart."""
    left = [axis for axis, size in enumerate(before) if size != 1]
    right = [axis for axis, size in enumerate(after) if size != 1]
    groups = []
    while left and right:
        ours, theirs = [left.pop(0)], [right.pop(0)]
        while (have := _total(before, ours)) != (want := _total(after, theirs)):
            grow_ours = right == [] or (left and dims.divide_exactly(want, have) is not None)
            if not (left if grow_ours else right):
                return None
            (ours if grow_ours else theirs).append((left if grow_ours else right).pop(0))
        groups.append((ours, theirs))
    return None if left or right else groups


def _total(shape: Shape, axes: list[int]) -> Size:
    return dims.product(shape[axis] for axis in axes)


def _reshape_pieces(
    index: Index, types: Types, result: TensorType, attributes: Attributes
) -> list[Piece]:
    """Where the reshape is affine (axes split, or sizes of 1 come and go); no piece elsewhere,
    because merged axes need division: the operand is then read by its place in memory."""
    shape = types[0].shape
    groups = _groups(shape, result.shape)
    if groups is None or any(len(ours) > 1 for ours, _ in groups):
        return []
    source: list[Any] = [0] * len(shape)
    for (axis,), parts in groups:
        place: Any = index[parts[0]]
        for part in parts[1:]:
            place = place * result.shape[part] + index[part]
        source[axis] = place
    return [Piece(0, tuple(source))]


_reshape = rearrange(
    "reshape",
    infer=_reshape_type,
    numpy=lambda x, *, shape: np.reshape(x, shape),
    pieces=_reshape_pieces,
    grad=lambda cotangents, outputs, x, *, shape: (_reshape(cotangents[0], shape=x.shape),),
    requires=_reshape_requires,
    doc="The same elements in row-major order under another shape.",
)


@public(_reshape)
def reshape(x: Any, shape: Any) -> Tensor:
    """The same elements, in row-major order, under another shape; one size may be -1.

    Sizes that are not provably equal become a constraint, checked when the named dims are bound.
    Raises ``ShapeError`` where the numbers of elements differ.

    >>> import graphc
    >>> graphc.reshape(graphc.input("x", ("N", 4)), (-1, 2))
    Tensor reshape: f32[2*N, 2]
    """
    tensor = as_tensor(x, name="reshape")
    sizes = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    unknown = [i for i, size in enumerate(sizes) if isinstance(size, int) and size == -1]
    if len(unknown) > 1:
        raise fail(ShapeError("only one size may be -1"), "reshape", [tensor])
    known = as_shape([size for i, size in enumerate(sizes) if i not in unknown], "reshape")
    if unknown:
        rest = dims.product(known)
        if rest == 0:
            reason = f"-1 could be any size beside {shape_text(known)}, which has no elements"
            raise fail(ShapeError(reason), "reshape", [tensor])
        wanted = dims.floor_divide(tensor.size, rest)
        known = (*known[: unknown[0]], wanted, *known[unknown[0] :])
    return tensor if known == tensor.shape else _of(_reshape(tensor, shape=known))


def _of(result: Any) -> Tensor:
    tensor: Tensor = result
    return tensor


# -- axes moved, added, dropped, reversed ------------------------------------------------------


def _permuted_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    axes = attributes["axes"]
    if sorted(axes) != list(range(x.rank)):
        raise AxisError(f"axes {axes} are no order of the {x.rank} axes of {x}")
    return (x.with_shape(tuple(x.shape[axis] for axis in axes)),)


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(axes.index(axis) for axis in range(len(axes)))


_permute_dims = rearrange(
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
    normal_axes("permute_dims", tuple(axes), tensor.ndim, tensor)
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


_squeeze = rearrange(
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


_flip = rearrange(
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
