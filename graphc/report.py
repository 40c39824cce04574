"""What the compiler did in words: its report, why two values were not fused, whose line is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.codegen.values import global_name
from graphc.compiler import Compilation, Stages
from graphc.errors import ArgumentError
from graphc.ir import dims
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node
from graphc.loops.plan import EntryPlan
from graphc.passes.fuse import Fuse, Grouping
from graphc.passes.groups import Reason


def report(made: Compilation, native: Mapping[str, float], from_disk: bool) -> str:
    """Time of each pass and stage, kernels with what they compute, and memory.

    ``native`` are the seconds of the stages after the LLVM text; ``from_disk`` says that the
    program was taken from there, so that its other stages were made for this report alone.
    """
    lines = [f"{made.name}: for {made.target.name}, {'fused' if made.fused else 'not fused'}"]
    for stages in made.entries:
        lines += ["", f"entry {stages.graph.name}", *_indented(str(stages.report))]
        lines.append(f"  {len(stages.plan.calls)} kernels")
        for call in stages.plan.calls:
            where = f"  ({', '.join(call.locations[:3])})" if call.locations else ""
            lines.append(f"    {call.kind:8} {call.kernel.name}: {' '.join(call.nodes[:8])}{where}")
        lines.append(f"  {_memory(stages.plan)}")
    lines.append("")
    seconds = {**made.seconds, **native}
    lines += [f"{name:8} {spent * 1e3:8.2f} ms" for name, spent in seconds.items()]
    if from_disk:
        lines.append("the program came from the disk; its stages were made again for this report")
    return "\n".join(lines)


def _memory(plan: EntryPlan) -> str:
    """What a call of the entry takes beside its inputs, in bytes."""
    outputs, parameters = (
        sum((dims.product(info.shape) * info.dtype.size for info in infos), start=0)
        for infos in (plan.outputs, plan.parameters)
    )
    places = len({offset for offset, _ in plan.slots.values()})
    return (
        f"memory in bytes: parameters {parameters}, arena {plan.arena_bytes} in {places} places, "
        f"outputs {outputs}; at most {plan.arena_bytes + outputs} a call"
    )


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def with_lines(made: Compilation) -> str:
    """The LLVM text with the user's lines, as comments, above the function of each kernel."""
    places = {
        global_name(call.kernel.name): call.locations
        for stages in made.entries
        for call in stages.plan.calls
    }
    lines: list[str] = []
    for line in made.llvm.splitlines(keepends=True):
        if line.startswith("define "):
            symbol = line[line.index("@") :].partition("(ptr")[0]
            lines += [f"; {place}\n" for place in places.get(symbol, ())]
        lines.append(line)
    return "".join(lines)


def why_not_fused(entries: Sequence[Stages], producer: str, consumer: str) -> str:
    """The rule that kept the values called ``producer`` and ``consumer`` apart; that they share a
    kernel, where they do.  Raises ``ArgumentError`` where no node has such a name."""
    for stages in entries:
        graph, grouping = Fuse().grouped(stages.optimized)
        first, second = _find(graph, producer), _find(graph, consumer)
        if first is not None and second is not None:
            return _explain(grouping, first, second)
    names = sorted({n.name for s in entries for n in s.optimized.nodes if n.name})
    raise ArgumentError(
        f"no entry has values named {producer!r} and {consumer!r} after optimization; "
        f"there are {', '.join(names) or 'none'}"
    )


def _find(graph: Graph, name: str) -> Node | None:
    return next((n for n in reversed(graph.nodes) if n.name == name), None) or next(
        (n for n in reversed(graph.nodes) if n.op.name == name), None
    )


def _explain(grouping: Grouping, first: Node, second: Node) -> str:
    one, other = grouping.group.get(first), grouping.group.get(second)
    if any(g is not None and n in g.again for n, g in ((first, other), (second, one))):
        return "computed again where it is read: that costs less than storing and loading it"
    if one is None or other is None:
        return "one of them is a view or a constant: it is computed by whoever reads it"
    if one is other:
        return "they are fused: one kernel computes both"
    if not grouping.depends(other, one):
        if not grouping.depends(one, other):
            return "neither reads the other"
        one, other = other, one
    reason = grouping.joinable(one, other)
    return str(reason) if isinstance(reason, Reason) else "nothing forbids it"
