"""Look-ups in small tables that fit into registers, by permutations of their lanes.

A gather takes one access to memory a lane; a permutation of a register is one instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphc.codegen.values import Value, lanes_constant
from graphc.ir import dtypes
from runtime.target import Target

if TYPE_CHECKING:
    from graphc.codegen.scalar_llvm import LLVMBuilder

MOST = 16  # entries, of 32 bits


def possible(target: Target) -> bool:
    """Whether the target has permutations of 32-bit lanes by a vector of indices."""
    return target.triple.split("-")[0] == "x86_64" and target.vector_bytes >= 32


def lookup(builder: LLVMBuilder, table: Sequence[float | int], index: Value) -> Value:
    """``table[index]`` for a vector of int32 ``index``; at most ``MOST`` float32 entries."""
    lanes = builder.target.lanes(4)
    entries = (*table, *[0.0] * (MOST - len(table)))
    registers = [
        lanes_constant(tuple(entries[first : first + lanes]), dtypes.float32)
        for first in range(0, MOST, lanes)
    ]
    pieces = [_widened(builder, part, lanes) for part in builder.parted(index, lanes)]
    found = builder.joined([_chosen(builder, registers, piece) for piece in pieces])
    return builder.parted(found, index.width)[0]


def _widened(builder: LLVMBuilder, x: Value, lanes: int) -> Value:
    while x.width < lanes:
        x = builder.joined([x, x])
    return x


def _chosen(builder: LLVMBuilder, registers: Sequence[Value], index: Value) -> Value:
    call = builder.writer.call
    if len(registers) == 1:
        return call("llvm.x86.avx512.permvar.sf.512", dtypes.float32, [registers[0], index])
    low, high = (call("llvm.x86.avx2.permps", dtypes.float32, [half, index]) for half in registers)
    return builder.select(builder.gt(index, index.width - 1), high, low)
