"""``keras.ops`` that move elements: shapes, axes, parts and places."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.errors import ArgumentError, ShapeError
from graphc.keras.calling import universal
from graphc.keras.ops.operands import as_keras, number, together
from graphc.keras.registry import fail
from graphc.ops.gathering import is_given

__all__ = [
    "diag", "diagonal", "fliplr", "flipud", "trace",
    "broadcast_to", "concatenate", "expand_dims", "flip", "hstack", "meshgrid", "moveaxis", "pad",
    "ravel", "repeat", "reshape", "roll", "slice_of", "split", "squeeze", "stack", "swapaxes",
    "take", "take_along_axis", "tile", "transpose", "tril", "triu", "unstack", "vstack",
]  # fmt: skip


@universal
def reshape(x: Any, newshape: Any) -> Any:
    """``x`` in another shape; one size may be -1.

    >>> reshape([[1.0], [2.0]], (2,))
    array([1., 2.], dtype=float32)
    """
    return graphc.reshape(as_keras(x), newshape)


@universal
def ravel(x: Any) -> Any:
    """All elements along one axis."""
    return as_keras(x).flatten()


@universal
def transpose(x: Any, axes: Any = None) -> Any:
    """Axes in another order; all in reverse where none are given."""
    made = as_keras(x)
    return made.T if axes is None else graphc.permute_dims(made, tuple(axes))


@universal
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    return graphc.swapaxes(as_keras(x), axis1, axis2)


@universal
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places."""
    made = as_keras(x)
    given = [(a,) if isinstance(a, int) else tuple(a) for a in (source, destination)]
    start, end = ([axis % made.ndim for axis in axes] for axes in given)
    order = [axis for axis in range(made.ndim) if axis not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return graphc.permute_dims(made, tuple(order))


@universal
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1."""
    return graphc.expand_dims(as_keras(x), tuple(axis) if isinstance(axis, list) else axis)


@universal
def squeeze(x: Any, axis: Any = None) -> Any:
    """Axes of size 1 taken away."""
    return graphc.squeeze(as_keras(x), tuple(axis) if isinstance(axis, list) else axis)


@universal
def flip(x: Any, axis: Any = None) -> Any:
    """Elements along ``axis``, or all axes, in reverse."""
    return graphc.flip(as_keras(x), axis)


@universal
def flipud(x: Any) -> Any:
    """Elements along the first axis in reverse."""
    return graphc.flip(as_keras(x), 0)


@universal
def fliplr(x: Any) -> Any:
    """Elements along the second axis in reverse."""
    return graphc.flip(as_keras(x), 1)


@universal
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements of a diagonal of two axes, along a new last axis.

    >>> diagonal([[1.0, 2.0], [3.0, 4.0]])
    array([1., 4.], dtype=float32)
    """
    made = as_keras(x)
    first, second = axis1 % made.ndim, axis2 % made.ndim
    order = [a for a in range(made.ndim) if a not in (first, second)]
    rows = graphc.permute_dims(made, (*order, first, second))
    height, width = _known(rows, -2), _known(rows, -1)
    start, skip = max(-offset, 0), max(offset, 0)
    count = max(min(height - start, width - skip), 0)
    block = rows[(..., slice(start, start + count), slice(skip, skip + count))]
    flat = graphc.reshape(block, (*block.shape[:-2], count * count))
    return flat[(..., slice(None, None, count + 1))]


@universal
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal of two axes."""
    return graphc.sum(diagonal(x, offset, axis1, axis2), -1)


@universal
def diag(x: Any, k: int = 0) -> Any:
    """A matrix with the vector ``x`` on diagonal ``k``, or that diagonal of a matrix."""
    made = as_keras(x)
    if made.ndim == 2:
        return diagonal(made, k)
    size = _known(made, 0) + abs(k)
    wide = graphc.pad(made, [(max(k, 0), max(-k, 0))])
    on = graphc.iota((size, size), 1) - graphc.iota((size, size), 0) == k
    return graphc.where(on, graphc.expand_dims(wide, 0), 0)


@universal
def broadcast_to(x: Any, shape: Any) -> Any:
    """``x`` stretched to ``shape``."""
    return graphc.broadcast_to(as_keras(x), shape)


@universal
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Tensors one after the other along ``axis``.

    >>> concatenate([[1.0], [2.0, 3.0]])
    array([1., 2., 3.], dtype=float32)
    """
    return graphc.concat(together(*xs), axis)


@universal
def stack(x: Any, axis: int = 0) -> Any:
    """Tensors side by side along a new axis."""
    return graphc.stack(together(*x), axis)


@universal
def hstack(xs: Any) -> Any:
    """Tensors one after the other along the second axis, vectors along their own."""
    made = together(*xs)
    return graphc.concat(made, 0 if made[0].ndim == 1 else 1)


@universal
def vstack(xs: Any) -> Any:
    """Tensors one after the other along the first axis, vectors as rows."""
    made = [graphc.expand_dims(x, 0) if x.ndim == 1 else x for x in together(*xs)]
    return graphc.concat(made, 0)


@universal
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """The parts along ``axis``, one by one."""
    made = as_keras(x)
    count = num if num is not None else _known(made, axis)
    return [graphc.squeeze(_part(made, axis, i, i + 1), axis) for i in range(count)]


@universal
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Equal parts along ``axis``, or those between the places that are given.

    >>> [part.tolist() for part in split([1, 2, 3, 4], 2)]
    [[1, 2], [3, 4]]
    """
    made = as_keras(x)
    size = _known(made, axis)
    if isinstance(indices_or_sections, int):
        if size % indices_or_sections:
            told = f"{size} elements along axis {axis} are not {indices_or_sections} equal parts"
            raise fail(ShapeError(told))
        places = list(range(0, size, size // indices_or_sections or 1))
    else:
        places = [0, *map(int, indices_or_sections)]
    return [_part(made, axis, *ends) for ends in zip(places, [*places[1:], size], strict=True)]


def _known(x: Any, axis: int) -> int:
    size = x.shape[axis]
    if not isinstance(size, int):
        raise fail(ShapeError(f"the size of axis {axis} is not known: {size}"))
    return size


def _part(x: Any, axis: int, start: Any, stop: Any) -> Any:
    return x[(slice(None),) * (axis % x.ndim) + (slice(start, stop),)]


@universal
def slice_of(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The block of ``shape`` that begins at ``start_indices``; -1 is all the rest."""
    made = as_keras(inputs)
    starts = [number(i) for i in start_indices]
    pairs = zip(starts, shape, made.shape, strict=True)
    return made[tuple(slice(a, whole if n == -1 else a + n) for a, n, whole in pairs)]


slice_of.__name__ = "slice"


@universal
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """``x`` with margins: of a constant, or as graphc's ``pad`` has other modes."""
    made = as_keras(x)
    if isinstance(pad_width, int):
        pad_width = [(pad_width, pad_width)] * made.ndim
    widths = [tuple(width) for width in pad_width]
    widths = widths * made.ndim if len(widths) == 1 else widths
    value = 0 if constant_values is None else constant_values
    return graphc.pad(made, widths, mode, constant_values=value)


@universal
def tile(x: Any, repeats: Any) -> Any:
    """``x`` repeated along each axis.

    >>> tile([1.0, 2.0], 2)
    array([1., 2., 1., 2.], dtype=float32)
    """
    made = as_keras(x)
    counts = [repeats] if isinstance(repeats, int) else list(repeats)
    while made.ndim < len(counts):
        made = graphc.expand_dims(made, 0)
    counts = [1] * (made.ndim - len(counts)) + counts
    for axis, count in enumerate(counts):
        if count != 1:
            made = graphc.concat([made] * count, axis)
    return made


@universal
def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """Each element, or each part along ``axis``, ``repeats`` times in a row."""
    made = as_keras(x)
    if not isinstance(repeats, int):
        raise fail(ArgumentError(f"repeats is an int, not {repeats!r}"))
    made, axis = (made.flatten(), 0) if axis is None else (made, axis % made.ndim)
    new = graphc.expand_dims(made, axis + 1)
    sizes = [*made.shape[: axis + 1], repeats, *made.shape[axis + 1 :]]
    whole = [*made.shape[:axis], made.shape[axis] * repeats, *made.shape[axis + 1 :]]
    return graphc.reshape(graphc.broadcast_to(new, tuple(sizes)), tuple(whole))


@universal
def roll(x: Any, shift: int, axis: int | None = None) -> Any:
    """Elements moved by ``shift`` along ``axis``, those at the end coming in at the start."""
    made = as_keras(x)
    if axis is None:
        return graphc.reshape(_rolled(made.flatten(), shift, 0), made.shape)
    return _rolled(made, shift, axis)


def _rolled(x: Any, shift: int, axis: int) -> Any:
    size = _known(x, axis)
    at = size - shift % size if size else 0
    return graphc.concat([_part(x, axis, at, size), _part(x, axis, 0, at)], axis)


@universal
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The parts of ``x`` along ``axis`` that ``indices`` says, negative ones from the end; an index
    that is given and out of range is an error, a computed one takes the nearest part.

    >>> take([1.0, 2.0, 3.0], [2, 0])
    array([3., 1.], dtype=float32)
    """
    made, places = as_keras(x), as_keras(indices)
    made, axis = (made.flatten(), 0) if axis is None else (made, axis % made.ndim)
    size = made.shape[axis]
    if is_given(places):
        places = graphc.check_index(places, size, low=-size if places.dtype.kind == "i" else 0)
    before, after = made.shape[:axis], made.shape[axis + 1 :]
    flat = graphc.reshape(places, (1,) * axis + (places.size,) + (1,) * len(after))
    wide = graphc.broadcast_to(flat, (*before, places.size, *after))
    found = graphc.take_along_axis(made, wide, axis)
    return graphc.reshape(found, (*before, *places.shape, *after))


@universal
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements along ``axis`` at the places of ``indices``."""
    made, places = as_keras(x), as_keras(indices)
    if axis is None:
        return graphc.take_along_axis(made.flatten(), places.flatten(), 0)
    return graphc.take_along_axis(made, places, axis)


def _triangle(x: Any, k: int, upper: bool) -> Any:
    made = as_keras(x)
    gap = graphc.iota(made.shape, made.ndim - 1) - graphc.iota(made.shape, made.ndim - 2)
    return graphc.where(gap >= k if upper else gap <= k, made, 0)


@universal
def tril(x: Any, k: int = 0) -> Any:
    """Zeros above diagonal ``k`` of the last two axes."""
    return _triangle(x, k, upper=False)


@universal
def triu(x: Any, k: int = 0) -> Any:
    """Zeros below diagonal ``k`` of the last two axes."""
    return _triangle(x, k, upper=True)


@universal
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Coordinates of a grid, of those along each axis."""
    made = [as_keras(one) for one in x]
    order = list(range(len(made)))
    if indexing == "xy":
        order[:2] = reversed(order[:2])
    shape = tuple(made[i].shape[0] for i in order)
    grids = []
    for i, one in enumerate(made):
        along = tuple(one.shape[0] if place == i else 1 for place in order)
        grids.append(graphc.broadcast_to(graphc.reshape(one, along), shape))
    return grids
