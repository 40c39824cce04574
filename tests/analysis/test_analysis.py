"""The cost of nodes, and the view of a graph that networkx has."""

from __future__ import annotations

import subprocess
import sys

import networkx
import numpy as np

from graphc.analysis.cost import Cost, cost
from graphc.analysis.networkx_view import to_networkx
from graphc.ir import dims
from graphc.ir.graphs import collect
from graphc.ir.nodes import Node
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


def test_cost() -> None:
    x = source("x", tensor("f32", "N", 4))
    y = apply(ADD, x, x)
    assert cost(y.node) == Cost(4 * N, 32 * N)
    assert cost(apply(SUM, y, axes=(0,)).node) == Cost(4 * N, 16 * N + 16)
    a = source("a", x.type)
    body = collect("b", {"r": apply(NEGATIVE, apply(ADD, a, a))})
    fused = Node(FUSION, (x,), {}, [x.type], body=body)
    assert cost(fused) == Cost(8 * N, 32 * N)


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
