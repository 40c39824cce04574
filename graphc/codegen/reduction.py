"""Reductions: the loop along the axis and the order in which elements fold.

The order is the meaning of a reduction (see ``graphc.loops.ir``); what the schedule says of the
reduced axis is followed where the order leaves room for it, and otherwise makes no difference.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen import blocking, lanes, prefetching, turning
from graphc.codegen.accumulators import (
    Running,
    States,
    alone,
    elements,
    flat,
    running,
    step,
    unflat,
)
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis, spans
from graphc.codegen.values import Value, index
from graphc.loops.ir import TREE, Reduce


def reduce(context: Context, statement: Reduce) -> None:
    """Emit a reduction and bind its names."""
    if statement.across and turning.reduce_across(context, statement, _reduce):
        return
    _reduce(context, statement)


def _reduce(context: Context, statement: Reduce) -> None:
    runs = running(context, statement)
    order = statement.order or ("lanes" if statement.axis.vector else "ascending")
    if order == "lanes":
        results = lanes.fold(context, statement, runs)
    elif order == "tree":
        results = _tree(context, statement, runs)
    else:
        results = _ascending(context, statement, runs)
        context.wanted = []
    for name, run, states in zip(statement.names, runs, results, strict=True):
        values = [run.fold.result(context.builder, state) for state in states]
        context.names[name] = Grid(spans(run.axes), values)


def _ascending(context: Context, statement: Reduce, runs: list[Running]) -> list[States]:
    unroll, writer, block = max(1, statement.unroll), context.writer, context.block
    begin, extent = index(0), context.size(statement.axis.extent)
    like = [run.start() for run in runs]
    initial = flat(like)
    if block is not None:
        begin, extent = block.start, block.stop
        initial = blocking.begin(context, block, initial, runs[0].points)
    turned = turning.along(context, statement)
    if turned and context.vector_axis is not None:
        unroll = context.vector_axis.width
    steps_of = writer.divide(writer.subtract(extent, begin), unroll)
    whole = writer.add(begin, writer.multiply(steps_of, index(unroll)))

    def steps(at: Value, carried: Sequence[Value], count: int) -> list[Value]:
        current = unflat(carried, like)
        for position in range(count):
            axis = TileAxis(statement.axis.name, at, 1, 0, position)
            current = step(context, statement, axis, runs, current)
        return flat(current)

    def together(at: Value, carried: Sequence[Value], count: int) -> list[Value]:
        valid = count if count < unroll else None
        axis = TileAxis(statement.axis.name, at, 1, unroll, 0, None, valid)
        with turning.steps(context, turned, axis):
            return steps(at, carried, count)

    def unrolled(at: Value, carried: Sequence[Value]) -> list[Value]:
        prefetching.step(context, writer.divide(writer.subtract(at, begin), unroll))
        prefetching.next_block(context, statement, at, unroll)
        return together(at, carried, unroll)

    values = writer.loop(begin, whole, unroll, initial, unrolled)
    rest = writer.subtract(extent, whole).literal
    if turned and rest:
        values = together(whole, values, int(rest))
    elif unroll > 1:
        values = writer.loop(whole, extent, 1, values, lambda at, rest: steps(at, rest, 1))
    return unflat(values, like)


def _tree(context: Context, statement: Reduce, runs: list[Running]) -> list[States]:
    extent, writer = context.size(statement.axis.extent), context.writer
    whole = writer.multiply(writer.divide(extent, TREE), index(TREE))
    states = [run.start() for run in runs]

    def block(at: Value, carried: list[Value], limit: Value | None = None) -> list[Value]:
        current = unflat(carried, states)
        known = None if limit is None or limit.literal is None else int(limit.literal)
        count = TREE if known is None or at.literal is None else known - int(at.literal)
        axis = TileAxis(statement.axis.name, at, TREE, 0, 0, limit if count == TREE else None)
        return flat(_tree_block(context, statement, axis, runs, count, current))

    values = writer.loop(index(0), whole, TREE, flat(states), block)
    rest = writer.compare("slt", whole, extent)
    values = writer.branch(rest, lambda: block(whole, values, extent), values)
    return unflat(values, states)


def _tree_block(
    context: Context,
    statement: Reduce,
    axis: TileAxis,
    runs: list[Running],
    count: int,
    before: list[States],
) -> list[States]:
    """What was folded ``before`` with a block of eight elements folded by halves; those past
    ``count`` are absent."""
    b = context.builder
    wide = context.vector_axis is not None and context.vector_axis.count > 1
    wide = wide and not any(run.fold.is_index for run in runs)  # which wait for their arithmetic
    rows: list[list[States]] = []
    for position in range(TREE):
        fresh = [run.start() for run in runs]
        if position < count:
            one = axis.restricted(position)
            valid = context.valid(one, position)
            found = elements(context, statement, one, runs)
            if wide:
                context.writer.keep_order()
            fresh = [
                [
                    run.fold.keep(b, valid, alone(context, run, operand, place), state)
                    for state, operand in zip(each, operands, strict=True)
                ]
                for run, each, (operands, place) in zip(runs, fresh, found, strict=True)
            ]
        rows.append(fresh)
    return [
        [run.fold.block(b, [row[r][p] for row in rows], state) for p, state in enumerate(each)]
        for r, (run, each) in enumerate(zip(runs, before, strict=True))
    ]
