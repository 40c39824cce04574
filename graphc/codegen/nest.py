"""Loop nests: panels, tiles and tails.

The panels of the last axis are outermost, the tiles of the others run in order within a panel.  A
static extent is cut into full tiles and one narrower rest; a run-time one into full tiles and a
rest that is masked (vectors), or (rows) cut again by halves; clamped, where a column is carried.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from graphc.codegen import across, blocking, body, column, few_rows, staging
from graphc.codegen.context import Context
from graphc.codegen.grid import TileAxis
from graphc.codegen.values import Value, index
from graphc.ir import dims
from graphc.ir.dims import Size
from graphc.loops.ir import TREE, Apply, Axis, Column, For, Let, Reduce, Store
from graphc.loops.repetition import COSTLY, is_costly
from graphc.loops.tiling import STREAMED
from graphc.loops.walk import expressions, statements

Inside = Callable[["Units | None"], None]
_BUSY = 8  # vectors: multiply-adds that do not wait for each other
_ENOUGH = 64  # units that many threads can share well
_STRIP_BYTES = 1024  # of each row, which are worth going down the rows for
LONG = 24  # ops of a body that is not written twice, for tiles and for their rest


class Units(NamedTuple):
    """The units to run, from ``begin`` up to ``end``: the tiles of ``axes``, given by name and
    number of tiles, the first outermost.  Of a single axis, ``group`` tiles make a unit."""

    begin: Value
    end: Value
    axes: tuple[tuple[str, Size], ...]
    group: int = 1


def units(loop: For, begin: Value, end: Value) -> Units | None:
    """The units of ``loop`` from ``begin`` up to ``end``, where it has several."""
    axes = _unit_axes(loop)
    return Units(begin, end, axes, _group(loop)) if axes else None


def unit_count(loop: For) -> Size:
    """The number of units, which threads may share."""
    return dims.ceil_divide(dims.product(count for _, count in _unit_axes(loop)), _group(loop))


def chunk_count(loop: For) -> int:
    """Into how many chunks a thread's share may be cut.  Where rows stream past the units, each
    chunk takes a part of every row, and long parts are much faster than short ones; where blocks
    are copied, more columns use each copy."""
    block = blocking.blocked(loop)
    if block is None:
        return 1 if _streams(loop) else 8
    rows = loop.axes[-2].extent if len(loop.axes) > 1 else 1
    short = block.axis.tile <= STREAMED and isinstance(rows, int) and rows <= few_rows.MOST
    return 1 if short or _streams(loop) else 2


def emit(context: Context, loop: For, units: Units | None = None) -> None:
    """Emit a loop nest; only its ``units`` where given."""
    few_rows.either(context, loop, units, _emit)


def _emit(context: Context, loop: For, units: Units | None) -> None:
    ordered = loop_order(loop)
    shared = units is not None and units.axes[0][0] == column.PLACES
    if units is not None and shared:
        context.owned = (units.begin, units.end)
    in_blocks = context.vector_axis is None and blocking.blocked(loop) is not None

    def inside(depth: int, units: Units | None) -> None:
        if depth == 1 and across.row_axis(loop.body) is None:
            staging.stage(context, loop, ordered[1:])
        if depth == len(ordered):
            _body(context, loop, units)
            return
        if in_blocks and depth == max(0, len(ordered) - 2):
            _in_blocks(context, loop, units, lambda rest: inside(len(ordered), rest))
            return
        column.clear(context, loop, ordered[depth:], units)
        if shared and depth == 0:
            column.rows(context, loop, ordered[0], row)
            return
        _axis(context, loop, ordered[depth], units, lambda rest: inside(depth + 1, rest))

    def row(at: Value) -> None:
        with context.within(TileAxis(ordered[0].name, at, 1)):
            inside(1, units)

    inside(0, units)


def _body(context: Context, loop: For, units: Units | None) -> None:
    """The statements of the innermost loop; of a nest that is all of them, only its ``units``."""
    inner = _inner_nest(loop)
    if units is None or inner is None:
        body.of_tile(context, loop.body)
    else:
        emit(context, inner, units)


def _in_blocks(context: Context, loop: For, units: Units | None, inside: Inside) -> None:
    """The tiles of the two innermost axes, or those of ``units``, in blocks of the reduction."""
    found = [_own(context, loop, axis, units) for axis in loop_order(loop)[-2:]]
    columns, rows = found if len(found) == 2 else (*found, _one_row())

    def each_panel(some: blocking.Tiles, within: Inside) -> None:
        counts = ((some.axis.name, some.count),)
        _axis(context, loop, some.axis, Units(some.begin, some.end, counts), within)

    def panels(some: blocking.Tiles, others: blocking.Tiles) -> None:
        def panel(_: Units | None) -> None:
            staging.stage(context, loop, [rows.axis])
            begin, end, writer = others.begin, others.end, context.writer
            if units is not None and len(units.axes) > 1:
                number = writer.divide(context.axis(columns.axis.name).base, columns.points)
                own = _units_within(context, units, number)
                assert own is not None
                begin, end = writer.larger(begin, own.begin), writer.smaller(end, own.end)
            each_panel(replace(others, begin=begin, end=end), inside)

        each_panel(some, panel)

    if _is_carried(loop, rows.axis):
        each_panel(columns, lambda _: column.clear(context, loop, [rows.axis], None))
    blocking.emit(context, loop, columns, rows, panels)


def _one_row() -> blocking.Tiles:
    """What stands for the rows where there is but one, and no axis for it."""
    return blocking.Tiles(Axis("", 1), 1, 1, index(0), index(1))


def _own(context: Context, loop: For, axis: Axis, units: Units | None) -> blocking.Tiles:
    """The tiles of ``axis``, those of ``units`` where it is their outermost axis."""
    count = _tiles(loop, axis)
    begin, end = index(0), context.size(count)
    if units is not None and units.axes[0][0] == axis.name:
        begin, end = _own_tiles(context, units)
    return blocking.Tiles(axis, _points(loop, axis, axis.vector > 1), count, begin, end)


def loop_order(loop: For) -> Sequence[Axis]:
    """The axes of a nest from the outermost loop to the innermost."""
    if blocking.blocked(loop) is not None and len(loop.axes) > 1:
        return (*loop.axes[:-2], loop.axes[-1], loop.axes[-2])
    return (loop.axes[-1], *loop.axes[:-1])


def _unit_axes(loop: For) -> tuple[tuple[str, Size], ...]:
    """The axes whose tiles are the units: of those with several tiles, along which no column is
    carried, as many of the outermost as give units enough; one, where a column is carried.  Where
    few points are known to be around a nest, its axes are among them."""
    if column.shares_places(loop):
        return ((column.PLACES, column.CLASSES),)
    found: list[tuple[str, Size]] = []
    known = 1
    nest: For | None = loop
    while nest is not None:
        carried = {s.axis for s in nest.body if isinstance(s, Column) and s.order != "block"}
        if carried and nest is not loop:
            break
        for axis in _shared(nest, carried):
            count = _tiles(nest, axis)
            if axis.name in carried or count == 1:
                continue
            found.append((axis.name, count))
            known *= count if isinstance(count, int) else 1
            if carried or known >= _ENOUGH:
                return tuple(found)
        nest = _inner_nest(nest) if all(isinstance(count, int) for _, count in found) else None
    return tuple(found)


def _shared(loop: For, carried: Container[str]) -> Sequence[Axis]:
    """The axes of ``loop`` that threads may share, in order: not the columns of a product in blocks
    that has more rows, so that each thread copies a part of them."""
    ordered = loop_order(loop)
    if blocking.blocked(loop) is None or len(loop.axes) == 1:
        return ordered
    columns, rows = ordered[-2:]
    wide, high = columns.extent, rows.extent
    if not isinstance(wide, int) or not isinstance(high, int) or rows.name in carried:
        return ordered
    return (*ordered[:-2], rows) if high > 2 * wide else ordered


def _inner_nest(loop: For) -> For | None:
    """The nest that is all of a loop's body."""
    inner = loop.body[0]
    return inner if len(loop.body) == 1 and isinstance(inner, For) else None


def _group(loop: For) -> int:
    """How many tiles make a unit: many where rows stream past them, so that of each row there is
    enough to be worth the way."""
    if not _streams(loop) or any(s.where is not None for s in _columns(loop)):
        return 1
    axes = {axis.name: axis for axis in loop.axes}
    for name, _ in _unit_axes(loop):
        points = _points(loop, axes[name], axes[name].vector > 1)
        return max(1, _STRIP_BYTES // (4 * points))
    return 1


def _streams(loop: For) -> bool:
    """Whether a column is carried along the outermost loop."""
    first = loop_order(loop)[0]
    carried = (s.axis for s in loop.body if isinstance(s, Column) and s.order != "block")
    return first.name in carried


def _tiles(loop: For, axis: Axis) -> Size:
    return dims.ceil_divide(axis.extent, _points(loop, axis, axis.vector > 1))


def _columns(loop: For) -> Iterator[Column]:
    """The columns in a loop and in the loops within it."""
    return (s for s in statements(loop.body) if isinstance(s, Column))


def _is_carried(loop: For, axis: Axis) -> bool:
    return any(s.axis == axis.name for s in _columns(loop))


def _points(loop: For, axis: Axis, vectors: bool) -> int:
    """Points of a full tile."""
    if vectors:
        return max(1, axis.tile // axis.vector) * axis.vector
    carried = _is_carried(loop, axis)
    if axis.tile % TREE and any(s.axis == axis.name for s in _columns(loop) if s.order == "tree"):
        raise ValueError(f"axis {axis.name} of a column needs a tile that is a multiple of {TREE}")
    turned = any(isinstance(s, Reduce) and s.across == axis.name for s in loop.body)
    if not isinstance(axis.extent, int) or carried or turned or axis.extent <= 0:
        return max(1, axis.tile)
    tiles = -(-axis.extent // max(1, axis.tile))
    return -(-axis.extent // tiles)


def _axis(context: Context, loop: For, axis: Axis, units: Units | None, inside: Inside) -> None:
    """All tiles of one axis, or those of ``units``; ``inside`` is given the units that are left to
    tell apart within a tile."""
    writer = context.writer
    vectors = axis.vector > 1 and context.vector_axis is None
    width = axis.vector if vectors else 0
    scalar_again = axis.vector > 1 and not vectors
    points = 1 if scalar_again else _points(loop, axis, vectors)
    extent = context.size(axis.extent)
    tiles = writer.divide(extent, points)
    count = points // width if width else points
    own = units is not None and units.axes[0][0] == axis.name
    step = index(points)
    limit = None
    if width and _is_long(loop) and not _divides(points, extent):
        # One body with masks for all tiles: they cost it little, another body costs LLVM as much.
        tiles, limit = writer.divide(writer.add(extent, index(points - 1)), points), extent
    first, last = _own_tiles(context, units) if units and own else (index(0), tiles)

    def within(tile: TileAxis) -> None:
        with context.within(tile):
            number = writer.divide(tile.base, points)
            inside(_units_within(context, units, number) if units and own else units)

    def full(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        within(TileAxis(axis.name, at, count, width, 0, limit))
        return ()

    stop = writer.multiply(writer.smaller(last, tiles), step)
    writer.loop(writer.multiply(first, step), stop, points, (), full)
    if limit is not None or _divides(points, extent):
        return
    whole = writer.multiply(tiles, step)
    more = writer.compare("slt", whole, extent)
    if own:
        more = context.builder.bit_and(more, writer.compare("sgt", last, tiles))

    def rest() -> Sequence[Value]:
        if width or whole.literal is not None or _is_carried(loop, axis):
            _rest(context, axis, whole, extent, (count, width), within)
        else:
            _rows_left(context, axis, whole, extent, count, within)
        return ()

    writer.branch(more, rest)


def _own_tiles(context: Context, units: Units) -> tuple[Value, Value]:
    """The first tile of the units' outermost axis that they touch, and the one after the last."""
    writer = context.writer
    if len(units.axes) == 1:
        group = index(units.group)
        return writer.multiply(units.begin, group), writer.multiply(units.end, group)
    inner = _units_a_tile(context, units)
    up = writer.subtract(writer.add(units.end, inner), index(1))
    return writer.quotient(units.begin, inner), writer.quotient(up, inner)


def _units_within(context: Context, units: Units, number: Value) -> Units | None:
    """Those of ``units`` that lie in tile ``number`` of the outermost axis."""
    if len(units.axes) == 1:
        return None
    writer, inner = context.writer, _units_a_tile(context, units)
    before = writer.multiply(number, inner)
    begin = writer.larger(writer.subtract(units.begin, before), index(0))
    end = writer.smaller(writer.subtract(units.end, before), inner)
    return Units(begin, end, units.axes[1:], units.group)


def _units_a_tile(context: Context, units: Units) -> Value:
    """Units in one tile of the outermost axis; 1 where there are none, since it is divided by."""
    size = dims.product(count for _, count in units.axes[1:])
    return context.writer.larger(context.size(size), index(1))


def _is_long(loop: For) -> bool:
    """Whether the loop has lets and stores alone, and many ops; or is written for each element of
    a row."""
    if across.row_axis(loop.body) is not None:
        return True
    if not all(isinstance(statement, (Let, Store)) for statement in loop.body):
        return False
    ops = [each.op for each in expressions(loop.body) if isinstance(each, Apply)]
    return len(ops) + COSTLY * sum(map(is_costly, ops)) > LONG


def _divides(points: int, extent: Value) -> bool:
    """Whether tiles of ``points`` surely leave no rest."""
    return points == 1 or (extent.literal is not None and int(extent.literal) % points == 0)


def _rows_left(
    context: Context,
    axis: Axis,
    start: Value,
    extent: Value,
    count: int,
    within: Callable[[TileAxis], None],
) -> None:
    """The rows left after full tiles of ``count``: in tiles just high enough to keep the processor
    busy, then of half as many rows, a quarter, ... one."""
    writer, rows = context.writer, _height_of_rest(context, count)
    rest = writer.subtract(extent, start)
    at = writer.add(start, writer.multiply(writer.divide(rest, rows), index(rows)))

    def full(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        within(TileAxis(axis.name, at, rows))
        return ()

    writer.loop(start, at, rows, (), full)
    while rows > 1:
        rows //= 2
        enough = writer.compare("sge", writer.subtract(extent, at), index(rows))

        def tile(at: Value = at, rows: int = rows) -> list[Value]:
            within(TileAxis(axis.name, at, rows))
            return [writer.add(at, index(rows))]

        (at,) = writer.branch(enough, tile, [at])


def _height_of_rest(context: Context, count: int) -> int:
    """A power of two, less than ``count``, that makes a tile of ``_BUSY`` vectors where it can."""
    panel = context.vector_axis
    wanted = max(1, _BUSY // (1 if panel is None else panel.count))
    most = 1 << max(0, (count - 1).bit_length() - 1)
    return min(most, 1 << (wanted - 1).bit_length())


def _rest(
    context: Context,
    axis: Axis,
    start: Value,
    extent: Value,
    shape: tuple[int, int],
    within: Callable[[TileAxis], None],
) -> None:
    """What is left of an axis after its full tiles."""
    count, width = shape
    if start.literal is not None and extent.literal is not None:
        points = int(extent.literal) - int(start.literal)
        count = -(-points // width) if width else points
        valid = points if width and points % width else None
        within(TileAxis(axis.name, start, count, width, 0, None, valid))
        return
    if not width:
        within(TileAxis(axis.name, start, count, 0, 0, extent))
        return

    def masked(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        within(TileAxis(axis.name, at, 1, width, 0, extent))
        return ()

    context.writer.loop(start, extent, width, (), masked)
