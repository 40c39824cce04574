"""Directions: which axes the tiles of an elementwise loop hold, where memory lies along several.

A loop's last axis is that of what it writes.  What it reads may lie along another: then tiles hold
vectors of both, and what is read is turned in registers.  And where the last axis is so short that
vectors along it stay mostly empty, vectors of the axis before take turns in memory.  Decides only;
the code is written by ``graphc.codegen.turning``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphc.ir.dims import Size
from graphc.loops import ir
from graphc.loops.walk import expressions, expressions_of

_LINE = 64  # bytes, of which a tile's rows should be whole ones
_FEWEST = 4  # points that are worth turning
MOST_APART = 4  # elements so far apart or less are sorted out of whole vectors, not gathered
_MOST_OPS = 24  # of a body that is written for each row of a tile
_SHORT = 4  # elements that may take turns


def tiled(kernel: ir.Kernel, loop: ir.For, lanes: int) -> ir.For | None:
    """The nest ``loop`` as one loop, scheduled, the axes of its tiles last; ``None`` where vectors
    of the last axis will do."""
    axes = loop.axes
    while len(loop.body) == 1 and isinstance(loop.body[0], ir.For):
        loop = loop.body[0]
        axes = (*axes, *loop.axes)
    if len(axes) < 2 or not all(isinstance(s, (ir.Let, ir.Store)) for s in loop.body):
        return None
    if sum(isinstance(e, ir.Apply) for e in expressions(loop.body)) > _MOST_OPS:
        return None
    if any(argument.panels and argument.mode == "out" for argument in kernel.arguments):
        return None  # a tile goes past no panel
    loop = replace(loop, axes=axes)
    found = _interleaved(kernel, loop, lanes) or _turned(kernel, loop, lanes)
    return None if found is None else replace(loop, axes=found)


def _turned(kernel: ir.Kernel, loop: ir.For, lanes: int) -> tuple[ir.Axis, ...] | None:
    """Tiles of vectors of the last axis and of one that something lies along instead."""
    *outer, last = loop.axes
    beside = next((a for load in _loads(loop) for a in _lies_along(kernel, load, loop)), None)
    if beside is None:
        return None
    narrowest = min(a.dtype.size for a in kernel.arguments)
    columns = max(lanes, _LINE // narrowest)
    if isinstance(last.extent, int):
        columns = min(columns, -(-last.extent // lanes) * lanes)
    others = (axis for axis in outer if axis is not beside)
    return (*others, replace(beside, tile=lanes), replace(last, vector=lanes, tile=columns))


def _lies_along(kernel: ir.Kernel, load: ir.Load, loop: ir.For) -> Iterator[ir.Axis]:
    """The axis that what is loaded lies along, if that is not the last and turning pays."""
    *outer, last = loop.axes
    apart = stride(kernel, load, last.name)
    if load.guard is not None or apart is None or _is_near(apart):
        return
    for axis in outer:
        long = not isinstance(axis.extent, int) or axis.extent >= _FEWEST
        if long and stride(kernel, load, axis.name) == 1:
            yield axis


def _is_near(apart: Size) -> bool:
    return isinstance(apart, int) and abs(apart) <= MOST_APART


def _interleaved(kernel: ir.Kernel, loop: ir.For, lanes: int) -> tuple[ir.Axis, ...] | None:
    """Vectors of the axis before the last, for each point of the last."""
    *outer, before, last = loop.axes
    if not isinstance(last.extent, int) or not 2 <= last.extent <= _SHORT:
        return None
    if isinstance(before.extent, int) and before.extent < lanes:
        return None
    shapes = {a.name: a.shape for a in kernel.arguments}
    side_by_side = (ir.AxisIndex(before.name), ir.AxisIndex(last.name))
    for statement in loop.body:
        if not isinstance(statement, ir.Store):
            continue
        if statement.index[-2:] != side_by_side or shapes[statement.buffer][-1] != last.extent:
            return None
    whole = replace(last, tile=last.extent)
    return (*outer, whole, replace(before, vector=lanes, tile=lanes))


def _loads(loop: ir.For) -> Iterator[ir.Load]:
    for statement in loop.body:
        yield from (e for e in expressions_of(statement) if isinstance(e, ir.Load))


def stride(kernel: ir.Kernel, operand: ir.Expr, axis: str) -> Size | None:
    """Elements between two neighbours along ``axis`` of what ``operand`` loads, where that is a
    plain index of one of its axes."""
    if not isinstance(operand, ir.Load):
        return None
    found: Size = 1
    shape = next(a.shape for a in kernel.arguments if a.name == operand.buffer)
    for index, size in zip(reversed(operand.index), reversed(shape), strict=True):
        if index == ir.AxisIndex(axis):
            return found
        found = found * size
    return None
