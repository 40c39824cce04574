"""Products with powers of two, by the one instruction that some targets have for them.

Elsewhere a power of two takes shifts, and two products where its exponent may be out of range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.codegen.values import Value
from runtime.target import Target

if TYPE_CHECKING:
    from graphc.codegen.scalar_llvm import LLVMBuilder


def possible(target: Target) -> bool:
    """Whether the target has the instruction."""
    return target.architecture == "x86_64" and target.vector_bytes == 64


def scale(builder: LLVMBuilder, x: Value, n: Value) -> Value:
    """``x * 2**n``, rounded once, for a whole ``n``."""
    x, n = builder.together(x, n)
    if x.width == 1:
        found = _of_register(builder, builder.splat(x, 4), builder.splat(n, 4))
        return builder.part(found, 0, 1)
    lanes = builder.target.lanes(x.dtype.size)
    pairs = zip(builder.parted(x, lanes), builder.parted(n, lanes), strict=True)
    found = builder.joined([_of_register(builder, *pair) for pair in pairs])
    return builder.parted(found, x.width)[0]


def _of_register(builder: LLVMBuilder, x: Value, n: Value) -> Value:
    while x.width * x.dtype.size < 16:
        x, n = (builder.joined([operand, operand]) for operand in (x, n))
    bits = 8 * x.width * x.dtype.size
    lanes = max(8, x.width)
    # The third operand is for lanes that the mask leaves out: there are none.
    rest = [f"i{lanes} -1"] + (["i32 4"] if bits == 512 else [])  # 4: the current rounding
    name = f"llvm.x86.avx512.mask.scalef.p{'s' if x.dtype.size == 4 else 'd'}.{bits}"
    return builder.writer.call(name, x.dtype, [x, n, x], *rest)
