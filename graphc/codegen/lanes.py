"""Reductions in the order ``lanes``: blocks of 8192 elements, each in a fixed number of lanes.

The lanes are vectors where the reduced axis can be the vector axis, and memory where another is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from graphc.codegen import lane_memory
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
from graphc.codegen.fold import Fold, State
from graphc.codegen.grid import TileAxis
from graphc.codegen.scalar_llvm import LLVMBuilder
from graphc.codegen.values import Value, constant, index
from graphc.ir import dtypes
from graphc.loops.ir import BLOCK, Reduce

Block = Callable[[Context, Reduce, list[Running], Value, Value], list[States]]


def fold(context: Context, statement: Reduce, runs: list[Running]) -> list[States]:
    """The results of a reduction in the order ``lanes``."""
    extent, writer = context.size(statement.axis.extent), context.writer
    like = [run.start() for run in runs]
    one_block: Block = _in_vectors if context.vector_axis is None else lane_memory.one_block
    if is_held(statement):
        one_block = _in_registers
    elif statement.axis.vector and context.vector_axis is not None:
        one_block = _rows_together

    def block(at: Value, carried: Sequence[Value], length: Value) -> list[Value]:
        folded = one_block(context, statement, runs, at, length)
        if all(run.fold.seeks_nan for run in runs) and at.literal == 0:
            return flat(folded)  # folding it with the identity would change nothing
        return flat(
            [
                [run.fold.merge(context.builder, s, t) for s, t in zip(each, new, strict=True)]
                for run, each, new in zip(runs, unflat(carried, like), folded, strict=True)
            ]
        )

    if extent.literal is None:

        def some(at: Value, carried: list[Value]) -> list[Value]:
            return block(at, carried, writer.smaller(writer.subtract(extent, at), index(BLOCK)))

        return unflat(writer.loop(index(0), extent, BLOCK, flat(like), some), like)
    whole = int(extent.literal) // BLOCK * BLOCK
    values = writer.loop(
        index(0), index(whole), BLOCK, flat(like), lambda at, c: block(at, c, index(BLOCK))
    )
    rest = int(extent.literal) - whole
    return unflat(block(index(whole), values, index(rest)) if rest else values, like)


def is_held(statement: Reduce) -> bool:
    """Whether the schedule has all points of the axis in registers, one by one."""
    axis = statement.axis
    return not axis.vector and axis.extent == axis.tile > 1


def _in_registers(
    context: Context, statement: Reduce, runs: list[Running], start: Value, length: Value
) -> list[States]:
    """One short block with each element in a register of its own.

    A lane's first element is not folded with the identity, and absent lanes are left out: that
    changes no more than the sign of a zero, which folding the blocks from the identity sets.
    """
    assert length.literal is not None
    lanes: list[list[States]] = [[] for _ in runs]
    for position in range(int(length.literal)):
        axis = TileAxis(statement.axis.name, start, 1, 0, position)
        found = elements(context, statement, axis, runs)
        for run, states, (operands, place) in zip(runs, lanes, found, strict=True):
            if position < run.lanes:
                states.append([alone(context, run, each, place) for each in operands])
                continue
            lane = position % run.lanes
            states[lane] = [
                run.fold.step(context.builder, state, each, place)
                for state, each in zip(states[lane], operands, strict=True)
            ]
    return [_halved(context, run, states) for run, states in zip(runs, lanes, strict=True)]


def _halved(context: Context, run: Running, lanes: list[States]) -> States:
    """The lanes that there are folded by halves of all lanes."""
    half = run.lanes // 2
    while half:
        for lane in range(half, len(lanes)):
            lanes[lane - half] = [
                run.fold.merge(context.builder, state, other)
                for state, other in zip(lanes[lane - half], lanes[lane], strict=True)
            ]
        lanes = lanes[:half]
        half //= 2
    return lanes[0]


def _in_vectors(
    context: Context, statement: Reduce, runs: list[Running], start: Value, length: Value
) -> list[States]:
    """One block with its lanes in vectors; one of a length that is known at the call in a body of
    its own where the first vector has all of it."""
    writer, width = context.writer, _width(context, statement, runs)
    like = [run.start(1) for run in runs]

    def whole() -> list[Value]:
        found = _lane_vectors(context, statement, runs, start, length)
        return flat(
            [
                (_across_past_nan if _seeks_nan(context, run) else _across)(context, run, states)
                for run, states in zip(runs, found, strict=True)
            ]
        )

    def short() -> list[Value]:
        axis = TileAxis(statement.axis.name, start, 1, width, 0, writer.add(start, length))
        after = step(context, statement, axis, runs, [run.start(width) for run in runs])
        return flat([_across(context, run, s) for run, s in zip(runs, after, strict=True)])

    if length.literal is not None:
        return unflat(whole(), like)
    few = writer.compare("sle", length, index(width))
    values = writer.branch(few, short, flat(like))
    return unflat(writer.branch(context.builder.bit_not(few), whole, values), like)


def _width(context: Context, statement: Reduce, runs: list[Running]) -> int:
    """Elements of the vectors of lanes."""
    wanted = statement.axis.vector or context.target.lanes(runs[0].fold.dtype.size)
    return max(2, min(wanted, *(run.lanes for run in runs)))


def _lane_vectors(
    context: Context, statement: Reduce, runs: list[Running], start: Value, length: Value
) -> list[States]:
    """The vectors of lanes of one block, for each point; of an extremum that seeks NaNs then which
    lanes have met one."""
    writer, width = context.writer, _width(context, statement, runs)
    stride = max(run.lanes for run in runs)
    seeking = [_seeks_nan(context, run) for run in runs]
    none: States = [(constant(False, dtypes.bool_, width),)]
    like = [
        run.start(width) * (run.lanes // width) + (none if seeks else [])
        for run, seeks in zip(runs, seeking, strict=True)
    ]
    middle = writer.multiply(writer.divide(length, stride), index(stride))
    rest = writer.subtract(length, middle)
    middle, end = writer.add(start, middle), writer.add(start, length)

    def vectors(at: Value, carried: Sequence[Value]) -> list[Value]:
        axis, states = (
            TileAxis(statement.axis.name, at, stride // width, width),
            unflat(carried, like),
        )
        _whole_step(context, statement, axis, runs, states, seeking)
        return flat(states)

    def tail(carried: Sequence[Value]) -> list[Value]:
        valid = None if rest.literal is None else int(rest.literal)
        count = stride // width if valid is None else -(-valid // width)
        axis = TileAxis(statement.axis.name, middle, count, width, 0, end, valid)
        values = steps(axis.restricted(0), carried)
        for position in axis.positions[1:]:
            each = partial(steps, axis.restricted(position), values)
            more = writer.compare("sgt", rest, index(position * width))
            values = writer.branch(more, each, values)
        return values

    def steps(axis: TileAxis, carried: Sequence[Value]) -> list[Value]:
        states = unflat(carried, like)
        _vector_step(context, statement, axis, runs, states, seeking)
        return flat(states)

    values = writer.loop(start, middle, stride, flat(like), vectors)
    more = writer.compare("sgt", rest, index(0))
    values = writer.branch(more, lambda: tail(values), values)
    return unflat(values, like)


def _rows_together(
    context: Context, statement: Reduce, runs: list[Running], start: Value, length: Value
) -> list[States]:
    """One block of a vector of rows: each row in lanes, whose vectors then fold by halves together:
    the halves of two rows side by side fill a vector."""
    rows = context.vector_axis
    assert rows is not None and rows.count == 1
    others = [axis for axis in context.axes if axis is not rows]
    first = rows.first * rows.width
    points = rows.width if rows.valid is None else min(rows.width, rows.valid - first)
    found: list[list[State]] = [[] for _ in runs]
    for lane in range(points):
        one = TileAxis(rows.name, rows.base, 1, 0, first + lane, rows.limit)
        with context.at([*others, one]):
            each = running(context, statement)
            vectors = _lane_vectors(context, statement, each, start, length)
        for run, states, halved in zip(each, vectors, found, strict=True):
            if _seeks_nan(context, run):
                states = _with_nan(context, states)
            halved.append(run.fold.halves(context.builder, states))
    return [
        [_side_by_side(context, run.fold, states, rows.width)]
        for run, states in zip(runs, found, strict=True)
    ]


def _side_by_side(context: Context, fold: Fold, states: list[State], width: int) -> State:
    """The states of up to ``width`` rows, a vector of lanes each, folded to a lane each."""
    b = context.builder
    states = [*states, *[states[0]] * (width - len(states))]
    length = width  # of what is left of a row
    while length > 1:
        length //= 2
        pairs = zip(states[: len(states) // 2], states[len(states) // 2 :], strict=True)
        lanes = [
            source + piece * 2 * length + lane
            for piece in range(width // (2 * length))
            for source in (0, width)
            for lane in range(length)
        ]
        states = [_folded_pair(b, fold, pair, lanes, length) for pair in pairs]
    return states[0]


def _folded_pair(
    b: LLVMBuilder, fold: Fold, pair: tuple[State, State], lanes: list[int], length: int
) -> State:
    """The lower halves, at ``lanes``, of what is left of two vectors' rows folded with the upper
    ones."""
    upper = [lane + length for lane in lanes]
    low, high = (
        tuple(b.shuffle(x, y, chosen) for x, y in zip(*pair, strict=True))
        for chosen in (lanes, upper)
    )
    return fold.merge(b, low, high)


def _seeks_nan(context: Context, run: Running) -> bool:
    """Whether a run keeps NaNs apart: which lanes have met one is its last state."""
    return run.fold.seeks_nan and context.target.has_masks and len(run.points) == 1


def _with_nan(context: Context, states: States) -> States:
    """The states of an extremum, NaN in the lanes that have met one."""
    *vectors, (met,) = states
    (first,) = vectors[0]
    return [(context.builder.select(met, math.nan, first),), *vectors[1:]]


def _across(context: Context, run: Running, states: States) -> States:
    """The vectors of lanes folded by halves, for each point."""
    b, points = context.builder, len(run.points)
    halves = [run.fold.halves(b, states[point::points]) for point in range(points)]
    return [run.fold.lanes(b, state) for state in halves]


def _across_past_nan(context: Context, run: Running, states: States) -> States:
    """As ``_across`` for one point's extremum; the last state says which lanes have met a NaN."""
    b, fold = context.builder, run.fold
    *vectors, (met,) = states
    for (first,), (second,) in zip(vectors[::2], vectors[1::2] or vectors, strict=True):
        met = b.bit_or(met, b.either_is_nan(first, second))  # from the tail
    (found,) = fold.lanes(b, fold.halves(b, vectors, past_nan=True), past_nan=True)
    return [(b.select(b.any_lane(met), math.nan, found),)]


def _whole_step(
    context: Context,
    statement: Reduce,
    axis: TileAxis,
    runs: list[Running],
    states: list[States],
    seeking: list[bool],
) -> None:
    """Folds all lanes' vectors of elements into their accumulators."""
    b = context.builder
    met: list[list[Value]] = [[] for _ in runs]
    for position in axis.positions:
        one = axis.restricted(position)
        found = elements(context, statement, one, runs)
        for run, each, past, seeks, (operands, place) in zip(
            runs, states, met, seeking, found, strict=True
        ):
            accumulators = _accumulators(run, each, position, seeks)
            for at, operand in zip(accumulators, operands, strict=True):
                if not seeks:
                    each[at] = run.fold.step(b, each[at], operand, place)
                    continue
                past.append(b.splat(operand[0], axis.width))
                each[at] = run.fold.merge_past_nan(b, each[at], (past[-1],))
    for each, past in zip(states, met, strict=True):
        for first, second in zip(past[::2], past[1::2] or past, strict=False):
            each[-1] = (b.bit_or(each[-1][0], b.either_is_nan(first, second)),)


def _accumulators(run: Running, states: States, position: int, seeks: bool) -> range:
    """The places of the states, one a point, that a vector of elements folds into."""
    points = len(run.points)
    first = position % ((len(states) - seeks) // points) * points
    return range(first, first + points)


def _vector_step(
    context: Context,
    statement: Reduce,
    axis: TileAxis,
    runs: list[Running],
    states: list[States],
    seeking: list[bool],
) -> None:
    """Folds a vector of elements into the accumulator of its lanes."""
    chosen = [
        _accumulators(run, each, axis.first, seeks)
        for run, each, seeks in zip(runs, states, seeking, strict=True)
    ]
    now = [[each[at] for at in places] for each, places in zip(states, chosen, strict=True)]
    after = step(context, statement, axis, runs, now)
    for each, places, new in zip(states, chosen, after, strict=True):
        for at, state in zip(places, new, strict=True):
            each[at] = state
