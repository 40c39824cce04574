"""Products of a named number of rows that are called with few: one sample through a dense layer.

Tiles high enough for many rows would leave most of their registers empty, and go down a few columns
of the right operand at a time.  Such a call takes a body in which whole rows stream past instead;
or, where it is the right operand's columns that lie side by side, one that turns vectors of them in
registers, where tiles of many rows copy all of them first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from graphc.codegen.context import Context
from graphc.codegen.values import Value, index
from graphc.loops.ir import For, Let, Load, Reduce, Store
from graphc.loops.tiling import STREAMED, STREAMED_UNROLL

if TYPE_CHECKING:
    from graphc.codegen.nest import Units

MOST, _TOGETHER = 3, 2  # rows, and how many of them are done at once


def either(
    context: Context,
    loop: For,
    units: Units | None,
    emit: Callable[[Context, For, Units | None], None],
) -> None:
    """``emit`` a nest; twice, where it is worth a body for few rows."""
    if not worth_it(loop):
        emit(context, loop, units)
        return
    along = _neighbours(context, loop)
    if along is None:
        emit(context, loop, units)
        return
    turned = along != loop.axes[1].name
    rows = context.size(loop.axes[0].extent)
    many = context.writer.compare("sgt", rows, index(_TOGETHER if turned else MOST))

    def streamed() -> list[Value]:
        # A tile of the columns is a unit, since all rows are in one tile of rows.
        own = None if units is None else units._replace(axes=units.axes[:1])
        if not turned:
            emit(context, _streamed(loop), own)
            return []
        narrow, tiles = _narrow(loop)
        context.copies = False
        emit(context, narrow, None if own is None else own._replace(group=tiles))
        context.copies = True
        return []

    def tiled() -> list[Value]:
        emit(context, loop, units)
        return []

    context.writer.branch(context.builder.bit_not(many), streamed)
    context.writer.branch(many, tiled)


def worth_it(loop: For) -> bool:
    """Whether ``loop`` is a product of a named number of rows that has several panels of columns,
    followed by lets and stores."""
    first, *rest = loop.body
    if len(loop.axes) != 2 or not isinstance(first, Reduce) or first.across:
        return False
    rows, columns = loop.axes
    if isinstance(rows.extent, int) or not isinstance(columns.extent, int) or not columns.vector:
        return False
    if rows.tile < MOST or columns.extent <= columns.tile or first.kinds != ("fma",):
        return False
    plain = all(isinstance(value, Load) for value in first.values) and not first.body
    return plain and first.order == "ascending" and all(isinstance(s, Let | Store) for s in rest)


def _neighbours(context: Context, loop: For) -> str | None:
    """The axis along which the right operand's elements lie side by side: its columns, in rows and
    not in panels, or its depth; ``None`` where neither does."""
    (reduce, *_) = loop.body
    assert isinstance(reduce, Reduce)
    right = reduce.values[1]
    assert isinstance(right, Load)
    argument = context.arguments[right.buffer]
    where = context.element(right.buffer, right.index)
    rows, columns = loop.axes
    if rows.name in where.strides or where.others or argument.panels:
        return None
    both = (columns.name, reduce.axis.name)
    return next((name for name in both if where.strides.get(name) == 1), None)


def _streamed(loop: For) -> For:
    """``loop`` with tiles of few rows, a few steps of the reduction at a time."""
    (reduce, *rest), (rows, columns) = loop.body, loop.axes
    assert isinstance(reduce, Reduce)
    steps = replace(reduce, axis=replace(reduce.axis, tile=STREAMED), unroll=STREAMED_UNROLL)
    return replace(loop, axes=(replace(rows, tile=_TOGETHER), columns), body=(steps, *rest))


def _narrow(loop: For) -> tuple[For, int]:
    """``loop`` with tiles of few rows and of one vector of columns, all of the reduction at a time;
    how many of them make one of its tiles."""
    (reduce, *rest), (rows, columns) = loop.body, loop.axes
    assert isinstance(reduce, Reduce)
    steps = replace(reduce, axis=replace(reduce.axis, tile=0), unroll=1)
    axes = (replace(rows, tile=_TOGETHER), replace(columns, tile=columns.vector))
    return replace(loop, axes=axes, body=(steps, *rest)), max(1, columns.tile // columns.vector)
