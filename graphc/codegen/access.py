"""Loads and stores of grids: a scalar, a vector, or a gather for each position.

The kind follows from the stride along the vector axis: none is a scalar (spread where it meets a
vector), one is a vector, any other a gather.  Tails are masked, guards read zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen import expressions, streaming, strides
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, Position, TileAxis, positions, spans
from graphc.codegen.places import Place, address_of, addresses_of, is_contiguous, is_near, place_of
from graphc.codegen.values import (
    POINTER,
    Value,
    constant,
    index,
    lanes_constant,
    llvm_type,
    memory_type,
    suffix,
)
from graphc.ir import dtypes
from graphc.ir.dtypes import DType
from graphc.loops.ir import Expr, Load

ZEROS_BYTES = 512
_LINE_BYTES = 64


def load(context: Context, expression: Load) -> Grid:
    """The grid that a load gives."""
    held = context.turned.get(expression)
    if held is not None:
        return Grid(held.axes, held.values)  # as it is now: what is stored later replaces values
    expression = context.staged.get(expression, expression) if context.staged else expression
    place = place_of(context, expression.buffer, expression.index)
    planned = context.ahead.get(expression)
    if planned is not None and planned[0] is context.loop:
        _prefetch_ahead(context, place, planned[1])
    if expression.guard is None:
        guard = None
        axes = place.axes
    else:
        guard = expressions.evaluate(context, expression.guard)
        used = {axis.name for axis in place.axes} | set(guard.axes)
        axes = [axis for axis in context.axes if axis.name in used]
    values = []
    for position in positions(axes):
        condition = guard.at(position) if guard is not None else None
        values.append(_load_at(context, place, position, condition))
    return Grid(spans(axes), values)


def _load_at(context: Context, place: Place, position: Position, guard: Value | None) -> Value:
    axis = place.vector_axis
    if guard is not None and guard.width > 1:
        axis = axis or context.vector_axis
    if axis is None:
        address = _guarded(context, address_of(context, place, position), guard)
        return _load_plain(context, place, address, 1)
    mask = context.mask(axis, position[axis.name])
    # Whether it is known when code is written which lanes there are: a vector of guards may leave
    # out those at an end of the buffer.
    known = mask is None or axis.valid is not None
    if guard is not None and guard.width > 1:
        mask = guard if mask is None else context.builder.bit_and(mask, guard)
        guard, known = None, False
    if not is_contiguous(place, axis):
        if known and guard is None and is_near(place, axis):
            return _load_sorted(context, place, position, axis)
        addresses = addresses_of(context, place, position, axis)
        lanes = mask or constant(True, dtypes.bool_, axis.width)
        if guard is not None:
            lanes = context.builder.bit_and(lanes, guard)
        return context.builder.gather(addresses, lanes, place.dtype)
    address = _guarded(context, address_of(context, place, position), guard)
    if mask is None:
        return _load_plain(context, place, address, axis.width)
    return _load_masked(context, place, address, mask)


def _guarded(context: Context, address: Value, guard: Value | None) -> Value:
    """``address``, or that of zeros where the scalar ``guard`` is false."""
    if guard is None:
        return address
    return context.writer.choose(guard, address, Value("@graphc.zeros", POINTER))


def _load_sorted(context: Context, place: Place, position: Position, axis: TileAxis) -> Value:
    """A vector of elements a few places apart, out of whole vectors."""
    builder, stride = context.builder, place.affine.strides[axis.name]
    first, width = address_of(context, place, position), axis.width
    assert isinstance(stride, int)
    lanes = width if axis.valid is None else axis.valid - position[axis.name] * width
    lanes = min(lanes, width)
    span = (lanes - 1) * abs(stride) + 1

    def vector_at(element: int) -> Value:
        address = context.advance(first, index(element * place.dtype.size))
        if span >= width:
            return builder.to_memory(_load_plain(context, place, address, width))
        there = lanes_constant(tuple(lane < span for lane in range(width)), dtypes.bool_)
        return builder.to_memory(_load_masked(context, place, address, there))

    found = strides.load(builder, stride, lanes, width, vector_at)
    return builder.from_memory(found, place.dtype)


def _load_plain(context: Context, place: Place, address: Value, width: int) -> Value:
    kind = memory_type(place.dtype, width)
    text = f"load {kind}, ptr {address.text}, align {place.dtype.size}"
    return _known(context, place, text, width)


def _load_masked(context: Context, place: Place, address: Value, mask: Value) -> Value:
    dtype, width = place.dtype, mask.width
    kind, lanes = memory_type(dtype, width), llvm_type(dtypes.bool_, width)
    name = f"@llvm.masked.load.{suffix(_stored(dtype), width)}.p0"
    context.writer.declare(f"declare {kind} {name}(ptr, i32, {lanes}, {kind})")
    text = (
        f"call {kind} {name}(ptr {address.text}, i32 {dtype.size}, {lanes} {mask.text},"
        f" {kind} zeroinitializer)"
    )
    return _known(context, place, text, width)


def _known(context: Context, place: Place, text: str, width: int) -> Value:
    """What the load ``text`` gives, once for as long as nothing is stored to the buffer."""
    key = f"{context.versions[place.buffer]} {text}"
    value = context.writer.recall(key)
    if value is None:
        loaded = context.writer.ordered(text, _stored(place.dtype), width)
        value = context.builder.from_memory(loaded, place.dtype)
        context.writer.remember(key, value)
    return value


def _stored(dtype: DType) -> DType:
    return dtypes.uint8 if dtype.is_bool else dtype


def store(context: Context, buffer: str, indices: tuple[Expr, ...], value: Grid) -> None:
    """Store a grid.  Clamped positions store nothing."""
    held = context.turned.get(Load(buffer, indices, context.arguments[buffer].dtype))
    if held is not None:
        for position in positions(context.axes):
            held.put(position, value.at(position))
        return
    place = place_of(context, buffer, indices)
    used = {axis.name for axis in place.axes} | set(value.axes)
    axes = [axis for axis in context.axes if axis.name in used]
    for position in positions(axes):
        _store_at(context, place, position, value.at(position))
    context.stored(buffer)


def _store_at(context: Context, place: Place, position: Position, value: Value) -> None:
    condition: Value | None = None
    for axis in context.axes:
        valid = context.valid(axis, position.get(axis.name, axis.first))
        if valid is not None:
            condition = valid if condition is None else context.builder.bit_and(condition, valid)

    def write() -> list[Value]:
        _write(context, place, position, value)
        return []

    if condition is None:
        write()
    else:
        context.writer.branch(condition, write)


def _write(context: Context, place: Place, position: Position, value: Value) -> None:
    builder, writer, axis = context.builder, context.writer, place.vector_axis
    stored = builder.to_memory(value)
    if axis is None:
        if value.width > 1:
            raise ValueError(f"{place.buffer}: a vector is stored to one element")
        address = address_of(context, place, position)
        writer.effect(f"store {stored!r}, ptr {address.text}, align {place.dtype.size}")
        return
    stored = builder.splat(stored, axis.width)
    mask = context.mask(axis, position[axis.name])
    kind, lanes = stored.type, llvm_type(dtypes.bool_, axis.width)
    if is_contiguous(place, axis):
        address = address_of(context, place, position)
        if mask is None:
            how = streaming.how_to_store(context, place.buffer, stored, place.dtype.size)
            writer.effect(f"store {stored!r}, ptr {address.text}, {how}")
            return
        if axis.valid == position[axis.name] * axis.width + 1:
            _write_first(context, place, address, stored)
            return
        pointers, name = "ptr", f"@llvm.masked.store.{suffix(stored.dtype, axis.width)}.p0"
    else:
        address = addresses_of(context, place, position, axis)
        pointers = llvm_type(POINTER, axis.width)
        name = f"@llvm.masked.scatter.{suffix(stored.dtype, axis.width)}.v{axis.width}p0"
    chosen = mask or constant(True, dtypes.bool_, axis.width)
    writer.declare(f"declare void {name}({kind}, {pointers}, i32, {lanes})")
    writer.effect(
        f"call void {name}({stored!r}, {pointers} {address.text}, i32 {place.dtype.size},"
        f" {lanes} {chosen.text})"
    )


def store_in_turn(context: Context, place: Load, first: Position, vectors: Sequence[Value]) -> None:
    """Store vectors whose elements take turns in memory, from the place at ``first`` on."""
    builder, where = context.builder, place_of(context, place.buffer, place.index)
    address, width = address_of(context, where, first), vectors[0].width
    size = place.dtype.size
    for number, value in enumerate(strides.mixed(builder, vectors, width)):
        there = context.advance(address, index(number * width * size))
        context.writer.effect(f"store {value!r}, ptr {there.text}, align {size}")
    context.stored(place.buffer)


def _write_first(context: Context, place: Place, address: Value, vector: Value) -> None:
    """Store the first lane.  LLVM makes a plain store of a mask of one constant lane, but of the
    wide element where the vector was truncated, and so writes beyond."""
    first = context.builder.part(vector, 0, 1)
    context.writer.effect(f"store {first!r}, ptr {address.text}, align {place.dtype.size}")


def prefetch(context: Context, buffer: str, indices: tuple[Expr, ...], write: bool) -> None:
    """Ask for the cache lines of an access that is a vector for each of several rows."""
    place = place_of(context, buffer, indices)
    axis = place.vector_axis
    if axis is None or place.others or not is_contiguous(place, axis) or len(place.axes) < 2:
        return
    _ask_for(context, place, write)


def touch(context: Context, buffer: str, indices: tuple[Expr, ...], apart: str) -> None:
    """Ask for the cache lines of an access at one point or vector, if neighbours along ``apart``
    lie on others."""
    place = place_of(context, buffer, indices)
    axis = place.vector_axis
    if place.others or place.affine.strides.get(apart, 1) == 1:
        return
    if axis is None or is_contiguous(place, axis):
        _ask_for(context, place, False)


def _prefetch_ahead(context: Context, place: Place, distance: int) -> None:
    """Ask for the cache lines ``distance`` bytes after those of an access in vectors."""
    axis = place.vector_axis
    if axis is not None and not place.others and is_contiguous(place, axis):
        _ask_for(context, place, False, distance)


def _ask_for(context: Context, place: Place, write: bool, distance: int = 0) -> None:
    axis = place.vector_axis
    context.writer.declare("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    for position in positions(place.axes):
        lanes = 0 if axis is None else position[axis.name] * axis.width
        if lanes * place.dtype.size % _LINE_BYTES:
            continue
        address = context.advance(address_of(context, place, position), index(distance))
        context.writer.effect(
            f"call void @llvm.prefetch.p0(ptr {address.text}, i32 {int(write)}, i32 3, i32 1)"
        )
