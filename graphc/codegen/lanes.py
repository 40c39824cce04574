"""Reductions in the order ``lanes``: blocks of 8192 elements, each in a fixed number of lanes.

The lanes are vectors where the reduced axis can be the vector axis, and memory where another is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.codegen.context import Context
from graphc.codegen.grid import TileAxis
from graphc.codegen.running import Running, States, alone, elements, flat, step, unflat
from graphc.codegen.values import Value, index
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
    like = [run.start(width) * (run.lanes // width) for run in runs]
    middle = writer.multiply(writer.divide(length, stride), index(stride))
    rest = writer.subtract(length, middle)
    middle, end = writer.add(start, middle), writer.add(start, length)

    def vectors(at: Value, carried: Sequence[Value]) -> list[Value]:
        return steps(TileAxis(statement.axis.name, at, stride // width, width), carried)

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
            _vector_step(context, statement, axis.restricted(position), runs, states)
        return flat(states)

    values = writer.loop(start, middle, stride, flat(like), vectors)
    more = writer.compare("sgt", rest, index(0))
    values = writer.branch(more, lambda: tail(values), values)
    return [
        _across(context, run, states)
        for run, states in zip(runs, unflat(values, like), strict=True)
    ]


def _across(context: Context, run: Running, states: States) -> States:
    """The vectors of lanes folded by halves, for each point."""
    b, points = context.builder, len(run.points)
    halves = [run.fold.halves(b, states[point::points]) for point in range(points)]
    return [run.fold.lanes(b, state) for state in halves]


def _vector_step(
    context: Context,
    statement: Reduce,
    axis: TileAxis,
    runs: list[Running],
    states: list[States],
) -> None:
    """Folds a vector of elements into the accumulator of its lanes."""
    chosen = []
    for run, each in zip(runs, states, strict=True):
        points = len(run.points)
        vector = axis.first % (len(each) // points)
        chosen.append(slice(vector * points, (vector + 1) * points))
    now = [each[part] for each, part in zip(states, chosen, strict=True)]
    after = step(context, statement, axis, runs, now)
    for each, part, new in zip(states, chosen, after, strict=True):
        each[part] = new


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
