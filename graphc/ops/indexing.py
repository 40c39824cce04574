"""Basic indexing: ints, slices with any step, ``None`` and ``...``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import AxisError, IndexRangeError, Mark, UnsupportedError
from graphc.ir import dims
from graphc.ir.dims import Dim, Size
from graphc.ir.op import Attributes, Constraint, Piece
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, fail
from graphc.ops.declare import call, helper, rearrange
from graphc.tensor import Tensor

Types = Sequence[TensorType]


def slice_count(start: Size, stop: Size, step: int) -> Size:
    """How many indices there are from ``start`` before ``stop``."""
    count = dims.ceil_divide(stop - start if step > 0 else start - stop, abs(step))
    return max(count, 0) if isinstance(count, int) else count


def _slice_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    bounds = [attributes[name] for name in ("start", "stop", "step")]
    if any(len(bound) != x.rank for bound in bounds):
        raise AxisError(f"needs a start, stop and step for each axis of {x}")
    sizes = []
    for axis, (start, stop, step) in enumerate(zip(*bounds, strict=True)):
        size, count = x.shape[axis], slice_count(start, stop, step)
        if any(_never(relation) for relation in _bounds_hold(size, start, stop, step, count)):
            reason = f"the slice from {start} to {stop} by {step} leaves the size {size}"
            raise IndexRangeError(reason, mark=Mark(0, axis))
        sizes.append(count)
    return (x.with_shape(tuple(sizes)),)


def _bounds_hold(
    size: Size, start: Size, stop: Size, step: int, count: Size
) -> list[tuple[Size, Size]]:
    """Pairs (a, b) with a >= b wherever the slice takes elements of an axis of ``size`` only."""
    if count == 0:
        return []
    if step > 0:
        return [(start, 0), (size, stop), (stop, start)]
    return [(stop + 1, 0), (size, start + 1), (start, stop)]


def _never(relation: tuple[Size, Size]) -> bool:
    difference = relation[0] - relation[1]
    return isinstance(difference, int) and difference < 0


def _is_certain(difference: Size) -> bool:
    """Whether a size is >= 0 whatever the named dims are, as far as its signs tell."""
    if isinstance(difference, int):
        return difference >= 0
    return all(
        coefficient > 0 and all(isinstance(atom, str) for atom in monomial)
        for monomial, coefficient in difference.terms
    )


def _slice_requires(types: Types, attributes: Attributes) -> list[Constraint]:
    needed: list[Constraint] = []
    bounds = (attributes["start"], attributes["stop"], attributes["step"])
    for size, start, stop, step in zip(types[0].shape, *bounds, strict=True):
        count = slice_count(start, stop, step)
        for more, less in _bounds_hold(size, start, stop, step, count):
            if not _is_certain(more - less) and (more, ">=", less) not in needed:
                needed.append((more, ">=", less))
    return needed


def _slice_numpy(x: np.ndarray, *, start: Any, stop: Any, step: Any) -> Any:
    # A stop of -1 means "before index 0" here, which NumPy writes as None.
    triples = zip(start, stop, step, strict=True)
    return x[tuple(slice(a, None if b < 0 else b, s) for a, b, s in triples)]


def _slice_grad(cotangents: Any, outputs: Any, x: Tensor, **bounds: Any) -> tuple[Tensor]:
    """The cotangent put back where its elements came from, among zeros."""
    gradient = cotangents[0]
    triples = zip(bounds["start"], bounds["stop"], bounds["step"], strict=True)
    for axis, (start, stop, step) in enumerate(triples):
        if (start, stop, step) != (0, x.shape[axis], 1):
            gradient = _put_back(gradient, axis, x.shape[axis], start, stop, step)
    return (gradient,)


def _put_back(g: Tensor, axis: int, size: Size, start: Size, stop: Size, step: int) -> Tensor:
    if step < 0:
        count = g.shape[axis]
        first = start + (count - 1) * step
        return _put_back(call.flip(g, axis), axis, size, first, start + 1, -step)
    if step == 1:
        return call.pad(g, _along(g.ndim, axis, (start, size - stop)))  # type: ignore[no-any-return]
    spread = _spread(g, axis, step)
    padded = call.pad(spread, _along(g.ndim, axis, (start, size - stop + step)))
    whole = tuple(slice(0, size) if i == axis else slice(None) for i in range(g.ndim))
    return call.getitem(padded, whole)  # type: ignore[no-any-return]


def _along(rank: int, axis: int, width: tuple[Size, Size]) -> list[tuple[Size, Size]]:
    return [width if i == axis else (0, 0) for i in range(rank)]


def _spread(g: Tensor, axis: int, step: int) -> Tensor:
    """Each element along ``axis`` followed by ``step - 1`` zeros."""
    apart = call.expand_dims(g, axis + 1)
    padded = call.pad(apart, _along(g.ndim + 1, axis + 1, (0, step - 1)))
    shape = (*g.shape[:axis], g.shape[axis] * step, *g.shape[axis + 1 :])
    return call.reshape(padded, shape)  # type: ignore[no-any-return]


_slice = rearrange(
    "slice",
    infer=_slice_type,
    numpy=_slice_numpy,
    pieces=lambda index, types, result, attributes: [
        Piece(
            0,
            tuple(
                at * step + start
                for at, start, step in zip(
                    index, attributes["start"], attributes["step"], strict=True
                )
            ),
        )
    ],
    grad=_slice_grad,
    requires=_slice_requires,
    doc="Every step-th element from start before stop, on each axis.",
)


@helper
def getitem(x: Any, index: Any) -> Tensor:
    """``x[index]`` with ints, slices, ``None`` and ``...``, as in NumPy.

    Along a symbolic size bounds are not clamped: ``x[5:]`` makes it a constraint that there are 5.
    Raises ``IndexRangeError``, ``AxisError`` (too many indices), or ``UnsupportedError`` for arrays
    and tensors as indices.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 8))
    >>> x[1:, None, ::-2].shape
    (N - 1, 1, 4)
    """
    tensor = as_tensor(x, name="indexing")
    entries = _entries(tensor, index if isinstance(index, tuple) else (index,))
    bounds: list[tuple[Size, Size, int]] = []
    dropped: list[int] = []
    new: list[int] = []
    for entry in entries:
        if entry is None:
            new.append(len(new) + len(bounds) - len(dropped))
            continue
        axis = len(bounds)
        if not isinstance(entry, slice):
            dropped.append(axis)
        bounds.append(_bounds(tensor, axis, entry))
    result = _sliced(tensor, bounds)
    result = call.squeeze(result, tuple(dropped)) if dropped else result
    return call.expand_dims(result, tuple(new)) if new else result


def _sliced(tensor: Tensor, bounds: list[tuple[Size, Size, int]]) -> Tensor:
    if bounds == [(0, size, 1) for size in tensor.shape]:
        return tensor
    start, stop, step = zip(*bounds, strict=True)
    result: Tensor = _slice(tensor, start=start, stop=stop, step=step)
    return result


def _entries(tensor: Tensor, index: tuple[Any, ...]) -> list[Any]:
    """One entry an axis, and ``None`` for new axes; ``...`` and what is missing filled up."""
    for entry in index:
        plain = entry is None or entry is Ellipsis or isinstance(entry, (slice, Dim))
        if plain or (isinstance(entry, (int, np.integer)) and not isinstance(entry, bool)):
            continue
        shown = "a Tensor" if isinstance(entry, Tensor) else f"{type(entry).__name__}"
        error = UnsupportedError(
            f"cannot index with {shown}; only ints, slices, None and ... are taken",
            advice="use graphc.take_along_axis for indices, graphc.where for masks",
        )
        raise fail(error, "indexing", [tensor])
    places = [i for i, entry in enumerate(index) if entry is Ellipsis]
    taken = sum(1 for entry in index if entry is not None and entry is not Ellipsis)
    if taken > tensor.ndim or len(places) > 1:
        many = "more than one ..." if len(places) > 1 else f"{taken} indices for rank {tensor.ndim}"
        raise fail(AxisError(f"too many indices: {many}"), "indexing", [tensor])
    rest = [slice(None)] * (tensor.ndim - taken)
    at = places[0] if places else len(index)
    return [*index[:at], *rest, *index[at + 1 :]]


def _bounds(tensor: Tensor, axis: int, entry: Any) -> tuple[Size, Size, int]:
    """Start, stop and step on one axis, counted from 0."""
    size = tensor.shape[axis]
    if not isinstance(entry, slice):
        return _single(tensor, axis, entry)
    parts = [_part(tensor, part) for part in (entry.start, entry.stop, entry.step)]
    step = 1 if parts[2] is None else parts[2]
    if not isinstance(step, int) or step == 0:
        reason = f"the step of a slice is an int other than 0, not {step}"
        raise fail(IndexRangeError(reason), "indexing", [tensor])
    if isinstance(size, int) and not any(isinstance(part, Dim) for part in parts):
        first, last, _ = slice(parts[0], parts[1], step).indices(size)
        return (first, last, step) if slice_count(first, last, step) else (0, 0, 1)
    default = (0, size) if step > 0 else (size - 1, -1)
    start, stop = (
        default[i] if part is None else _from_the_start(part, size)
        for i, part in enumerate(parts[:2])
    )
    return start, stop, step


def _single(tensor: Tensor, axis: int, entry: Any) -> tuple[Size, Size, int]:
    size = tensor.shape[axis]
    place = entry if isinstance(entry, Dim) else int(entry)
    if isinstance(size, int) and isinstance(place, int) and not -size <= place < size:
        reason = f"index {place} is out of range for the size {size} of axis {axis}"
        raise fail(IndexRangeError(reason, mark=Mark(0, axis)), "indexing", [tensor])
    start = _from_the_start(place, size)
    return start, start + 1, 1


def _from_the_start(place: Size, size: Size) -> Size:
    return size + place if isinstance(place, int) and place < 0 else place


def _part(tensor: Tensor, part: Any) -> Size | None:
    if part is None or isinstance(part, Dim):
        return part
    if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        return int(part)
    shown = "a Tensor" if isinstance(part, Tensor) else repr(part)
    error = UnsupportedError(f"the bounds of a slice are ints or sizes, not {shown}")
    raise fail(error, "indexing", [tensor])
