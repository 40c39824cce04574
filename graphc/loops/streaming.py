"""Streaming: results that pass by the caches on their way to memory.

A store first fetches the line it writes to, unless it is told that nobody will want it soon.  Where
a kernel goes through more than the last cache holds, that is a third of the traffic with one
argument; where less, the next reader would have to wait for the memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from graphc.ir import dims
from graphc.loops import ir
from graphc.loops.walk import expressions, statements
from runtime.target import Target

# A body is emitted twice, since not all sizes and no addresses are known; and one of many ops waits
# for them and not for the memory.
MOST_OPS = 64


def stream(kernel: ir.Kernel, last: Collection[str], target: Target) -> ir.Kernel:
    """``kernel``, scheduled, with the mode ``stream`` for those results among ``last``, which no
    other kernel reads, that it should be good for."""
    if target.architecture not in ("", "x86_64"):
        return kernel
    loop = kernel.body[0]
    if len(kernel.body) > 1 or not isinstance(loop, ir.For) or not loop.parallel:
        return kernel
    ops = sum(isinstance(e, ir.Apply) for e in expressions(kernel.body))
    if ops > MOST_OPS or not _goes_through(kernel.body) or not _is_large(kernel, target):
        return kernel
    loaded = {e.buffer for e in expressions(kernel.body) if isinstance(e, ir.Load)}
    stores = list(_stores(kernel.body, ()))
    arguments = []
    for argument in kernel.arguments:
        places = [(s.index, axes) for s, axes in stores if s.buffer == argument.name]
        good = (
            argument.mode == "out"
            and argument.name in last
            and argument.name not in loaded
            and len(places) == 1
            and _has_whole_vectors(argument, *places[0])
        )
        arguments.append(replace(argument, mode="stream") if good else argument)
    return replace(kernel, arguments=tuple(arguments))


def _goes_through(body: Iterable[ir.Statement]) -> bool:
    """Whether what is read comes in order: row by row, if anything is folded."""
    folds = (s for s in statements(body) if isinstance(s, ir.Reduce))
    return all(fold.order == "lanes" for fold in folds)


def _stores(
    body: Iterable[ir.Statement], around: tuple[ir.Axis, ...]
) -> Iterator[tuple[ir.Store | ir.Column, tuple[ir.Axis, ...]]]:
    """Every store with the axes of the loops around it."""
    for statement in body:
        if isinstance(statement, ir.Store | ir.Column):
            yield statement, around
        elif isinstance(statement, ir.For):
            yield from _stores(statement.body, (*around, *statement.axes))
        elif isinstance(statement, ir.Reduce):
            yield from _stores(statement.body, (*around, statement.axis))


def _is_large(kernel: ir.Kernel, target: Target) -> bool:
    """Whether what the kernel reads and writes may be more than the last cache holds."""
    sizes = [dims.product(a.shape) * a.dtype.size for a in kernel.arguments]
    total = sum(size for size in sizes if isinstance(size, int))
    return len(sizes) > sum(isinstance(size, int) for size in sizes) or total > target.l3_bytes


def _has_whole_vectors(
    argument: ir.Argument, index: tuple[ir.Expr, ...], axes: tuple[ir.Axis, ...]
) -> bool:
    """Whether what is stored at ``index``, along all of ``axes``, are vectors that start at
    multiples of their size, if the buffer does."""
    last = axes[-1]
    places = [i.name for i in index if isinstance(i, ir.AxisIndex)]
    if len(places) != len(index) or sorted(places) != sorted(axis.name for axis in axes):
        return False
    if places[-1:] != [last.name]:
        return False
    if last.vector <= 1 or last.vector * argument.dtype.size not in (16, 32, 64):
        return False
    return len(axes) == 1 or (isinstance(last.extent, int) and last.extent % last.vector == 0)
