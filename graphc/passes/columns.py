"""Long columns beside rows: reduced in two steps, so that one pass over the rows does both.

A kernel that folds rows hands blocks of whole rows to threads, so it cannot fold a column down all
of them.  But the order "tree" folds a column by blocks of eight rows first: those blocks are made
where the rows are at hand, and the blocks' results, an eighth as much, folded after.  The bits are
those of the reduction in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphc.ir.graphs import Graph, rewrite
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Reduction
from graphc.passes.base import build
from graphc.passes.groups import folded_axis, is_column, units_dropped

if TYPE_CHECKING:
    from graphc.passes.fuse import Grouping


def in_blocks(graph: Graph, grouping: Grouping) -> Graph | None:
    """``graph`` with the columns that a kernel of ``grouping`` could fold beside its rows in two
    steps; ``None`` where there are none."""
    beside = {node for node in graph.nodes if _lies_beside_rows(node, grouping)}
    if not beside:
        return None

    def split(node: Node, operands: tuple[Value, ...]) -> Sequence[Value] | None:
        if node not in beside:
            return None
        assert isinstance(node.op, Reduction)
        attributes = {"axis": folded_axis(node), "combine": node.op.combine}
        blocks = build("blocks", operands, attributes, node, name=node.name).result
        attributes = {**node.attributes, "order": "ascending"}
        return build(node.op, (blocks,), attributes, node, name=node.name).results

    return rewrite(graph, split, lambda op: isinstance(op, Reduction))


def _lies_beside_rows(node: Node, grouping: Grouping) -> bool:
    if not isinstance(node.op, Reduction) or not is_column(node):
        return False
    own, uses = grouping.group[node], grouping.uses
    if own.kind != "loop":
        return False
    for member in own.nodes:
        for edge in uses.edges_of[member]:
            around = (edge.read.value.node, *uses.readers[edge.read.value])
            for other in around:
                group = grouping.group.get(other)
                if group is None or group is own or edge.repeated != ():
                    continue
                rows = group.kind == "loop" and group.along == len(group.domain) - 1
                if rows and units_dropped(group.domain) == units_dropped(own.domain):
                    return own.down is not None and own.down == len(own.domain) - 2
    return False
