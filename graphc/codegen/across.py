"""Short rows, a vector of them at a time: each lane is a row.

What a tile of rows loads and stores along them is turned in registers at its beginning and at its
end; in between it is a vector of rows for each element.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from graphc.codegen import turning
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis, spans
from graphc.codegen.values import constant, index
from graphc.loops.ir import Axis, Load, Reduce, Statement, Store
from graphc.loops.walk import expressions_of, in_turn


def row_axis(statements: Sequence[Statement]) -> Axis | None:
    """The axis along the rows, where ``statements`` compute a vector of them."""
    folds = [s for s in statements if isinstance(s, Reduce) and s.order == "lanes"]
    if not folds:
        return None
    from graphc.codegen.lanes import is_held  # programs without folds start without

    return next((fold.axis for fold in folds if is_held(fold)), None)


@contextmanager
def rows(context: Context, statements: Sequence[Statement]) -> Iterator[None]:
    """Within, the elements of the rows that ``statements`` access are in registers."""
    axis, vectors = row_axis(statements), context.vector_axis
    if axis is None or vectors is None:
        yield
        return
    assert isinstance(axis.extent, int)
    along = TileAxis(axis.name, index(0), axis.extent)
    outside, stored = dict(context.turned), []
    for place, is_store in dict.fromkeys(_accesses(statements)):
        if not _lies_along(context, place, along, vectors):
            continue
        if is_store:
            stored.append(place)
        if place in context.turned:
            continue
        if is_store:
            absent = constant(0, place.dtype, vectors.width)
            context.turned[place] = Grid(spans([along, vectors]), [absent] * along.count)
        else:
            context.turned[place] = turning.loaded(context, place, along, vectors)
    yield
    found, context.turned = context.turned, outside
    for place in stored:
        turning.store(context, place, along, vectors, found[place])


def _accesses(statements: Sequence[Statement]) -> Iterator[tuple[Load, bool]]:
    """Every place loaded from or stored to (then true), in order."""
    for statement in in_turn(statements):
        for expression in expressions_of(statement):
            if isinstance(expression, Load):
                yield expression, False
        if isinstance(statement, Store):
            yield Load(statement.buffer, statement.index, statement.value.dtype), True


def _lies_along(context: Context, place: Load, along: TileAxis, vectors: TileAxis) -> bool:
    """Whether the elements of a row lie side by side, and the rows apart."""
    where = context.element(place.buffer, place.index)
    return where.strides.get(along.name) == 1 and where.strides.get(vectors.name, 1) != 1
