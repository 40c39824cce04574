"""Shapes changed without arithmetic: broadcast and reshape, and axes as arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import AxisError, Mark, ShapeError, shape_text
from graphc.ir import dims
from graphc.ir.dims import Shape, Size
from graphc.ir.op import Attributes, Constraint, Piece
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, broadcast, broadcast_shape, fail
from graphc.ops.declare import OpFunction, helper, public, rearrange
from graphc.ops.sources import as_shape
from graphc.tensor import Tensor

# What is elementwise, of two tensors, and not along axes of one.
_OF_TWO = {
    "max": "maximum", "min": "minimum", "sum": "add", "prod": "multiply", "all": "logical_and",
    "any": "logical_or",
}  # fmt: skip
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
            advice = _about_several(name) if isinstance(axis, Tensor) else ""
            raise fail(AxisError(f"an axis is an int, not {axis!r}", advice=advice), name, shown)
        if not -rank <= axis < rank:
            raise fail(AxisError(f"axis {axis} is out of range for rank {rank}"), name, shown)
    found = sorted(int(axis) % rank for axis in given)
    if len(set(found)) != len(found):
        raise fail(AxisError(f"an axis is given twice in {tuple(given)}"), name, shown)
    return tuple(found)


def _about_several(name: str) -> str:
    """What to write instead, where a tensor was given for an axis."""
    if name in ("concat", "stack"):
        return f"put the tensors into a list: graphc.{name}([x, y])"
    return f"of two tensors it is graphc.{_OF_TWO[name]}(x, y)" if name in _OF_TWO else ""


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
    """Whether two different sizes cannot be meant to be equal: multiples of the same size, or their
    difference has a constant that no multiple of its other coefficients makes up for.  Any other
    two are taken for equal, and checked when the dims are bound."""
    difference = left - right
    if isinstance(difference, int):
        return True
    if len({_proportions(size) for size in (left, right)}) == 1:
        return True
    constant = sum(c for monomial, c in difference.terms if not monomial)
    return constant % math.gcd(*(c for monomial, c in difference.terms if monomial)) != 0


def _proportions(size: Size) -> object:
    """What multiples of one size have in common."""
    if isinstance(size, int):
        return size
    factor = math.gcd(*(c for _, c in size.terms))
    return tuple((monomial, c // factor) for monomial, c in size.terms)


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


_reshape: OpFunction = rearrange(
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
