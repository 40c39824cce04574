"""Runs a graph fused, unfused and in NumPy, checks that they agree, and times them in turn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.bench.calibrate import Limits, calibrate, least_seconds
from graphc.bench.matching import Numbering, computed, homes
from graphc.bench.report import (
    FUSED,
    NUMPY,
    UNFUSED,
    KernelRow,
    Report,
    SizeResult,
    Timing,
    Variant,
    savings,
)
from graphc.errors import ArgumentError
from graphc.ir import dims
from graphc.ir.graphs import Graph
from graphc.ir.interpreter import evaluate
from graphc.ir.nodes import Value

if TYPE_CHECKING:
    from graphc.api import Executable
    from runtime.entry_point import EntryPoint

Arrays = Mapping[str, np.ndarray]
Reference = Callable[..., Any]
_LEAST_SECONDS = 0.002  # timed at once: shorter calls are repeated within one sample
_TOLERANCE = {"float32": 2e-3, "float64": 1e-9}


def benchmark(
    graph: Any,
    sizes: Mapping[str, int | Sequence[int]] | None = None,
    *,
    inputs: Callable[[Mapping[str, int]], Arrays] | None = None,
    numpy: Reference | bool = True,
    threads: int = 1,
    seconds: float = 1.0,
) -> Report:
    """Times ``graph`` (a Graph or a Tensor) fused, unfused and in NumPy, and explains the times.

    ``sizes`` gives each named dim one size or several; every combination is run.  Inputs are drawn
    at random unless ``inputs`` makes them from the sizes.  ``numpy`` is a function of the inputs
    (and parameters, by name) that computes the outputs; by default the reference interpreter;
    ``False`` leaves NumPy out.  ``seconds`` is spent on each combination, about.

    Before anything is timed, fused and unfused must agree to the bit and with the reference to
    rounding.  Raises ``ArgumentError`` for sizes that do not fit, ``AssertionError`` where the
    programs disagree.

    >>> import graphc
    >>> x = graphc.input("x", ("N",))
    >>> report = graphc.benchmark(graphc.tanh(x) * 2, sizes={"N": 1000}, seconds=0.02)
    >>> [variant.name for variant in report.results[0].variants]
    ['fused', 'unfused', 'numpy']
    """
    face, plain = as_graph(graph)
    programs = _compiled(face, threads)
    limits = calibrate(threads)
    results = []
    for bound in combinations(plain, sizes or {}):
        given = dict(inputs(bound)) if inputs is not None else random_inputs(plain, bound)
        results.append(_at(plain, programs, given, bound, numpy, limits, seconds))
    return Report(plain.name, threads, limits, tuple(results))


def as_graph(graph: Any) -> tuple[Any, Graph]:
    """The face of a graph (or of a Tensor as its only output), and its IR."""
    import graphc

    if isinstance(graph, graphc.Tensor):
        graph = graphc.Graph("main", graph)
    if not isinstance(graph, graphc.Graph):
        raise ArgumentError(f"benchmark takes a Graph or a Tensor, not {type(graph).__name__}")
    return graph, graph.ir


def _compiled(face: Any, threads: int) -> dict[str, Executable]:
    import graphc

    return {
        FUSED: graphc.compile(face, fuse=True, threads=threads),
        UNFUSED: graphc.compile(face, fuse=False, threads=threads),
    }


def combinations(graph: Graph, sizes: Mapping[str, int | Sequence[int]]) -> list[dict[str, int]]:
    """Every combination of the sizes; all of the graph's named dims must be among them."""
    missing = [name for name in graph.dims if name not in sizes]
    unknown = [name for name in sizes if name not in graph.dims]
    if missing or unknown:
        wrong = f"no size for {', '.join(missing)}" if missing else f"no dim {', '.join(unknown)}"
        has = ", ".join(graph.dims) or "none"
        raise ArgumentError(
            f"benchmark: {wrong}; the named dims of @{graph.name} are: {has}",
            advice=f"give sizes={{{', '.join(f'{name!r}: [32, 128]' for name in graph.dims)}}}",
        )
    choices = [_choices(name, sizes[name]) for name in graph.dims]
    return [dict(zip(graph.dims, chosen, strict=True)) for chosen in itertools.product(*choices)]


def _choices(name: str, given: Any) -> list[int]:
    """The sizes to measure at for one dim."""
    listed = list(given) if isinstance(given, (list, tuple, range, np.ndarray)) else [given]
    wrong = [
        size
        for size in listed
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0
    ]
    if wrong or not listed:
        shown = repr(wrong[0]) if wrong else "none"
        reason = f"benchmark: the sizes of {name} are ints of at least 0, not {shown}"
        raise ArgumentError(reason)
    return [int(size) for size in listed]


def random_inputs(graph: Graph, bound: Mapping[str, int]) -> dict[str, np.ndarray]:
    """An array for each input: normal floats; integers below every limit that the graph checks."""
    rng = np.random.default_rng(0)
    limit = _integer_limit(graph, bound)
    return {str(value.name): _random(rng, value, bound, limit) for value in graph.inputs}


def _integer_limit(graph: Graph, bound: Mapping[str, int]) -> int:
    limits = [
        dims.evaluate(node.attributes[key], bound)
        for node in graph.nodes
        for key in ("limit", "classes", "num_classes", "depth")
        if isinstance(node.attributes.get(key), int | dims.Dim)
    ]
    ends = [v.type.shape[-1] for n in graph.nodes for v in n.operands if v.type.shape]
    limits += [dims.evaluate(size, bound) for size in ends]
    return max(1, min([size for size in limits if size > 1], default=8))


def _random(
    rng: np.random.Generator, value: Value, bound: Mapping[str, int], limit: int
) -> np.ndarray:
    shape = tuple(dims.evaluate(size, bound) for size in value.type.shape)
    dtype = value.type.dtype
    if dtype.is_float:
        return rng.standard_normal(shape).astype(dtype.numpy)
    return rng.integers(0, 2 if dtype.is_bool else limit, shape).astype(dtype.numpy)


def _at(
    graph: Graph,
    programs: Mapping[str, Executable],
    given: Arrays,
    bound: dict[str, int],
    numpy: Reference | bool,
    limits: Limits,
    seconds: float,
) -> SizeResult:
    state = dict(programs[FUSED].program.initial)
    for program in programs.values():
        for name, value in state.items():
            program.state[name] = value
    expected, _ = evaluate(graph, given, state)
    error = _check(graph, programs, given, expected)
    calls = {name: _Call(program.entries[graph.name], given) for name, program in programs.items()}
    work: dict[str, Callable[[], Any]] = {name: call.run for name, call in calls.items()}
    if callable(numpy):
        reference = numpy
        _check_outputs("numpy", reference(**given, **state), expected, graph)
        work[NUMPY] = lambda: reference(**given, **state)
    elif numpy:
        work[NUMPY] = lambda: evaluate(graph, given, state)
    times = in_turn(work, seconds)
    working_set = _working_set(programs[FUSED], graph.name, given)
    rows = {name: _kernels(call, limits, working_set, seconds / 8) for name, call in calls.items()}
    variants = [Variant(name, Timing.of(times[name]), rows.get(name, ())) for name in work]
    saved = savings(rows[FUSED], rows[UNFUSED], _homes(programs))
    return SizeResult(bound, tuple(variants), saved, error)


def _homes(programs: Mapping[str, Executable]) -> dict[str, str]:
    """For each unfused kernel the fused kernel that does its work."""
    numbering, found = Numbering(), {}
    for name, program in programs.items():
        (stages,) = program.compilation.entries
        names = [call.kernel.name for call in stages.plan.calls]
        found[name] = computed(stages.fused, names, numbering)
    return homes(found[FUSED], found[UNFUSED])


@dataclass(frozen=True)
class _Call:
    entry: EntryPoint
    given: Arrays

    def run(self) -> Any:
        return self.entry(**self.given)


def _state(program: Executable) -> dict[str, np.ndarray]:
    return {spec.name: program.state[spec.name] for spec in program.program.parameters}


def _check(
    graph: Graph, programs: Mapping[str, Executable], given: Arrays, expected: Arrays
) -> float:
    """The error against the reference; the outputs and the new state of the two programs must be
    the same bits."""
    found = {}
    for name, program in programs.items():
        outputs = program.entries[graph.name](**given)
        named = outputs if isinstance(outputs, dict) else {next(iter(graph.outputs)): outputs}
        found[name] = named, _state(program)
    for mine, other in zip(found[FUSED], found[UNFUSED], strict=True):
        for key, value in mine.items():
            same = np.array_equal(value, other[key], equal_nan=value.dtype.kind == "f")
            assert same, f"{graph.name}: fused and unfused disagree on {key}"
    return _check_outputs("compiled", found[FUSED][0], expected, graph)


def _check_outputs(what: str, found: Any, expected: Arrays, graph: Graph) -> float:
    named = found if isinstance(found, Mapping) else dict(zip(expected, [found], strict=True))
    worst = 0.0
    for name, right in expected.items():
        value = np.asarray(named[name])
        scale = np.nanmax(np.abs(right), initial=0.0, where=np.isfinite(right)) or 1.0
        with np.errstate(all="ignore"):
            far = np.abs(value.astype(np.float64) - right) / scale
        error = float(np.nanmax(far, initial=0.0, where=np.isfinite(far)))
        limit = _TOLERANCE.get(str(right.dtype), 0.0)
        assert error <= limit, (
            f"{graph.name}: {what} differs from the reference on {name} by {error:.2g} of its scale"
        )
        worst = max(worst, error)
    return worst


def in_turn(work: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, list[float]]:
    """Times of single calls, the variants taking turns so that they meet the same disturbances."""
    repeats = {}
    for name, run in work.items():
        run()
        start = perf_counter()
        run()
        repeats[name] = max(1, min(1000, int(_LEAST_SECONDS / (perf_counter() - start + 1e-9))))
    times: dict[str, list[float]] = {name: [] for name in work}
    end = perf_counter() + seconds
    while perf_counter() < end or min(map(len, times.values())) < 3:
        for name, run in work.items():
            start = perf_counter()
            for _ in range(repeats[name]):
                run()
            times[name].append((perf_counter() - start) / repeats[name])
    return times


def _working_set(program: Executable, name: str, given: Arrays) -> int:
    """The bytes one call touches: inputs, parameters, outputs and the arena."""
    entry = program.entries[name]
    binding = entry.binding(tuple(given[spec.name].shape for spec in entry.entry.inputs))
    outputs = sum(
        int(np.prod(shape)) * np.dtype(spec.dtype).itemsize
        for shape, spec in zip(binding.output_shapes, entry.entry.outputs, strict=True)
    )
    parameters = sum(value.nbytes for value in _state(program).values())
    return sum(a.nbytes for a in given.values()) + parameters + outputs + binding.arena_bytes


def _kernels(
    call: _Call, limits: Limits, working_set: int, seconds: float
) -> tuple[KernelRow, ...]:
    """Each kernel with the least time seen in recorded calls."""
    least = least_seconds(call.entry, call.run, seconds)
    binding = call.entry.binding(
        tuple(call.given[spec.name].shape for spec in call.entry.entry.inputs)
    )
    found = []
    for kernel, took in zip(call.entry.entry.kernels, least, strict=True):
        flops, moved = binding.size(kernel.flops), binding.size(kernel.bytes)
        predicted, bound = limits.predict(flops, moved, working_set)
        about = kernel.name, kernel.kind, kernel.nodes, kernel.locations
        found.append(KernelRow(*about, took, flops, moved, predicted, bound))
    return tuple(found)
