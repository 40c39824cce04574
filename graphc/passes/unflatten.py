"""Products of many rows take the shape of what surrounds them.

``x @ w`` with batch axes is declared as one tall product between two reshapes, so that the weight's
gradient is one product as well.  A reshape that splits the tall result would keep everything after
the product out of its tiles; here the product gets the batch axes and the reshapes go.  Lowering
merges the axes again wherever memory allows it.

What it may not do: change an element's bits (each is the same chain of terms), or leave products of
so few rows that their tiles stay empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir import dims
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Contraction
from graphc.passes.base import Make, rewrite_locally

FEWEST_ROWS = 16  # of one batch index, should the axes not merge again


@dataclass(frozen=True)
class Unflatten:
    """See the module."""

    name: str = "unflatten"

    def run(self, graph: Graph) -> Graph:
        return rewrite_locally(graph, _rule)


def _rule(node: Node, make: Make) -> Value | None:
    if node.op.name != "reshape":
        return None
    product, shape = node.operands[0].node, node.result.type.shape
    if not isinstance(product.op, Contraction) or product.result.type.rank != 2 or len(shape) < 3:
        return None
    rows, columns = product.result.type.shape
    few = isinstance(shape[-2], int) and shape[-2] < FEWEST_ROWS
    if few or shape[-1] != columns or dims.product(shape[:-1]) != rows:
        return None
    left, right = product.operands
    depth = left.type.shape[1]
    batch = make(
        "broadcast",
        right,
        like=product,
        shape=(*shape[:-2], depth, columns),
        axes=(len(shape) - 2, len(shape) - 1),
    )
    whole = _reshaped(left, (*shape[:-1], depth), product, make)
    return make(product.op, whole, batch, like=product, **product.attributes)


def _reshaped(value: Value, shape: dims.Shape, like: Node, make: Make) -> Value:
    while value.node.op.name == "reshape":
        value = value.node.operands[0]
    return value if value.type.shape == shape else make("reshape", value, like=like, shape=shape)
