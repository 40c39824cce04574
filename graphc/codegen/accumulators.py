"""One element of a reduction: the results under way and how a position of the axis changes them."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen import body
from graphc.codegen.context import Context
from graphc.codegen.expressions import bound_dependence, dependence, evaluate
from graphc.codegen.fold import Fold, State
from graphc.codegen.grid import TileAxis, positions
from graphc.codegen.values import Value
from graphc.loops.ir import AxisIndex, Reduce, lane_count

States = list[State]


class Running:
    """One result of a reduction: its fold, and the tile positions it has a state for."""

    def __init__(self, fold: Fold, axes: list[TileAxis], operands: slice, lanes: int) -> None:
        self.fold = fold
        self.axes = axes
        self.points = list(positions(axes))
        self.operands = operands
        self.lanes = lanes
        self.width = next((axis.width for axis in axes if axis.width), 1)

    def start(self, width: int | None = None) -> States:
        return [self.fold.initial(width or self.width) for _ in self.points]


def running(context: Context, statement: Reduce) -> list[Running]:
    inner = bound_dependence(context, statement.body, {})
    runs, first = [], 0
    for kind in statement.kinds:
        count = 2 if kind == "fma" else 1
        operands = statement.values[first : first + count]
        varying: frozenset[str] = frozenset().union(
            *(dependence(context, value, inner) for value in operands)
        )
        axes = [axis for axis in context.axes if axis.name in varying]
        dtype = operands[0].dtype
        lanes = lane_count(statement.axis.extent, dtype)
        runs.append(Running(Fold(kind, dtype), axes, slice(first, first + count), lanes))
        first += count
    return runs


def flat(states: Sequence[States]) -> list[Value]:
    return [value for each in states for state in each for value in state]


def unflat(values: Sequence[Value], like: Sequence[States]) -> list[States]:
    rest = iter(values)
    return [[tuple(next(rest) for _ in state) for state in each] for each in like]


def elements(
    context: Context, statement: Reduce, axis: TileAxis, runs: Sequence[Running]
) -> list[tuple[list[list[Value]], Value]]:
    """For each run the operands at each of its points, and the index, at one position."""
    with context.within(axis):
        body.together(context, statement.body)
        grids = [evaluate(context, value) for value in statement.values]
        place = evaluate(context, AxisIndex(axis.name)).values[0]
    here = {axis.name: axis.first}
    return [
        (
            [[grid.at({**at, **here}) for grid in grids[run.operands]] for at in run.points],
            place,
        )
        for run in runs
    ]


def alone(context: Context, run: Running, operands: Sequence[Value], place: Value) -> State:
    """The state of one element by itself: the element, not folded with the identity."""
    b = context.builder
    if run.fold.kind == "fma":
        return (b.mul(operands[0], operands[1]),)
    element = b.splat(b.to_memory(operands[0]), run.width)
    if run.fold.is_index:
        return element, b.splat(place, run.width)
    return (element,)


def step(
    context: Context,
    statement: Reduce,
    axis: TileAxis,
    runs: Sequence[Running],
    states: list[States],
) -> list[States]:
    """The states after one position of the reduced axis."""
    b = context.builder
    found = elements(context, statement, axis, runs)
    mask = context.mask(axis, axis.first)
    return [
        [
            run.fold.keep(b, mask, _after(context, run, state, operand, place, mask), state)
            for state, operand in zip(each, operands, strict=True)
        ]
        for run, each, (operands, place) in zip(runs, states, found, strict=True)
    ]


def _after(
    context: Context,
    run: Running,
    state: State,
    operands: Sequence[Value],
    place: Value,
    mask: Value | None,
) -> State:
    """The state after an element that counts where ``mask`` holds.

    A product that is the first of its lane is not folded with the zero before it, which changes no
    more than the sign of a zero, and folding the blocks sets that.  LLVM 22 would make it a
    zero-masked fma that loads, and take that apart again, where its result is wanted in another
    register, into a load without the mask, which reads beyond.
    """
    if mask is not None and run.fold.kind == "fma" and state[0].literal == 0:
        return alone(context, run, operands, place)
    return run.fold.step(context.builder, state, operands, place)
