"""Columns: results folded along an axis of the loop around, carried in memory from tile to tile.

Groups of eight rows of a tile fold by halves in registers, then go to the accumulator in order.
What goes to computed places goes there row by row.  Threads share the places: each goes through all
rows and takes those that are for its own classes of places, which take turns in memory: what is
frequent often lies together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from graphc.codegen import access, body, nest
from graphc.codegen.context import Context
from graphc.codegen.expressions import evaluate
from graphc.codegen.fold import Fold, State, identity
from graphc.codegen.grid import Grid, Position, TileAxis, positions, spans
from graphc.codegen.values import Value, index
from graphc.ir import dims, dtypes
from graphc.loops.ir import (
    TREE,
    Argument,
    Axis,
    AxisIndex,
    Column,
    Expr,
    For,
    Let,
    Literal,
    Load,
    Name,
    Store,
)
from graphc.loops.walk import expressions

PLACES = "places"  # as an axis whose classes, of ``RUN`` bytes and more in turn, threads may share
CLASSES, RUN = 64, 4096
PICKED = 1024  # rows at a time


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
        if statement.where is not None:
            _clear_all(context, statement, start, ordered[1:], units)
            continue
        if len(ordered) == 1:
            access.store(context, statement.buffer, statement.index, evaluate(context, start))
            continue
        store = Store(statement.buffer, statement.index, start)
        axes = (*ordered[2:], ordered[1])  # so that they nest in the same order
        nest.emit(context, For(axes, (store,)), units)


def _clear_all(
    context: Context,
    statement: Column,
    start: Literal,
    inner: Sequence[Axis],
    units: nest.Units | None,
) -> None:
    """Start all elements that a column may say; those of the axes ``inner`` are side by side."""
    argument, where = context.arguments[statement.buffer], statement.where
    assert where is not None
    if context.owned is not None:
        _clear_own(context, statement, start, inner)
        return
    every = Axis(f"every {statement.axis}", argument.shape[where])
    if not inner and context.vector_axis is None and where == len(statement.index) - 1:
        lanes = context.target.lanes(argument.dtype.size)
        every = replace(every, tile=4 * lanes, vector=lanes)
    index = list(statement.index)
    index[where] = AxisIndex(every.name)
    store = Store(statement.buffer, tuple(index), start)
    nest.emit(context, For((*inner[1:], *inner[:1], every), (store,)), units)


def _clear_own(
    context: Context, statement: Column, start: Literal, inner: Sequence[Axis]
) -> None:
    """Start the elements of the classes of places that are this thread's."""
    writer, argument, where = context.writer, context.arguments[statement.buffer], statement.where
    assert where is not None and context.owned is not None
    at_once = _places_at_once(argument, where)
    first, last = (writer.multiply(each, index(at_once)) for each in context.owned)
    indices = list(statement.index)
    indices[where] = AxisIndex(PLACES)
    begun = For((*inner[1:], *inner[:1]), (Store(statement.buffer, tuple(indices), start),))
    size = context.size(argument.shape[where])

    def place(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        with context.within(TileAxis(PLACES, at, 1)):
            nest.emit(context, begun)
        return ()

    def places(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        stop = writer.smaller(writer.add(at, last), size)
        writer.loop(writer.add(at, first), stop, 1, (), place)
        return ()

    writer.loop(index(0), size, CLASSES * at_once, (), places)


def rows(context: Context, loop: For, axis: Axis, each: Callable[[Value], None]) -> None:
    """``each`` of the rows of ``loop`` that go to this thread's places, in order.  They are picked
    out before, some at a time and without a branch: a processor that guessed wrong would fetch, and
    so take away, what another thread is about to change."""
    assert context.owned is not None
    writer, (begin, end) = context.writer, context.owned
    extent, place = context.size(axis.extent), context.allocate(f"[{PICKED} x i64]")

    def address(number: Value) -> Value:
        return context.advance(place, writer.multiply(number, index(8)))

    def pick(at: Value, carried: Sequence[Value]) -> Sequence[Value]:
        writer.effect(f"store i64 {at.text}, ptr {address(carried[0]).text}, align 8")
        with context.within(TileAxis(axis.name, at, 1)):
            owned = _is_own(context, loop, begin, end)
        text = f"zext i1 {owned.text} to i64"
        one = writer.pure(text, dtypes.int64, 1, owned.level)
        return [writer.add(carried[0], one)]

    def take(number: Value, _: Sequence[Value]) -> Sequence[Value]:
        each(writer.ordered(f"load i64, ptr {address(number).text}, align 8", dtypes.int64))
        return ()

    def some(first: Value, _: Sequence[Value]) -> Sequence[Value]:
        stop = writer.smaller(writer.add(first, index(PICKED)), extent)
        (count,) = writer.loop(first, stop, 1, [index(0)], pick)
        writer.loop(index(0), count, 1, (), take)
        return ()

    def every(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        each(at)
        return ()

    def all_rows() -> list[Value]:
        writer.loop(index(0), extent, 1, (), every)
        return []

    def own_rows() -> list[Value]:
        writer.loop(index(0), extent, PICKED, (), some)
        return []

    alone = writer.compare("sge", writer.subtract(end, begin), index(CLASSES))
    writer.branch(alone, all_rows)
    writer.branch(context.builder.bit_not(alone), own_rows)


def _is_own(context: Context, loop: For, begin: Value, end: Value) -> Value:
    """Whether the place that the first column of a row says is of a class from ``begin`` on."""
    body.together(context, [s for s in loop.body if isinstance(s, Let)])
    writer, first = context.writer, next(s for s in loop.body if isinstance(s, Column))
    assert first.where is not None
    (place,) = evaluate(context, first.index[first.where]).values
    group = writer.divide(place, _places_at_once(context.arguments[first.buffer], first.where))
    text = f"and i64 {group.text}, {CLASSES - 1}"
    kind = writer.pure(text, dtypes.int64, 1, group.level)
    above = writer.compare("sge", kind, begin)
    return context.builder.bit_and(above, writer.compare("slt", kind, end))


def _places_at_once(argument: Argument, where: int) -> int:
    """How many places side by side are of one class."""
    each = dims.product(argument.shape[where + 1 :]) * argument.dtype.size
    return 1 << max(0, (RUN // max(1, each)).bit_length() - 1) if isinstance(each, int) else 1


def shares_places(loop: For) -> bool:
    """Whether threads may share the places that the column of ``loop`` says: nothing else is done
    there, and the elements of a row all go to one place."""
    lets = {s.name: s.value for s in loop.body if isinstance(s, Let)}
    columns = [s for s in loop.body if isinstance(s, Column)]
    if len(columns) != 1 or len(columns) + len(lets) < len(loop.body) or len(loop.axes) != 2:
        return False
    (column,) = columns
    along = {axis.name for axis in loop.axes} - {column.axis}

    def varies(expr: Expr) -> bool:
        found = list(expressions((Let("", expr),)))
        named = {e.name for e in found if isinstance(e, (Name, AxisIndex))}
        return not along.isdisjoint(named) or any(varies(lets[n]) for n in named if n in lets)

    if any(map(varies, lets.values())):
        return False
    return column.where is not None and not varies(column.index[column.where])


def emit(context: Context, statement: Column) -> None:
    """Fold the rows of the tile in scope: into the accumulator, or each eight into a block's
    element."""
    rows = context.axis(statement.axis)
    if rows.width:
        raise ValueError(f"a column along the vector axis {rows.name}")
    outer = [axis for axis in context.axes if axis is not rows]
    if statement.order == "ascending":
        _in_turn(context, statement, rows, outer)
        return
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


def _in_turn(
    context: Context, statement: Column, rows: TileAxis, outer: list[TileAxis]
) -> None:
    """Row after row to where it goes; of a buffer without elements none."""
    size = context.size(dims.product(context.arguments[statement.buffer].shape))
    some = context.writer.compare("sgt", size, index(0))
    for row in rows.positions:
        with context.at([rows.restricted(row), *outer]):
            context.writer.branch(some, lambda: _add(context, statement))


def _add(context: Context, statement: Column) -> list[Value]:
    """One row to where it goes."""
    builder, dtype = context.builder, context.arguments[statement.buffer].dtype
    fold = Fold(statement.kind, dtype)
    before = access.load(context, Load(statement.buffer, statement.index, dtype))
    row = evaluate(context, statement.value)
    axes = [axis for axis in context.axes if axis.name in row.axes or axis.name in before.axes]
    values = []
    for point in positions(axes):
        here: State = (builder.to_memory(before.at(point)),)
        added: State = (builder.to_memory(row.at(point)),)
        values.append(fold.result(builder, fold.merge(builder, here, added)))
    access.store(context, statement.buffer, statement.index, Grid(spans(axes), values))
    return []


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
