"""Who demands a constraint on sizes, in words: the node, what it is given, the user's line.

For errors of calls, which happen far from the line that is to blame.
"""

from __future__ import annotations

from graphc.errors import shape_text
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Constraint


def demanded_by(graph: Graph, constraint: Constraint) -> str:
    """The first node of ``graph`` that requires ``constraint``, with its operands and its line;
    empty where none does, as for a constraint that the user gave."""
    for node in graph.nodes:
        if node.op.requires is None:
            continue
        types = [value.type for value in node.operands]
        if constraint in node.op.requires(types, node.attributes):
            return _described(node)
    return ""


def _described(node: Node) -> str:
    operands = ", ".join(map(_shown, node.operands))
    told = f"{node.op.name} of {operands}, which gives {shape_text(node.result.type.shape)}"
    if node.location is None:
        return told
    return f"{told} ({node.location.file}:{node.location.line}: {node.location.text})"


def _shown(value: Value) -> str:
    name = f"%{value.name}" if value.name else value.node.op.name
    return f"{name} {shape_text(value.type.shape)}"
