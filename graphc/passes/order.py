"""The order of every sum, stamped before fusion.

Responsible for choosing the attribute "order" of reductions and products (its meaning:
``graphc.loops.ir``), from the op, the axis and static sizes alone: never from what is around a
node, the machine, or the number of threads, so that no later decision can change a bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.graphs import Graph, rewrite
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Contraction, Reduction
from graphc.ir.types import TensorType


class Order:
    """Adds "order" to reductions and products that have none."""

    __slots__ = ()
    name = "order"

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, _stamped, lambda op: isinstance(op, Contraction | Reduction))


def reduction_order(operand: TensorType, axis: int) -> str:
    """ "lanes" along the last axis, whose elements lie behind each other; "tree" along any other,
    which the tiles of a product can carry."""
    return "lanes" if axis == operand.rank - 1 else "tree"


def product_order(result: TensorType) -> str:
    """ "ascending": one chain of fused multiply-adds an element, many elements at a time.  Where
    the result is a single column (dot, matrix times vector) there are not enough elements to fill
    the registers, and each is a row's sum in "lanes"."""
    return "lanes" if result.shape[-1] == 1 else "ascending"


def _stamped(node: Node, operands: tuple[Value, ...]) -> Sequence[Value] | None:
    if "order" in node.attributes:
        return None
    if isinstance(node.op, Reduction):
        (axis,) = node.attributes["axes"]
        order = reduction_order(node.operands[0].type, axis)
    elif isinstance(node.op, Contraction):
        order = product_order(node.result.type)
    else:
        return None
    stamped = Node(
        node.op,
        operands,
        {**node.attributes, "order": order},
        [value.type for value in node.results],
        location=node.location,
        name=node.name,
    )
    return stamped.results
