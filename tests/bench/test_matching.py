"""Fused kernels find the unfused ones that they replace."""

from __future__ import annotations

import graphc
from graphc.bench.matching import Numbering, computed, homes


def kernels(graph: graphc.Graph, fuse: bool, numbering: Numbering) -> dict[str, frozenset[int]]:
    (stages,) = graphc.compile(graph, fuse=fuse).compilation.entries
    names = [call.kernel.name for call in stages.plan.calls]
    return computed(stages.fused, names, numbering)


def step() -> graphc.Graph:
    x = graphc.input("x", ("N", 8))
    w = graphc.parameter("w", graphc.initializers.ones((8, 3)))
    u = graphc.parameter("u", graphc.initializers.ones((3, 2)))
    loss = graphc.mean(graphc.relu(graphc.relu(x @ w) @ u))
    dw, du = graphc.grad(loss, [w, u])
    updates = {w: w - 0.1 * dw, u: u - 0.1 * du}
    return graphc.Graph("step", outputs={"loss": loss}, updates=updates)


def test_every_unfused_kernel_has_a_home_that_computes_it() -> None:
    graph, numbering = step(), Numbering()
    fused, unfused = kernels(graph, True, numbering), kernels(graph, False, numbering)
    assert len(unfused) > len(fused) > 1
    found = homes(fused, unfused)
    assert set(found) == set(unfused)
    for name, home in found.items():
        assert unfused[name] & fused[home], name
    assert set(found.values()) == set(fused)


def test_equal_ops_on_different_operands_are_told_apart() -> None:
    x, y = graphc.input("x", ("N",)), graphc.input("y", ("M",))
    graph = graphc.Graph("g", outputs={"a": graphc.sqrt(x + 1) * 2, "b": graphc.sqrt(y + 1) * 2})
    numbering = Numbering()
    fused, unfused = kernels(graph, True, numbering), kernels(graph, False, numbering)
    found = homes(fused, unfused)
    assert len(fused) == 2 and len(unfused) == 6
    assert sorted(list(found.values()).count(name) for name in fused) == [3, 3]
