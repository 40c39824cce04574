"""The way from graphs to a program, stage by stage.

``compile_graphs`` reads from top to bottom: passes make each graph canonical and fuse it, lowering
and planning turn it into kernels in loop IR on places in memory, code generation writes one LLVM
module. What each stage made is kept, to be looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from graphc.collector import collection_paused
from graphc.errors import GraphcError, UnsupportedError
from graphc.ir import dims
from graphc.ir.demands import demanded_by
from graphc.ir.dims import Size
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Value
from graphc.ir.op import Constraint
from graphc.loops.cost import kernel_bytes, kernel_flops
from graphc.loops.plan import BufferInfo, EntryPlan, KernelCall
from graphc.loops.planning import constant_name, plan
from graphc.loops.steps import place_text
from graphc.passes import manager
from graphc.passes.fuse import Fuse
from graphc.passes.pipelines import OPTIMIZE
from runtime import program as data
from runtime.frozen import frozen
from runtime.target import AVX2, AVX512, BASELINE, Target


class Stages(NamedTuple):
    """What became of one graph: as declared, after the passes, fused, and as kernels."""

    graph: Graph
    optimized: Graph
    fused: Graph
    plan: EntryPlan
    report: manager.Report


@frozen
class Compilation:
    """A program's graphs at every stage, for one target.  ``seconds`` is the time of each stage."""

    name: str
    entries: tuple[Stages, ...]
    target: Target
    llvm: str
    single_output: bool
    fused: bool
    seconds: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def program(self) -> data.Program:
        """The program, with text for this compilation's target alone."""
        return _program(self, {self.target.name: self.llvm})

    def portable(self) -> data.Program:
        """The program with a text that any machine of this architecture runs, beside its own."""
        if self.target.name not in (AVX512.name, AVX2.name):
            return self.program
        graphs = [stages.graph for stages in self.entries]
        plain = compile_graphs(graphs, BASELINE, name=self.name, fuse=self.fused)
        return _program(self, {self.target.name: self.llvm, BASELINE.name: plain.llvm})


def compile_graphs(
    graphs: Sequence[Graph],
    target: Target,
    *,
    name: str,
    fuse: bool = True,
    single_output: bool = False,
    ready: Callable[[str], None] | None = None,
) -> Compilation:
    """Compile ``graphs``, the entries of one program, for ``target``.  ``ready`` gets parts of the
    LLVM text while the rest is written.

    Raises ``GraphcError`` where two entries, or two parameters, have one name.
    """
    from graphc.codegen.module import emit_module

    _check_names(graphs)
    clock = time.perf_counter
    with collection_paused():
        start = clock()
        reports = [manager.run(graph, (*OPTIMIZE, Fuse(enabled=fuse))) for graph in graphs]
        passed = clock()
        plans = [plan(report.graph, target) for report in reports]
        planned = clock()
        llvm = emit_module(plans, target, ready)
        emitted = clock()
    entries = tuple(
        Stages(graph, report.snapshot(OPTIMIZE[-1].name), report.graph, entry, report)
        for graph, report, entry in zip(graphs, reports, plans, strict=True)
    )
    seconds = {"passes": passed - start, "loops": planned - passed, "llvm": emitted - planned}
    return Compilation(name, entries, target, llvm, single_output, fuse, seconds)


def _check_names(graphs: Sequence[Graph]) -> None:
    if not graphs:
        raise UnsupportedError("a program needs at least one graph")
    names = [graph.name for graph in graphs]
    for name in names:
        if names.count(name) > 1:
            raise GraphcError(f"two graphs are named {name!r}; an entry's name must be its own")
    parameters: dict[str, Value] = {}
    for graph in graphs:
        for value in graph.parameters:
            other = parameters.setdefault(value.name or "", value)
            if other is not value:
                raise GraphcError(
                    f"two parameters are named {value.name!r}: one at {place_text(other.node)}, "
                    f"one at {place_text(value.node)}; entries that share one must use the same"
                )


def _program(made: Compilation, llvm: Mapping[str, str]) -> data.Program:
    parameters: dict[str, Value] = {}
    constants: dict[str, np.ndarray] = {}
    for stages in made.entries:
        parameters.update((v.name or "", v) for v in stages.graph.parameters)
        for node in stages.fused.nodes:
            if node.op.name == "constant":
                constants[constant_name(node.result)] = node.attributes["value"]
    return data.Program(
        made.name,
        data.VERSION,
        tuple(_entry(stages, made.single_output) for stages in made.entries),
        tuple(
            data.TensorSpec(n, v.type.dtype.name, _shape(v.type.shape), place_text(v.node))
            for n, v in parameters.items()
        ),
        {name: v.node.attributes["initial"] for name, v in parameters.items()},
        constants,
        dict(llvm),
        _source_map(made.entries),
    )


def _source_map(entries: Sequence[Stages]) -> dict[str, str]:
    """The text of each of the user's lines, by its place as locations of the program say it."""
    found: dict[str, str] = {}
    for stages in entries:
        graph = stages.graph
        sources = (value.node for value in (*graph.inputs, *graph.parameters))
        for node in (*sources, *graph.nodes):
            place = place_text(node)
            if node.location is not None and place not in found:
                found[place] = node.location.text
    return {place: text for place, text in found.items() if text}


def _entry(stages: Stages, single_output: bool) -> data.Entry:
    entry, graph = stages.plan, stages.fused
    return data.Entry(
        name=entry.name,
        dims=entry.dims,
        sizes=tuple(map(str, entry.sizes)),
        constraints=tuple((_size(a), relation, _size(b)) for a, relation, b in graph.constraints),
        inputs=_specs(entry.inputs),
        parameters=tuple(info.name for info in entry.parameters),
        constants=tuple(info.name for info in entry.constants),
        outputs=_specs(entry.outputs),
        updated=tuple(p.name or "" for p, _ in graph.updates),
        arena_bytes=_size(entry.arena_bytes),
        slots=tuple(
            data.Slot(name, _size(offset), _size(size))
            for name, (offset, size) in entry.slots.items()
        ),
        kernels=tuple(map(_kernel_info, entry.calls)),
        checks={code: data.CheckInfo(*about) for code, about in entry.checks.items()},
        flush_denormals=entry.flush_denormals,
        single_output=single_output,
        demands=tuple(_demand(stages, constraint) for constraint in graph.constraints),
    )


def _demand(stages: Stages, constraint: Constraint) -> str:
    """What needs a constraint: of what the user wrote, else of what that became."""
    return demanded_by(stages.graph, constraint) or demanded_by(stages.optimized, constraint)


def _kernel_info(call: KernelCall) -> data.KernelInfo:
    flops, moved = kernel_flops(call.kernel), kernel_bytes(call.kernel)
    return data.KernelInfo(
        call.kernel.name, call.kind, call.nodes, call.locations, _size(flops), _size(moved)
    )


def _specs(infos: Sequence[BufferInfo]) -> tuple[data.TensorSpec, ...]:
    return tuple(
        data.TensorSpec(info.name, info.dtype.name, _shape(info.shape), info.location)
        for info in infos
    )


def _shape(shape: Sequence[Size]) -> tuple[int | str, ...]:
    return tuple(map(_size, shape))


def _size(size: Size) -> int | str:
    return str(size) if isinstance(size, dims.Dim) else size
