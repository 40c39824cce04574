"""Operands of a product are copied to the stack, in the order of use: once a panel what lies across
the vectors, and where the product goes in blocks, of each block what many tiles read.

Such a load would be a gather for each tile of rows, or go to a line of its own in each step.  The
copies change where values are read, never what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

from graphc.codegen import access
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis, spans
from graphc.codegen.transposing import transposed
from graphc.codegen.values import Value, index, memory_type
from graphc.ir.dims import Size
from graphc.loops.ir import (
    Apply,
    Argument,
    Axis,
    AxisIndex,
    Column,
    Expr,
    For,
    Let,
    Load,
    Reduce,
    Statement,
    Store,
)
from graphc.loops.tiling import FEW_ROWS, LINE, STAGED_BYTES, STREAMED, reach

ROWS_BYTES = 384 << 10  # of the stack, about, for a copy of the left operand


class Part(NamedTuple):
    """What of a reduced axis is copied: from ``start`` up to ``stop``, at most ``most``; whether
    that is one block of several."""

    axis: str
    start: Value
    stop: Value
    most: int
    of_block: bool = False


# Copies what a load reads in a panel, for a part of the reduced axis.
Elements = Callable[[Context, Load, Load, Part, TileAxis, list[TileAxis]], None]


def stage(context: Context, loop: For, inner: Sequence[Axis]) -> None:
    """Copy what the reductions of ``loop`` read across the panel in scope, where the tiles of the
    ``inner`` axes, which are loops within the panel, read it again; of a reduction that goes in
    blocks, what they read of the block under way."""
    panel = context.vector_axis
    if panel is None or panel is not context.axes[-1] or not context.copies:
        return
    count = prod(a.extent if isinstance(a.extent, int) else 1 << 20 for a in inner)
    within = {axis.name for axis in inner}
    written = _written(loop)
    for statement in loop.body:
        part = _part(context, statement) if isinstance(statement, Reduce) else None
        if part is None or not isinstance(statement, Reduce):
            continue
        for load in dict.fromkeys(_loads(statement.body, statement.values)):
            if load.buffer in written or load in context.staged:
                continue
            if not _is_across(context, load, part, panel, within):
                continue
            strides = _strides(context, load)
            if strides.get(part.axis) == 1:
                if count > FEW_ROWS:
                    _copy(context, load, part, panel, _transposed)
            elif strides[panel.name] == 1:
                _copy(context, load, part, panel, _by_rows)
            elif count > FEW_ROWS:
                _copy(context, load, part, panel, _by_elements)


def _part(context: Context, reduce: Reduce) -> Part | None:
    """The part of the reduction that a panel's copy is for."""
    extent, block = reduce.axis.extent, context.block
    if block is not None and reduce is block.reduce:
        return Part(reduce.axis.name, block.start, block.stop, reduce.axis.tile, True)
    if not isinstance(extent, int):
        return None
    return Part(reduce.axis.name, index(0), index(extent), extent)


@contextmanager
def beside(
    context: Context, loop: For, part: Part, axis: Axis, tiles: tuple[Value, Value, int, int]
) -> Iterator[None]:
    """Within, what the first reduction of ``loop`` reads side by side along ``axis`` is a copy in
    the order of use, where its rows crowd a cache: for the tiles with numbers from, up to, at most
    so many, of so many points."""
    before, (reduce, *_) = context.staged, loop.body
    assert isinstance(reduce, Reduce)
    context.staged = dict(before)
    known = {axis.name, part.axis, *(one.name for one in context.around)}
    for load in dict.fromkeys(_loads(reduce.body, reduce.values)):
        strides = _strides(context, load)
        rows = strides.get(axis.name) == 1 and strides.get(part.axis, 1) != 1
        same = set(strides) <= known and load.buffer not in _written(loop)
        if rows and same and _is_crowded(context, load, part):
            _copy_beside(context, load, part, axis, tiles)
    yield
    context.staged = before


def _copy_beside(
    context: Context, load: Load, part: Part, axis: Axis, tiles: tuple[Value, Value, int, int]
) -> None:
    begin, end, most, points = tiles
    writer, width = context.writer, context.target.lanes(load.dtype.size)
    vectors = -(-points // width)
    # What a vector writes beyond its tile is written again, or lies between the tiles' copies.
    steps = part.most + -(-(vectors * width - points) // points)
    first = writer.multiply(begin, index(steps * points))
    copy = _place(context, load, part, axis.name, (steps, most * points), first, points)
    extent, outer = context.size(axis.extent), context.around
    surplus = writer.subtract(extent, index(vectors * width - points))
    whole = writer.divide(writer.larger(surplus, index(0)), points)  # tiles without masks

    def tile(step: Value, number: Value, limit: Value | None) -> list[Value]:
        base = writer.multiply(number, index(points))
        tile = TileAxis(axis.name, base, vectors, width, 0, limit)
        with context.at([*outer, TileAxis(part.axis, step, 1), tile]):
            access.store(context, copy.buffer, copy.index, access.load(context, load))
        return []

    def row(step: Value, _: Sequence[Value]) -> list[Value]:
        middle = writer.smaller(writer.larger(whole, begin), end)
        writer.loop(begin, middle, 1, (), lambda number, _: tile(step, number, None))
        writer.loop(middle, end, 1, (), lambda number, _: tile(step, number, extent))
        return []

    writer.loop(part.start, part.stop, 1, (), row)
    context.staged[load] = copy


def _loads(body: Sequence[Statement], values: Sequence[Expr]) -> Iterator[Load]:
    pending = [*values, *(s.value for s in body if isinstance(s, Let))]
    while pending:
        expression = pending.pop()
        if isinstance(expression, Apply):
            pending += expression.operands
        elif isinstance(expression, Load) and expression.guard is None:
            yield expression


def _written(loop: For) -> set[str]:
    return {s.buffer for s in loop.body if isinstance(s, (Store, Column))}


def _strides(context: Context, load: Load) -> Mapping[str, Size]:
    """Elements between neighbours along each axis; of none where the index is computed."""
    found = context.element(load.buffer, load.index)
    return {} if found.others else found.strides


def _is_across(
    context: Context, load: Load, part: Part, panel: TileAxis, within: set[str]
) -> bool:
    """Whether a vector of the load is strided or in a row of its own, and the same in every tile of
    the panel."""
    strides = _strides(context, load)
    if within & set(strides) or panel.name not in strides or part.axis not in strides:
        return False
    known = {panel.name, part.axis, *(one.name for one in context.around)}
    size = part.most * panel.count * panel.width * load.dtype.size
    across = strides[panel.name] != 1 or (part.of_block and _is_crowded(context, load, part))
    return across and set(strides) <= known and size <= STAGED_BYTES


def _is_crowded(context: Context, load: Load, part: Part) -> bool:
    """Whether one line of each step of ``part`` may fill half of the places in the second cache
    where such lines can lie."""
    stride = _strides(context, load)[part.axis]
    if part.most <= STREAMED:
        return False
    if not isinstance(stride, int):
        return True
    cache = context.target.l2_bytes
    return 2 * part.most * LINE > reach(stride * load.dtype.size, cache) * cache


def _place(
    context: Context,
    load: Load,
    part: Part,
    axis: str,
    shape: tuple[int, int],
    first: Value,
    panels: int = 0,
) -> Load:
    """A place on the stack, of ``shape``, for a copy of ``part``; what to load of it instead.  Its
    first element is number ``first`` of a copy of everything."""
    writer, size = context.writer, load.dtype.size
    place = context.allocate(f"[{shape[0] * shape[1]} x {memory_type(load.dtype)}]")
    name = f"{load.buffer} staged {len(context.arguments)}"
    context.arguments[name] = Argument(name, load.dtype, shape, "in", panels)
    before = writer.multiply(part.start, index(panels or shape[1]))
    offset = writer.multiply(writer.add(first, before), index(-size))
    context.pointers[name] = context.advance(place, offset)
    context.versions[name] = 0
    return Load(name, (AxisIndex(part.axis), AxisIndex(axis)), load.dtype)


def _copy(context: Context, load: Load, part: Part, panel: TileAxis, elements: Elements) -> None:
    """Copy to a place of one row for each index of ``part``, of the panel's columns."""
    points, steps = panel.count * panel.width, -(-part.most // panel.width) * panel.width
    copy = _place(context, load, part, panel.name, (steps, points), panel.base)
    elements(context, load, copy, part, panel, context.around)
    context.staged[load] = copy


def _by_rows(
    context: Context,
    load: Load,
    copy: Load,
    part: Part,
    panel: TileAxis,
    outer: list[TileAxis],
) -> None:
    """Copy vectors of the panel."""

    def row(start: Value, _: Sequence[Value]) -> list[Value]:
        with context.at([*outer, TileAxis(part.axis, start, 1), panel]):
            access.store(context, copy.buffer, copy.index, access.load(context, load))
        return []

    context.writer.loop(part.start, part.stop, 1, (), row)


def _by_elements(
    context: Context,
    load: Load,
    copy: Load,
    part: Part,
    panel: TileAxis,
    outer: list[TileAxis],
) -> None:
    """Copy one element after the other, down each column."""
    writer = context.writer
    stop = writer.add(panel.base, index(panel.count * panel.width))
    if panel.valid is not None:
        stop = writer.add(panel.base, index(panel.valid))
    elif panel.limit is not None:
        stop = writer.smaller(stop, panel.limit)

    def column(at: Value, _: Sequence[Value]) -> list[Value]:
        one = TileAxis(panel.name, at, 1)

        def row(start: Value, _: Sequence[Value]) -> list[Value]:
            with context.at([*outer, TileAxis(part.axis, start, 1), one]):
                access.store(context, copy.buffer, copy.index, access.load(context, load))
            return []

        writer.loop(part.start, part.stop, 1, (), row)
        return []

    writer.loop(panel.base, stop, 1, (), column)


def _transposed(
    context: Context,
    load: Load,
    copy: Load,
    part: Part,
    panel: TileAxis,
    outer: list[TileAxis],
) -> None:
    """Copy in square blocks: vectors along ``axis`` become vectors along the panel."""
    width = panel.width

    def block(along: TileAxis, position: int) -> None:
        first = position * width
        columns = width if panel.valid is None else min(width, panel.valid - first)
        across = TileAxis(panel.name, panel.base, columns, 0, first, panel.limit)
        with context.at([*outer, across, along]):
            rows = access.load(context, load)
        vectors = [context.builder.to_memory(row) for row in rows.values]
        steps = TileAxis(part.axis, along.base, along.valid or width)
        vector = TileAxis(panel.name, panel.base, 1, width, position)
        turned = transposed(context.builder, vectors, width)[: steps.count]
        with context.at([*outer, steps, vector]):
            grid = Grid(spans([steps, vector]), turned)
            access.store(context, copy.buffer, copy.index, grid)

    def blocks(at: Value, _: Sequence[Value]) -> list[Value]:
        for position in panel.positions:
            block(TileAxis(part.axis, at, 1, width), position)
        return []

    def last(at: Value, _: Sequence[Value]) -> list[Value]:
        rest, limit = writer.subtract(part.stop, at), part.stop
        known = None if rest.literal is None else int(rest.literal)
        for position in panel.positions:
            block(TileAxis(part.axis, at, 1, width, 0, None if known else limit, known), position)
        return []

    writer, length = context.writer, context.writer.subtract(part.stop, part.start)
    whole = writer.add(part.start, writer.multiply(writer.divide(length, width), index(width)))
    writer.loop(part.start, whole, width, (), blocks)
    writer.loop(whole, part.stop, width, (), last)
