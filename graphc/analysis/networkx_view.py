"""A graph as a ``networkx.DiGraph``, for users' own questions.

Responsible for the view only: the compiler asks nothing of it.  networkx is imported when a view
is made and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphc.analysis.cost import cost
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node
from graphc.ir.printer import value_names

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph) -> networkx.DiGraph[str]:
    """Nodes are named as in the graph's text and carry ``op``, ``kind`` (source, node or update),
    ``types``, ``location``, ``attributes``, ``flops`` and ``bytes``; edges carry ``value``,
    ``type`` and ``operands`` (the positions).  Outputs are an attribute of the graph, an update is
    a node of its own after the new value.

    >>> view = to_networkx(graph)  # doctest: +SKIP
    >>> networkx.dag_longest_path(view)  # doctest: +SKIP
    """
    import networkx

    view: networkx.DiGraph[str] = networkx.DiGraph(name=graph.name)
    names = value_names(graph)
    label = {value.node: names[value].partition(":")[0] for value in names}
    sources = [value.node for value in (*graph.inputs, *graph.parameters)]
    for node in (*sources, *graph.nodes):
        view.add_node(label[node], **_facts(node, "source" if node in sources else "node"))
    for node in graph.nodes:
        for position, operand in enumerate(node.operands):
            start, end = label[operand.node], label[node]
            if view.has_edge(start, end):
                view.edges[start, end]["operands"] += (position,)
                continue
            shown = {"value": names[operand], "type": str(operand.type)}
            view.add_edge(start, end, operands=(position,), **shown)
    for parameter, new in graph.updates:
        target = f"update {names[parameter]}"
        view.add_node(target, op="update", kind="update", types=(str(parameter.type),))
        view.add_edge(label[new.node], target, value=names[new], type=str(new.type), operands=(0,))
    view.graph["outputs"] = {name: names[value] for name, value in graph.outputs.items()}
    return view


def _facts(node: Node, kind: str) -> dict[str, Any]:
    spent = cost(node)
    return {
        "op": node.op.name,
        "kind": kind,
        "types": tuple(str(value.type) for value in node.results),
        "location": node.location.short if node.location else "",
        "attributes": dict(node.attributes),
        "flops": spent.flops,
        "bytes": spent.bytes,
    }
