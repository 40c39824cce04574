"""Columns: results folded along an axis of the loop around, carried in memory from tile to tile.

Groups of eight rows of a tile fold by halves in registers, then go to the accumulator in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen import access, nest
from graphc.codegen.context import Context
from graphc.codegen.expressions import evaluate
from graphc.codegen.fold import Fold, State, identity
from graphc.codegen.grid import Grid, Position, TileAxis, positions, spans
from graphc.codegen.values import index
from graphc.loops.ir import TREE, Axis, Column, For, Let, Literal, Load, Store
from graphc.loops.walk import expressions


def clear(context: Context, loop: For, ordered: Sequence[Axis], units: nest.Units | None) -> None:
    """Start the accumulators of the columns along the next axis of ``ordered``, the axes of
    ``loop`` that are still to be entered; of those, only the tiles ``units`` where given."""
    for statement in loop.body:
        if not isinstance(statement, Column) or statement.axis != ordered[0].name:
            continue
        if statement.order == "block":
            continue
        dtype = context.arguments[statement.buffer].dtype
        start = Literal(identity(statement.kind, dtype), dtype)
        if len(ordered) == 1:
            access.store(context, statement.buffer, statement.index, evaluate(context, start))
            continue
        store = Store(statement.buffer, statement.index, start)
        axes = (*ordered[2:], ordered[1])  # so that they nest in the same order
        nest.emit(context, For(axes, (store,)), units)


def emit(context: Context, statement: Column) -> None:
    """Fold the rows of the tile in scope: into the accumulator, or each eight into a block's
    element."""
    rows = context.axis(statement.axis)
    if rows.width:
        raise ValueError(f"a column along the vector axis {rows.name}")
    outer = [axis for axis in context.axes if axis is not rows]
    grids = _by_row(context, statement, rows)
    if statement.order == "block":
        _blocks(context, statement, rows, outer, grids)
        return
    dtype = context.arguments[statement.buffer].dtype
    fold = Fold(statement.kind, dtype)
    with context.at(outer):
        before = access.load(context, Load(statement.buffer, statement.index, dtype))
        axes = [axis for axis in outer if axis.name in grids[0].axes or axis.name in before.axes]
        values = []
        for point in positions(axes):
            state: State = (context.builder.to_memory(before.at(point)),)
            for first in range(0, rows.count, TREE):
                eight = _eight(context, fold, rows, first, grids, point)
                state = fold.block(context.builder, eight, state)
            values.append(fold.result(context.builder, state))
        access.store(context, statement.buffer, statement.index, Grid(spans(axes), values))


def _by_row(context: Context, statement: Column, rows: TileAxis) -> list[Grid]:
    """What is folded, row by row of the tile, each read along as far as the tile is wide."""
    panel, found = context.vector_axis, []
    loads = any(isinstance(e, Load) for e in expressions((Let("", statement.value),)))
    for row in rows.positions:
        with context.at([a.restricted(row) if a is rows else a for a in context.axes]):
            found.append(evaluate(context, statement.value))
        if loads and panel is not None and panel.count > 1:
            context.writer.keep_order()
    return found


def _blocks(
    context: Context,
    statement: Column,
    rows: TileAxis,
    outer: list[TileAxis],
    grids: Sequence[Grid],
) -> None:
    """Each group of eight rows to the element of its block."""
    fold = Fold(statement.kind, context.arguments[statement.buffer].dtype)
    axes = [axis for axis in outer if axis.name in grids[0].axes]
    b, writer, limit = context.builder, context.writer, None
    first = writer.divide(rows.base, TREE)
    if rows.limit is not None:
        limit = writer.divide(writer.add(rows.limit, index(TREE - 1)), TREE)
    for group in range(-(-rows.count // TREE)):
        values = [
            fold.result(b, fold.block(b, _eight(context, fold, rows, group * TREE, grids, point)))
            for point in positions(axes)
        ]
        block = TileAxis(rows.name, first, 1, 0, group, limit)
        with context.at([block, *outer]):
            access.store(context, statement.buffer, statement.index, Grid(spans(axes), values))


def _eight(
    context: Context,
    fold: Fold,
    rows: TileAxis,
    first: int,
    grids: Sequence[Grid],
    point: Position,
) -> list[State]:
    """The states of eight rows from ``first``; rows beyond the extent are absent."""
    b = context.builder
    states: list[State] = []
    for row in range(first, first + TREE):
        absent = fold.initial(1)
        if row >= rows.count:
            states.append(absent)
            continue
        value = b.to_memory(grids[row].at({**point, rows.name: row}))
        valid = context.valid(rows, row)
        state: State = (value,)
        states.append(fold.keep(b, valid, state, absent))
    return states
