"""Long ascending reductions in blocks: the tiles of a group of rows and columns go through one
block after the other, while what they have so far waits in memory.

What the tiles of a group read again and again then stays in the cache.  Each element is the same
chain of steps as without blocks; what follows the reduction runs in the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from graphc.codegen import access, staging
from graphc.codegen.context import Context
from graphc.codegen.grid import Position
from graphc.codegen.values import Value, index, memory_type
from graphc.ir.dims import Size
from graphc.loops.ir import (
    Argument,
    Axis,
    AxisIndex,
    Expr,
    For,
    Literal,
    Load,
    Name,
    Reduce,
    Store,
)
from graphc.loops.tiling import STREAMED
from graphc.loops.walk import expressions
from runtime.frozen import frozen

_WAITING_BYTES = 256 << 10  # of the stack, at most, for the tiles of a group
_COLUMNS = 256  # of a group that waits there; four times as many where it waits in the result
_STREAMED_BYTES = 32 << 10  # of a group, whatever it waits in, that is gone through again and again


class Block(NamedTuple):
    """The part of ``reduce`` that is under way: from ``start`` up to ``stop``, whether others came
    before and whether it is the last, and where its results wait."""

    reduce: Reduce
    start: Value
    stop: Value
    later: Value
    last: Value
    place: Load


@frozen
class Tiles:
    """Tiles of ``axis``, each of ``points``: those with numbers from ``begin`` up to ``end``, of
    ``count`` that there are."""

    axis: Axis
    points: int
    count: Size
    begin: Value
    end: Value


# Emits the tiles of columns and of rows.
Inside = Callable[[Tiles, Tiles], None]


def blocked(loop: For) -> Reduce | None:
    """The reduction of ``loop`` that is to run in blocks."""
    first = loop.body[0]
    if not isinstance(first, Reduce) or first.order != "ascending" or len(first.kinds) != 1:
        return None
    extent, size = first.axis.extent, first.axis.tile
    if size <= 1 or first.across or (isinstance(extent, int) and extent <= size):
        return None
    used = {e.name for e in expressions((first,)) if isinstance(e, AxisIndex)}
    two = loop.axes[-2:]
    whole = two[-1].vector > 1 and used.issuperset(axis.name for axis in two)
    return first if whole else None


def emit(context: Context, loop: For, columns: Tiles, rows: Tiles, inside: Inside) -> None:
    """Emit the tiles of ``columns`` and ``rows`` in groups.  Where results can wait in memory, each
    block is gone through once for a group of columns, else once for a group of both."""
    (reduce, *_) = loop.body
    assert isinstance(reduce, Reduce)
    output = _output(context, loop, reduce)
    wide, high = _group(reduce, columns, rows, output is None)

    def tiles(some: Tiles, others: Tiles, block: Block) -> None:
        part = staging.Part(reduce.axis.name, block.start, block.stop, reduce.axis.tile)
        numbers = (others.begin, others.end, high, others.points)
        with staging.beside(context, loop, part, others.axis, numbers):
            inside(some, others)

    def on_stack(some: Tiles, others: Tiles) -> None:
        place = _on_stack(context, reduce, some, others, (high, wide))
        _each_block(context, reduce, place, lambda block: tiles(some, others, block))

    def through_rows(some: Tiles) -> None:
        if output is None:
            _in_groups(context, rows, high, lambda others: on_stack(some, others))
            return

        def in_block(block: Block) -> None:
            _in_groups(context, rows, high, lambda others: tiles(some, others, block))

        _each_block(context, reduce, output, in_block)

    _in_groups(context, columns, wide, through_rows)


def _each_block(
    context: Context, reduce: Reduce, place: Load, body: Callable[[Block], None]
) -> None:
    writer, extent = context.writer, context.size(reduce.axis.extent)

    def some(start: Value, _: Sequence[Value]) -> Sequence[Value]:
        stop = writer.smaller(writer.add(start, index(reduce.axis.tile)), extent)
        later = writer.compare("sgt", start, index(0))
        last = writer.compare("sge", stop, extent)
        context.block = Block(reduce, start, stop, later, last, place)
        body(context.block)
        context.block = None
        return ()

    writer.loop(index(0), writer.larger(extent, index(1)), reduce.axis.tile, (), some)


def _output(context: Context, loop: For, reduce: Reduce) -> Load | None:
    """A result of ``loop`` that has an element for each one of the reduction, is not read, and is
    written last: there the reduction's may wait."""
    read = {e.buffer for e in expressions(loop.body) if isinstance(e, Load)}
    dtype = reduce.values[0].dtype
    for store in loop.body:
        if not isinstance(store, Store) or not all(map(_is_plain, store.index)):
            continue
        argument = context.arguments[store.buffer]
        if argument.mode == "out" and argument.dtype == dtype and store.buffer not in read:
            return Load(store.buffer, store.index, dtype)
    return None


def _is_plain(index: Expr) -> bool:
    return isinstance(index, AxisIndex | Literal)


def _on_stack(
    context: Context, reduce: Reduce, columns: Tiles, rows: Tiles, most: tuple[int, int]
) -> Load:
    """Where the reduction of those tiles, at most so many, may wait otherwise."""
    writer, dtype = context.writer, reduce.values[0].dtype
    shape = (most[0] * rows.points, most[1] * columns.points)
    place = context.allocate(f"[{shape[0] * shape[1]} x {memory_type(dtype)}]")
    name = f"{reduce.names[0]} waiting {len(context.arguments)}"
    corner = writer.multiply(rows.begin, index(rows.points * shape[1]))
    corner = writer.add(corner, writer.multiply(columns.begin, index(columns.points)))
    context.arguments[name] = Argument(name, dtype, shape)
    offset = writer.multiply(corner, index(-dtype.size))
    context.pointers[name] = context.advance(place, offset)
    context.versions[name] = 0
    return Load(name, (AxisIndex(rows.axis.name), AxisIndex(columns.axis.name)), dtype)


def _group(reduce: Reduce, columns: Tiles, rows: Tiles, waits_on_stack: bool) -> tuple[int, int]:
    """How many tiles of columns and of rows make a group."""
    size = reduce.values[0].dtype.size
    wide = max(1, (_COLUMNS if waits_on_stack else 4 * _COLUMNS) // columns.points)
    if reduce.axis.tile <= STREAMED:  # the longer a row, the better it streams
        wide = max(1, _STREAMED_BYTES // (columns.points * rows.points * size))
    if isinstance(columns.count, int):
        wide = min(wide, columns.count)
    high = max(1, staging.ROWS_BYTES // (reduce.axis.tile * rows.points * size))
    if waits_on_stack:
        high = max(1, min(high, _WAITING_BYTES // (wide * columns.points * rows.points * size)))
    if isinstance(rows.count, int):
        high = min(high, rows.count)
    return wide, high


def _in_groups(
    context: Context, tiles: Tiles, size: int, group: Callable[[Tiles], None]
) -> None:
    """``group`` for each ``size`` of ``tiles``."""
    writer = context.writer

    def some(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        end = writer.smaller(writer.add(at, index(size)), tiles.end)
        group(replace(tiles, begin=at, end=end))
        return ()

    writer.loop(tiles.begin, tiles.end, size, (), some)


def begin(
    context: Context, block: Block, fresh: list[Value], points: Sequence[Position]
) -> list[Value]:
    """What a reduction starts from: ``fresh`` values, or those that waited."""

    def waited() -> list[Value]:
        grid = access.load(context, block.place)
        # An axis that the reduction does not have is one around it, at a single point.
        around = {name: first for name, (first, _) in grid.axes.items()}
        values = [grid.at({**around, **at}) for at in points]
        return [context.builder.splat(value, fresh[0].width) for value in values]

    return context.writer.branch(block.later, waited, fresh)


def end(context: Context, block: Block, reduce: Reduce, finish: Callable[[], None]) -> None:
    """``finish`` what is done after the last block; let it wait after another one."""
    writer = context.writer
    result = Name(reduce.names[0], reduce.values[0].dtype)

    def wait() -> list[Value]:
        grid = context.names[result.name]
        access.store(context, block.place.buffer, block.place.index, grid)
        return []

    def done() -> list[Value]:
        finish()
        return []

    writer.branch(context.builder.bit_not(block.last), wait)
    writer.branch(block.last, done)
