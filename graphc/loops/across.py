"""Short rows: whether a loop over rows is to compute a vector of them at a time.

A row of ten elements fills a vector badly, and each of its reductions ends with folding the lanes
of one vector, which is a chain of dependent shuffles.  With a row in each lane both go away; what
it costs is to turn the rows in registers.  Decides only; turned by ``graphc.codegen.across``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from graphc.ir.dims import Size
from graphc.ir.op import Elementwise, lookup
from graphc.loops import ir
from graphc.loops.walk import expressions, expressions_of, statements

_LONGEST = 3  # vectors in a row, beyond which turning them costs more than it saves
_PER_FOLD = 1.5  # vectors that may be turned for each fold that is saved
_CHEAP = ("add", "multiply", "fma", "any", "all")
_SHORTEST = 5  # elements of a row, of which fewer are sorted out of whole vectors
_PLACES = frozenset(("argmax", "argmin"))
_MOST = 1200  # flops of a row, whose text is written for each of its elements


def across(loop: ir.For, lanes: int) -> ir.For | None:
    """``loop`` with its last axis in vectors of ``lanes`` rows and the axis along them in
    registers; ``None`` where that is not possible or does not pay."""
    row, along = loop.axes[-1], _along(loop)
    if along is None or _few(row.extent, lanes):
        return None
    if not all(_fits(s, row.name, along) for s in statements(loop.body)):
        return None
    if not _has_one_place_each(loop):
        return None
    size = along.extent
    assert isinstance(size, int)
    inner = [s for s in loop.body if isinstance(s, (ir.For, ir.Reduce))]
    if size > lanes * min(_LONGEST, _PER_FOLD * _folds(inner)):
        return None
    if size * sum(map(_flops, expressions(inner))) > _MOST:
        return None
    body = tuple(_held(statement) for statement in loop.body)
    return replace(loop, axes=(*loop.axes[:-1], replace(row, tile=lanes, vector=lanes)), body=body)


def together(loop: ir.For, lanes: int) -> ir.For | None:
    """``loop`` with its last axis in vectors of ``lanes`` rows, where all that it does along them
    is to fold each short row in a vector of its own: then the vectors of all fold together."""
    row, folds = loop.axes[-1], [s for s in loop.body if isinstance(s, ir.Reduce)]
    if len(folds) != 1 or _few(row.extent, lanes):
        return None
    if any(not isinstance(s, (ir.Let, ir.Store, ir.Reduce)) for s in loop.body):
        return None
    (fold,) = folds
    size, dtypes = fold.axis.extent, {value.dtype for value in fold.values}
    if fold.order != "lanes" or any(isinstance(s, ir.Store) for s in fold.body):
        return None
    if not isinstance(size, int):
        return None
    lanes = min(lanes, *(ir.lane_count(size, dtype) for dtype in dtypes))
    if not _SHORTEST <= size <= 4 * lanes or any(d.is_bool for d in dtypes):
        return None
    if not _PLACES.isdisjoint(fold.kinds):
        return None
    bound = {s.name for s in fold.body if isinstance(s, ir.Let)}
    inner = list(expressions((fold,)))
    if any(isinstance(e, ir.Name) and e.name not in bound for e in inner):
        return None
    if -(-size // lanes) * lanes * sum(map(_flops, inner)) > _MOST:
        return None
    held = replace(fold, axis=replace(fold.axis, vector=lanes, tile=lanes))
    body = tuple(held if s is fold else s for s in loop.body)
    return replace(loop, axes=(*loop.axes[:-1], replace(row, tile=lanes, vector=lanes)), body=body)


def _few(rows: Size, lanes: int) -> bool:
    """Whether vectors of rows would stay mostly empty."""
    return isinstance(rows, int) and rows < lanes // 2


def _along(loop: ir.For) -> ir.Axis | None:
    """The one axis along the rows that all loops within run over, where it is short and one of them
    folds."""
    inner = [s for s in statements(loop.body) if isinstance(s, (ir.For, ir.Reduce))]
    if any(s not in loop.body or (isinstance(s, ir.For) and len(s.axes) > 1) for s in inner):
        return None
    axes = {s.axes[0] if isinstance(s, ir.For) else s.axis for s in inner}
    folds = [s for s in inner if isinstance(s, ir.Reduce)]
    if len(axes) != 1 or not folds or any(fold.order != "lanes" for fold in folds):
        return None
    (axis,) = axes
    return axis if isinstance(axis.extent, int) and axis.extent > 1 else None


def _fits(statement: ir.Statement, row: str, along: ir.Axis) -> bool:
    """Whether what a statement reads and writes along the rows lies side by side."""
    if isinstance(statement, (ir.Column, ir.Check)):
        return False
    if isinstance(statement, ir.Store) and not _is_plain(statement.index, row, along.name):
        return False
    loads = (e for e in expressions_of(statement) if isinstance(e, ir.Load))
    return all(e.guard is None and _is_plain(e.index, row, along.name) for e in loads)


def _is_plain(index: tuple[ir.Expr, ...], row: str, along: str) -> bool:
    """Whether an access is the same in all rows or all elements of a row, or side by side."""
    plain = all(isinstance(i, (ir.AxisIndex, ir.Literal, ir.SizeOf)) for i in index)
    names = [i.name for i in index if isinstance(i, ir.AxisIndex)]
    if not plain or names.count(row) > 1 or names.count(along) > 1:
        return False
    if row not in names or along not in names:
        return row not in names or index[-1] == ir.AxisIndex(row)
    return index[-1] == ir.AxisIndex(along)


def _has_one_place_each(loop: ir.For) -> bool:
    """Whether each buffer that is written is accessed at one place alone."""
    places: dict[str, set[tuple[ir.Expr, ...]]] = {}
    written = set()
    for buffer, index, is_store in _accesses(loop):
        places.setdefault(buffer, set()).add(index)
        if is_store:
            written.add(buffer)
    return all(len(places[buffer]) == 1 for buffer in written)


def _accesses(loop: ir.For) -> Iterator[tuple[str, tuple[ir.Expr, ...], bool]]:
    for statement in statements(loop.body):
        if isinstance(statement, ir.Store):
            yield statement.buffer, statement.index, True
        for expr in expressions_of(statement):
            if isinstance(expr, ir.Load):
                yield expr.buffer, expr.index, False


def _folds(inner: Iterable[ir.Statement]) -> int:
    """Folds of the lanes of a vector; those that compare cost twice as much."""
    kinds = [kind for s in inner if isinstance(s, ir.Reduce) for kind in s.kinds]
    return sum(1 if kind in _CHEAP else 2 for kind in kinds)


def _flops(expr: ir.Expr) -> int:
    if not isinstance(expr, ir.Apply):
        return 0
    record = lookup(expr.op)
    return record.cost if isinstance(record, Elementwise) else 1


def _held(statement: ir.Statement) -> ir.Statement:
    """A loop along the rows with all of its points in registers."""
    if isinstance(statement, ir.Reduce):
        return replace(statement, axis=_whole(statement.axis))
    if isinstance(statement, ir.For):
        return replace(statement, axes=(_whole(statement.axes[0]),))
    return statement


def _whole(axis: ir.Axis) -> ir.Axis:
    assert isinstance(axis.extent, int)
    return replace(axis, tile=axis.extent)
