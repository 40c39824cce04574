"""Which nodes depend on which, as bitsets.

Responsible for the transitive closure of a graph; decides nothing.  Python's integers are the
bitsets: the closure of 2,000 nodes takes milliseconds, and a test of convexity one ``&``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.ir.nodes import Node


class Reachability:
    """The closure over ``nodes``, which stand in topological order (operands first)."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)
        self.number = {node: i for i, node in enumerate(self.nodes)}
        self._before: list[int] = []
        for node in self.nodes:
            reached = 0
            for operand in node.operands:
                place = self.number.get(operand.node)
                if place is not None:
                    reached |= self._before[place] | 1 << place
            self._before.append(reached)
        self._after = self._reversed()

    def _reversed(self) -> list[int]:
        after = [0] * len(self.nodes)
        for place in range(len(self.nodes) - 1, -1, -1):
            reached = after[place] | 1 << place
            for operand in self.nodes[place].operands:
                source = self.number.get(operand.node)
                if source is not None:
                    after[source] |= reached
        return after

    def depends(self, node: Node, on: Node) -> bool:
        """Whether ``node`` needs a result of ``on``, directly or through others."""
        return bool(self._before[self.number[node]] >> self.number[on] & 1)

    def before(self, node: Node) -> int:
        """All that ``node`` depends on, as a bitset."""
        return self._before[self.number[node]]

    def after(self, node: Node) -> int:
        """All that depends on ``node``, as a bitset."""
        return self._after[self.number[node]]

    def bits(self, nodes: Iterable[Node]) -> int:
        """A set of nodes as a bitset."""
        return sum(1 << place for place in {self.number[node] for node in nodes})

    def members(self, bits: int) -> tuple[Node, ...]:
        """The nodes of a bitset, in order."""
        found = []
        while bits:
            lowest = bits & -bits
            found.append(self.nodes[lowest.bit_length() - 1])
            bits ^= lowest
        return tuple(found)

    def between(self, group: int) -> int:
        """The nodes outside ``group`` on a path from one of its members to another: those that
        forbid computing the group at once.  Empty where the group is convex."""
        before = after = 0
        rest = group
        while rest:
            place = (rest & -rest).bit_length() - 1
            before |= self._before[place]
            after |= self._after[place]
            rest &= rest - 1
        return before & after & ~group
