"""Passes keep the meaning of random graphs, bit for bit where they say so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from graphc.errors import DimError
from graphc.ir.graphs import Graph
from graphc.ir.interpreter import evaluate
from graphc.ir.op import Composite, Rearrange, Reduction
from graphc.ir.parser import parse
from graphc.ir.printer import text
from graphc.passes.base import Pass
from graphc.passes.canonicalize import Canonicalize
from graphc.passes.constant_fold import ConstantFold
from graphc.passes.cse import CommonSubexpressions
from graphc.passes.dce import DeadCode
from graphc.passes.decompose import Decompose
from graphc.passes.manager import run
from graphc.passes.order import Order
from graphc.passes.pipelines import OPTIMIZE
from graphc.passes.simplify import Simplify
from tests.passes.random_graphs import arrays, graphs, same_bits

_FEW = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def _check(graph: Graph, pipeline: tuple[Pass, ...], data: st.DataObject) -> Graph:
    given_arrays = arrays(data.draw, graph)
    try:
        expected, expected_state = evaluate(graph, given_arrays)
    except DimError:  # sizes that a reshape of the graph does not allow
        reject()
    report = run(graph, pipeline)
    found, state = evaluate(report.graph, given_arrays)
    for name, array in expected.items():
        assert same_bits(array, found[name]), (name, array, found[name], text(report.graph))
    assert same_bits(expected_state["w"], state["w"])
    return report.graph


@pytest.mark.parametrize(
    "stage",
    [Canonicalize(), ConstantFold(), Simplify(), Order(), CommonSubexpressions(), DeadCode()],
    ids=lambda stage: stage.name,
)
def test_one_pass(stage: Pass) -> None:
    before = (Decompose(), Canonicalize()) if isinstance(stage, Order) else (Decompose(),)

    @given(graphs(), st.data())
    @settings(_FEW, max_examples=60)
    def check(graph: Graph, data: st.DataObject) -> None:
        _check(graph, (*before, stage), data)

    check()


@given(graphs(most=20), st.data())
@_FEW
def test_whole_pipeline(graph: Graph, data: st.DataObject) -> None:
    final = _check(graph, OPTIMIZE, data)
    for node in final.nodes:
        assert not isinstance(node.op, Composite)
        assert node.op.name not in ("squeeze", "expand_dims", "stop_gradient")
        if isinstance(node.op, Reduction):
            assert len(node.attributes["axes"]) == 1 and "order" in node.attributes
        if isinstance(node.op, Rearrange) and len(node.operands) == 1 and node.op.name != "flip":
            assert node.result.type != node.operands[0].type or node.op.name == "permute_dims"
    assert parse(text(final)) == final
    _check(final, OPTIMIZE, data)  # and what is optimized can be optimized again


@given(graphs())
@_FEW
def test_text_of_random_graphs(graph: Graph) -> None:
    constants: dict[str, np.ndarray] = {}
    assert parse(text(graph, constants=constants), constants=constants) == graph
