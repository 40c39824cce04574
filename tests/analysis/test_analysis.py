"""Reachability, liveness and cost against straightforward answers of networkx and brute force."""

from __future__ import annotations

import subprocess
import sys

import networkx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.analysis.cost import Cost, cost, critical_path, total
from graphc.analysis.liveness import Interval, intervals, live_after
from graphc.analysis.networkx_view import to_networkx
from graphc.analysis.reachability import Reachability
from graphc.ir import dims
from graphc.ir.graphs import Graph, collect
from graphc.ir.nodes import Node, Value
from tests.records import (
    ADD,
    FUSION,
    NEGATIVE,
    SUM,
    apply,
    parameter,
    source,
    tensor,
)  # fmt: skip

N = dims.named("N")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    values: list[Value] = [source("x", tensor("f32", "N"))]
    for _ in range(draw(st.integers(1, 14))):
        left, right = (draw(st.sampled_from(values)) for _ in range(2))
        values.append(apply(ADD, left, right))
    return collect("g", {str(i): value for i, value in enumerate(values)})


def _digraph(graph: Graph) -> networkx.DiGraph:
    found = networkx.DiGraph()
    found.add_nodes_from(graph.nodes)
    found.add_edges_from(
        (v.node, n) for n in graph.nodes for v in n.operands if v.node in graph.nodes
    )
    return found


@given(graphs(), st.data())
@settings(deadline=None)
def test_reachability(graph: Graph, data: st.DataObject) -> None:
    reach, view = Reachability(graph.nodes), _digraph(graph)
    for node in graph.nodes:
        before = networkx.ancestors(view, node)
        assert set(reach.members(reach.before(node))) == before
        assert set(reach.members(reach.after(node))) == networkx.descendants(view, node)
        assert all(reach.depends(node, other) == (other in before) for other in graph.nodes)
    group = data.draw(st.sets(st.sampled_from(graph.nodes)))
    outside = {
        n
        for n in set(graph.nodes) - group
        if networkx.ancestors(view, n) & group and networkx.descendants(view, n) & group
    }
    assert set(reach.members(reach.between(reach.bits(group)))) == outside


@given(graphs(), st.data())
@settings(deadline=None)
def test_liveness(graph: Graph, data: st.DataObject) -> None:
    kept = data.draw(st.sets(st.sampled_from(list(graph.outputs.values())), min_size=1))
    order = graph.nodes
    found = intervals(order, kept)
    after = live_after(order, kept)
    for position in range(len(order)):
        made = {v for n in order[: position + 1] for v in n.results} | set(graph.inputs)
        read = {v for n in order[position + 1 :] for v in n.operands} | kept
        assert after[position] & made == made & read
        by_interval = {v for v, i in found.items() if i.start <= position < i.end}
        assert by_interval == made & read


def test_intervals_that_touch_overlap() -> None:
    assert Interval(0, 2).overlaps(Interval(2, 3)) and not Interval(0, 1).overlaps(Interval(2, 3))


def test_cost() -> None:
    x = source("x", tensor("f32", "N", 4))
    y = apply(ADD, x, x)
    assert cost(y.node) == Cost(4 * N, 32 * N)
    assert cost(apply(SUM, y, axes=(0,)).node) == Cost(4 * N, 16 * N + 16)
    a = source("a", x.type)
    body = collect("b", {"r": apply(NEGATIVE, apply(ADD, a, a))})
    fused = Node(FUSION, (x,), {}, [x.type], body=body)
    assert cost(fused) == Cost(8 * N, 32 * N)
    graph = collect("g", {"y": apply(NEGATIVE, y), "z": fused.result})
    assert total(graph).flops == 16 * N
    path, length = critical_path(graph, {"N": 3})
    assert length == 24 and len(path) in (1, 2)


def test_networkx_view() -> None:
    x = source("x", tensor("f32", "N"))
    w = parameter("w", np.zeros(3, np.float32))
    y = apply(ADD, x, x, name="y")
    graph = collect("g", {"out": y}, [(w, apply(NEGATIVE, w))])
    view = to_networkx(graph)
    assert view.nodes["%y"]["op"] == "add" and view.nodes["%y"]["flops"] == N
    assert view.edges["%x", "%y"] == {"operands": (0, 1), "value": "%x", "type": "f32[N]"}
    assert view.nodes["update %w"]["kind"] == "update"
    assert networkx.has_path(view, "%w", "update %w")
    assert view.graph["outputs"] == {"out": "%y"}


def test_networkx_is_imported_late() -> None:
    code = "import sys, graphc.analysis.networkx_view; assert 'networkx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_closure_of_a_long_chain_is_quick() -> None:
    x: Value = source("x", tensor("f32"))
    for _ in range(2000):
        x = apply(NEGATIVE, x)
    graph = collect("chain", {"y": x})
    reach = Reachability(graph.nodes)
    assert reach.between(1 | 1 << 1999).bit_count() == 1998
