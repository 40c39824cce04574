"""From when to when each value of a graph must be kept.

Responsible for intervals over an order of nodes; assigns no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.nodes import Node, Value


@dataclass(frozen=True)
class Interval:
    """Positions in the order: made at ``start``, last read at ``end``.  Values from outside
    (inputs, parameters) start at -1; those kept to the end, as results are, end at the number of
    nodes."""

    start: int
    end: int

    def overlaps(self, other: Interval) -> bool:
        """Whether both values exist at one time.  A value that is read for the last time by the
        node that makes another one exists together with it."""
        return self.start <= other.end and other.start <= self.end


def intervals(order: Sequence[Node], kept: Iterable[Value]) -> Mapping[Value, Interval]:
    """The interval of every value made or read in ``order``; ``kept`` live to the end."""
    start: dict[Value, int] = {}
    end: dict[Value, int] = {}
    for position, node in enumerate(order):
        for operand in node.operands:
            start.setdefault(operand, -1)
            end[operand] = position
        for result in node.results:
            start[result] = end[result] = position
    for value in kept:
        start.setdefault(value, -1)
        end[value] = len(order)
    return {value: Interval(start[value], end[value]) for value in start}


def live_after(order: Sequence[Node], kept: Iterable[Value]) -> list[frozenset[Value]]:
    """For each position, the values made so far that are still needed after it."""
    live = {value for value in kept}
    found: list[frozenset[Value]] = []
    for node in reversed(order):
        found.append(frozenset(live))
        live.difference_update(node.results)
        live.update(node.operands)
    return found[::-1]
