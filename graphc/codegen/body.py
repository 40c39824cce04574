"""Statements within the loops around them.

``together`` emits each statement for all positions of the tile before the next one.  ``of_tile``
takes runs of lets and stores by one or a few positions instead, which keeps few values in
registers; that is the same, since iterations do not depend on each other.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.codegen import (
    access,
    across,
    blocking,
    column,
    nest,
    prefetching,
    turning,
)
from graphc.codegen.context import Context
from graphc.codegen.expressions import evaluate
from graphc.codegen.grid import Grid, blocks, positions, spans
from graphc.codegen.values import Value
from graphc.ir import dtypes
from graphc.loops.ir import (
    Column,
    For,
    Let,
    Reduce,
    Statement,
    Store,
)
from graphc.loops.repetition import costly, registers_together


def together(context: Context, statements: Sequence[Statement]) -> None:
    """Emit each statement for all positions of the axes in scope."""
    for statement in statements:
        if isinstance(statement, Let):
            _let(context, statement)
        elif isinstance(statement, Store):
            value = evaluate(context, statement.value)
            access.store(context, statement.buffer, statement.index, value)
        elif isinstance(statement, Reduce):
            context.loop = statement
            _reduce(context, statement)
        elif isinstance(statement, For):
            context.loop = statement
            nest.emit(context, statement)
        elif isinstance(statement, Column):
            column.emit(context, statement)
        else:
            from graphc.codegen import checks

            checks.emit(context, statement)


def of_tile(context: Context, statements: Sequence[Statement]) -> None:
    """Emit the statements of a loop's body for one tile."""
    if any(isinstance(s, For) and contains((s,), Column) for s in statements):
        from graphc.codegen import rows

        rows.walk(context, statements)
        return
    prefetching.plan(context, statements)
    first, block = statements[0], context.block
    if block is not None and isinstance(first, Reduce):
        _reduce(context, first)
        context.block = None
        blocking.end(context, block, first, lambda: _finish(context, statements[1:]))
        context.block = block
        return
    _finish(context, statements)


def _finish(context: Context, statements: Sequence[Statement]) -> None:
    with (
        across.rows(context, statements),
        turning.loads(context, statements),
        turning.stores(context, statements),
    ):
        _of_tile(context, statements)


def _of_tile(context: Context, statements: Sequence[Statement]) -> None:
    for pointwise, group in itertools.groupby(
        statements, key=lambda statement: isinstance(statement, (Let, Store))
    ):
        run = list(group)
        if pointwise and any(isinstance(statement, Store) for statement in run):
            _by_position(context, run)
        else:
            together(context, run)


def _reduce(context: Context, statement: Reduce) -> None:
    from graphc.codegen import reduction  # and lanes: programs without folds start without

    reduction.reduce(context, statement)


def _let(context: Context, statement: Let) -> None:
    context.names[statement.name] = evaluate(context, statement.value)
    if statement.value.dtype == dtypes.int64:
        context.definitions[statement.name] = statement.value


def _by_position(context: Context, statements: Sequence[Statement]) -> None:
    """Lets and stores for one position after the other, or for as many as make wide vectors of
    costly ops; the lets' grids are put together."""
    axes = list(context.axes)
    together_at_once = registers_together(context.target) if costly(statements) else 1
    found: dict[str, dict[tuple[int, ...], Value]] = {}
    varying: dict[str, list[str]] = {}
    lets = [statement.name for statement in statements if isinstance(statement, Let)]
    for block in blocks(axes, together_at_once):
        with context.at(block):
            together(context, statements)
            for name in lets:
                grid = context.names[name]
                kept = varying[name] = [axis.name for axis in axes if axis.name in grid.axes]
                values = found.setdefault(name, {})
                for at in positions(block):
                    values[tuple(at[axis] for axis in kept)] = grid.at(at)
    for name, values in found.items():
        span = spans([axis for axis in axes if axis.name in varying[name]])
        context.names[name] = Grid(span, [values[at] for at in sorted(values)])


def contains(statements: Sequence[Statement], kinds: type | tuple[type, ...]) -> bool:
    """Whether a statement of one of ``kinds`` is among ``statements``, at any depth."""
    pending = list(statements)
    while pending:
        statement = pending.pop()
        if isinstance(statement, kinds):
            return True
        if isinstance(statement, (For, Reduce)):
            pending += statement.body
    return False
