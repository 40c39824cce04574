"""Writing in place: a kernel that reads an old value and writes a new one over it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from graphc.ir.nodes import Value
from graphc.loops import ir
from graphc.loops.plan import Place
from graphc.loops.steps import Step
from graphc.loops.walk import expressions_of, in_turn, rename_buffer, statements


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
    place: tuple[ir.Expr, ...] | None = None
    for statement in in_turn(kernel.body):
        for expr in expressions_of(statement):
            if not isinstance(expr, ir.Load):
                continue
            if expr.buffer == result:
                return False
            if expr.buffer == source and (place is not None or expr.guard is not None):
                return False
        if isinstance(statement, ir.Column) and statement.buffer == result:
            return False
        if isinstance(statement, ir.Store) and statement.buffer == result:
            if place is not None:
                return False
            place = statement.index
    loads = [
        expr.index
        for statement in statements(kernel.body)
        for expr in expressions_of(statement)
        if isinstance(expr, ir.Load) and expr.buffer == source
    ]
    return all(index == place for index in loads)


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
