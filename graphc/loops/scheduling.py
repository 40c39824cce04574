"""Scheduling: which axes of a kernel become vectors, register tiles and parallel loops.

Nothing here changes what a kernel computes: orders of reductions are fixed before.  The choices
follow from the target's vector width and registers and from the kernel's static sizes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from graphc.ir.dims import Size
from graphc.loops import ir
from graphc.loops.across import across, together
from graphc.loops.direction import MOST_APART, stride, tiled
from graphc.loops.repetition import costly, registers_together
from graphc.loops.strips import strips
from graphc.loops.tiling import (
    STREAMED,
    STREAMED_UNROLL,
    Product,
    block,
    choose_across,
    choose_streamed,
    choose_tile,
)
from graphc.loops.walk import expressions, statements, with_parts
from runtime.target import Target

_TOGETHER = 6  # sums in lanes, and the registers that they leave to others
_LEFT_OVER = 8
# Vectors of a sum of what lies in memory.  Its 64 lanes are chains of dependent adds, which these
# keep up with as well as wider ones; and some processors foresee more of what follows loads of half
# a cache line.
_STREAMED_BYTES = 32
_MOST_ADDED = 8  # vectors of a row that go to a computed place together
_RUN = 4  # vectors of each of the rows that stream past columns, one after the other
_PLAIN = 2  # ops of a column's element up to which its text may be written for so many
LONG = 24  # ops from which one vector at a time is enough work to hide latencies


def schedule(kernel: ir.Kernel, target: Target) -> ir.Kernel:
    """``kernel`` with tiles, vectors and ``parallel``."""
    lanes = lanes_of(kernel, target)
    body = tuple(_scheduled(kernel, s, lanes, target, outermost=True) for s in kernel.body)
    return replace(kernel, body=body)


def lanes_of(kernel: ir.Kernel, target: Target) -> int:
    """Elements of the vectors that ``kernel`` computes with."""
    return target.lanes(max(_widths(kernel)))


def _widths(kernel: ir.Kernel) -> Iterable[int]:
    """Bytes of the float elements that the kernel computes with; 4 where it has none."""
    yield 4
    yield from (a.dtype.size for a in kernel.arguments if a.dtype.is_float)
    for expr in expressions(kernel.body):
        if expr.dtype.is_float:
            yield expr.dtype.size


def _scheduled(
    kernel: ir.Kernel,
    statement: ir.Statement,
    lanes: int,
    target: Target,
    outermost: bool = False,
) -> ir.Statement:
    if isinstance(statement, ir.Reduce):
        return _reduce_along(statement, lanes)
    if not isinstance(statement, ir.For):
        return statement
    if any(isinstance(s, ir.Check) for s in statement.body):
        return statement
    packed = _packed(kernel, statement)
    if packed is not None:
        return _pack_loop(kernel, statement, packed, lanes, outermost)
    product = product_in(statement)
    if product is not None and product.order == "ascending":
        return _tile(kernel, statement, product, lanes, target, outermost)
    tile = tiled(kernel, statement, lanes)
    if tile is not None:
        held = replace(tile, axes=tile.axes[-2:], parallel=outermost and len(tile.axes) == 2)
        return _nest(tile.axes[:-2], (held,), outermost) if len(tile.axes) > 2 else held
    if len(statement.body) == 2 and _down_columns(kernel, statement):
        return _vector_loop(statement, lanes, target, outermost)
    down = next((s.axis for s in statement.body if isinstance(s, ir.Column)), None)
    if any(isinstance(s, ir.For) or _in_lanes(s) for s in statement.body):
        turned = together(statement, lanes) or across(statement, lanes)
        turned = turned or strips(statement, lanes)
        if turned is not None:
            return _nest(turned.axes, turned.body, outermost)
        inner = tuple(_scheduled(kernel, s, lanes, target) for s in statement.body)
        blocks = {s.axis for s in statements(statement.body) if isinstance(s, ir.Column)}
        axes = [replace(a, tile=ir.TREE) if a.name in blocks else a for a in statement.axes]
        if product is not None and down is not None:  # its elements are folded as they come
            return _columns(replace(statement, body=inner), down, 1, outermost)
        if product is not None:
            axes = _together(statement, product, target) or axes
        return _nest(tuple(axes), inner, outermost)
    if down is not None:
        return _columns(statement, down, lanes, outermost)
    return _vector_loop(statement, lanes, target, outermost)


def _together(loop: ir.For, product: ir.Reduce, target: Target) -> list[ir.Axis] | None:
    """The axes of a product in lanes, in tiles of as many points as have room for their lanes in
    registers: they use what they have in common while it is at hand; ``None`` where more than the
    product is folded."""
    if any(not isinstance(s, ir.Let | ir.Store) and s is not product for s in loop.body):
        return None
    dtype, (*outer, last) = product.values[0].dtype, loop.axes
    lanes = -(-ir.lane_count(product.axis.extent, dtype) // target.lanes(dtype.size))
    most = max(1, min(_TOGETHER, (target.vector_registers - _LEFT_OVER) // lanes))
    if not outer or all(ir.AxisIndex(outer[-1].name) in with_parts((v,)) for v in product.values):
        return [*outer, replace(last, tile=_at_most(last, most))]
    heights = range(1, _at_most(outer[-1], most) + 1)
    tiles = [(high, _at_most(last, most // high)) for high in heights]
    high, wide = min(tiles, key=lambda tile: 1 / tile[0] + 1 / tile[1])  # loads for each of them
    return [*outer[:-1], replace(outer[-1], tile=high), replace(last, tile=wide)]


def _at_most(axis: ir.Axis, tile: int) -> int:
    """``tile``, or all of an axis that is shorter."""
    return max(1, min(axis.extent, tile)) if isinstance(axis.extent, int) else tile


def _columns(loop: ir.For, down: str, lanes: int, outermost: bool) -> ir.Statement:
    """Columns folded while the rows stream past: blocks of rows add into the columns' memory, where
    strips of columns down the rows would take a few bytes of each."""
    *outer, last = loop.axes
    in_turn = all(s.order == "ascending" for s in loop.body if isinstance(s, ir.Column))
    if last.name == down:
        return _nest((*outer, last), loop.body, outermost)
    if lanes > 1:
        ops = sum(isinstance(e, ir.Apply) for e in expressions(loop.body))
        most = _MOST_ADDED if in_turn else _RUN if ops <= _PLAIN else 1
        vectors = max(1, min(most, _vectors(last, lanes)))
        last = replace(last, vector=lanes, tile=lanes * vectors)
    names = [axis.name for axis in outer]
    if down not in names:  # the rows are a loop around this one
        return ir.For((last,), loop.body)
    at = names.index(down)
    rows = outer[at] if in_turn else replace(outer[at], tile=ir.TREE)
    inside = (*outer[at + 1 :], last, rows)
    if not outer[:at]:
        return ir.For(inside, loop.body, parallel=outermost)
    return _nest(tuple(outer[:at]), (ir.For(inside, loop.body),), outermost)


def _vectors(axis: ir.Axis, lanes: int) -> int:
    """Vectors along ``axis``; of a named size some."""
    return -(-axis.extent // lanes) if isinstance(axis.extent, int) else _RUN


def _in_lanes(statement: ir.Statement) -> bool:
    return isinstance(statement, ir.Reduce) and statement.order == "lanes"


def _down_columns(kernel: ir.Kernel, loop: ir.For) -> bool:
    """Whether what is folded in lanes lies side by side along the loop instead: then vectors of
    the loop's points read it, each lane of the fold being a place in memory."""
    fold, store = loop.body
    extent = loop.axes[-1].extent
    if isinstance(extent, int) and extent <= MOST_APART:
        return False
    if not _in_lanes(fold) or not isinstance(fold, ir.Reduce) or not isinstance(store, ir.Store):
        return False
    strides = [
        (stride(kernel, value, loop.axes[-1].name), stride(kernel, value, fold.axis.name))
        for value in fold.values
    ]
    return all(along is not None or across is not None for along, across in strides) and any(
        along == 1 and across is not None for along, across in strides
    )


def product_in(loop: ir.For) -> ir.Reduce | None:
    """The product that ``loop`` computes an element of."""
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
    if reduce.kinds == ("add",) and isinstance(reduce.values[0], ir.Load):
        width = min(width, _STREAMED_BYTES // widest.size)
    return replace(reduce, axis=replace(reduce.axis, vector=width, tile=width))


def _vector_loop(loop: ir.For, lanes: int, target: Target, outermost: bool) -> ir.Statement:
    """Elementwise loops and short columns' reductions: the last axis in vectors, the others around
    it."""
    *outer, last = loop.axes
    ops = sum(isinstance(e, ir.Apply) for e in expressions(loop.body))
    folds = any(isinstance(s, ir.Reduce) for s in loop.body)
    vectors = 4 if folds else 1 if ops > LONG else 2
    if not folds and costly(loop.body):
        lanes, vectors = lanes * _registers(last.extent, lanes, target), 1
    tile = lanes * vectors
    if isinstance(last.extent, int):
        tile = min(tile, -(-last.extent // lanes) * lanes)
    inner = ir.For((replace(last, vector=lanes, tile=tile),), loop.body)
    if not outer:
        return replace(inner, parallel=outermost)
    return _nest(tuple(outer), (inner,), outermost)


def _registers(extent: Size, lanes: int, target: Target) -> int:
    """Registers of a wide vector: as many as leave few of them empty in the last one."""
    most = registers_together(target)
    if not isinstance(extent, int):
        return most
    needed = -(-extent // lanes)
    fitting = (n for n in (4, 2) if n <= most and -(-needed // n) * n <= 1.1 * needed)
    return next(fitting, 1)


def _tile(
    kernel: ir.Kernel, loop: ir.For, reduce: ir.Reduce, lanes: int, target: Target, outermost: bool
) -> ir.Statement:
    """A register tile of a product's rows and columns."""
    *rows, columns = loop.axes
    row = rows[-1] if rows else ir.Axis("", 1)
    product = product_sizes(kernel, loop, reduce, lanes, target)
    left = reduce.values[0]
    beside = stride(kernel, left, row.name) == 1
    along = product.row_bytes and stride(kernel, left, reduce.axis.name) == 1
    across = choose_across(product, target) if rows and (beside or along) else None
    streamed = None if across else choose_streamed(product, target)
    height, vectors = across or streamed or choose_tile(product, target)
    scheduled = replace(reduce, across=row.name if across else "")
    if not across:
        size = STREAMED if streamed else block(product) or reduce.axis.tile
        unroll = STREAMED_UNROLL if streamed else reduce.unroll
        scheduled = replace(reduce, axis=replace(reduce.axis, tile=size), unroll=unroll)
    body = tuple(scheduled if s is reduce else s for s in loop.body)
    columns = replace(columns, vector=lanes, tile=lanes * vectors)
    tiled = (*rows[:-1], *(replace(row, tile=height) for row in rows[-1:]), columns)
    return ir.For(tiled, body, parallel=outermost)


def product_sizes(
    kernel: ir.Kernel, loop: ir.For, reduce: ir.Reduce, lanes: int, target: Target
) -> Product:
    """What the choice of a tile for the product in ``loop`` depends on."""
    *rows, columns = loop.axes
    row = rows[-1] if rows else ir.Axis("", 1)
    left, right = reduce.values
    return Product(
        row.extent,
        columns.extent,
        reduce.axis.extent,
        target.vector_bytes // lanes,
        _apart(stride(kernel, left, row.name)) * left.dtype.size,
        any(isinstance(s, ir.Column) for s in loop.body),
        _apart(stride(kernel, right, columns.name)) > 0,
        _panels(kernel, right) // lanes,
    )


def _panels(kernel: ir.Kernel, operand: ir.Expr) -> int:
    if not isinstance(operand, ir.Load):
        return 0
    return next(a.panels for a in kernel.arguments if a.name == operand.buffer)


def _packed(kernel: ir.Kernel, loop: ir.For) -> ir.Store | None:
    """The store of ``loop`` that fills panels."""
    (store,) = loop.body if len(loop.body) == 1 else (None,)
    if not isinstance(store, ir.Store) or len(loop.axes) != 2:
        return None
    full = any(a.name == store.buffer and a.panels for a in kernel.arguments)
    return store if full else None


def _pack_loop(
    kernel: ir.Kernel, loop: ir.For, store: ir.Store, lanes: int, outermost: bool
) -> ir.For:
    """Blocks as wide as a panel and, where what is copied lies along its depth, as deep as a
    vector: they are turned in registers."""
    depth, columns = loop.axes
    width = next(a.panels for a in kernel.arguments if a.name == store.buffer)
    along = stride(kernel, store.value, depth.name) == 1
    depth = replace(depth, tile=lanes if along else 4)
    columns = replace(columns, vector=lanes, tile=width)
    return ir.For((depth, columns), loop.body, parallel=outermost)


def _apart(stride: Size | None) -> int:
    """A stride that is known and not 1, else 0."""
    return stride if isinstance(stride, int) and stride > 1 else 0
