"""What is computed again where it is read, instead of being stored between kernels.

The backward half of a graph reads many values of the forward half.  A value that costs a few
operations and is made from values that are in memory anyhow is cheaper to make again than to write
and read; the choice counts both.  It moves no node and changes no bit: a group computes some nodes
of others ``again``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Contraction, Elementwise, Gather
from graphc.passes.groups import BODY_LIMIT, Group
from graphc.passes.uses import Edge

if TYPE_CHECKING:
    from graphc.passes.fuse import Grouping

# A float that goes to memory and comes back takes 0.84 ns beside 0.018 ns of a flop in vectors
# (measured on a 2-core Zen 4, 4 MB arrays): 46 flops for 4 bytes.  A little below that, because
# arrays that stay in a near cache are cheaper.
FLOPS_A_BYTE = 10
SMALL = 8  # by how much smaller a value must be to be stored in the place of another


def choose(graph: Graph, grouping: Grouping) -> None:
    """Let the groups of ``grouping`` compute again what is not worth storing."""
    chooser = _Chooser(graph, grouping)
    for node in graph.nodes:
        if isinstance(node.op, Elementwise) and node in grouping.group:
            chooser.consider(node)


class _Plan(NamedTuple):
    """Nodes to compute again in one group, and what must be stored for them that was not."""

    nodes: set[Node]
    stored: set[Value]


class _Chooser:
    def __init__(self, graph: Graph, grouping: Grouping) -> None:
        self.grouping = grouping
        self.uses = grouping.uses
        self.updated = {parameter for parameter, _ in graph.updates}

    def consider(self, node: Node) -> None:
        """Compute ``node`` again in all groups but its own that read it, where that pays."""
        value, home = node.result, self.grouping.group[node]
        if value in self.uses.stored:
            return
        edges = [e for e in self.uses.edges_to.get(value, ()) if self._group(e.reader) is not home]
        if not edges or not all(map(self._reads_plainly, edges)) or not self._at_one_place(edges):
            return
        readers = dict.fromkeys(self._group(edge.reader) for edge in edges)
        plans = {group: self._plan(node, group) for group in readers}
        flops = sum(_flops(plan.nodes, value) for plan in plans.values())
        if flops > FLOPS_A_BYTE * value.type.dtype.size * (1 + len(plans)) / 2:
            return
        if any(not _is_small(u, value) for plan in plans.values() for u in plan.stored):
            return
        for group, plan in plans.items():
            if len(group.nodes) + len(group.again) + len(plan.nodes) > BODY_LIMIT:
                return
        for group, plan in plans.items():
            self.grouping.compute_again(group, plan.nodes)

    def _group(self, node: Node) -> Group:
        return self.grouping.group[node]

    def _reads_plainly(self, edge: Edge) -> bool:
        """Whether the reader takes each element once, in its group's own loop."""
        alone = self._group(edge.reader).kind == "alone"
        return not (isinstance(edge.reader.op, (Contraction, Gather)) or alone or edge.grows)

    def _at_one_place(self, edges: Iterable[Edge]) -> bool:
        """Whether each group needs the value at one index, all views looked through: a chain of
        values each of which is made twice for the next is made 2, 4, 8, ... times."""
        places: dict[Group, set[object]] = {}
        for edge in edges:
            own = None if edge.repeated == () else edge.read.index
            places.setdefault(self._group(edge.reader), set()).add(own)
        return all(len(found) == 1 for found in places.values())

    def _plan(self, node: Node, group: Group) -> _Plan:
        plan = _Plan(set(), set())
        pending = [node]
        while pending:
            current = pending.pop()
            if current in group.again or current in plan.nodes:
                continue
            plan.nodes.add(current)
            for edge in self.uses.edges_of[current]:
                value = edge.read.value
                if self._is_at_hand(value, group):
                    continue
                if isinstance(value.node.op, Elementwise):
                    pending.append(value.node)
                else:
                    plan.stored.add(value)
        return plan

    def _is_at_hand(self, value: Value, group: Group) -> bool:
        """Whether ``group`` can read ``value`` without anything new being stored for it."""
        home = self.grouping.group.get(value.node)
        if home is None:  # a source; what an update overwrites early would have to be copied
            return value not in self.updated or value in self.grouping.sources(group)
        return home is group or value in self.uses.stored or self.grouping.is_kept(value)


def _is_small(value: Value, beside: Value) -> bool:
    """Whether storing ``value`` costs little beside ``beside``."""
    size, whole = value.type.size, beside.type.size
    if isinstance(size, int) and isinstance(whole, int):
        return size * SMALL <= whole
    return value.type.rank < beside.type.rank


def _flops(nodes: Iterable[Node], value: Value) -> int:
    """Flops an element; what is made for each row alone does not count."""
    costs = (n.op.cost for n in nodes if n.result.type.size == value.type.size
             and isinstance(n.op, Elementwise))  # fmt: skip
    return sum(costs)
