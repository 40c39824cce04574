"""Writing in place: a kernel that reads an old value and writes a new one over it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import TypeVar

from graphc.ir.nodes import Value
from graphc.loops import ir
from graphc.loops.plan import Place
from graphc.loops.steps import Step
from graphc.loops.walk import expressions_of, in_turn, remembered, rename_buffer

_Access = TypeVar("_Access")
_Turns = dict[str, list[tuple[int, _Access]]]


def overwrite_dying(order: Sequence[Step], placed: Container[Value]) -> None:
    """Let each kernel write its results over values that it is the last to read, where it may.
    Values that are ``placed`` have memory of their own."""
    last_read = {v: n for n, step in enumerate(order) for v in step.reads}
    for number, step in enumerate(order):
        dying = [v for v in step.reads if v not in placed and last_read[v] == number]
        for new in step.makes:
            if new in placed:
                continue
            old = next((v for v in dying if may_overwrite(step, v, new)), None)
            if old is not None:
                step.in_place[new] = old
                dying.remove(old)


def may_overwrite(step: Step, old: Value, new: Value) -> bool:
    """Whether the kernel of ``step``, which reads ``old``, may write ``new`` in its place, nobody
    else wanting it any more."""
    if step.reads.count(old) != 1:
        return False
    arguments = step.lowered.kernel.arguments
    source = arguments[step.reads.index(old)]
    result = arguments[len(step.reads) + step.makes.index(new)]
    if (source.dtype, source.shape) != (result.dtype, result.shape):
        return False
    if source.panels != result.panels:  # equal indices are different places
        return False
    return read_only_before_store(step.lowered.kernel, source.name, result.name)


def read_only_before_store(kernel: ir.Kernel, source: str, result: str) -> bool:
    """Whether each element of ``source`` is read only by the point that writes the same element of
    ``result``, and not after it was written: then the two may be one buffer."""
    loads, writes = _accesses(kernel)
    if result in loads or len(writes.get(result, ())) > 1:
        return False
    for turn, load in loads.get(source, ()):
        if load.guard is not None or result not in writes:
            return False
        ((last, store),) = writes[result]
        if isinstance(store, ir.Column) or turn > last or load.index != store.index:
            return False
    return not any(isinstance(store, ir.Column) for _, store in writes.get(result, ()))


@remembered
def _accesses(kernel: ir.Kernel) -> tuple[_Turns[ir.Load], _Turns[ir.Store | ir.Column]]:
    """What loads and what writes each buffer, with the number of its statement in turn."""
    loads: _Turns[ir.Load] = {}
    writes: _Turns[ir.Store | ir.Column] = {}
    for turn, statement in enumerate(in_turn(kernel.body)):
        for expr in expressions_of(statement):
            if isinstance(expr, ir.Load):
                loads.setdefault(expr.buffer, []).append((turn, expr))
        if isinstance(statement, ir.Store | ir.Column):
            writes.setdefault(statement.buffer, []).append((turn, statement))
    return loads, writes


def merged(
    kernel: ir.Kernel, places: Sequence[Place], overwriting: Sequence[int]
) -> tuple[ir.Kernel, tuple[Place, ...]]:
    """``kernel`` with each argument number in ``overwriting`` made one ``inout`` with the input at
    the same place, where there is such an input."""
    arguments = list(kernel.arguments)
    body = kernel.body
    dropped: set[int] = set()
    for number in overwriting:
        same = [
            i for i, place in enumerate(places)
            if i != number and place == places[number] and arguments[i].mode == "in"
        ]  # fmt: skip
        for i in same:
            body = rename_buffer(body, arguments[number].name, arguments[i].name)
            arguments[i] = replace(arguments[i], mode="inout")
            dropped.add(number)
    kept = [i for i in range(len(arguments)) if i not in dropped]
    kernel = replace(kernel, arguments=tuple(arguments[i] for i in kept), body=body)
    return kernel, tuple(places[i] for i in kept)
