"""Blocks of whole rows: what is done row by row, and columns folded over the rows of a block.

A tile of eight rows, each with reductions of its own, would need the accumulators of all eight at
once.  So the statements that fold no columns run as a loop over the rows of the tile; the numbers
that they give each row wait on the stack for the statements that hold a vector of every row.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.codegen import body, prefetching
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis, single, spans
from graphc.codegen.values import Value, index, memory_type
from graphc.ir import dtypes
from graphc.ir.dtypes import DType
from graphc.loops.ir import Column, Let, Name, Reduce, Statement
from graphc.loops.walk import expressions


def walk(context: Context, statements: Sequence[Statement]) -> None:
    """Emit the body of a loop over tiles of rows, which has columns in a loop within."""
    axis = next((a for a in context.axes if a.count > 1 and not a.width), None)
    if axis is None:
        body.together(context, statements)
        return
    waiting = _Waiting(context, axis)
    position = 0
    for folds, group in itertools.groupby(statements, lambda s: body.contains((s,), Column)):
        run = list(group)
        position += len(run)
        if folds:
            body.together(context, run)
            continue
        waiting.run(run, statements[position:])


class _Waiting:
    """The numbers of each row of a tile that later statements use, on the stack."""

    def __init__(self, context: Context, axis: TileAxis) -> None:
        self.context = context
        self.axis = axis
        self.places: dict[str, tuple[Value, DType]] = {}

    def run(self, statements: Sequence[Statement], later: Sequence[Statement]) -> None:
        """Emit ``statements`` for one row of the tile after the other."""
        context, axis, writer = self.context, self.axis, self.context.writer
        used = {e.name for e in expressions(later) if isinstance(e, Name)}
        outside = dict(context.names), dict(context.definitions)

        def row(at: Value, _: Sequence[Value]) -> list[Value]:
            here = TileAxis(axis.name, at, 1)
            with context.at([here if a is axis else a for a in context.axes]):
                offset = writer.subtract(at, axis.base)
                for name in self.places:
                    context.names[name] = single(self._load(name, offset))
                prefetching.plan_rows(context, statements)
                body.of_tile(context, statements)
                for name in _bound(statements):
                    if name in used:
                        self._keep(name, offset)
            return []

        stop = writer.add(axis.base, index(axis.count))
        if axis.limit is not None:
            stop = writer.smaller(stop, axis.limit)
        writer.loop(axis.base, stop, 1, (), row)
        context.names, context.definitions = outside
        for name in self.places:
            values = [self._load(name, index(p)) for p in axis.positions]
            context.names[name] = Grid(spans([axis]), values)

    def _keep(self, name: str, offset: Value) -> None:
        context = self.context
        (value,) = context.names[name].values
        if name not in self.places:
            kind = memory_type(value.dtype)
            place = context.allocate(f"[{self.axis.count} x {kind}]")
            self.places[name] = (place, value.dtype)
        address = self._address(name, offset)
        stored = context.builder.to_memory(value)
        context.writer.effect(f"store {stored!r}, ptr {address.text}, align {value.dtype.size}")

    def _address(self, name: str, offset: Value) -> Value:
        place, dtype = self.places[name]
        scaled = self.context.writer.multiply(offset, index(dtype.size))
        return self.context.advance(place, scaled)

    def _load(self, name: str, offset: Value) -> Value:
        dtype = self.places[name][1]
        held = dtypes.uint8 if dtype.is_bool else dtype
        text = f"load {memory_type(dtype)}, ptr {self._address(name, offset).text}"
        loaded = self.context.writer.ordered(f"{text}, align {dtype.size}", held)
        return self.context.builder.from_memory(loaded, dtype)


def _bound(statements: Sequence[Statement]) -> list[str]:
    """The names that statements bind for those after them."""
    found: list[str] = []
    for statement in statements:
        if isinstance(statement, Let):
            found.append(statement.name)
        elif isinstance(statement, Reduce):
            found += statement.names
    return found
