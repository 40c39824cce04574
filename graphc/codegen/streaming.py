"""Stores that pass by the caches, where a kernel's results of mode ``stream`` are large enough.

They need whole vectors at multiples of their size; whether a buffer starts at one, and often how
large it is, is known only when the kernel runs: it has a body for either case.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.codegen.context import Context
from graphc.codegen.values import Value, index
from graphc.ir import dims, dtypes


def either(context: Context, emit: Callable[[], None]) -> None:
    """``emit`` the body of a kernel; twice, where it has results to stream."""
    names = frozenset(a.name for a in context.arguments.values() if a.mode == "stream")
    if not names:
        emit()
        return
    writer = context.writer
    streams = _worth_it(context, names)

    def streamed() -> list[Value]:
        context.streamed = names
        emit()
        context.streamed = frozenset()
        # Nothing else orders such stores before those that tell other threads of them.
        writer.declare("declare void @llvm.x86.sse.sfence()")
        writer.effect("call void @llvm.x86.sse.sfence()")
        return []

    def plain() -> list[Value]:
        emit()
        return []

    writer.branch(streams, streamed)
    writer.branch(context.builder.bit_not(streams), plain)


def _worth_it(context: Context, names: frozenset[str]) -> Value:
    """Whether the kernel goes through more than the last cache holds, and every one of the buffers
    starts at a line of it."""
    writer, total = context.writer, index(0)
    for argument in context.arguments.values():
        size = context.size(dims.product(argument.shape))
        total = writer.add(total, writer.multiply(size, index(argument.dtype.size)))
    condition = writer.compare("sgt", total, index(context.target.l3_bytes))
    for name in sorted(names):
        pointer = context.pointers[name]
        number = writer.pure(f"ptrtoint ptr {pointer.text} to i64", dtypes.int64, 1, 0)
        low = writer.pure(f"and i64 {number.text}, 63", dtypes.int64, 1, 0)
        condition = context.builder.bit_and(condition, writer.compare("eq", low, index(0)))
    return condition


def how_to_store(context: Context, buffer: str, vector: Value, align: int) -> str:
    """The end of the instruction that stores ``vector`` whole."""
    if buffer not in context.streamed:
        return f"align {align}"
    return f"align {vector.width * vector.dtype.size}, !nontemporal !{{i32 1}}"
