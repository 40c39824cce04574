"""Runs passes in the order of a pipeline: verifies, times and keeps what each has made.

Responsible for the running; which passes, in which order, is said by ``graphc.passes.pipelines``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from graphc.errors import ArgumentError, VerifyError
from graphc.ir.graphs import Graph
from graphc.ir.verifier import Known, verify
from graphc.passes.base import Pass


class Step(NamedTuple):
    """What one pass did.  ``graph`` is what it made: graphs are immutable, so keeping it costs only
    memory."""

    name: str
    seconds: float
    nodes_before: int
    nodes_after: int
    graph: Graph


class Report(NamedTuple):
    """The result of a run, and how it came about."""

    graph: Graph
    steps: tuple[Step, ...]

    def snapshot(self, name: str) -> Graph:
        """The graph after the last pass of that name; ``ArgumentError`` where none ran."""
        for step in reversed(self.steps):
            if step.name == name:
                return step.graph
        ran = ", ".join(step.name for step in self.steps)
        raise ArgumentError(f"no pass {name!r} ran; there were {ran}")

    def __str__(self) -> str:
        width = max((len(step.name) for step in self.steps), default=0)
        return "\n".join(
            f"{step.name:<{width}}  {step.seconds * 1e3:8.2f} ms  "
            f"{step.nodes_before:6d} -> {step.nodes_after} nodes"
            for step in self.steps
        )


def run(graph: Graph, pipeline: Sequence[Pass], *, stop_after: str | None = None) -> Report:
    """``graph`` through all passes of ``pipeline``, or to the first called ``stop_after``.

    The graph and what every pass makes is verified, each node once.  Raises ``VerifyError`` with
    the name of the pass at fault, and ``ArgumentError`` where no pass is called ``stop_after``.

    >>> from graphc import ops
    >>> from graphc.ir.graphs import collect
    >>> from graphc.passes.pipelines import OPTIMIZE
    >>> x = ops.input("x", ("N",))
    >>> report = run(collect("g", {"y": (x * 1).value}), OPTIMIZE, stop_after="simplify")
    >>> report.graph.nodes, report.steps[-1].name
    ((), 'simplify')
    """
    if stop_after is not None and all(stage.name != stop_after for stage in pipeline):
        names = ", ".join(stage.name for stage in pipeline)
        raise ArgumentError(f"no pass {stop_after!r}; there are {names}")
    known = Known()
    verify(graph, known)
    steps: list[Step] = []
    for stage in pipeline:
        before = graph
        start = time.perf_counter()
        graph = stage.run(before)
        seconds = time.perf_counter() - start
        steps.append(Step(stage.name, seconds, len(before.nodes), len(graph.nodes), graph))
        if graph is not before:
            _verify_after(stage, graph, known)
        if stage.name == stop_after:
            break
    return Report(graph, tuple(steps))


def _verify_after(stage: Pass, graph: Graph, known: Known) -> None:
    try:
        verify(graph, known)
    except VerifyError as error:
        named = VerifyError(f"after {stage.name}: {error.reason}").at(error.location)
        raise named from error
