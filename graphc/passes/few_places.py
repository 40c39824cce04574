"""Few elements added at computed places: each place compares where they go.

To add elements one by one where data say, a kernel writes the result twice, and nothing that reads
it can share its loop.  Of a few elements, such as the one that a label picks of a row, each place
asks all in turn whether they are for it.  The bits are the same: what is not is added as a zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc import location
from graphc.ir import dtypes
from graphc.ir.graphs import Graph, rewrite
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Scatter
from graphc.ops.declare import call
from graphc.passes.base import build, renamed
from graphc.tensor import Tensor

FEW = 4  # elements; more comparisons take longer than one more pass over the result


class FewPlaces:
    """See the module."""

    __slots__ = ()
    name = "few_places"

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, _compared, lambda op: isinstance(op, Scatter))


def _compared(node: Node, operands: tuple[Value, ...]) -> Sequence[Value] | None:
    if not isinstance(node.op, Scatter):
        return None
    x, index = map(Tensor, operands)
    axis, size = node.attributes["axis"], node.attributes["size"]
    count = x.shape[axis]
    if not isinstance(count, int) or count > FEW:
        return None
    shape = (*x.shape[: axis + 1], size, *x.shape[axis + 1 :])
    with location.at(node.location):
        taken = call.maximum(call.minimum(call.astype(index, dtypes.int64), size - 1), 0)
        here = call.expand_dims(taken, axis + 1) == call.iota(shape, axis + 1)
        added = call.where(here, call.expand_dims(x, axis + 1), call.astype(0, x.dtype))
        if count == 1:
            alone = (call.squeeze(added, axis) + 0).value
            return [renamed(alone, node.name) if node.name else alone]
    attributes = {"axes": (axis,), "order": "ascending"}
    return build("sum", (added.value,), attributes, node, name=node.name).results
