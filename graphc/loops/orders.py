"""Folding arrays in the orders that ``graphc.loops.ir`` defines: what a sum is, executable.

``Fold`` takes its values in chunks along the last axis, so that a long reduction need not be held
in memory; where the chunks are cut changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.dims import Size
from graphc.ir.dtypes import DType, as_dtype
from graphc.ir.scalar_numpy import NumpyBuilder, as_constant
from graphc.loops.ir import BLOCK, TREE, lane_count

Array = Any
_FMA_CHUNK = 1 << 15  # elements of an accumulator that, in float64, stay in a level-2 cache


def identity(kind: str, dtype: DType) -> Array:
    """What a fold of this kind starts from, as a NumPy scalar."""
    if kind in ("argmax", "argmin"):
        return np.int64(0)
    if kind in ("maximum", "minimum"):
        lowest = kind == "maximum"
        if dtype.is_float:
            return dtype.numpy.type(-np.inf if lowest else np.inf)
        if dtype.is_bool:
            return np.bool_(not lowest)
        limits = np.iinfo(dtype.numpy)
        return dtype.numpy.type(limits.min if lowest else limits.max)
    return as_constant(kind in ("multiply", "all"), dtype)


@np.errstate(all="ignore")
def maximum(left: Array, right: Array) -> Array:
    """The greater; NaN where either is; of equals the left operand."""
    return np.where((right > left) | (right != right) & (left == left), right, left)


@np.errstate(all="ignore")
def minimum(left: Array, right: Array) -> Array:
    """The lesser; NaN where either is; of equals the left operand."""
    return np.where((right < left) | (right != right) & (left == left), right, left)


_quiet_add = np.errstate(all="ignore")(lambda x, y: np.add(x, y))
_quiet_multiply = np.errstate(all="ignore")(lambda x, y: np.multiply(x, y))
COMBINE: dict[str, Callable[[Array, Array], Array]] = {
    "add": _quiet_add,
    "multiply": _quiet_multiply,
    "maximum": maximum,
    "minimum": minimum,
    "any": np.logical_or,
    "all": np.logical_and,
}


def fold(kind: str, order: str, *values: Array, extent: Size | None = None) -> Array:
    """``values`` (two for ``fma``, else one) folded along their last axis.

    ``extent`` is the last axis' size as the program knows it: a named size folds in other lanes
    than a small literal one.  It is the literal one unless given.

    >>> fold("add", "lanes", np.ones((2, 100), np.float32))
    array([100., 100.], dtype=float32)
    """
    length = np.broadcast_shapes(*(np.shape(value) for value in values))[-1]
    folding = Fold(kind, order, length if extent is None else extent)
    if length:
        folding.update(*values)
    shape = np.broadcast_shapes(*(np.shape(value)[:-1] for value in values))
    return folding.finish(as_dtype(values[0].dtype), shape)


class Fold:
    """One reduction under way.  ``update`` takes the next values along the last axis; all chunks
    but the last must be multiples of 64 elements and not straddle a block."""

    def __init__(
        self, kind: str, order: str, extent: Size, builder: NumpyBuilder | None = None
    ) -> None:
        self.kind = kind
        self.order = order
        self.extent = extent
        self.builder = builder or NumpyBuilder()
        self.total: Array = None
        self.lanes: Array = None
        self.position = 0

    def update(self, *values: Array) -> None:
        """Fold further values in: along the last axis, two arrays for ``fma``."""
        length = np.broadcast_shapes(*(value.shape for value in values))[-1]
        if self.kind in ("argmax", "argmin"):
            self._extremum(values[0])
        elif self.order == "ascending":
            self._ascend(values, length)
        elif self.order == "tree":
            self._tree(values[0], length)
        else:
            self._lane(values, length)
        self.position += length

    def finish(self, dtype: DType, shape: tuple[int, ...] | None = None) -> Array:
        """The result of folding values of ``dtype``, broadcast to ``shape`` where one is given; a
        scalar where there were no values."""
        self._close_block()
        if self.total is None:
            total = identity(self.kind, dtype)
        else:
            total = self.total[1] if isinstance(self.total, tuple) else self.total
        return total if shape is None else np.broadcast_to(total, shape)

    def _step(self, total: Array, values: tuple[Array, ...]) -> Array:
        if total is None:
            total = identity(self.kind, self.builder.dtype(values[0]))
        if self.kind == "fma":
            return accumulate(self.builder, values[0], values[1], total)
        return COMBINE[self.kind](total, values[0])

    def _ascend(self, values: tuple[Array, ...], length: int) -> None:
        # One slice after another of memory in order.
        moved = [np.ascontiguousarray(np.moveaxis(value, -1, 0)) for value in values]
        for k in range(length):
            element = tuple(value[k if value.shape[0] > 1 else 0] for value in moved)
            self.total = self._step(self.total, element)

    def _tree(self, values: Array, length: int) -> None:
        values = np.broadcast_to(values, (*values.shape[:-1], length))
        blocks = fold_blocks(self.kind, values, self.builder.dtype(values))
        self._ascend((blocks,), blocks.shape[-1])

    def _lane(self, values: tuple[Array, ...], length: int) -> None:
        dtype = self.builder.dtype(values[0])
        count = lane_count(self.extent, dtype)
        values = tuple(np.broadcast_to(v, (*v.shape[:-1], length)) for v in values)
        for start in range(0, length, count):
            if (self.position + start) % BLOCK == 0:
                self._close_block()
            element = tuple(value[..., start : start + count] for value in values)
            used = element[0].shape[-1]
            if self.lanes is None:
                shape = np.broadcast_shapes(*(value.shape for value in element))
                self.lanes = np.full((*shape[:-1], count), identity(self.kind, dtype))
            if used == count:
                self.lanes = self._step(self.lanes, element)
            else:
                self.lanes[..., :used] = self._step(self.lanes[..., :used], element)

    def _close_block(self) -> None:
        if self.lanes is None:
            return
        kind = "add" if self.kind == "fma" else self.kind
        block = _fold_halves(kind, self.lanes)
        start = identity(kind, self.builder.dtype(block)) if self.total is None else self.total
        self.total, self.lanes = COMBINE[kind](start, block), None

    def _extremum(self, values: Array) -> None:
        """First index of the extremum; it is the same in every order."""
        find = np.argmax if self.kind == "argmax" else np.argmin
        index = find(values, axis=-1)
        value = np.take_along_axis(values, index[..., None], axis=-1)[..., 0]
        if self.total is None:
            self.total = (value, index.astype(np.int64) + self.position)
            return
        best, best_index = self.total
        further = value > best if self.kind == "argmax" else value < best
        further |= (value != value) & (best == best)
        self.total = (
            np.where(further, value, best),
            np.where(further, index + self.position, best_index),
        )


def fold_blocks(kind: str, values: Array, dtype: DType) -> Array:
    """Each block of eight ``values`` along the last axis folded by halves."""
    missing = -values.shape[-1] % TREE
    if missing:
        absent = np.full((*values.shape[:-1], missing), identity(kind, dtype))
        values = np.concatenate([values, absent], axis=-1)
    count = values.shape[-1] // TREE
    return _fold_halves(kind, values.reshape(*values.shape[:-1], count, TREE))


def _fold_halves(kind: str, lanes: Array) -> Array:
    while lanes.shape[-1] > 1:
        half = lanes.shape[-1] // 2
        lanes = COMBINE[kind](lanes[..., :half], lanes[..., half:])
    return lanes[..., 0]


def accumulate(builder: NumpyBuilder, x: Array, y: Array, total: Array) -> Array:
    """``fma(x, y, total)``, large arrays in pieces along the first axis that fit a cache."""
    shape = np.broadcast_shapes(np.shape(x), np.shape(y), np.shape(total))
    size = int(np.prod(shape))
    if size <= 2 * _FMA_CHUNK or shape[0] == 1:
        return builder.fma(x, y, total)
    result = np.empty(shape, x.dtype)
    rows = max(1, _FMA_CHUNK * shape[0] // size)
    x, y, total = (_with_rank(value, len(shape)) for value in (x, y, total))
    for start in range(0, shape[0], rows):
        part = [v[start : start + rows] if v.shape[0] > 1 else v for v in (x, y, total)]
        result[start : start + rows] = builder.fma(*part)
    return result


def _with_rank(value: Array, rank: int) -> Array:
    value = np.asarray(value)
    return value.reshape((1,) * (rank - value.ndim) + value.shape)
