"""One kernel: a function over a range of its work units.

``void @kernel(ptr buffers, ptr table, i64 begin, i64 end)``: ``buffers`` holds a pointer for each
argument, then one to the frame; ``table`` the sizes; the units are the tiles of the outermost axis
of a parallel loop, else one.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.codegen import body, few_rows, nest, streaming
from graphc.codegen.context import Context
from graphc.codegen.outlining import ModuleParts
from graphc.codegen.scalar_llvm import LLVMBuilder
from graphc.codegen.sizes import SizeValues
from graphc.codegen.values import POINTER, Value
from graphc.codegen.writer import Writer
from graphc.ir import dtypes
from graphc.ir.dims import Size
from graphc.loops.ir import Check, For, Kernel
from graphc.loops.repetition import repeated
from runtime.target import Target


def emit_kernel(
    kernel: Kernel, target: Target, slots: Mapping[Size, int], parts: ModuleParts
) -> str:
    """The lines within the function's braces; ``slots`` are the places of sizes in the table."""
    writer = Writer()
    builder = LLVMBuilder(writer, target, parts)
    context = Context(writer, builder, SizeValues(writer, slots), target, kernel.arguments)
    context.repeated = repeated(kernel.body)
    for position, argument in enumerate(kernel.arguments):
        context.pointers[argument.name] = _buffer(writer, position)
    if has_checks(kernel):
        context.frame = _buffer(writer, len(kernel.arguments))
    loop = parallel_loop(kernel)
    if loop is None:
        body.together(context, kernel.body)
    else:
        begin, end = (Value(name, dtypes.int64) for name in ("%begin", "%end"))
        units = nest.units(loop, begin, end)
        streaming.either(context, lambda: nest.emit(context, loop, units))
    writer.effect("ret void")
    parts.declarations |= writer.declarations
    return writer.body()


def parallel_loop(kernel: Kernel) -> For | None:
    """The loop whose tiles are the kernel's units."""
    if len(kernel.body) != 1 or not isinstance(kernel.body[0], For):
        return None
    return kernel.body[0] if kernel.body[0].parallel else None


def unit_count(kernel: Kernel) -> Size:
    """The number of units that threads may share."""
    loop = parallel_loop(kernel)
    return 1 if loop is None else nest.unit_count(loop)


def chunk_count(kernel: Kernel) -> int:
    """Into how many chunks a thread's share of the units may be cut, for others to help with."""
    loop = parallel_loop(kernel)
    return 1 if loop is None else nest.chunk_count(loop)


def rows_if_few(kernel: Kernel) -> Size | None:
    """The number of rows that a kernel has a body for where they are few, if it has one."""
    loop = parallel_loop(kernel)
    return loop.axes[0].extent if loop is not None and few_rows.worth_it(loop) else None


def has_checks(kernel: Kernel) -> bool:
    """Whether the kernel may fail."""
    return body.contains(kernel.body, Check)


def _buffer(writer: Writer, position: int) -> Value:
    pointer = f"getelementptr ptr, ptr %buffers, i64 {position}"
    address = writer.pure(pointer, POINTER, 1, 0)
    return writer.pure(f"load ptr, ptr {address.text}", POINTER, 1, 0)
