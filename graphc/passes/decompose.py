"""Composites replaced by the ops they are defined by, and fused groups by their bodies.

Responsible for expanding; how a composite is defined is its record's affair.  A graph that was
fused already, such as one read back from its text, is fused anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc import location
from graphc.errors import DefinitionError, GraphcError, VerifyError
from graphc.ir.graphs import Graph, clone, rewrite
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Composite, Op, Region
from graphc.passes.base import renamed
from graphc.tensor import Tensor

_DEEPEST = 64


class Decompose:
    """Expands composites and bodies, those that the expansions hold too.

    New nodes are at the line of the composite, and its result keeps the name.
    """

    __slots__ = ()
    name = "decompose"

    def run(self, graph: Graph) -> Graph:
        for _ in range(_DEEPEST):
            if not any(_is_whole(node.op) for node in graph.nodes):
                return graph
            graph = rewrite(graph, _expanded, _is_whole)
        raise GraphcError(f"composites are nested beyond {_DEEPEST} levels, or hold themselves")


def _is_whole(op: Op) -> bool:
    return isinstance(op, Composite | Region)


def _expansion(node: Node, operands: tuple[Value, ...]) -> Any:
    assert isinstance(node.op, Composite)
    try:
        return node.op.expand(*map(Tensor, operands), **node.attributes)
    except GraphcError as error:
        raise error.with_operands(node.op.name, node.operands, node.location) from None
    except Exception as error:
        told = DefinitionError.raised("expansion", error)
        raise told.with_operands(node.op.name, node.operands, node.location) from error


def _expanded(node: Node, operands: tuple[Value, ...]) -> Sequence[Value] | None:
    if node.body is not None:
        return _inlined(node.body, operands)
    if not isinstance(node.op, Composite):
        return None
    with location.at(node.location):
        made = _expansion(node, operands)
    results = [tensor.value for tensor in (made if isinstance(made, tuple | list) else (made,))]
    for value, declared in zip(results, node.results, strict=True):
        if value.type != declared.type:
            raise VerifyError(
                f"{node.op.name} expands to {value.type}, declared {declared.type}"
            ).at(node.location)
    if node.name is None or len(results) != 1 or results[0].node.name is not None:
        return results
    return results if results[0] in operands else (renamed(results[0], node.name),)


def _inlined(body: Graph, operands: tuple[Value, ...]) -> Sequence[Value]:
    """The results of ``body`` for these inputs, from nodes outside of it."""
    outside = dict(zip(body.inputs, operands, strict=True))
    for node in body.nodes:
        copy = clone(node, [outside[value] for value in node.operands])
        outside.update(zip(node.results, copy.results, strict=True))
    return [outside[value] for value in body.results]
