"""Views of views of views: which of them are to be stored, so that looking through them ends.

A reader finds an element by the ways that lead through the views between; at each joint of several
parts it compares.  Where a view joins two parts of another, and so on, there are twice as many ways
each time.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphc.analysis.access import pieces_of
from graphc.ir.index import axis
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Rearrange

MANY = 32  # ways by which an element may be found


def crossroads(nodes: Iterable[Node], stored: Iterable[Value]) -> set[Value]:
    """The views of ``nodes`` (operands first) to be stored beside those that are ``stored``, so
    that no view leads ``MANY`` ways to the values behind it.  One that joins many values leads as
    many ways as it must."""
    found: set[Value] = set()
    kept = set(stored)
    joint: dict[Node, Node] = {}  # the last view of several parts that a view shows
    ways: dict[Node, int] = {}

    def count(value: Value) -> int:
        last = joint.get(value.node)
        return 1 if last is None or last.result in kept else ways[last]

    for node in nodes:
        if not isinstance(node.op, Rearrange):
            continue
        pieces = pieces_of(node, tuple(axis(i) for i in range(node.result.type.rank))) or ()
        through = [node.operands[p.operand] for p in pieces if p.operand is not None]
        total = sum(map(count, through))
        if total > max(MANY, len(through)):
            found.update(joint[value.node].result for value in through if count(value) > 1)
            kept |= found
            total = len(through)
        if len(through) > 1:
            joint[node], ways[node] = node, total
        elif through and through[0].node in joint:
            joint[node] = joint[through[0].node]
    return found
