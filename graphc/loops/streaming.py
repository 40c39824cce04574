"""Streaming: results that pass by the caches on their way to memory.

A store first fetches the line it writes to, unless it is told that nobody will want it soon.  For a
result larger than the last cache, that is a third of the traffic of a kernel with one argument;
for a smaller one, the next reader would have to wait for the memory.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from graphc.ir import dims
from graphc.loops import ir
from graphc.loops.walk import expressions
from runtime.target import Target

# A body is emitted twice, since not all sizes and no addresses are known; and one of many ops waits
# for them and not for the memory.
MOST_OPS = 64


def stream(kernel: ir.Kernel, last: Collection[str], target: Target) -> ir.Kernel:
    """``kernel``, scheduled, with the mode ``stream`` for those results among ``last``, which no
    other kernel reads, that it should be good for."""
    if target.triple.split("-")[0] not in ("", "x86_64"):
        return kernel
    nest = _elementwise(kernel.body)
    if nest is None or sum(isinstance(e, ir.Apply) for e in expressions(kernel.body)) > MOST_OPS:
        return kernel
    axes, body = nest
    loaded = {e.buffer for e in expressions(kernel.body) if isinstance(e, ir.Load)}
    whole = tuple(ir.AxisIndex(axis.name) for axis in axes)
    arguments = []
    for argument in kernel.arguments:
        stores = [s for s in body if isinstance(s, ir.Store) and s.buffer == argument.name]
        good = (
            argument.mode == "out"
            and argument.name in last
            and argument.name not in loaded
            and [store.index for store in stores] == [whole]
            and _is_large(argument, target)
            and _has_whole_vectors(argument, axes)
        )
        arguments.append(replace(argument, mode="stream") if good else argument)
    return replace(kernel, arguments=tuple(arguments))


def _elementwise(
    body: Sequence[ir.Statement],
) -> tuple[tuple[ir.Axis, ...], Sequence[ir.Statement]] | None:
    """The axes and the innermost statements of a parallel nest of loops round nothing but
    elementwise arithmetic."""
    axes: tuple[ir.Axis, ...] = ()
    if not (len(body) == 1 and isinstance(body[0], ir.For) and body[0].parallel):
        return None
    while len(body) == 1 and isinstance(body[0], ir.For):
        axes += body[0].axes
        body = body[0].body
    plain = all(isinstance(s, ir.Let | ir.Store) for s in body)
    return (axes, body) if plain and axes[-1].vector > 1 else None


def _is_large(argument: ir.Argument, target: Target) -> bool:
    """Whether it may be larger than the last cache."""
    size = dims.product(argument.shape)
    return not isinstance(size, int) or size * argument.dtype.size > target.l3_bytes


def _has_whole_vectors(argument: ir.Argument, axes: Sequence[ir.Axis]) -> bool:
    """Whether every vector starts at a multiple of its size, if the buffer does."""
    last = axes[-1]
    if last.vector * argument.dtype.size not in (16, 32, 64):
        return False
    return len(axes) == 1 or (isinstance(last.extent, int) and last.extent % last.vector == 0)
