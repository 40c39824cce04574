"""What a pass is, and the driver of local rules that most passes are made of.

Responsible for walking and rebuilding; which rewrites are right is each pass's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from graphc.errors import GraphcError
from graphc.ir import op
from graphc.ir.graphs import Graph, clone, rewrite
from graphc.ir.nodes import Node, Value

_MOST_STEPS = 64


class Pass(Protocol):
    """Has a name, and options that do not change; ``run`` is pure."""

    @property
    def name(self) -> str: ...

    def run(self, graph: Graph) -> Graph: ...


class Make(Protocol):
    """Builds the result of an op in a rule: types are inferred, the place is that of ``like``, and
    the rules are applied to what is built."""

    def __call__(
        self, record: str | op.Op, *operands: Value, like: Node, **attributes: Any
    ) -> Value: ...


Rule = Callable[[Node, Make], "Value | None"]


def build(
    record: str | op.Op,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    like: Node,
    name: str | None = None,
) -> Node:
    """A node of an op with inferred types, at the place of ``like``."""
    known = op.lookup(record) if isinstance(record, str) else record
    try:
        types = known.infer([value.type for value in operands], attributes)
    except GraphcError as error:
        raise error.with_operands(known.name, operands, like.location) from None
    return Node(known, operands, attributes, types, location=like.location, name=name)


def renamed(value: Value, name: str) -> Value:
    """The same value from a node that is called ``name``."""
    return clone(value.node, value.node.operands, name=name).results[value.index]


def rewrite_locally(graph: Graph, rule: Rule, concerns: Callable[[op.Op], bool]) -> Graph:
    """The graph with ``rule`` applied to each node, and to whatever it builds, until it has nothing
    more to say.  One walk is enough, because a node is looked at after its operands.  Of ops that
    it does not concern the rule has nothing to say.

    A value that a rule has built takes over the name of the one it replaces.
    """
    return rewrite(graph, _Rewriter(rule, graph), concerns)


class _Rewriter:
    """``rule`` to be applied by ``graphs.rewrite``."""

    def __init__(self, rule: Rule, graph: Graph) -> None:
        self._rule = rule
        self._placed = {value.node for value in (*graph.inputs, *graph.parameters)}
        self._placed.update(graph.nodes)

    def __call__(self, node: Node, operands: tuple[Value, ...]) -> Sequence[Value]:
        current = node if operands is node.operands else clone(node, operands)
        if len(current.results) != 1:
            return current.results
        value = self._reduced(current.result)
        if node.name and value.node.name is None and value.node not in self._placed:
            value = renamed(value, node.name)
        self._placed.add(value.node)
        return (value,)

    def _reduced(self, value: Value) -> Value:
        for _ in range(_MOST_STEPS):
            simpler = self._rule(value.node, self._make)
            if simpler is None or simpler is value:
                return value
            value = simpler
        raise GraphcError(f"the rewriting of {value.node.op.name} does not end")

    def _make(self, record: str | op.Op, *operands: Value, like: Node, **attributes: Any) -> Value:
        return self._reduced(build(record, operands, attributes, like).result)
