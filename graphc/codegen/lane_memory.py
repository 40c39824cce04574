"""Reductions in lanes that lie in memory, where another axis than the reduced one is in vectors."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen.accumulators import Running, States, step
from graphc.codegen.context import Context
from graphc.codegen.grid import TileAxis
from graphc.codegen.values import Value, index
from graphc.ir import dtypes
from graphc.loops.ir import Reduce


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


def one_block(
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
