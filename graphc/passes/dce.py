"""Nodes that nothing needs, and updates that change nothing, dropped."""

from __future__ import annotations

from graphc.ir.graphs import Graph, collect


class DeadCode:
    """Keeps what outputs and updates need.  Inputs and parameters stay: they are the interface."""

    __slots__ = ()
    name = "dce"

    def run(self, graph: Graph) -> Graph:
        living = collect(
            graph.name,
            graph.outputs,
            [(parameter, new) for parameter, new in graph.updates if parameter is not new],
            inputs=graph.inputs,
            parameters=graph.parameters,
            constraints=graph.constraints,
            flush_denormals=graph.flush_denormals,
        )
        same = living.nodes == graph.nodes and living.constraints == graph.constraints
        same = same and len(living.updates) == len(graph.updates)
        return graph if same else living
