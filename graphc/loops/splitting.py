"""Splitting: a loop whose elements come from several places becomes a loop for each of them.

What is joined, padded or rolled asks of every element which part it lies in.  Where the parts are
known, those of the innermost axis get loops of their own, in which nothing is left to ask.  The
elements are the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.ir import dtypes
from graphc.loops import ir
from graphc.loops.walk import expressions, map_expressions

_MOST = 8  # parts
_LONG = 64  # elements for each part, which are worth a loop's beginning and end
_FEW = 2  # loads for an element, the memory being slower than to ask
_MOST_OPS = 64  # of all parts together: each is code of its own


def split(kernel: ir.Kernel) -> ir.Kernel:
    """``kernel``, not scheduled yet, with its innermost loop in parts, where that pays."""
    (loop, *others), around = kernel.body, []
    while isinstance(loop, ir.For) and len(loop.body) == 1 and isinstance(loop.body[0], ir.For):
        around.append(loop)
        loop = loop.body[0]
    if others or not isinstance(loop, ir.For):
        return kernel
    parts = _parts(loop)
    if len(parts) == 1:
        return kernel
    *outer, last = loop.axes
    body = tuple(_part(loop.body, last, *bounds) for bounds in parts)
    if outer:
        body = (replace(loop, axes=tuple(outer), body=body),)
    for each in reversed(around):
        body = (replace(each, body=body),)
    return replace(kernel, body=body)


def asks_much(kernel: ir.Kernel) -> bool:
    """Whether an element may come from so many places that to ask takes longer than the memory."""
    return sum(isinstance(e, ir.Load) for e in expressions(kernel.body)) > _FEW


def _parts(loop: ir.For) -> list[tuple[int, int]]:
    """The first index and the end of each part of the last axis; one where it stays whole."""
    axis = loop.axes[-1]
    if not isinstance(axis.extent, int):
        return [(0, 0)]
    whole = [(0, axis.extent)]
    if not all(isinstance(statement, (ir.Let, ir.Store)) for statement in loop.body):
        return whole
    found = list(expressions(loop.body))
    limits = {_limit(e, axis.name) for e in found} - {None}
    edges = sorted(limit for limit in limits if limit is not None and 0 < limit < axis.extent)
    count = len(edges) + 1
    ops = sum(isinstance(e, ir.Apply) and not e.dtype.is_bool for e in found)
    if count > _MOST or axis.extent < _LONG * count or ops * count > _MOST_OPS:
        return whole
    return list(zip([0, *edges], [*edges, axis.extent], strict=True))


def _limit(expr: ir.Expr, axis: str) -> int | None:
    """The index of ``axis`` from which a comparison has another result than before."""
    if not isinstance(expr, ir.Apply) or expr.op not in ("greater_equal", "less"):
        return None
    index, bound = expr.operands
    shift = _shift(index, axis)
    return int(bound.value) - shift if isinstance(bound, ir.Literal) and shift is not None else None


def _shift(index: ir.Expr, axis: str) -> int | None:
    """What an index is more than that of ``axis``, where that is known."""
    if index == ir.AxisIndex(axis):
        return 0
    if not isinstance(index, ir.Apply) or index.op != "add":
        return None
    first, more = index.operands
    plain = first == ir.AxisIndex(axis) and isinstance(more, ir.Literal)
    return int(more.value) if plain and isinstance(more, ir.Literal) else None


def _part(body: tuple[ir.Statement, ...], axis: ir.Axis, start: int, end: int) -> ir.For:
    """The loop from ``start`` up to ``end``, counted from 0."""

    def known(expr: ir.Expr) -> ir.Expr:
        limit = _limit(expr, axis.name)
        if limit is not None and isinstance(expr, ir.Apply):
            return ir.Literal((start >= limit) == (expr.op == "greater_equal"), dtypes.bool_)
        return _folded(expr)

    def moved(expr: ir.Expr) -> ir.Expr:
        if expr == ir.AxisIndex(axis.name):
            return _more(expr, start)
        if not isinstance(expr, ir.Apply) or expr.op != "add" or expr.dtype != dtypes.int64:
            return expr
        first, more = expr.operands  # what was added before, and is now
        inner = _shift(first, axis.name)
        if inner is None or not isinstance(more, ir.Literal):
            return expr
        return _more(ir.AxisIndex(axis.name), inner + int(more.value))

    settled = map_expressions(body, known)
    settled = map_expressions(settled, moved) if start else settled
    return ir.For((replace(axis, extent=end - start),), settled)


def _more(index: ir.Expr, number: int) -> ir.Expr:
    if not number:
        return index
    return ir.Apply("add", (index, ir.Literal(number, dtypes.int64)), dtypes.int64)


def _folded(expr: ir.Expr) -> ir.Expr:
    """``expr`` without what its conditions, as far as they are known, leave out."""
    if isinstance(expr, ir.Load) and isinstance(expr.guard, ir.Literal):
        return replace(expr, guard=None) if expr.guard.value else ir.Literal(0, expr.dtype)
    fold = _FOLDS.get(expr.op) if isinstance(expr, ir.Apply) else None
    return expr if fold is None or not isinstance(expr, ir.Apply) else fold(expr)


def _where(expr: ir.Apply) -> ir.Expr:
    condition, yes, no = expr.operands
    if not isinstance(condition, ir.Literal):
        return expr
    return yes if condition.value else no


def _both(expr: ir.Apply) -> ir.Expr:
    for one, other in (expr.operands, expr.operands[::-1]):
        if isinstance(one, ir.Literal):
            return other if one.value else one
    return expr


def _not(expr: ir.Apply) -> ir.Expr:
    (one,) = expr.operands
    return ir.Literal(not one.value, dtypes.bool_) if isinstance(one, ir.Literal) else expr


_FOLDS: dict[str, Callable[[ir.Apply], ir.Expr]] = {
    "where": _where, "logical_and": _both, "logical_not": _not,
}  # fmt: skip
