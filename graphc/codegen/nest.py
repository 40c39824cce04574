"""Loop nests: panels, tiles and tails.

The panels of the last axis are outermost, the tiles of the others run in order within a panel.  A
static extent is cut into full tiles and one narrower rest; a run-time one into full tiles and a
rest that is clamped (rows) or masked (vectors).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.codegen import body, column, staging
from graphc.codegen.context import Context
from graphc.codegen.grid import TileAxis
from graphc.codegen.values import Value, index
from graphc.ir import dims
from graphc.ir.dims import Size
from graphc.loops.ir import TREE, Axis, Column, For, Reduce

Emit = Callable[[], None]


@dataclass(frozen=True)
class Units:
    """The tiles of the outermost axis to run: from ``begin`` up to ``end``."""

    begin: Value
    end: Value


def emit(context: Context, loop: For, units: Units | None = None) -> None:
    """Emit a loop nest; of its unit axis only the tiles ``units`` where given."""
    ordered = loop_order(loop)
    depth_of_units = _unit_depth(loop) if units is not None else None
    shared = -1 if depth_of_units is None else depth_of_units

    def inside(depth: int) -> None:
        if depth == 1:
            staging.stage(context, loop, ordered[1:])
        if depth == len(ordered):
            body.of_tile(context, loop.body)
            return
        column.clear(context, loop, ordered[depth:], units if depth <= shared else None)
        some = units if depth == shared else None
        _axis(context, loop, ordered[depth], lambda: inside(depth + 1), some)

    inside(0)


def loop_order(loop: For) -> Sequence[Axis]:
    """The axes of a nest from the outermost loop to the innermost."""
    return (loop.axes[-1], *loop.axes[:-1])


def unit_count(loop: For) -> Size:
    """The number of tiles of the unit axis, which threads may share."""
    depth = _unit_depth(loop)
    if depth is None:
        return 1
    axis = loop_order(loop)[depth]
    return dims.ceil_divide(axis.extent, _points(loop, axis, axis.vector > 1))


def _unit_depth(loop: For) -> int | None:
    """Which loop's tiles are the units: the outermost one of several tiles along which no column
    is carried; none where there is no such loop."""
    carried = {s.axis for s in loop.body if isinstance(s, Column)}
    for depth, axis in enumerate(loop_order(loop)):
        points = _points(loop, axis, axis.vector > 1)
        several = not isinstance(axis.extent, int) or axis.extent > points
        if several and axis.name not in carried:
            return depth
    return None


def _points(loop: For, axis: Axis, vectors: bool) -> int:
    """Points of a full tile."""
    if vectors:
        return max(1, axis.tile // axis.vector) * axis.vector
    carried = any(isinstance(s, Column) and s.axis == axis.name for s in loop.body)
    if carried and axis.tile % TREE:
        raise ValueError(f"axis {axis.name} of a column needs a tile that is a multiple of {TREE}")
    turned = any(isinstance(s, Reduce) and s.across == axis.name for s in loop.body)
    if not isinstance(axis.extent, int) or carried or turned or axis.extent <= 0:
        return max(1, axis.tile)
    tiles = -(-axis.extent // max(1, axis.tile))
    return -(-axis.extent // tiles)


def _axis(context: Context, loop: For, axis: Axis, inside: Emit, units: Units | None) -> None:
    """All tiles of one axis, or ``units`` of them."""
    writer = context.writer
    vectors = axis.vector > 1 and context.vector_axis is None
    width = axis.vector if vectors else 0
    scalar_again = axis.vector > 1 and not vectors
    points = 1 if scalar_again else _points(loop, axis, vectors)
    extent = context.size(axis.extent)
    tiles = writer.divide(extent, points)
    count = points // width if width else points
    first, last = (units.begin, units.end) if units else (index(0), tiles)

    def full(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        with context.within(TileAxis(axis.name, at, count, width)):
            inside()
        return ()

    step = index(points)
    stop = writer.multiply(writer.smaller(last, tiles), step)
    writer.loop(writer.multiply(first, step), stop, points, (), full)
    whole = writer.multiply(tiles, step)
    if points == 1 or (whole.literal is not None and whole.literal == extent.literal):
        return
    more = writer.compare("slt", whole, extent)
    if units is not None:
        more = context.builder.bit_and(more, writer.compare("sgt", last, tiles))

    def rest() -> Sequence[Value]:
        _rest(context, axis, whole, extent, (count, width), inside)
        return ()

    writer.branch(more, rest)


def _rest(
    context: Context, axis: Axis, start: Value, extent: Value, shape: tuple[int, int], inside: Emit
) -> None:
    """What is left of an axis after its full tiles."""
    count, width = shape
    if start.literal is not None and extent.literal is not None:
        points = int(extent.literal) - int(start.literal)
        count = -(-points // width) if width else points
        valid = points if width and points % width else None
        tile = TileAxis(axis.name, start, count, width, 0, None, valid)
        with context.within(tile):
            inside()
        return
    if not width:
        with context.within(TileAxis(axis.name, start, count, 0, 0, extent)):
            inside()
        return

    def masked(at: Value, _: Sequence[Value]) -> Sequence[Value]:
        with context.within(TileAxis(axis.name, at, 1, width, 0, extent)):
            inside()
        return ()

    context.writer.loop(start, extent, width, (), masked)
