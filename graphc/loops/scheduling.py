"""Scheduling: which axes of a kernel become vectors, register tiles and parallel loops.

Nothing here changes what a kernel computes: orders of reductions are fixed before.  The choices
follow from the target's vector width and registers and from the kernel's static sizes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from graphc.ir.dims import Size
from graphc.loops import ir
from graphc.loops.repetition import TOGETHER, repeated
from graphc.loops.walk import expressions
from runtime.target import Target

LONG = 24  # ops from which one vector at a time is enough work to hide latencies


def schedule(kernel: ir.Kernel, target: Target) -> ir.Kernel:
    """``kernel`` with tiles, vectors and ``parallel``."""
    lanes = target.lanes(max(_widths(kernel)))
    body = tuple(_scheduled(s, lanes, target, outermost=True) for s in kernel.body)
    return replace(kernel, body=body)


def _widths(kernel: ir.Kernel) -> Iterable[int]:
    """Bytes of the float elements that the kernel computes with; 4 where it has none."""
    yield 4
    yield from (a.dtype.size for a in kernel.arguments if a.dtype.is_float)
    for expr in expressions(kernel.body):
        if expr.dtype.is_float:
            yield expr.dtype.size


def _scheduled(
    statement: ir.Statement, lanes: int, target: Target, outermost: bool = False
) -> ir.Statement:
    if isinstance(statement, ir.Reduce):
        return _reduce_along(statement, lanes)
    if not isinstance(statement, ir.For):
        return statement
    if any(isinstance(s, ir.Check) for s in statement.body):
        return statement
    product = _product_of(statement)
    if product is not None and product.order == "ascending":
        return _tile(statement, product, lanes, target, outermost)
    if any(isinstance(s, ir.For) or _in_lanes(s) for s in statement.body):
        inner = tuple(_scheduled(s, lanes, target) for s in statement.body)
        return _nest(statement.axes, inner, outermost)
    return _vector_loop(statement, lanes, outermost)


def _in_lanes(statement: ir.Statement) -> bool:
    return isinstance(statement, ir.Reduce) and statement.order == "lanes"


def _product_of(loop: ir.For) -> ir.Reduce | None:
    found = (s for s in loop.body if isinstance(s, ir.Reduce) and s.kinds == ("fma",))
    return next(found, None)


def _nest(
    axes: tuple[ir.Axis, ...], body: tuple[ir.Statement, ...], outermost: bool
) -> ir.Statement:
    """One loop inside the other, the first outermost and parallel."""
    for axis in reversed(axes[1:]):
        body = (ir.For((axis,), body),)
    return ir.For(axes[:1], body, parallel=outermost)


def _reduce_along(reduce: ir.Reduce, lanes: int) -> ir.Reduce:
    """A reduction of a row: its lanes are the vector's."""
    if reduce.order != "lanes":
        return reduce
    widest = max((value.dtype for value in reduce.values), key=lambda dtype: dtype.size)
    width = min(lanes, ir.lane_count(reduce.axis.extent, widest))
    return replace(reduce, axis=replace(reduce.axis, vector=width, tile=width))


def _vector_loop(loop: ir.For, lanes: int, outermost: bool) -> ir.Statement:
    """Elementwise loops and column reductions: the last axis in vectors, the others around it."""
    *outer, last = loop.axes
    streamed = _streamed(loop, lanes)
    if streamed is not None:
        if outer:
            return _nest(tuple(outer), (streamed,), outermost)
        return replace(streamed, parallel=outermost)
    ops = sum(isinstance(e, ir.Apply) for e in expressions(loop.body))
    folds = any(isinstance(s, ir.Reduce) for s in loop.body)
    vectors = TOGETHER if repeated(loop.body) else 4 if folds else 1 if ops > LONG else 2
    tile = lanes * vectors
    if isinstance(last.extent, int):
        tile = min(tile, -(-last.extent // lanes) * lanes)
    inner = ir.For((replace(last, vector=lanes, tile=tile),), loop.body)
    if not outer:
        return replace(inner, parallel=outermost)
    return _nest(tuple(outer), (inner,), outermost)


def _streamed(loop: ir.For, lanes: int) -> ir.For | None:
    """A bare sum of columns of long rows, as blocks of rows that add into the columns' memory: the
    rows stream, where strips of columns down the rows would take a few bytes of each."""
    if len(loop.body) != 2:
        return None
    fold, store = loop.body
    if not isinstance(fold, ir.Reduce) or not isinstance(store, ir.Store):
        return None
    columns = loop.axes[-1]
    wide = not isinstance(columns.extent, int) or columns.extent > 8 * lanes
    bare = fold.kinds == ("add",) and store.value == ir.Name(fold.names[0], fold.values[0].dtype)
    if fold.order != "tree" or not wide or not bare:
        return None
    (value,) = fold.values
    column = ir.Column(store.buffer, store.index, "add", fold.axis.name, value, fold.location)
    rows = replace(fold.axis, tile=ir.TREE)
    return ir.For((replace(columns, tile=lanes, vector=lanes), rows), (*fold.body, column))


def _tile(
    loop: ir.For, product: ir.Reduce, lanes: int, target: Target, outermost: bool
) -> ir.Statement:
    """A register tile of a product's rows and columns."""
    *rows, columns = loop.axes
    column_sum = any(isinstance(s, ir.Column) for s in loop.body)
    extent = rows[-1].extent if rows else 1
    height, vectors = choose_tile(extent, columns.extent, lanes, target, column_sum)
    # Few registers hold few accumulators: a longer body hides the latency of the loads.
    unroll = 2 if target.vector_registers >= 32 else 4
    body = tuple(replace(s, unroll=unroll) if s is product else s for s in loop.body)
    columns = replace(columns, vector=lanes, tile=lanes * vectors)
    tiled = (*rows[:-1], *(replace(row, tile=height) for row in rows[-1:]), columns)
    return ir.For(tiled, body, parallel=outermost)


def choose_tile(
    rows: Size, columns: Size, lanes: int, target: Target, column_sum: bool
) -> tuple[int, int]:
    """Height in rows and width in vectors of a register tile.

    A tile of h rows and v vectors keeps h*v accumulators, v vectors of the right operand and a
    splat of the left one in registers, and makes h + v loads for h*v FMAs.  What counts first is
    that little of the tiles at the edges is wasted, then that loads are few and the code short.  A
    column sum folds groups of 8 rows; rows that are not known come mostly in multiples of 4.
    """
    limit = target.vector_registers - 1
    if column_sum:
        heights: Iterable[int] = range(ir.TREE, limit, ir.TREE)
    elif isinstance(rows, int):
        heights = range(1, min(rows, limit) + 1)
    else:
        heights = (4, 8, 16)
    widest = min(4, max(1, -(-columns // lanes))) if isinstance(columns, int) else 4
    fits = [(h, v) for h in heights for v in range(1, widest + 1) if h * v + v <= limit]

    def effort(tile: tuple[int, int]) -> float:
        h, v = tile
        loads, size = (h + v) / (h * v), h * v
        return _waste(rows, h) * _waste(columns, v * lanes) * (1 + 0.1 * loads + 0.002 * size)

    return min(fits, key=effort, default=(ir.TREE if column_sum else 1, 1))


def _waste(extent: Size, tile: int) -> float:
    """Computed elements for each that is needed; 1 where the extent is unknown."""
    if not isinstance(extent, int) or extent == 0:
        return 1.0
    return -(-extent // tile) * tile / extent
