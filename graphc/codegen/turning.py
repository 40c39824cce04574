"""Reductions and loads whose lanes lie along another axis than the tile's, turned in registers.

Where a product has few columns, vectors of rows keep all lanes busy; where memory lies along the
rows, vectors of them are what it holds.  What follows sees values as if nothing had been turned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from graphc.codegen import access
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis, spans
from graphc.codegen.transposing import transposed
from graphc.codegen.values import Value, constant, index
from graphc.loops.direction import MOST_APART
from graphc.loops.ir import Column, Let, Load, Reduce, Statement, Store
from graphc.loops.walk import expressions, expressions_of

_FEWEST_ROWS = 4  # that are worth turning


def reduce_across(
    context: Context, statement: Reduce, reduce: Callable[[Context, Reduce], None]
) -> bool:
    """Emit ``statement`` with its lanes along ``statement.across`` by ``reduce``, which binds its
    names; whether the axes in scope allow that."""
    columns = context.vector_axis
    rows = next((axis for axis in context.axes if axis.name == statement.across), None)
    if rows is None or columns is None or rows is columns or rows.first or columns.first:
        return False
    others, each, lanes = _exchanged(context, rows, columns)
    if any(axis.count > 1 for axis in others):
        return False
    if rows.count * columns.count <= each.count * lanes.count:
        return False  # of so few rows there are fewer vectors the other way
    context.wanted = []
    with context.at([*others, each, lanes]):
        reduce(context, statement)
    for name in statement.names:
        found = context.names[name]
        context.names[name] = _turned(context, found, others, rows, columns, each.count)
    return True


@contextmanager
def loads(context: Context, statements: Sequence[Statement]) -> Iterator[None]:
    """Within, what ``statements`` load side by side along the rows of the tile in scope, instead of
    along its vectors, is known: loaded along the rows and turned."""
    columns = context.vector_axis
    if columns is None:
        yield
        return
    found = dict(_across(context, statements, columns))  # what several load is turned once
    for load, rows in found.items():
        context.turned[load] = loaded(context, load, rows, columns)
    yield
    for load in found:
        del context.turned[load]


@contextmanager
def stores(context: Context, statements: Sequence[Statement]) -> Iterator[None]:
    """Within, what ``statements`` store in vectors whose elements take turns in memory waits, until
    all of them are there."""
    vectors = context.vector_axis
    if vectors is None:
        yield
        return
    found = dict(_in_turn(context, statements, vectors))
    for place, axis in found.items():
        absent = constant(0, place.dtype, vectors.width)
        context.turned[place] = Grid(spans([axis, vectors]), [absent] * axis.count)
    yield
    for place in found:
        b, grid = context.builder, context.turned.pop(place)
        values = [b.splat(b.to_memory(value), vectors.width) for value in grid.values]
        first = {axis.name: axis.first for axis in context.axes}
        access.store_in_turn(context, place, first, values)


def _in_turn(
    context: Context, statements: Sequence[Statement], vectors: TileAxis
) -> Iterator[tuple[Load, TileAxis]]:
    """The places where vectors of ``vectors`` take turns, each with the axis of whose it is."""
    several = [axis for axis in context.axes if not axis.width and axis.count > 1]
    if len(several) != 1 or several[0].limit is not None or several[0].first or vectors.first:
        return
    if vectors.count > 1 or vectors.limit is not None or vectors.valid is not None:
        return
    (axis,) = several
    for statement in statements:
        if not isinstance(statement, Store) or _is_read(statement.buffer, statements):
            continue
        dtype = context.arguments[statement.buffer].dtype
        place = Load(statement.buffer, statement.index, dtype)
        where = context.element(statement.buffer, statement.index)
        apart, beside = where.strides.get(vectors.name), where.strides.get(axis.name)
        few = beside == 1 and apart == axis.count <= MOST_APART
        if few and not where.others and place not in context.turned:
            yield place, axis


def _is_read(buffer: str, statements: Sequence[Statement]) -> bool:
    return any(isinstance(e, Load) and e.buffer == buffer for e in expressions(statements))


def along(context: Context, statement: Reduce) -> list[Load]:
    """What ``statement`` loads side by side along the axis that it reduces, while its vectors lie
    along another: vectors of steps, to be turned."""
    vectors = context.vector_axis
    if vectors is None or vectors.first:
        return []
    known = {vectors.name, statement.axis.name, *(axis.name for axis in context.around)}
    found = []
    for load in dict.fromkeys(expressions((statement,))):
        if not isinstance(load, Load) or load.guard is not None or load in context.staged:
            continue
        where = context.element(load.buffer, load.index)
        strides = where.strides
        beside = strides.get(statement.axis.name) == 1 and strides.get(vectors.name, 1) != 1
        if beside and not where.others and set(strides) <= known:
            found.append(load)
    return found


@contextmanager
def steps(context: Context, found: Sequence[Load], axis: TileAxis) -> Iterator[None]:
    """Within, the loads ``found`` by ``along`` are known at a vector of steps, ``axis``."""
    before = context.turned
    context.turned = before | {load: _steps(context, load, axis) for load in found}
    yield
    context.turned = before


def _steps(context: Context, load: Load, axis: TileAxis) -> Grid:
    builder = context.builder
    vectors, around, values = context.vector_axis, context.around, []
    assert vectors is not None
    width = vectors.width
    for first in range(0, vectors.count * width, width):
        points = width if vectors.valid is None else min(width, vectors.valid - first)
        each = TileAxis(vectors.name, vectors.base, points, 0, first, vectors.limit)
        with context.at([*around, each, axis]):
            rows = [builder.to_memory(row) for row in access.load(context, load).values]
        values += [builder.from_memory(v, load.dtype) for v in transposed(builder, rows, width)]
    return Grid({vectors.name: (0, vectors.count), axis.name: (0, width)}, values)


def _across(
    context: Context, statements: Sequence[Statement], columns: TileAxis
) -> Iterator[tuple[Load, TileAxis]]:
    """The loads that are to be turned, each with the axis that it lies along."""
    written = {s.buffer for s in statements if isinstance(s, (Store, Column))}
    for statement in statements:
        if not isinstance(statement, (Let, Store)):
            continue
        for load in dict.fromkeys(expressions_of(statement)):
            if not isinstance(load, Load) or load.guard is not None or load in context.turned:
                continue
            if load.buffer not in written:
                rows = _rows_of(context, load, columns)
                if rows is not None:
                    yield load, rows


def _rows_of(context: Context, load: Load, columns: TileAxis) -> TileAxis | None:
    """The axis of the tile along which what is loaded lies side by side, if vectors do not."""
    where = context.element(load.buffer, load.index)
    if where.others or where.strides.get(columns.name, 1) == 1 or columns.first:
        return None
    several = [axis for axis in context.axes if not axis.width and axis.count > 1]
    if len(several) != 1 or several[0].first or several[0].count < _FEWEST_ROWS:
        return None
    return several[0] if where.strides.get(several[0].name) == 1 else None


def loaded(context: Context, load: Load, rows: TileAxis, columns: TileAxis) -> Grid:
    """What ``load`` gives, loaded in vectors of ``rows`` and turned into such of ``columns``."""
    others, each, lanes = _exchanged(context, rows, columns)
    with context.at([*others, each, lanes]):
        grid = access.load(context, load)
    return _turned(context, grid, others, rows, columns, each.count)


def store(context: Context, place: Load, rows: TileAxis, columns: TileAxis, values: Grid) -> None:
    """Store ``values``, vectors of ``columns``, where ``place`` loads from, in vectors of ``rows``,
    which they are turned into."""
    builder, width = context.builder, columns.width
    others, each, lanes = _exchanged(context, rows, columns)
    here = {axis.name: axis.first for axis in context.axes}
    blocks = []
    for first in range(0, rows.count, width):
        found = [
            values.at({**here, rows.name: row})
            for row in range(first, min(first + width, rows.count))
        ]
        vectors = [builder.splat(builder.to_memory(value), width) for value in found]
        blocks.append(transposed(builder, vectors, width))
    turned = [block[point] for point in range(each.count) for block in blocks]

    def write(each: TileAxis) -> list[Value]:
        with context.at([*others, each, lanes]):
            access.store(context, place.buffer, place.index, Grid(spans([each, lanes]), turned))
        return []

    if each.limit is None:
        write(each)
        return
    stop = context.writer.add(each.base, index(each.count))
    beyond = context.writer.compare("sgt", stop, each.limit)
    context.writer.branch(beyond, lambda: write(each))
    whole = TileAxis(each.name, each.base, each.count)
    context.writer.branch(builder.bit_not(beyond), lambda: write(whole))


def _exchanged(
    context: Context, rows: TileAxis, columns: TileAxis
) -> tuple[list[TileAxis], TileAxis, TileAxis]:
    """The other axes in scope, the points of ``columns`` one by one, and vectors of ``rows``."""
    others = [axis for axis in context.axes if axis is not rows and axis is not columns]
    width = columns.width
    partial = rows.limit is None and rows.count % width != 0
    count, valid = -(-rows.count // width), rows.count if partial else None
    lanes = TileAxis(rows.name, rows.base, count, width, 0, rows.limit, valid)
    points = columns.valid or columns.count * width
    each = TileAxis(columns.name, columns.base, points, 0, 0, columns.limit)
    return others, each, lanes


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
            turned = transposed(builder, vectors, width)
            line.append([builder.from_memory(value, found[0].dtype) for value in turned])
        blocks.append(line)
    values = [
        blocks[row // width][column][row % width]
        for row in range(rows.count)
        for column in range(columns.count)
    ]
    axes = {axis.name: (axis.first, 1) for axis in others if axis.name in grid.axes}
    tile = {rows.name: (0, rows.count), columns.name: (0, columns.count)}
    return Grid({**axes, **tile}, values)
