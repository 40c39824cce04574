"""What the costly ops of a kernel ask for: wide vectors, and functions where they are repeated.

The arithmetic of a costly op is a long chain of dependent operations.  Vectors of several registers
keep as many chains in flight; of single registers the processor sees too few at once, since later
iterations do not fit into its window.  Repeated inline, the code grows with the count of the op,
and with it LLVM's time, out of the instruction cache at last; a call costs next to nothing for a
wide vector.  In a register tile, the vectors of a few positions make one wide vector.  Only counts;
functions are written by ``graphc.codegen.outlining``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from graphc.ir.op import Elementwise, lookup
from graphc.loops import ir
from graphc.loops.walk import expressions
from runtime.target import Target

OFTEN = 4  # uses in one kernel
COSTLY = 10  # flops


def repeated(body: Iterable[ir.Statement]) -> frozenset[str]:
    """The names of the elementwise ops of at least ``COSTLY`` flops with ``OFTEN`` uses or more."""
    uses = Counter(e.op for e in expressions(body) if isinstance(e, ir.Apply))
    return frozenset(name for name, count in uses.items() if count >= OFTEN and is_costly(name))


def costly(body: Iterable[ir.Statement]) -> bool:
    """Whether any op is."""
    return any(is_costly(e.op) for e in expressions(body) if isinstance(e, ir.Apply))


def registers_together(target: Target) -> int:
    """The registers of a wide vector."""
    return 4 if target.vector_registers >= 32 else 2


def is_costly(name: str) -> bool:
    """Whether the op of this name takes at least ``COSTLY`` flops."""
    record = lookup(name)
    return isinstance(record, Elementwise) and record.cost >= COSTLY
