"""What a kernel computes, whatever its buffers, values and axes are called.

The layers of a network, and what a gradient does to each, are kernels of one form: machine code is
written once for all of them.  Compares, changes nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from graphc.ir.attributes import frozen
from graphc.loops import ir


def form(kernel: ir.Kernel) -> Hashable:
    """Equal for two kernels exactly where they differ in names and places alone.

    >>> from graphc.loops.parser import parse
    >>> double = parse("kernel a(x: f32[3], out y: f32[3]) { for i < 3 { y[i] = x[i] + x[i] } }")
    >>> again = parse("kernel b(h: f32[3], out z: f32[3]) { for j < 3 { z[j] = h[j] + h[j] } }")
    >>> square = parse("kernel c(x: f32[3], out y: f32[3]) { for i < 3 { y[i] = x[i] * x[i] } }")
    >>> form(double) == form(again), form(double) == form(square)
    (True, False)
    """
    arguments = tuple((a.dtype, a.shape, a.mode, a.panels) for a in kernel.arguments)
    numbers = _Numbers(argument.name for argument in kernel.arguments)
    return arguments, numbers.body(kernel.body)


class _Numbers(dict[str, int]):
    """Numbers for names, in the order in which they come.  Each name of a kernel means one thing:
    a buffer, an axis or a value."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__((name, number) for number, name in enumerate(names))

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self)
        return number

    def body(self, statements: tuple[ir.Statement, ...]) -> Hashable:
        return tuple(map(self._statement, statements))

    def _statement(self, statement: ir.Statement) -> Hashable:
        if isinstance(statement, ir.Let):
            return "let", self[statement.name], self._expr(statement.value)
        if isinstance(statement, ir.Store):
            return "store", *self._access(statement.buffer, statement.index, statement.value)
        if isinstance(statement, ir.For):
            axes = tuple(map(self._axis, statement.axes))
            return "for", axes, statement.parallel, self.body(statement.body)
        if isinstance(statement, ir.Reduce):
            how = statement.kinds, statement.order, statement.unroll
            across = statement.across and self[statement.across]
            axis, body = self._axis(statement.axis), self.body(statement.body)
            values = tuple(map(self._expr, statement.values))
            names = map(self.__getitem__, statement.names)
            return "reduce", how, across, axis, body, values, *names
        if isinstance(statement, ir.Column):
            access = self._access(statement.buffer, statement.index, statement.value)
            return "column", statement.kind, statement.order, self[statement.axis], *access
        asked = (statement.condition, statement.index, statement.value)
        return "check", statement.code, *map(self._expr, asked)

    def _axis(self, axis: ir.Axis) -> Hashable:
        return self[axis.name], axis.extent, axis.tile, axis.vector

    def _access(self, buffer: str, index: tuple[ir.Expr, ...], value: ir.Expr) -> list[Hashable]:
        return [self[buffer], tuple(map(self._expr, index)), self._expr(value)]

    def _expr(self, expr: ir.Expr) -> Hashable:
        if isinstance(expr, ir.Apply):
            attributes = tuple((name, frozen(value)) for name, value in expr.attributes)
            return expr.op, expr.dtype, attributes, *map(self._expr, expr.operands)
        if isinstance(expr, ir.Load):
            guard = None if expr.guard is None else self._expr(expr.guard)
            return self[expr.buffer], guard, *map(self._expr, expr.index)
        if isinstance(expr, ir.Name | ir.AxisIndex):
            return self[expr.name]
        return expr
