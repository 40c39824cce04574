"""Prefetches: of what the statements after a product touch, and of rows that come later.

All at once at the start of a tile they would fill the queue of misses that the product's own loads
need; so each step of the reduction asks for one row of the tile.  Rows that are done one by one
before columns are folded over a tile of them ask for the next one, each loop for what of it lies in
one buffer: processors foresee what is needed while rows simply follow each other, but not here.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen import access
from graphc.codegen.context import Context
from graphc.codegen.grid import TileAxis
from graphc.codegen.values import Value, index
from graphc.ir import dims
from graphc.loops.ir import Apply, AxisIndex, Expr, For, Let, Load, Name, Reduce, Statement, Store
from graphc.loops.tiling import STREAMED
from graphc.loops.walk import expressions, parts

Accesses = dict[tuple[str, tuple[Expr, ...]], None]


def plan(context: Context, statements: Sequence[Statement]) -> None:
    """Note what the statements after the first reduction of a full tile will touch."""
    context.wanted = []
    first = next((i for i, s in enumerate(statements) if isinstance(s, Reduce)), None)
    if first is None or context.vector_axis is None or _streams(context):
        return
    if any(axis.limit is not None or axis.valid is not None for axis in context.axes):
        return
    found: Accesses = {}
    for statement in statements[first + 1 :]:
        if isinstance(statement, Store) and _is_foreseen(statement.index):
            found[statement.buffer, statement.index] = None
        if isinstance(statement, (Store, Let)):
            _loads(statement.value, found)
    written = {s.buffer for s in statements if isinstance(s, Store)}
    context.wanted = [(buffer, place, buffer in written) for buffer, place in found]


def _streams(context: Context) -> bool:
    """Whether rows of an operand stream past, which processors foresee."""
    return context.block is not None and context.block.reduce.axis.tile <= STREAMED


def _loads(expression: Expr, found: Accesses) -> None:
    pending = [expression]
    while pending:
        current = pending.pop()
        if isinstance(current, Apply):
            pending += current.operands
        elif isinstance(current, Load) and current.guard is None and _is_foreseen(current.index):
            found[current.buffer, current.index] = None


def _is_foreseen(place: Sequence[Expr]) -> bool:
    """Whether the axes alone say where it is, and nothing that is computed or read before."""
    pending = list(place)
    while pending:
        current = pending.pop()
        if isinstance(current, (Load, Name)):
            return False
        pending += parts(current)
    return True


def step(context: Context, number: Value) -> None:
    """In step ``number`` of the reduction ask for row ``number`` of the tile, the last one then."""
    rows = max((a for a in context.axes if not a.width), key=lambda a: a.count, default=None)
    if not context.wanted or rows is None or rows.count == 1:
        return
    writer = context.writer
    row = writer.add(rows.base, writer.smaller(number, index(rows.count - 1)))
    here = TileAxis(rows.name, row, 1)
    others = [axis if axis.width else axis.restricted(axis.first) for axis in context.axes]
    with context.at([here if axis.name == rows.name else axis for axis in others]):
        for buffer, place, write in context.wanted:
            access.prefetch(context, buffer, place, write)


def plan_rows(context: Context, statements: Sequence[Statement]) -> None:
    """Note in which loop over a row to ask for what of the next row."""
    loops = [s for s in statements if isinstance(s, (For, Reduce))]
    inside = [dict.fromkeys(e for e in expressions((s,)) if isinstance(e, Load)) for s in loops]
    found = {load: _row_bytes(context, load) for loads in inside for load in loads}
    if sum(found.values()) > context.target.l1_bytes // 4:
        return
    free = set(range(len(loops)))
    for load, distance in reversed(found.items()):
        if distance:
            having = [n for n, loads in enumerate(inside) if load in loads]
            chosen = max(free.intersection(having), default=having[-1])
            free.discard(chosen)
            context.ahead[load] = (loops[chosen], distance)


def _row_bytes(context: Context, load: Load) -> int:
    """Bytes of a row of which ``load`` reads every element; 0 where it is none, or is at hand."""
    argument = context.arguments[load.buffer]
    if load.guard is not None or argument.mode != "in" or len(load.index) < 2:
        return 0
    size, columns = dims.product(argument.shape), argument.shape[-1]
    small = isinstance(size, int) and size * load.dtype.size <= context.target.l2_bytes
    row = AxisIndex(context.axes[-1].name)
    along = load.index[-2] == row and isinstance(load.index[-1], AxisIndex)
    return columns * load.dtype.size if along and not small and isinstance(columns, int) else 0


def next_block(context: Context, reduce: Reduce, at: Value, unroll: int) -> None:
    """Ask for what the same steps of the next block read of operands whose steps lie apart."""
    if context.block is None or _streams(context):
        return
    writer, name = context.writer, reduce.axis.name
    end = writer.subtract(context.size(reduce.axis.extent), index(1))
    for position in range(unroll):
        there = writer.add(at, index(reduce.axis.tile + position))
        step = TileAxis(name, writer.smaller(there, end), 1)
        axes = [axis if axis.width else axis.restricted(axis.first) for axis in context.axes]
        with context.at([step, *axes]):
            for value in reduce.values:
                if isinstance(value, Load) and value.guard is None and _is_foreseen(value.index):
                    access.touch(context, value.buffer, value.index, name)
