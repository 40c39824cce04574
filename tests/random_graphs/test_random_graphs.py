"""Random graphs through the whole compiler: 2,000 in the ordinary run, 20,000 in the slow one.

Each is a seed; ``GRAPHC_SEEDS=5000:5100`` runs others.  Run with ``-s`` to see the coverage table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from graphc.ir.op import Elementwise, Op, registered
from graphc.passes import groups, shape_products
from tests.random_graphs.checks import Failure, check, other_targets
from tests.random_graphs.coverage import Coverage
from tests.random_graphs.generate import ACROSS_VIEWS, STEPS, Case, Step, case
from tests.random_graphs.shrink import shrink

BATCH = 20  # graphs a program: compiling one program costs as much as some kernels
CHUNK = 100
FIRST, LAST = map(int, os.environ.get("GRAPHC_SEEDS", "0:2000").split(":"))


@pytest.fixture(scope="module")
def coverage() -> Iterator[Coverage]:
    met = Coverage()
    yield met
    print(f"\n{met.text()}")


@pytest.mark.parametrize("first", range(FIRST, LAST, CHUNK))
def test_random_graphs(first: int, coverage: Coverage) -> None:
    _check_seeds(range(first, min(first + CHUNK, LAST)), coverage)


def test_the_run_met_enough(coverage: Coverage) -> None:
    if coverage.graphs < 1000:
        pytest.skip("a short run")
    assert coverage.with_gradients >= coverage.graphs // 6
    assert coverage.known > 0.8 * coverage.compared
    met = coverage.rows
    untouched = {op.name for op in registered() if _is_declared(op)} - set(met["ops"])
    assert not untouched, f"ops that no graph declared: {sorted(untouched)}"
    for edge in ("map to map", "reduction to map", "map to reduction", "product to map"):
        assert met["fusion edges"][edge] > 20, edge
    for view in ("broadcast", "permute_dims", "slice", "flip", "pad", "concat", "reshape"):
        assert met["views in groups"][view] > 20, view
    for order in ("lanes", "tree", "ascending"):
        assert met["loops"][f"order {order}"] > 50, order
    assert met["loops"]["Column"] > 5
    assert met["updates"]["copied"] > 20
    assert met["updates"]["inout of loop"] > 20
    assert met["updates"]["inout of product"] > 0
    assert set(met["tails"]) >= {"empty", "whole", "one over", "one short", "other"}
    assert met["dims"]["symbolic"] > 100
    assert len(met["dtypes"]) == len(met["ranks"]) == 6


def _is_declared(op: Op) -> bool:
    """Whether users declare the op, and it is not one that another test has made."""
    # ``norm`` is rarely drawn, and is nothing but ops that are.
    inner = ("blocks", "fusion", "input", "norm", "parameter", "philox", "random_fraction")
    made = op.lower if isinstance(op, Elementwise) else op.infer
    named = op.name.startswith("test_") or op.name.endswith(("_of_docs", "_of_test", "_of_tests"))
    return made.__module__.startswith("graphc.ops") and op.name not in inner and not named


@pytest.mark.parametrize("first", range(50_000, 50_000 + 160, 80))
def test_views_of_what_few_kinds_of_kernels_make(first: int) -> None:
    _check_seeds(range(first, first + 80), Coverage(), ACROSS_VIEWS)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100_000, 120_000, CHUNK))
def test_many_random_graphs(first: int, coverage: Coverage) -> None:
    _check_seeds(range(first, first + CHUNK), coverage)


def _check_seeds(
    seeds: range, coverage: Coverage, steps: Mapping[Step, float] = STEPS
) -> None:
    others = other_targets()
    for start in range(seeds.start, seeds.stop, BATCH):
        cases = [case(seed, steps) for seed in range(start, min(start + BATCH, seeds.stop))]
        # A third of the batches also for another target, each in turn.
        turn, now = divmod(start // BATCH, 3)
        chosen = [others[turn % len(others)]] if others and now == 0 else []
        try:
            with pytest.MonkeyPatch.context() as patch:
                if turn % 2:
                    _make_small_graphs_large(patch)
                check(cases, chosen, coverage)
        except Failure as failure:
            found = next(one for one in cases if one.seed == failure.seed)
            pytest.fail(_report(found, failure), pytrace=False)


def _make_small_graphs_large(patch: pytest.MonkeyPatch) -> None:
    """Let sizes that random graphs have meet what is done for long columns and wide rows only."""
    patch.setattr(groups, "LONG", 2)
    patch.setattr(groups, "WIDE", 1)
    patch.setattr(shape_products, "FEWEST_ROWS", 1)


def _report(found: Case, failure: Failure) -> str:
    """The failure of the smallest graph that shows it, its text and its inputs."""
    small = shrink(found, lambda candidate: _failure_of(candidate) == failure.kind)
    with np.printoptions(threshold=40):
        return (
            f"seed {failure.seed}: {failure}\nthe smallest graph found that fails so:\n"
            f"{small.graph.text(locations=False)}\ncalled with {small.calls}"
        )


def _failure_of(candidate: Case) -> str | None:
    try:
        check([candidate], other_targets(), Coverage())
    except Failure as failure:
        return failure.kind
    except Exception:
        return "another"
    return None
