"""Products of many rows take the shape of what surrounds them.

``x @ w`` with batch axes is declared as one tall product between two reshapes, so that the weight's
gradient is one product as well.  A reshape that splits the tall result would keep everything after
the product out of its tiles; here the product gets the batch axes and the reshapes go.  Lowering
merges the axes again wherever memory allows it.

The transpose of a product that nothing else reads is the product of the transposes, the other way
round: tiles store rows, not columns.

What it may not do: change an element's bits (each is the same chain of terms, and the two factors
of a term may change places), or leave products of so few rows that their tiles stay empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from graphc.ir import dims
from graphc.ir.graphs import Graph, rewrite
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Contraction
from graphc.passes.base import Make, build, renamed, rewrite_locally

FEWEST_ROWS = 16  # of one batch index, should the axes not merge again


class ShapeProducts:
    """See the module."""

    __slots__ = ()
    name = "shape-products"

    def run(self, graph: Graph) -> Graph:
        if not any(isinstance(node.op, Contraction) for node in graph.nodes):
            return graph
        readers = Counter(value for node in graph.nodes for value in node.operands)
        readers.update(graph.results)

        def transposed(node: Node, operands: tuple[Value, ...]) -> Sequence[Value] | None:
            if node.op.name != "permute_dims" or readers[node.operands[0]] > 1:
                return None
            return _transposed(node, operands[0])

        turned = rewrite(graph, transposed, lambda op: op.name == "permute_dims")
        return rewrite_locally(turned, _rule, lambda op: op.name == "reshape")


def _transposed(node: Node, product: Value) -> Sequence[Value] | None:
    """A permutation that puts a product's rows last, of the transposes' product."""
    axes: tuple[int, ...] = node.attributes["axes"]
    last = len(axes) - 1
    if not isinstance(product.node.op, Contraction) or axes[-1] != last - 1:
        return None
    if product.node.attributes.get("order") != "ascending":
        return None
    swapped = (*range(last - 1), last, last - 1)
    left, right = (
        build("permute_dims", (operand,), {"axes": swapped}, product.node).result
        for operand in reversed(product.node.operands)
    )
    attributes = product.node.attributes
    result = build(product.node.op, (left, right), attributes, product.node).result
    rest = tuple(swapped[axis] for axis in axes)
    if rest == tuple(range(last + 1)):
        return (renamed(result, node.name) if node.name else result,)
    return build("permute_dims", (result,), {"axes": rest}, node, name=node.name).results


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
