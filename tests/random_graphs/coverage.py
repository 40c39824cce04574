"""What a run of random graphs has met, counted: a run that meets little finds little."""

from __future__ import annotations

from collections import Counter

from graphc.analysis.access import is_view
from graphc.compiler import Stages
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node
from graphc.ir.op import Contraction, Elementwise, Gather, Rearrange, Reduction, Scatter
from graphc.loops import ir as loops
from graphc.loops.walk import statements
from tests.random_graphs.generate import Case


class Coverage:
    """Counts by row: ops declared, edges inside fused groups by the kinds of their ends, views in
    groups, kernels, updates, sizes against the vector width."""

    def __init__(self) -> None:
        self.rows: dict[str, Counter[str]] = {
            name: Counter()
            for name in (
                "ops", "fusion edges", "views in groups", "kernels", "loops", "updates", "dims",
                "tails", "dtypes", "ranks",
            )
        }  # fmt: skip
        self.graphs = self.with_gradients = self.refusals = 0
        self.known = self.compared = 0

    def count(self, case: Case, stages: Stages) -> None:
        self.graphs += 1
        declared = case.graph.ir
        self.with_gradients += "loss" in declared.outputs
        for node in declared.nodes:
            self.rows["ops"][node.op.name] += 1
        self.rows["dims"].update(
            "symbolic" if not isinstance(size, int) else "static"
            for value in declared.inputs
            for size in value.type.shape
        )
        for array in (array for call in case.calls for array in call.values()):
            self.rows["dtypes"][str(array.dtype)] += 1
            self.rows["ranks"][str(array.ndim)] += 1
            self.rows["tails"].update(_tail(size) for size in array.shape[-1:])
        for node in stages.fused.nodes:
            if node.body is not None:
                self._body(node.body)
        self._plan(stages)

    def _body(self, body: Graph) -> None:
        for node in body.nodes:
            if isinstance(node.op, Rearrange):
                name = node.op.name if is_view(node) else f"{node.op.name} (memory)"
                self.rows["views in groups"][name] += 1
            for operand in node.operands:
                if operand.node.op.name not in ("input", "constant"):
                    self.rows["fusion edges"][f"{_kind(operand.node)} to {_kind(node)}"] += 1

    def _plan(self, stages: Stages) -> None:
        entry = stages.plan
        first = len(entry.inputs)
        parameters = range(first, first + len(entry.parameters))
        for call in entry.calls:
            self.rows["kernels"][call.kind] += 1
            pairs = zip(call.kernel.arguments, call.places, strict=True)
            for argument, place in pairs:
                if getattr(place, "position", None) in parameters and argument.mode != "in":
                    how = "copied" if call.kind == "copy" else f"{argument.mode} of {call.kind}"
                    self.rows["updates"][how] += 1
            for statement in statements(call.kernel.body):
                self.rows["loops"][type(statement).__name__] += 1
                if isinstance(statement, loops.Reduce):
                    self.rows["loops"][f"order {statement.order}"] += 1

    def text(self) -> str:
        """The table."""
        share = 100 * self.known / max(self.compared, 1)
        lines = [
            f"{self.graphs} graphs, {self.with_gradients} with gradients, {self.refusals} calls "
            f"refused; {self.compared} elements compared, {share:.1f} % with a known error"
        ]
        for name, counts in self.rows.items():
            shown = ", ".join(f"{key} {count}" for key, count in counts.most_common())
            lines.append(f"{name}: {shown}")
        return "\n".join(lines)


def _kind(node: Node) -> str:
    kinds = (
        (Elementwise, "map"), (Reduction, "reduction"), (Contraction, "product"),
        (Gather, "gather"), (Scatter, "scatter"), (Rearrange, "view"),
    )  # fmt: skip
    return next((name for kind, name in kinds if isinstance(node.op, kind)), node.op.name)


def _tail(size: int) -> str:
    if size == 0:
        return "empty"
    rest = size % 16
    return {0: "whole", 1: "one over", 15: "one short"}.get(rest, "other")
