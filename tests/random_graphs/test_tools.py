"""The tools themselves: seeds mean one graph, errors are noticed, failing graphs shrink."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir import interpreter
from graphc.passes import manager
from graphc.passes.pipelines import OPTIMIZE
from tests.random_graphs.bounds import Bounded, bounded, off
from tests.random_graphs.checks import Failure, check
from tests.random_graphs.coverage import Coverage
from tests.random_graphs.generate import Case, case
from tests.random_graphs.shrink import shrink


@pytest.mark.parametrize("seed", [3, 4, 8, 40])
def test_a_seed_means_one_graph(seed: int) -> None:
    one, other = case(seed), case(seed)
    assert one.graph.text() == other.graph.text()
    for mine, theirs in zip(one.calls, other.calls, strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name])


def _bounded(result: graphc.Tensor, **inputs: np.ndarray) -> Bounded:
    graph = graphc.Graph("g", result).ir
    optimized = manager.run(graph, OPTIMIZE).graph
    return bounded(optimized, inputs, {}, graph)[optimized.outputs["output"]]


def test_errors_are_bounded_and_wrong_values_noticed() -> None:
    x = graphc.input("x", (5,))
    array = np.linspace(0.5, 2, 5, dtype="f")
    for made in (graphc.exp(x) * x, graphc.softmax(x), graphc.sum(x * x) / x, graphc.tanh(x) - x):
        expected = _bounded(made, x=array)
        value = interpreter.evaluate(graphc.Graph("g", made).ir, {"x": array})[0]["output"]
        assert not off(value, expected).any()
        assert (expected.error <= 1e-5 * np.maximum(1, np.abs(expected.value))).all()
        assert off(value * np.float32(1 + 1e-4), expected).any()


def test_a_jump_at_an_uncertain_place_is_not_known() -> None:
    x = graphc.input("x", (3,))
    third = x / 3 * 3
    floor = _bounded(graphc.floor(third), x=np.float32([3, 4.5, 7]))
    assert (floor.error[[0, 2]] >= 1).all() and floor.error[1] < 1e-5
    above = _bounded(third > 3, x=np.float32([3, 4.5, 7]))
    assert np.isinf(above.error).tolist() == [True, False, False]
    met = _bounded(graphc.equal(third, np.float32([3.0000001, 4.5, 8])), x=np.float32([3, 5, 7]))
    assert np.isinf(met.error).tolist() == [True, False, False]
    large = _bounded(graphc.remainder(x * 1e6, 0.25), x=np.float32([1.3, 4.7, 1e-6]))
    assert np.isinf(large.error).tolist() == [True, True, False]
    pole = _bounded(1 / (third - 3), x=np.float32([3, 4.5, 7]))
    assert np.isinf(pole.error).tolist() == [True, False, False]


def test_a_failing_graph_shrinks_to_what_fails() -> None:
    def fails(candidate: Case) -> bool:
        ops = {node.op.name for node in candidate.graph.ir.nodes}
        return {"matmul", "relu"} <= ops

    found = next(one for one in map(case, range(0, 400, 8)) if fails(one))
    small = shrink(found, fails)
    assert fails(small)
    assert len(small.graph.ir.nodes) <= 8 < len(found.graph.ir.nodes)
    graphc.evaluate(small.graph, **small.calls[0])


def test_a_wrong_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic of one op made wrong, as a code generator might."""
    monkeypatch.setitem(graphc.maximum.op.__dict__, "lower", lambda b, x, y: x)
    seeds = [s for s in range(200) if "= maximum(" in case(s).graph.text()][:6]
    with pytest.raises(Failure):
        check([case(seed) for seed in seeds], [], Coverage())
