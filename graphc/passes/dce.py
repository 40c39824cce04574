"""Nodes that nothing needs, and updates that change nothing, dropped."""

from __future__ import annotations

from graphc.ir.graphs import Graph, with_results


class DeadCode:
    """Keeps what outputs and updates need.  Inputs and parameters stay: they are the interface."""

    __slots__ = ()
    name = "dce"

    def run(self, graph: Graph) -> Graph:
        changes = [(parameter, new) for parameter, new in graph.updates if parameter is not new]
        living = with_results(graph, graph.outputs, changes)
        same = living.nodes == graph.nodes and living.constraints == graph.constraints
        return graph if same and len(changes) == len(graph.updates) else living
