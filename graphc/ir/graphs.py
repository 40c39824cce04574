"""Graphs: named outputs and parameter updates over nodes in topological order.

A graph owns no computation of its own; it fixes which values are inputs, parameters, outputs and
updates, and an order of the nodes in which every operand comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.ir import attributes, dims
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Constraint, Op


@dataclass(frozen=True, eq=False)
class Graph:
    """``inputs`` and ``parameters`` are results of source nodes; ``nodes`` are all others, operands
    first.  ``updates`` pairs a parameter with its new value; all read the old state.

    ``constraints`` are pairs of sizes (left, relation, right) with relation "==" or ">=", checked
    when the named dims are bound.  ``flush_denormals`` makes the native code run with denormals
    flushed.  Graphs compare structurally (``equal``).
    """

    name: str
    inputs: tuple[Value, ...]
    parameters: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: Mapping[str, Value]
    updates: tuple[tuple[Value, Value], ...] = ()
    constraints: tuple[Constraint, ...] = ()
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and equal(self, other)

    def __hash__(self) -> int:
        ops = tuple(node.op.name for node in self.nodes)
        return hash((self.name, tuple(v.type for v in self.inputs), tuple(self.outputs), ops))


def topological(
    results: Iterable[Value], boundary: Collection[Node] = frozenset()
) -> tuple[Node, ...]:
    """All nodes that ``results`` depend on, operands first, in a stable order.  Nodes of
    ``boundary`` are not entered.  No recursion."""
    order: list[Node] = []
    seen: set[Node] = set(boundary)
    stack: list[Node | None] = [value.node for value in reversed(list(results))]
    while stack:
        node = stack.pop()
        if node is None:  # the operands of the node below are done
            done = stack.pop()
            assert done is not None
            order.append(done)
            continue
        if node in seen:
            continue
        seen.add(node)
        stack += (node, None)
        stack += [operand.node for operand in reversed(node.operands) if operand.node not in seen]
    return tuple(order)


def collect(
    name: str,
    outputs: Mapping[str, Value],
    updates: Sequence[tuple[Value, Value]] = (),
    *,
    inputs: Sequence[Value] | None = None,
    parameters: Sequence[Value] | None = None,
    constraints: Sequence[Constraint] = (),
    flush_denormals: bool | None = None,
) -> Graph:
    """The graph that computes ``outputs`` and ``updates``.  Inputs and parameters are those found,
    in order of appearance, unless given; denormals are flushed where there are updates unless said.
    To ``constraints`` are added those that the nodes require (``x[5:]`` needs ``N >= 5``).
    """
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
        _with_required(constraints, reached),
        bool(updates) if flush_denormals is None else flush_denormals,
    )


def _with_required(
    constraints: Sequence[Constraint], nodes: Iterable[Node]
) -> tuple[Constraint, ...]:
    found = dict.fromkeys(constraints)
    for node in nodes:
        if node.op.requires is not None:
            types = [value.type for value in node.operands]
            found.update(dict.fromkeys(node.op.requires(types, node.attributes)))
    return tuple(found)


Rule = Callable[[Node, tuple[Value, ...]], Sequence[Value] | None]


def rewrite(graph: Graph, rule: Rule, concerns: Callable[[Op], bool] | None = None) -> Graph:
    """The graph with each node replaced by what ``rule(node, new_operands)`` gives for its results
    (``None``: the same op on the new operands); ``graph`` itself where nothing changes.  Names and
    locations of replaced nodes are the rule's affair; dead nodes fall away.

    Nodes whose operands stay and whose ops the rule does not concern are not shown to it."""
    new: dict[Value, Value] = {}
    ops = {node.op for node in graph.nodes}
    shown = ops if concerns is None else {op for op in ops if concerns(op)}
    for node in graph.nodes:
        operands = node.operands
        if new and not new.keys().isdisjoint(operands):
            operands = tuple([new.get(v, v) for v in operands])
        elif node.op not in shown:
            continue
        results = rule(node, operands)
        if results is None:
            results = node.results if operands is node.operands else clone(node, operands).results
        for old, value in zip(node.results, results, strict=True):
            if old is not value:
                new[old] = value
    return substitute(graph, new) if new else graph


def substitute(graph: Graph, new: Mapping[Value, Value]) -> Graph:
    """``graph`` with each of its results that ``new`` holds replaced by what it maps to."""
    outputs = {name: new.get(v, v) for name, v in graph.outputs.items()}
    return with_results(graph, outputs, [(p, new.get(v, v)) for p, v in graph.updates])


def with_results(
    graph: Graph, outputs: Mapping[str, Value], updates: Sequence[tuple[Value, Value]]
) -> Graph:
    """The graph of the same name, inputs, parameters and rules as ``graph`` that computes
    ``outputs`` and ``updates``."""
    return collect(
        graph.name,
        outputs,
        updates,
        inputs=graph.inputs,
        parameters=graph.parameters,
        constraints=graph.constraints,
        flush_denormals=graph.flush_denormals,
    )


def clone(
    node: Node,
    operands: Sequence[Value],
    *,
    attributes: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Node:
    """The same op, types and place on other operands, with other attributes and of another name
    where these are given."""
    return Node(
        node.op,
        operands,
        node.attributes if attributes is None else attributes,
        [v.type for v in node.results],
        location=node.location,
        name=name or node.name,
        body=node.body,
    )


def equal(left: Graph, right: Graph, *, provenance: bool = True) -> bool:
    """Whether two graphs are the same program, node by node in order.

    Without ``provenance`` the names of computed values and all locations are left out of it.
    """
    if _signature(left) != _signature(right):
        return False
    number: dict[Value, int] = {}
    twin: dict[Value, int] = {}
    for node, other in zip(_sources_and_nodes(left), _sources_and_nodes(right), strict=True):
        if not _same_node(node, other, provenance):
            return False
        if [number.get(v) for v in node.operands] != [twin.get(v) for v in other.operands]:
            return False
        for value, match in zip(node.results, other.results, strict=True):
            number[value] = twin[match] = len(number)
    return [number.get(v) for v in _ends(left)] == [twin.get(v) for v in _ends(right)]


def _signature(graph: Graph) -> tuple[object, ...]:
    return (
        graph.name,
        len(graph.inputs),
        len(graph.parameters),
        len(graph.nodes),
        tuple(graph.outputs),
        len(graph.updates),
        graph.constraints,
        graph.flush_denormals,
    )


def _sources_and_nodes(graph: Graph) -> Iterable[Node]:
    return (*(v.node for v in (*graph.inputs, *graph.parameters)), *graph.nodes)


def _ends(graph: Graph) -> Iterable[Value]:
    return (*graph.outputs.values(), *(v for pair in graph.updates for v in pair))


def _same_node(node: Node, other: Node, provenance: bool) -> bool:
    if node is other:
        return True
    if node.op is not other.op or len(node.operands) != len(other.operands):
        return False
    if [v.type for v in node.results] != [v.type for v in other.results]:
        return False
    named = provenance or node.op.name in ("input", "parameter")
    if named and node.name != other.name:
        return False
    if provenance and node.location != other.location:
        return False
    # An input's attributes only repeat its type.
    if node.op.name != "input" and not attributes.same(node.attributes, other.attributes):
        return False
    if node.body is None or other.body is None:
        return node.body is other.body
    return equal(node.body, other.body, provenance=provenance)
