"""Products of a named number of rows that are called with few: one sample through a dense layer.

Tiles high enough for many rows would leave most of their registers empty, and go down a few columns
of the right operand at a time.  Such a call takes a body in which whole rows stream past instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from graphc.codegen.affine import element
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
    if not worth_it(loop) or not _side_by_side(context, loop):
        emit(context, loop, units)
        return
    rows = context.size(loop.axes[0].extent)
    many = context.writer.compare("sgt", rows, index(MOST))

    def streamed() -> list[Value]:
        # A tile of the columns is a unit, since all rows are in one tile of rows.
        own = None if units is None else units._replace(axes=units.axes[:1])
        emit(context, _streamed(loop), own)
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


def _side_by_side(context: Context, loop: For) -> bool:
    """Whether the columns of the right operand are, in rows and not in panels."""
    (reduce, *_) = loop.body
    assert isinstance(reduce, Reduce)
    right = reduce.values[1]
    assert isinstance(right, Load)
    argument = context.arguments[right.buffer]
    where = element(right.index, argument, context.definitions)
    rows, columns = loop.axes
    apart = rows.name not in where.strides and not where.others and not argument.panels
    return apart and where.strides.get(columns.name) == 1


def _streamed(loop: For) -> For:
    """``loop`` with tiles of few rows, a few steps of the reduction at a time."""
    (reduce, *rest), (rows, columns) = loop.body, loop.axes
    assert isinstance(reduce, Reduce)
    steps = replace(reduce, axis=replace(reduce.axis, tile=STREAMED), unroll=STREAMED_UNROLL)
    return replace(loop, axes=(replace(rows, tile=_TOGETHER), columns), body=(steps, *rest))
