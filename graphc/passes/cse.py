"""Equal computations done once.

Responsible for finding nodes of the same op on the same operands with attributes of the same bits.
Two orders of a sum are two computations.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from graphc.ir.attributes import frozen_attributes
from graphc.ir.graphs import Graph, clone, rewrite
from graphc.ir.nodes import Node, Value

# Exact or rounded once, so that the bits do not depend on which operand stands left.  Not maximum
# and minimum: of +0 and -0 they keep the left one.
_COMMUTATIVE = frozenset(
    {"add", "multiply", "equal", "not_equal", "logical_and", "logical_or", "logical_xor",
     "bitwise_and", "bitwise_or", "bitwise_xor"}
)  # fmt: skip


class CommonSubexpressions:
    """Replaces a node by an earlier equal one, which keeps its own name and line."""

    __slots__ = ()
    name = "cse"

    def run(self, graph: Graph) -> Graph:
        return rewrite(graph, _Finder())


class _Finder:
    """The rule, with the nodes it has seen."""

    def __init__(self) -> None:
        self._numbers: dict[Value, int] = {}
        self._known: dict[Hashable, tuple[Value, ...]] = {}

    def __call__(self, node: Node, operands: tuple[Value, ...]) -> Sequence[Value] | None:
        if node.body is not None:
            return None
        # What the results' types are follows from the op, its operands and its attributes.
        numbers = [self._numbers.setdefault(v, len(self._numbers)) for v in operands]
        if node.op.name in _COMMUTATIVE:
            numbers.sort()
        key = (node.op, *numbers, frozen_attributes(node.attributes) if node.attributes else None)
        known = self._known.get(key)
        if known is not None:
            return known
        results = node.results if operands is node.operands else clone(node, operands).results
        self._known[key] = results
        return results
