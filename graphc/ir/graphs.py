"""Graphs: named outputs and parameter updates over nodes in topological order.

A graph owns no computation of its own; it fixes which values are inputs, parameters, outputs and
updates, and an order of the nodes in which every operand comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graphc.ir import dims
from graphc.ir.nodes import Node, Value


@dataclass(frozen=True, eq=False)
class Graph:
    """``inputs`` and ``parameters`` are results of source nodes; ``nodes`` are all others, operands
    first.  ``updates`` pairs a parameter with its new value; all read the old state.

    ``constraints`` are pairs of sizes (left, relation, right) with relation "==" or ">=", checked when
    the named dims are bound.  ``flush_denormals`` makes the native code run with denormals flushed.
    """

    name: str
    inputs: tuple[Value, ...]
    parameters: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: Mapping[str, Value]
    updates: tuple[tuple[Value, Value], ...] = ()
    constraints: tuple[tuple[dims.Size, str, dims.Size], ...] = ()
    flush_denormals: bool = False
    _dims: list[tuple[str, ...]] = field(default_factory=list, repr=False)

    @property
    def results(self) -> tuple[Value, ...]:
        """All values the graph must compute: outputs, then new parameter values."""
        return (*self.outputs.values(), *(new for _, new in self.updates))

    @property
    def dims(self) -> tuple[str, ...]:
        """The named dims of the inputs, in order of first appearance."""
        if not self._dims:
            found: dict[str, None] = {}
            for value in self.inputs:
                for size in value.type.shape:
                    found.update(dict.fromkeys(sorted(dims.names(size))))
            self._dims.append(tuple(found))
        return self._dims[0]


def topological(
    results: Iterable[Value], boundary: Collection[Node] = frozenset()
) -> tuple[Node, ...]:
    """All nodes that ``results`` depend on, operands first, in a stable order.  Nodes of
    ``boundary`` are not entered.  No recursion."""
    order: list[Node] = []
    seen: set[Node] = set(boundary)
    stack: list[tuple[Node, bool]] = [(value.node, False) for value in reversed(list(results))]
    while stack:
        node, operands_done = stack.pop()
        if operands_done:
            order.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, True))
        stack.extend((operand.node, False) for operand in reversed(node.operands))
    return tuple(order)


def collect(
    name: str,
    outputs: Mapping[str, Value],
    updates: Sequence[tuple[Value, Value]] = (),
    *,
    inputs: Sequence[Value] | None = None,
    parameters: Sequence[Value] | None = None,
    constraints: Sequence[tuple[dims.Size, str, dims.Size]] = (),
    flush_denormals: bool | None = None,
) -> Graph:
    """The graph that computes ``outputs`` and ``updates``.  Inputs and parameters are those found, in
    order of appearance, unless given; denormals are flushed where there are updates unless said."""
    reached = topological([*outputs.values(), *(v for pair in updates for v in pair)])
    found_inputs = [n.result for n in reached if n.op.name == "input"]
    found_parameters = [n.result for n in reached if n.op.name == "parameter"]
    return Graph(
        name,
        tuple(inputs if inputs is not None else found_inputs),
        tuple(parameters if parameters is not None else found_parameters),
        tuple(n for n in reached if n.op.name not in ("input", "parameter")),
        dict(outputs),
        tuple(updates),
        tuple(constraints),
        bool(updates) if flush_denormals is None else flush_denormals,
    )


Rule = Callable[[Node, tuple[Value, ...]], Sequence[Value] | None]


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """The graph with each node replaced by what ``rule(node, new_operands)`` gives for its results
    (``None``: the same op on the new operands).  Names and locations of replaced nodes are the rule's
    affair; dead nodes fall away."""
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        operands = tuple(new.get(v, v) for v in node.operands)
        results = rule(node, operands)
        if results is None:
            results = node.results if operands == node.operands else clone(node, operands).results
        new.update(zip(node.results, results, strict=True))
    return collect(
        graph.name,
        {name: new.get(v, v) for name, v in graph.outputs.items()},
        [(p, new.get(v, v)) for p, v in graph.updates],
        inputs=graph.inputs,
        parameters=graph.parameters,
        constraints=graph.constraints,
        flush_denormals=graph.flush_denormals,
    )


def clone(node: Node, operands: Sequence[Value]) -> Node:
    """The same op, attributes, types, name and place on other operands."""
    return Node(
        node.op,
        operands,
        node.attributes,
        [v.type for v in node.results],
        location=node.location,
        name=node.name,
        body=node.body,
    )
