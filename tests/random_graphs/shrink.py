"""A failing graph made small: outputs dropped, and values replaced by inputs, while it still fails.

A value that becomes an input is given the array that the interpreter has for it, so the rest of the
graph computes what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from graphc import api
from graphc.errors import GraphcError
from graphc.ir import graphs, interpreter
from graphc.ir.graphs import Graph, collect
from graphc.ir.nodes import Node, Value
from graphc.ir.op import lookup
from tests.random_graphs.generate import Case

MOST_TRIES = 300


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """The smallest case found for which ``fails`` still holds."""
    tries = 0
    progress = True
    while progress and tries < MOST_TRIES:
        progress = False
        for candidate in _smaller(case):
            tries += 1
            if tries >= MOST_TRIES:
                break
            if fails(candidate):
                case, progress = candidate, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    graph = case.graph.ir
    if len(case.calls) > 1:
        for call in case.calls:
            yield Case(case.seed, case.graph, (call,))
    for name in graph.outputs:
        kept = {n: v for n, v in graph.outputs.items() if n != name}
        yield from _with(case, kept, graph.updates)
        yield from _with(case, kept | _operands_of(name, graph.outputs[name]), graph.updates)
    for pair in graph.updates:
        kept_updates = [p for p in graph.updates if p is not pair]
        yield from _with(case, graph.outputs, kept_updates)
    for node in reversed(graph.nodes):
        if node.op.name != "constant":
            yield from _bypassed(case, node)
            yield from _cut(case, node)


def _with(case: Case, outputs: object, updates: object) -> Iterator[Case]:
    graph = case.graph.ir
    made = collect(
        graph.name, outputs, updates, constraints=graph.constraints,  # type: ignore[arg-type]
        flush_denormals=graph.flush_denormals,
    )  # fmt: skip
    if made.outputs or made.updates:
        yield _case(case, made, case.calls)


def _operands_of(name: str, value: Value) -> dict[str, Value]:
    """What an output is computed from, to be outputs in its place."""
    return {f"{name}_{i}": v for i, v in enumerate(dict.fromkeys(value.node.operands))}


def _case(case: Case, graph: Graph, calls: tuple[dict[str, np.ndarray], ...]) -> Case:
    names = {value.name for value in graph.inputs}
    kept = tuple({n: a for n, a in call.items() if n in names} for call in calls)
    return Case(case.seed, api.Graph.of(graph), kept)


def _replaced(graph: Graph, old: Value, new: Value) -> Graph:
    values = {old: new}
    for node in graph.nodes:
        if node is old.node:
            continue
        operands = [values.get(v, v) for v in node.operands]
        if operands != list(node.operands):
            copies = graphs.clone(node, operands).results
            values.update(zip(node.results, copies, strict=True))
    return collect(
        graph.name,
        {name: values.get(v, v) for name, v in graph.outputs.items()},
        [(p, values.get(v, v)) for p, v in graph.updates],
        constraints=graph.constraints,
        flush_denormals=graph.flush_denormals,
    )


def _bypassed(case: Case, node: Node) -> Iterator[Case]:
    """An operand in the place of a node of its type."""
    for operand in node.operands:
        if len(node.results) == 1 and operand.type == node.result.type:
            yield _case(case, _replaced(case.graph.ir, node.result, operand), case.calls)


def _cut(case: Case, node: Node) -> Iterator[Case]:
    """A new input in the place of a node that does more than read an input."""
    graph = case.graph.ir
    name = f"cut{len(graph.inputs)}_{graph.nodes.index(node)}"
    stand_in = Node(lookup("input"), (), {}, [node.result.type], name=name).result
    watched = collect(
        graph.name, {"at": node.result}, inputs=graph.inputs, parameters=graph.parameters,
        constraints=graph.constraints,
    )  # fmt: skip
    try:
        arrays = [interpreter.evaluate(watched, call)[0]["at"] for call in case.calls]
    except GraphcError:
        return
    calls = tuple(
        {**call, name: np.array(array)} for call, array in zip(case.calls, arrays, strict=True)
    )
    yield _case(case, _replaced(graph, node.result, stand_in), calls)
