"""Whatever a graph is, it can be drawn, reported on, saved and loaded."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

import graphc
import runtime
from graphc.compiler import compile_graphs
from graphc.errors import GraphcError
from graphc.report import report, why_not_fused
from runtime import jit
from tests.random_graphs.generate import case


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_pictures_and_reports(first: int) -> None:
    for seed in range(first, first + 20):
        graph = case(seed).graph
        made = compile_graphs([graph.ir], jit.host_target(), name="g")
        (stages,) = made.entries
        for stage in (stages.graph, stages.optimized, stages.fused):
            shown = graphc.Graph.of(stage)
            ElementTree.fromstring(shown.svg())
            assert "digraph" in shown.to_dot()
        assert graph.to_networkx().number_of_nodes() > 0
        assert report(made, {}, False)
        names = sorted({str(n.name) for n in graph.ir.nodes if n.name})
        if len(names) > 1:
            _explained(made, names[0], names[-1])


def _explained(made: object, producer: str, consumer: str) -> None:
    try:
        assert why_not_fused(made.entries, producer, consumer)  # type: ignore[attr-defined]
    except GraphcError as error:
        assert producer in str(error) or consumer in str(error)


@pytest.mark.parametrize("seed", [0, 3, 8, 24, 56])
def test_saved_and_loaded(seed: int, tmp_path: Path) -> None:
    made = case(seed)
    executable = graphc.compile(made.graph)
    executable.save(tmp_path / "g.graphc")
    loaded = runtime.load(tmp_path / "g.graphc")
    expected, found = executable(**made.calls[0]), loaded(**made.calls[0])
    for name, array in expected.items():
        assert found[name].tobytes() == array.tobytes()
