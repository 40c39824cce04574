"""What a graph costs: floating-point operations and bytes moved, as sizes.

Responsible for counting by the kind of each op; measures nothing.  The counts hold for each node on
its own (operands read once, results written once); a fused group reads its operands and writes its
results only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphc.ir import dims, op
from graphc.ir.dims import Size
from graphc.ir.nodes import Node, Value


@dataclass(frozen=True)
class Cost:
    """``flops`` and ``bytes``; polynomials of the named dims where sizes are."""

    flops: Size
    bytes: Size


def cost(node: Node) -> Cost:
    """The cost of one node.

    A matrix product is two flops a term, a reduction one an element read, an elementwise op what
    its record says, moves of elements none.  A composite counts as one flop an element of its
    results; decompose the graph for its parts.
    """
    return Cost(flops(node), moved(node.operands) + moved(node.results))


def moved(values: Iterable[Value]) -> Size:
    """The bytes of distinct ``values``."""
    total: Size = 0
    for value in dict.fromkeys(values):
        total = total + value.type.size * value.type.dtype.size
    return total


def flops(node: Node) -> Size:
    """The operations of one node; those of the whole body for a fused group."""
    total: Size = 0
    pending = [node]
    while pending:
        current = pending.pop()
        if current.body is not None:
            pending.extend(current.body.nodes)
        else:
            total = total + _own_flops(current)
    return total


def _own_flops(node: Node) -> Size:
    size = dims.product(node.results[0].type.shape)
    match node.op:
        case op.Elementwise(cost=each):
            return size * each
        case op.Reduction():
            return node.operands[0].type.size
        case op.Contraction():
            return size * node.operands[0].type.shape[-1] * 2
        case op.Composite():
            return sum((value.type.size for value in node.results), start=0)
        case _:
            return 0
