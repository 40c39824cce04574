"""Which ops a kernel repeats so often that their arithmetic is better written once and called.

A call costs about as much as four additions of vectors.  Inlined, the code grows with the count of
the op, and with it LLVM's time, out of the instruction cache at last.  Only counts; the functions
are written by ``graphc.codegen.outlining``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from graphc.ir.op import Elementwise, lookup
from graphc.loops import ir
from graphc.loops.walk import expressions

OFTEN = 4  # uses in one kernel
COSTLY = 12  # flops
TOGETHER = 4  # vectors a call takes at once, whose chains of dependent operations then overlap


def repeated(body: Iterable[ir.Statement]) -> frozenset[str]:
    """The names of the elementwise ops of at least ``COSTLY`` flops with ``OFTEN`` uses or more."""
    uses = Counter(e.op for e in expressions(body) if isinstance(e, ir.Apply))
    return frozenset(name for name, count in uses.items() if count >= OFTEN and _costly(name))


def _costly(name: str) -> bool:
    record = lookup(name)
    return isinstance(record, Elementwise) and record.cost >= COSTLY
