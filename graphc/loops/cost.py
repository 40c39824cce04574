"""What a kernel costs: operations and bytes, as sizes.  Counts, measures nothing."""

from __future__ import annotations

from collections.abc import Iterable

from graphc.ir import dims
from graphc.ir import op as records
from graphc.ir.dims import Size
from graphc.loops import ir
from graphc.loops.walk import own_expressions, parts, remembered
from runtime.target import Target

# Picoseconds, from kernels of all kinds on data in a level-2 cache of a 3.5 GHz processor.
_VECTOR_OP = 240
_BYTE = 15
_FOLD_OF_LANES = 15_000  # to fold the lanes of a row, whatever its length


@remembered
def kernel_flops(kernel: ir.Kernel) -> Size:
    """Operations of one run: an FMA is two, an op what its record says, index arithmetic none."""
    return _flops(kernel.body, 1)


@remembered
def kernel_bytes(kernel: ir.Kernel) -> Size:
    """Bytes that must move between memory and core at least: each buffer read or written once, and
    one that is updated both."""
    total: Size = 0
    for argument in kernel.arguments:
        times = 2 if argument.mode in ("inout", "temp") else 1
        total = total + dims.product(argument.shape) * (argument.dtype.size * times)
    return total


def kernel_work(kernel: ir.Kernel, target: Target) -> Size:
    """About how many picoseconds of one thread a run takes: enough to tell what is worth sharing
    among threads, no more."""
    widest = max((a.dtype.size for a in kernel.arguments if a.dtype.is_float), default=4)
    flop = _VECTOR_OP // target.lanes(max(4, widest))
    folds = _folds(kernel.body, 1) * _FOLD_OF_LANES
    return kernel_flops(kernel) * flop + kernel_bytes(kernel) * _BYTE + folds


def _flops(body: Iterable[ir.Statement], points: Size) -> Size:
    total: Size = 0
    for statement in body:
        inside = points
        if isinstance(statement, ir.For):
            inside = points * dims.product(axis.extent for axis in statement.axes)
            total = total + _flops(statement.body, inside)
        elif isinstance(statement, ir.Reduce):
            inside = points * statement.axis.extent
            total = total + _flops(statement.body, inside) + inside * len(statement.values)
        elif isinstance(statement, ir.Column):
            total = total + points
        each = sum(_ops(e) for e in _values(statement))
        total = total + inside * each
    return total


def _folds(body: Iterable[ir.Statement], points: Size) -> Size:
    """How often the lanes of a reduction are folded; those of a vector of rows are at once."""
    total: Size = 0
    for statement in body:
        if isinstance(statement, ir.For):
            around = (dims.ceil_divide(a.extent, max(1, a.vector)) for a in statement.axes)
            total = total + _folds(statement.body, points * dims.product(around))
        elif isinstance(statement, ir.Reduce):
            lanes = len(statement.kinds) if statement.order == "lanes" else 0
            total = total + points * lanes
    return total


def _values(statement: ir.Statement) -> tuple[ir.Expr, ...]:
    if isinstance(statement, (ir.Store, ir.Column)):
        return (statement.value,)
    return own_expressions(statement)


def _ops(expr: ir.Expr) -> int:
    total, pending = 0, [expr]
    while pending:
        at = pending.pop()
        if isinstance(at, ir.Apply):
            op = records.lookup(at.op)
            total += op.cost if isinstance(op, records.Elementwise) else 1
            pending.extend(parts(at))
    return total
