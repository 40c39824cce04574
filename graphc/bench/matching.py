"""Which kernels of the unfused program a fused kernel stands for.

The two programs come from one optimized graph by cloning, so their nodes correspond, but neither
names nor objects say so.  Each node gets the number of what it computes: its op, its attributes and
its operands' numbers.  Nodes of equal numbers compute equal values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Source


class Numbering:
    """Numbers of values, shared by all graphs that are to be compared."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], int] = {}

    def kernels(self, graph: Graph) -> list[frozenset[int]]:
        """For each node of ``graph`` that owns a body, in order, the numbers of what it computes;
        sources such as constants do not count."""
        number: dict[Value, int] = {}
        for value in (*graph.inputs, *graph.parameters):
            number[value] = self._number("source", value.name)
        found = []
        for node in graph.nodes:
            if node.body is None:
                self._add(node, number)
                continue
            for inner, outer in zip(node.body.inputs, node.operands, strict=True):
                number[inner] = number[outer]
            for inside in node.body.nodes:
                self._add(inside, number)
            results = zip(node.results, node.body.outputs.values(), strict=True)
            number.update({result: number[value] for result, value in results})
            found.append(
                frozenset(
                    number[inside.results[0]]
                    for inside in node.body.nodes
                    if not isinstance(inside.op, Source)
                )
            )
        return found

    def _add(self, node: Node, number: dict[Value, int]) -> None:
        operands = [number[value] for value in node.operands]
        attributes = sorted((key, _text(value)) for key, value in node.attributes.items())
        for value in node.results:
            number[value] = self._number(node.op.name, value.index, *operands, *attributes)

    def _number(self, *key: object) -> int:
        return self._known.setdefault(key, len(self._known))


def _text(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{value.tobytes()!r}"
    return str(value)


def computed(graph: Graph, names: Sequence[str], numbering: Numbering) -> dict[str, frozenset[int]]:
    """What each kernel computes, by the kernels' ``names``, which carry their group's number
    (``step.3.hidden`` is the fourth); checks and copies compute nothing."""
    numbered = {name: name.split(".")[1] for name in names if name.count(".") >= 2}
    ordered = sorted(
        (name for name, number in numbered.items() if number.isdigit()),
        key=lambda name: int(numbered[name]),
    )
    groups = numbering.kernels(graph)
    return dict(zip(ordered, groups, strict=True)) if len(ordered) == len(groups) else {}


def homes(
    fused: Mapping[str, frozenset[int]], unfused: Mapping[str, frozenset[int]]
) -> dict[str, str]:
    """For each unfused kernel the fused one that does its work; where several compute it, the one
    that computes the most of it, or else the larger one."""
    holding: dict[int, list[str]] = {}
    for name, numbers in fused.items():
        for number in numbers:
            holding.setdefault(number, []).append(name)
    found = {}
    for name, numbers in unfused.items():
        candidates = [home for number in numbers for home in holding.get(number, ())]
        if candidates:
            share = Counter(candidates)
            found[name] = max(share, key=lambda home: (share[home], len(fused[home]), home))
    return found
