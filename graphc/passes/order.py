"""The order of every sum, stamped before fusion.

Responsible for choosing the attribute "order" of reductions and products (its meaning:
``graphc.loops.ir``), from the op, the axis that is summed over (of a transposed operand the one
that it was) and static sizes alone: never from who reads the result, the machine, or the number of
threads, so that no later decision can change a bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.dims import Size
from graphc.ir.graphs import Graph, clone, rewrite
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Contraction, Reduction
from graphc.ir.types import TensorType

THIN = 2  # rows or columns of a product that are too few to fill registers
NARROW = 4  # rows or columns of an operand whose elements along the other axis are close together
SMALL = 128  # elements of a product that are


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


def product_order(left: Value, right: Value) -> str:
    """ "ascending": one chain of fused multiply-adds an element, many elements at a time.  Where
    the result has too few elements to fill the registers, or a side of ``THIN`` along which they
    would have to, and what is large lies along the sum, each element is a row's sum, in "lanes": a
    dot product, a matrix times a vector, a vector times a transposed matrix."""
    rows, columns = left.type.shape[-2], right.type.shape[-1]
    thin = any(isinstance(side, int) and side <= THIN for side in (rows, columns))
    small = isinstance(rows, int) and isinstance(columns, int) and rows * columns <= SMALL
    if not small and not thin:
        return "ascending"
    return "lanes" if _is_along(left, rows, -1) and _is_along(right, columns, -2) else "ascending"


def _is_along(operand: Value, side: Size, depth: int) -> bool:
    """Whether neighbours along the axis ``depth``, which is summed over, of an operand of ``side``
    rows or columns lie side by side in memory, or close together."""
    return (isinstance(side, int) and side <= NARROW) or _lies_along(operand, depth)


def _lies_along(value: Value, axis: int) -> bool:
    """Whether neighbours along ``axis`` of ``value`` lie side by side in memory."""
    axis += value.type.rank
    while value.node.op.name == "permute_dims":
        axis, value = value.node.attributes["axes"][axis], value.node.operands[0]
    return axis == value.type.rank - 1


def _stamped(node: Node, operands: tuple[Value, ...]) -> Sequence[Value] | None:
    if "order" in node.attributes:
        return None
    if isinstance(node.op, Reduction):
        (axis,) = node.attributes["axes"]
        order = reduction_order(node.operands[0].type, axis)
    elif isinstance(node.op, Contraction):
        order = product_order(*node.operands)
    else:
        return None
    return clone(node, operands, attributes={**node.attributes, "order": order}).results
