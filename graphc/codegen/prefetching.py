"""Prefetches of what the statements after a product touch, spread over its steps.

All at once at the start of a tile they would fill the queue of misses that the product's own loads
need; so each step of the reduction asks for one row of the tile.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen import access
from graphc.codegen.context import Context
from graphc.codegen.grid import TileAxis
from graphc.codegen.values import Value, index
from graphc.loops.ir import Apply, Expr, Let, Load, Reduce, Statement, Store

Accesses = dict[tuple[str, tuple[Expr, ...]], None]


def plan(context: Context, statements: Sequence[Statement]) -> None:
    """Note what the statements after the first reduction of a full tile will touch."""
    context.wanted = []
    first = next((i for i, s in enumerate(statements) if isinstance(s, Reduce)), None)
    if first is None or context.vector_axis is None:
        return
    if any(axis.limit is not None or axis.valid is not None for axis in context.axes):
        return
    found: Accesses = {}
    for statement in statements[first + 1 :]:
        if isinstance(statement, Store):
            found[statement.buffer, statement.index] = None
        if isinstance(statement, (Store, Let)):
            _loads(statement.value, found)
    written = {s.buffer for s in statements if isinstance(s, Store)}
    context.wanted = [(buffer, place, buffer in written) for buffer, place in found]


def _loads(expression: Expr, found: Accesses) -> None:
    pending = [expression]
    while pending:
        current = pending.pop()
        if isinstance(current, Apply):
            pending += current.operands
        elif isinstance(current, Load) and current.guard is None:
            found[current.buffer, current.index] = None


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
