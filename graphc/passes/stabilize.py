"""Expressions computed in the form that does not overflow, underflow or cancel.

Runs before ``decompose``, which would take the composites apart that it looks for.  Which forms
there are: ``graphc.ops.stable_forms``.
"""

from __future__ import annotations

from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ops.stable_forms import IMPROVED, stable_form
from graphc.passes.base import Make, rewrite_locally


class Stabilize:
    """Replaces log(softmax(x)) by log_softmax(x), and its like."""

    __slots__ = ()
    name = "stabilize"

    def run(self, graph: Graph) -> Graph:
        return rewrite_locally(graph, _rule, lambda op: op.name in IMPROVED)


def _rule(node: Node, make: Make) -> Value | None:
    return stable_form(node)
