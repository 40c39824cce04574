"""Long ascending reductions in blocks: the tiles of a panel go through one block after the other,
while what they have so far waits in memory.

What a panel reads again for each tile then stays in the cache.  Each element is the same chain of
steps as without blocks; what follows the reduction runs in the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.codegen import access
from graphc.codegen.context import Context
from graphc.codegen.values import Value, index, memory_type
from graphc.loops.ir import Argument, Axis, AxisIndex, For, Load, Name, Reduce
from graphc.loops.walk import expressions

_WAITING_BYTES = 128 << 10  # of the stack, at most, for the tiles of a panel that wait

# Emits the tiles from one number up to another.
Tiles = Callable[[Value, Value], None]


@dataclass(frozen=True)
class Block:
    """The part of a reduction that is under way: from ``start`` up to ``stop``, whether others came
    before and whether it is the last, and where its results wait."""

    start: Value
    stop: Value
    later: Value
    last: Value
    place: Load


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
    return first if len(two) == 2 and used.issuperset(axis.name for axis in two) else None


def emit(
    context: Context,
    reduce: Reduce,
    rows: Axis,
    points: int,
    numbers: tuple[Value, Value],
    tiles: Tiles,
) -> None:
    """Emit the ``tiles`` of ``points`` rows with ``numbers`` from, up to, block by block."""
    writer, panel = context.writer, context.vector_axis
    assert panel is not None
    dtype, width = reduce.values[0].dtype, panel.count * panel.width
    count = max(1, _WAITING_BYTES // (width * dtype.size * points))
    place = context.allocate(f"[{count * points * width} x {memory_type(dtype)}]")
    name = f"{reduce.names[0]} waiting {len(context.arguments)}"
    context.arguments[name] = Argument(name, dtype, (count * points, width))
    waiting = Load(name, (AxisIndex(rows.name), AxisIndex(panel.name)), dtype)
    extent = context.size(reduce.axis.extent)

    def some_rows(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        end = writer.smaller(writer.add(at, index(count)), numbers[1])
        before = writer.multiply(at, index(points * width))
        offset = writer.multiply(writer.add(before, panel.base), index(-dtype.size))
        context.pointers[name] = context.advance(place, offset)
        context.versions[name] = 0

        def block(start: Value, _: Sequence[Value]) -> Sequence[Value]:
            stop = writer.smaller(writer.add(start, index(reduce.axis.tile)), extent)
            later = writer.compare("sgt", start, index(0))
            last = writer.compare("sge", stop, extent)
            context.block = Block(start, stop, later, last, waiting)
            tiles(at, end)
            context.block = None
            return ()

        writer.loop(index(0), writer.larger(extent, index(1)), reduce.axis.tile, (), block)
        return ()

    writer.loop(numbers[0], numbers[1], count, (), some_rows)


def begin(
    context: Context, block: Block, fresh: list[Value], points: Sequence[object]
) -> list[Value]:
    """What a reduction starts from: ``fresh`` values, or those that waited."""

    def waited() -> list[Value]:
        grid = access.load(context, block.place)
        return [context.builder.splat(grid.at(at), fresh[0].width) for at in points]  # type: ignore[arg-type]

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
