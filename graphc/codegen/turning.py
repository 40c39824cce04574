"""Reductions whose lanes lie along another axis than the tile's, turned in registers at the end.

Where a product has few columns, vectors of rows keep all lanes busy.  What follows the reduction
sees the results as if nothing had been turned.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis
from graphc.codegen.transposing import transposed
from graphc.loops.ir import Reduce


def reduce_across(
    context: Context, statement: Reduce, reduce: Callable[[Context, Reduce], None]
) -> bool:
    """Emit ``statement`` with its lanes along ``statement.across`` by ``reduce``, which binds its
    names; whether the axes in scope allow that."""
    columns = context.vector_axis
    rows = next((axis for axis in context.axes if axis.name == statement.across), None)
    if rows is None or columns is None or rows is columns or rows.first or columns.first:
        return False
    others = [axis for axis in context.axes if axis is not rows and axis is not columns]
    if any(axis.count > 1 for axis in others):
        return False
    width = columns.width
    partial = rows.limit is None and rows.count % width != 0
    count, valid = -(-rows.count // width), rows.count if partial else None
    lanes = TileAxis(rows.name, rows.base, count, width, 0, rows.limit, valid)
    points = columns.valid or columns.count * width
    each = TileAxis(columns.name, columns.base, points, 0, 0, columns.limit)
    context.wanted = []
    with context.at([*others, each, lanes]):
        reduce(context, statement)
    for name in statement.names:
        context.names[name] = _turned(context, context.names[name], others, rows, columns, points)
    return True


def _turned(
    context: Context,
    grid: Grid,
    others: list[TileAxis],
    rows: TileAxis,
    columns: TileAxis,
    points: int,
) -> Grid:
    """``grid``, a vector of rows for each column, as vectors of columns for each row."""
    width, builder = columns.width, context.builder
    here = {axis.name: axis.first for axis in others}
    blocks = []
    for first in range(0, rows.count, width):
        line = []
        for start in range(0, columns.count * width, width):
            found = [
                grid.at({**here, rows.name: first // width, columns.name: column})
                for column in range(start, min(start + width, points))
            ]
            vectors = [builder.splat(builder.to_memory(value), width) for value in found]
            line.append(transposed(builder, vectors, width))
        blocks.append(line)
    values = [
        blocks[row // width][column][row % width]
        for row in range(rows.count)
        for column in range(columns.count)
    ]
    axes = {axis.name: (axis.first, 1) for axis in others if axis.name in grid.axes}
    spans = {rows.name: (0, rows.count), columns.name: (0, columns.count)}
    return Grid({**axes, **spans}, values)
