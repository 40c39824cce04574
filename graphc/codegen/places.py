"""Where an access goes: the address of a point, or of each lane of a vector.

Knows nothing of what is done there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.codegen import expressions, strides
from graphc.codegen.affine import Affine
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, Position, TileAxis
from graphc.codegen.values import POINTER, Value, index, lanes_constant
from graphc.ir import dtypes
from graphc.ir.dims import Size
from graphc.ir.dtypes import DType
from graphc.loops.ir import Expr


@dataclass(eq=False, repr=False)
class Place:
    """Where an access goes: its buffer, the affine element number, the computed part."""

    buffer: str
    dtype: DType
    affine: Affine
    others: list[tuple[Size, Grid]]
    axes: list[TileAxis]
    bases: dict[tuple[str, ...], tuple[Value, int]] = field(default_factory=dict)

    @property
    def vector_axis(self) -> TileAxis | None:
        return next((axis for axis in self.axes if axis.width), None)


def place_of(context: Context, buffer: str, indices: tuple[Expr, ...]) -> Place:
    argument = context.arguments[buffer]
    affine = context.element(buffer, indices)
    if not affine.others:
        axes = [axis for axis in context.axes if axis.name in affine.strides]
        return Place(buffer, argument.dtype, affine, [], axes)
    others = [(f, expressions.evaluate(context, e)) for f, e in affine.others]
    used = set(affine.strides).union(*(grid.axes for _, grid in others))
    axes = [axis for axis in context.axes if axis.name in used]
    return Place(buffer, argument.dtype, affine, others, axes)


def is_contiguous(place: Place, axis: TileAxis) -> bool:
    varying = any(axis.name in grid.axes for _, grid in place.others)
    return place.affine.strides.get(axis.name) == 1 and not varying


def is_near(place: Place, axis: TileAxis) -> bool:
    varying = any(axis.name in grid.axes for _, grid in place.others)
    return not varying and strides.are_near(place.affine.strides.get(axis.name))


def address_of(context: Context, place: Place, position: Position) -> Value:
    """The address at a position; of the first lane of a vector."""
    size, strides = place.dtype.size, place.affine.strides
    offset = 0
    parts: list[tuple[Value, Size]] = []
    for axis in place.axes:
        stride = strides.get(axis.name)
        if stride is None:
            continue
        base, extra = context.point(axis, position[axis.name])
        parts.append((base, stride))
        if place.affine.panels is not None and place.affine.panels[0] == axis.name:
            _, width, distance = place.affine.panels
            parts.append((context.writer.divide(base, width), distance))
        if isinstance(stride, int):
            offset += stride * extra * size
        else:
            parts.append((index(extra), stride))
    constant = place.affine.constant
    if isinstance(constant, int):
        offset += constant * size
    else:
        parts.append((index(1), constant))
    for factor, grid in place.others:
        value = grid.at(position)
        if value.width == 1:
            parts.append((value, factor))
    return _advanced(context, place, parts, offset)


def _advanced(
    context: Context, place: Place, parts: list[tuple[Value, Size]], offset: int
) -> Value:
    """The buffer's address plus factor times value of each part, plus ``offset`` bytes."""
    texts = tuple([value.text for value, _ in parts])
    known = place.bases.get(texts)
    if known is None:
        known = place.bases[texts] = _base(context, place, parts)
    pointer, more = known
    offset += more
    return context.advance(pointer, index(offset)) if offset else pointer


def _base(context: Context, place: Place, parts: list[tuple[Value, Size]]) -> tuple[Value, int]:
    """The buffer's address plus the parts that vary, what is known further out first; and the bytes
    of those that do not."""
    writer, size = context.writer, place.dtype.size
    moving, offset = [], 0
    for value, factor in parts:
        part = writer.multiply(value, context.size(factor * size))
        if part.literal is None:
            moving.append(part)
        else:
            offset += int(part.literal)
    pointer = context.pointers[place.buffer]
    for part in sorted(moving, key=lambda value: value.level):
        pointer = context.advance(pointer, part)
    return pointer, offset


def addresses_of(context: Context, place: Place, position: Position, axis: TileAxis) -> Value:
    """The addresses of the lanes of a vector position."""
    builder, size, width = context.builder, place.dtype.size, axis.width
    pointer = address_of(context, place, position)
    stride = place.affine.strides.get(axis.name, 0)
    if isinstance(stride, int):
        lanes = lanes_constant(tuple(lane * stride * size for lane in range(width)), dtypes.int64)
    else:
        iota = lanes_constant(tuple(range(width)), dtypes.int64)
        lanes = builder.mul(iota, context.size(stride * size))
    for factor, grid in place.others:
        value = grid.at(position)
        if value.width > 1:
            lanes = builder.add(lanes, builder.mul(value, context.size(factor * size)))
    text = f"getelementptr i8, ptr {pointer.text}, {lanes.type} {lanes.text}"
    return context.writer.pure(text, POINTER, width, max(pointer.level, lanes.level))
