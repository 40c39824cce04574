"""Reductions in the order ``lanes``: blocks of 8192 elements, each in a fixed number of lanes.

The lanes are vectors where the reduced axis can be the vector axis, and memory where another is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from graphc.codegen.context import Context
from graphc.codegen.grid import TileAxis
from graphc.codegen.running import Running, States, alone, elements, flat, step, unflat
from graphc.codegen.values import Value, constant, index
from graphc.ir import dtypes
from graphc.loops.ir import BLOCK, Reduce

Block = Callable[[Context, Reduce, list[Running], Value, Value], list[States]]


def fold(context: Context, statement: Reduce, runs: list[Running]) -> list[States]:
    """The results of a reduction in the order ``lanes``."""
    extent, writer = context.size(statement.axis.extent), context.writer
    like = [run.start() for run in runs]
    one_block: Block = _in_vectors if context.vector_axis is None else _in_memory
    if is_held(statement):
        one_block = _in_registers

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
    """One block with its lanes in vectors."""
    writer = context.writer
    wanted = statement.axis.vector or context.target.lanes(runs[0].fold.dtype.size)
    width = max(2, min(wanted, *(run.lanes for run in runs)))
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
        if rest.literal is None:
            axis = TileAxis(statement.axis.name, middle, stride // width, width, 0, end)
            return steps(axis, carried)
        valid = int(rest.literal)
        count = -(-valid // width)
        axis = TileAxis(statement.axis.name, middle, count, width, 0, end, valid)
        return steps(axis, carried)

    def steps(axis: TileAxis, carried: Sequence[Value]) -> list[Value]:
        states = unflat(carried, like)
        for position in axis.positions:
            _vector_step(context, statement, axis.restricted(position), runs, states, seeking)
        return flat(states)

    values = writer.loop(start, middle, stride, flat(like), vectors)
    more = writer.compare("sgt", rest, index(0))
    values = writer.branch(more, lambda: tail(values), values)
    return [
        (_across_past_nan if seeks else _across)(context, run, states)
        for run, states, seeks in zip(runs, unflat(values, like), seeking, strict=True)
    ]


def _seeks_nan(context: Context, run: Running) -> bool:
    """Whether a run keeps NaNs apart: which lanes have met one is its last state."""
    return run.fold.seeks_nan and context.target.has_masks and len(run.points) == 1


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


class _LaneArray:
    """The states of one result for each lane, on the stack."""

    def __init__(self, context: Context, run: Running) -> None:
        self._context = context
        self._run = run
        self._like = run.fold.initial(run.width)
        self._places = [
            [context.allocate(f"[{run.lanes} x {value.type}]") for value in self._like]
            for _ in run.points
        ]

    def _address(self, place: Value, lane: Value, like: Value) -> Value:
        scale = index(like.dtype.size * like.width)
        return self._context.advance(place, self._context.writer.multiply(lane, scale))

    def read(self, lane: Value) -> States:
        states = []
        for places in self._places:
            state = []
            for place, like in zip(places, self._like, strict=True):
                address = self._address(place, lane, like)
                text = f"load {like.type}, ptr {address.text}, align {like.dtype.size}"
                state.append(self._context.writer.ordered(text, like.dtype, like.width))
            states.append(tuple(state))
        return states

    def write(self, lane: Value, states: States) -> None:
        for places, state in zip(self._places, states, strict=True):
            for place, like, value in zip(places, self._like, state, strict=True):
                address = self._address(place, lane, like)
                wide = self._context.builder.splat(value, like.width)
                self._context.writer.effect(
                    f"store {wide!r}, ptr {address.text}, align {like.dtype.size}"
                )

    def clear(self) -> None:
        def one(lane: Value, _: Sequence[Value]) -> list[Value]:
            self.write(lane, self._run.start())
            return []

        self._context.writer.loop(index(0), index(self._run.lanes), 1, [], one)

    def lane_of(self, number: Value) -> Value:
        text = f"and i64 {number.text}, {self._run.lanes - 1}"
        return self._context.writer.pure(text, dtypes.int64, 1, number.level)

    def folded(self) -> States:
        """All lanes folded by halves, for each point."""
        lanes = [self.read(index(lane)) for lane in range(self._run.lanes)]
        fold, b = self._run.fold, self._context.builder
        return [
            fold.halves(b, [lane[point] for lane in lanes])
            for point in range(len(self._run.points))
        ]


def _in_memory(
    context: Context, statement: Reduce, runs: list[Running], start: Value, length: Value
) -> list[States]:
    """One block with its lanes in memory, where another axis is the vector axis."""
    writer = context.writer
    arrays = [_LaneArray(context, run) for run in runs]
    for array in arrays:
        array.clear()

    def element(at: Value, _: Sequence[Value]) -> list[Value]:
        number = writer.subtract(at, start)
        lanes = [array.lane_of(number) for array in arrays]
        old = [array.read(lane) for array, lane in zip(arrays, lanes, strict=True)]
        axis = TileAxis(statement.axis.name, at, 1)
        new = step(context, statement, axis, runs, old)
        for array, lane, states in zip(arrays, lanes, new, strict=True):
            array.write(lane, states)
        return []

    writer.loop(start, writer.add(start, length), 1, [], element)
    return [array.folded() for array in arrays]
