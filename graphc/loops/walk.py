"""Walking and rewriting the statements and expressions of loop IR."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from graphc.ir import dims
from graphc.ir.dims import Size
from graphc.loops import ir

_Part = TypeVar("_Part", bound=ir.Statement | ir.Kernel)
_Found = TypeVar("_Found")
AccessMap = Callable[[str, tuple[ir.Expr, ...]], tuple[ir.Expr, ...]]


def statements(body: Iterable[ir.Statement]) -> Iterator[ir.Statement]:
    """All statements, outer ones first, in the order of the text."""
    for statement in body:
        yield statement
        if isinstance(statement, (ir.For, ir.Reduce)):
            yield from statements(statement.body)


def in_turn(body: Iterable[ir.Statement]) -> Iterator[ir.Statement]:
    """All statements as they are evaluated: what a reduce folds is read after its body has run."""
    for statement in body:
        if isinstance(statement, (ir.For, ir.Reduce)):
            yield from in_turn(statement.body)
        yield statement


def own_expressions(statement: ir.Statement) -> tuple[ir.Expr, ...]:
    """The expressions written in a statement itself, not in the loops inside it."""
    if isinstance(statement, ir.Let):
        return (statement.value,)
    if isinstance(statement, (ir.Store, ir.Column)):
        return (*statement.index, statement.value)
    if isinstance(statement, ir.Reduce):
        return statement.values
    if isinstance(statement, ir.Check):
        return (statement.condition, statement.index, statement.value)
    return ()


def parts(expr: ir.Expr) -> tuple[ir.Expr, ...]:
    """The direct sub-expressions."""
    if isinstance(expr, ir.Apply):
        return expr.operands
    if isinstance(expr, ir.Load):
        return expr.index if expr.guard is None else (*expr.index, expr.guard)
    return ()


def remembered(function: Callable[[_Part], _Found]) -> Callable[[_Part], _Found]:
    """``function`` of an immutable part of loop IR, computed once for each part: every stage asks
    the same of what the one before left as it was."""
    key = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def once(part: _Part) -> _Found:
        known = part.__dict__
        if key not in known:
            known[key] = function(part)
        found: _Found = known[key]
        return found

    return once


@remembered
def expressions_of(statement: ir.Statement) -> tuple[ir.Expr, ...]:
    """Every expression and sub-expression written in a statement itself, in the order of the
    text."""
    return with_parts(own_expressions(statement))


def with_parts(written: Sequence[ir.Expr]) -> tuple[ir.Expr, ...]:
    """The expressions ``written``, each followed by its sub-expressions."""
    found: list[ir.Expr] = []
    pending = list(reversed(written))
    while pending:
        expr = pending.pop()
        found.append(expr)
        if isinstance(expr, (ir.Apply, ir.Load)):
            pending += reversed(parts(expr))
    return tuple(found)


def expressions(body: Iterable[ir.Statement]) -> Iterator[ir.Expr]:
    """Every expression and sub-expression, in the order of the text."""
    for statement in statements(body):
        yield from expressions_of(statement)


def accesses(body: Iterable[ir.Statement]) -> Iterator[tuple[str, tuple[ir.Expr, ...]]]:
    """Buffer and index of every load, store and column."""
    for statement in statements(body):
        if isinstance(statement, (ir.Store, ir.Column)):
            yield statement.buffer, statement.index
    for expr in expressions(body):
        if isinstance(expr, ir.Load):
            yield expr.buffer, expr.index


def axis_uses(body: Iterable[ir.Statement], name: str) -> int:
    """How often the index of axis ``name`` is mentioned; a column over it counts."""
    mentions = sum(1 for e in expressions(body) if isinstance(e, ir.AxisIndex) and e.name == name)
    return mentions + sum(
        1 for s in statements(body) if isinstance(s, ir.Column) and s.axis == name
    )


def map_accesses(body: tuple[ir.Statement, ...], change: AccessMap) -> tuple[ir.Statement, ...]:
    """The statements with the index of every access replaced by ``change(buffer, index)``, those
    within an index first."""
    return tuple(_map_statement(statement, change) for statement in body)


def _map_statement(statement: ir.Statement, change: AccessMap) -> ir.Statement:
    if isinstance(statement, ir.Let):
        return replace(statement, value=_map_expr(statement.value, change))
    if isinstance(statement, (ir.Store, ir.Column)):
        index = tuple(_map_expr(part, change) for part in statement.index)
        index = change(statement.buffer, index)
        return replace(statement, index=index, value=_map_expr(statement.value, change))
    if isinstance(statement, ir.Reduce):
        values = tuple(_map_expr(value, change) for value in statement.values)
        return replace(statement, body=map_accesses(statement.body, change), values=values)
    if isinstance(statement, ir.For):
        return replace(statement, body=map_accesses(statement.body, change))
    return statement


def _map_expr(expr: ir.Expr, change: AccessMap) -> ir.Expr:
    if isinstance(expr, ir.Apply):
        operands = tuple(_map_expr(operand, change) for operand in expr.operands)
        return replace(expr, operands=operands)
    if isinstance(expr, ir.Load):
        guard = None if expr.guard is None else _map_expr(expr.guard, change)
        index = tuple(_map_expr(part, change) for part in expr.index)  # a gather's holds accesses
        return replace(expr, index=change(expr.buffer, index), guard=guard)
    return expr


def map_expressions(
    body: tuple[ir.Statement, ...], change: Callable[[ir.Expr], ir.Expr]
) -> tuple[ir.Statement, ...]:
    """The statements with ``change`` made to every expression, the parts of one before itself."""

    def of(expr: ir.Expr) -> ir.Expr:
        if isinstance(expr, ir.Apply):
            expr = replace(expr, operands=tuple(map(of, expr.operands)))
        elif isinstance(expr, ir.Load):
            guard = None if expr.guard is None else of(expr.guard)
            expr = replace(expr, index=tuple(map(of, expr.index)), guard=guard)
        return change(expr)

    changed: list[ir.Statement] = []
    for statement in body:
        if isinstance(statement, (ir.For, ir.Reduce)):
            statement = replace(statement, body=map_expressions(statement.body, change))
        if isinstance(statement, ir.Reduce):
            statement = replace(statement, values=tuple(map(of, statement.values)))
        elif isinstance(statement, ir.Let):
            statement = replace(statement, value=of(statement.value))
        elif isinstance(statement, (ir.Store, ir.Column)):
            index = tuple(map(of, statement.index))
            statement = replace(statement, index=index, value=of(statement.value))
        elif isinstance(statement, ir.Check):
            condition, place, value = map(of, own_expressions(statement))
            statement = replace(statement, condition=condition, index=place, value=value)
        changed.append(statement)
    return tuple(changed)


def rename_buffer(body: tuple[ir.Statement, ...], old: str, new: str) -> tuple[ir.Statement, ...]:
    """The statements with stores to ``old`` made to ``new``."""
    renamed: list[ir.Statement] = []
    for statement in body:
        if isinstance(statement, (ir.For, ir.Reduce)):
            statement = replace(statement, body=rename_buffer(statement.body, old, new))
        elif isinstance(statement, (ir.Store, ir.Column)) and statement.buffer == old:
            statement = replace(statement, buffer=new)
        renamed.append(statement)
    return tuple(renamed)


def sizes_of(kernel: ir.Kernel) -> tuple[Size, ...]:
    """The sizes a kernel depends on: shapes, extents, and sizes used as numbers."""
    found = [size for argument in kernel.arguments for size in argument.shape]
    for statement in statements(kernel.body):
        if isinstance(statement, ir.For):
            found += [axis.extent for axis in statement.axes]
        elif isinstance(statement, ir.Reduce):
            found.append(statement.axis.extent)
    found += [expr.size for expr in expressions(kernel.body) if isinstance(expr, ir.SizeOf)]
    return tuple(dict.fromkeys(found))


def with_dims(kernel: ir.Kernel) -> ir.Kernel:
    """``kernel`` with the named dims that its sizes depend on."""
    found: set[str] = set()
    for size in sizes_of(kernel):
        found |= dims.names(size)
    return replace(kernel, dims=tuple(sorted(found)))
