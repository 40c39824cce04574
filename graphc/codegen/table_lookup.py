"""Look-ups in small tables that fit into registers, by permutations of their lanes.

A gather takes one access to memory a lane; a permutation of a register is one instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphc.codegen.values import Value, lanes_constant
from graphc.ir import dtypes
from graphc.ir.dtypes import DType
from runtime.target import Target

if TYPE_CHECKING:
    from graphc.codegen.scalar_llvm import LLVMBuilder

MOST = 16  # entries


def possible(target: Target, dtype: DType) -> bool:
    """Whether the target has permutations of float lanes by a vector of indices, of one register or
    two."""
    least = {dtypes.float32: 32, dtypes.float64: 64}.get(dtype)
    x86 = target.architecture == "x86_64"
    return x86 and least is not None and target.vector_bytes >= least


def lookup(builder: LLVMBuilder, table: Sequence[float | int], index: Value, dtype: DType) -> Value:
    """``table[index]`` for a vector of integers as wide as the float ``dtype``; at most ``MOST``
    entries."""
    lanes = builder.target.lanes(dtype.size)
    entries = (*table, *[0.0] * (MOST - len(table)))
    registers = [
        lanes_constant(tuple(entries[first : first + lanes]), dtype)
        for first in range(0, MOST, lanes)
    ]
    pieces = [_widened(builder, part, lanes) for part in builder.parted(index, lanes)]
    found = builder.joined([_chosen(builder, registers, piece, dtype) for piece in pieces])
    return builder.parted(found, index.width)[0]


def _widened(builder: LLVMBuilder, x: Value, lanes: int) -> Value:
    while x.width < lanes:
        x = builder.joined([x, x])
    return x


def _chosen(builder: LLVMBuilder, registers: Sequence[Value], index: Value, dtype: DType) -> Value:
    call = builder.writer.call
    if len(registers) == 1:
        return call("llvm.x86.avx512.permvar.sf.512", dtype, [registers[0], index])
    low, high = registers
    if dtype is dtypes.float64:
        return call("llvm.x86.avx512.vpermi2var.pd.512", dtype, [low, index, high])
    low, high = (call("llvm.x86.avx2.permps", dtype, [half, index]) for half in registers)
    return builder.select(builder.gt(index, index.width - 1), high, low)
