"""Operands of a product that lie across the vectors are copied once a panel, in the order of use.

Such a load would be a gather for each tile of rows.  The copy lives on the stack; it changes where
values are read, never what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

from graphc.codegen import access
from graphc.codegen.affine import element
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis, spans
from graphc.codegen.transposing import transposed
from graphc.codegen.values import Value, index, memory_type
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
from graphc.loops.tiling import STAGED_BYTES

_FEW_ROWS = 8  # that read a panel: too few to copy it element by element

# Copies what a load reads in a panel, for all of the reduced axis.
Elements = Callable[[Context, Load, Load, str, int, TileAxis, list[TileAxis]], None]


def stage(context: Context, loop: For, inner: Sequence[Axis]) -> None:
    """Copy what the reductions of ``loop`` read across the panel in scope, where the tiles of the
    ``inner`` axes, which are loops within the panel, read it again."""
    panel = context.vector_axis
    if panel is None or panel is not context.axes[-1]:
        return
    rows = prod(a.extent if isinstance(a.extent, int) else 1 << 20 for a in inner)
    within = {axis.name for axis in inner}
    written = {s.buffer for s in loop.body if isinstance(s, (Store, Column))}
    for statement in loop.body:
        if not isinstance(statement, Reduce) or not isinstance(statement.axis.extent, int):
            continue
        for load in dict.fromkeys(_loads(statement.body, statement.values)):
            if load.buffer in written or not _is_across(context, load, statement.axis, within):
                continue
            if _is_along(context, load, statement.axis):
                _copy(context, load, statement.axis, panel, _transposed)
            elif rows > _FEW_ROWS:
                _copy(context, load, statement.axis, panel, _by_elements)


def _loads(body: Sequence[Statement], values: Sequence[Expr]) -> Iterator[Load]:
    pending = [*values, *(s.value for s in body if isinstance(s, Let))]
    while pending:
        expression = pending.pop()
        if isinstance(expression, Apply):
            pending += expression.operands
        elif isinstance(expression, Load) and expression.guard is None:
            yield expression


def _is_across(context: Context, load: Load, axis: Axis, within: set[str]) -> bool:
    """Whether a vector of the load is strided, and the same in every tile of the panel."""
    panel = context.vector_axis
    assert panel is not None and isinstance(axis.extent, int)
    found = element(load.index, context.arguments[load.buffer], context.definitions)
    if found.others or within & set(found.strides) or panel.name not in found.strides:
        return False
    outer = {one.name for one in context.axes if one.count == 1 and not one.width}
    known = outer | {panel.name, axis.name}
    size = axis.extent * panel.count * panel.width * load.dtype.size
    return found.strides[panel.name] != 1 and set(found.strides) <= known and size <= STAGED_BYTES


def _copy(context: Context, load: Load, axis: Axis, panel: TileAxis, elements: Elements) -> None:
    """Copy to a place of one row for each index of ``axis``, of the panel's columns."""
    extent, writer = axis.extent, context.writer
    assert isinstance(extent, int)
    points = panel.count * panel.width
    kind = memory_type(load.dtype)
    place = context.allocate(f"[{extent * points} x {kind}]")
    first = writer.multiply(panel.base, index(load.dtype.size))
    name = f"{load.buffer} staged {len(context.arguments)}"
    context.arguments[name] = Argument(name, load.dtype, (extent, points))
    context.pointers[name] = context.advance(place, writer.subtract(index(0), first))
    context.versions[name] = 0
    copy = Load(name, (AxisIndex(axis.name), AxisIndex(panel.name)), load.dtype)
    outer = [one for one in context.axes if one.count == 1 and not one.width]
    elements(context, load, copy, axis.name, extent, panel, outer)
    context.staged[load] = copy


def _by_elements(
    context: Context,
    load: Load,
    copy: Load,
    axis: str,
    extent: int,
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
            with context.at([*outer, TileAxis(axis, start, 1), one]):
                access.store(context, copy.buffer, copy.index, access.load(context, load))
            return []

        writer.loop(index(0), index(extent), 1, (), row)
        return []

    writer.loop(panel.base, stop, 1, (), column)


def _transposed(
    context: Context,
    load: Load,
    copy: Load,
    axis: str,
    extent: int,
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
        steps = TileAxis(axis, along.base, along.valid or width)
        vector = TileAxis(panel.name, panel.base, 1, width, position)
        turned = transposed(context.builder, vectors, width)[: steps.count]
        with context.at([*outer, steps, vector]):
            grid = Grid(spans([steps, vector]), turned)
            access.store(context, copy.buffer, copy.index, grid)

    def blocks(at: Value, _: Sequence[Value]) -> list[Value]:
        for position in panel.positions:
            block(TileAxis(axis, at, 1, width), position)
        return []

    whole = extent // width * width
    context.writer.loop(index(0), index(whole), width, (), blocks)
    if extent > whole:
        for position in panel.positions:
            block(TileAxis(axis, index(whole), 1, width, 0, None, extent - whole), position)


def _is_along(context: Context, load: Load, axis: Axis) -> bool:
    """Whether what the load reads along ``axis`` lies side by side."""
    found = element(load.index, context.arguments[load.buffer], context.definitions)
    return found.strides.get(axis.name) == 1
