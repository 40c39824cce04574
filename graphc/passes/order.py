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
FEW = NARROW * NARROW  # elements of a product that are fewer than a vector's lanes, or hardly more
SHORT = 48  # terms of a sum that has folded its lanes for longer than it took to fill them


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
    dot product, a matrix times a vector, a vector times a transposed matrix.  Of more than ``FEW``
    elements only where the sum is long, and its terms lie side by side."""
    rows, columns = left.type.shape[-2], right.type.shape[-1]
    thin = any(isinstance(side, int) and side <= THIN for side in (rows, columns))
    elements = rows * columns if isinstance(rows, int) and isinstance(columns, int) else None
    if not thin and (elements is None or elements > SMALL):
        return "ascending"
    few = elements is not None and elements <= FEW
    if elements is not None and not few and 1 not in (rows, columns) and _is_short(left):
        return "ascending"
    most = NARROW if few else THIN
    along = _is_along(left, rows, -1, most) and _is_along(right, columns, -2, most)
    return "lanes" if along else "ascending"


def _is_short(left: Value) -> bool:
    depth = left.type.shape[-1]
    return isinstance(depth, int) and depth <= SHORT


def _is_along(operand: Value, side: Size, depth: int, most: int) -> bool:
    """Whether neighbours along the axis ``depth``, which is summed over, of an operand of ``side``
    rows or columns lie side by side in memory, or at ``most`` so many places apart."""
    return (isinstance(side, int) and side <= most) or _lies_along(operand, depth)


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
