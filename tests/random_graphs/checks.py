"""What must hold of every random graph, at every stage of the compiler.

Graphs are compiled many at a time, as entries of one program.  A violation is a ``Failure``, which
names the property.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from graphc import api
from graphc.compiler import Compilation, Stages, compile_graphs
from graphc.errors import GraphcError
from graphc.ir import interpreter, parser, printer
from graphc.ir.graphs import Graph
from graphc.loops import parser as loops_parser
from graphc.loops import printer as loops_printer
from graphc.loops import verifier as loops_verifier
from graphc.passes.stabilize import Stabilize
from runtime import jit, pool
from runtime.errors import CheckError, InputError
from runtime.target import Target
from tests.levels import LEVELS
from tests.random_graphs.bounds import Bounded, bounded, off
from tests.random_graphs.coverage import Coverage
from tests.random_graphs.generate import Case

Arrays = dict[str, np.ndarray]


WITHOUT_FMA = 4.0


class Failure(AssertionError):
    """A property that does not hold of one graph; ``kind`` says which."""

    def __init__(self, kind: str, seed: int, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.seed = seed


@dataclass
class Result:
    """What one call did: outputs and the parameters after it, or the error."""

    outputs: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)
    error: Exception | None = None


def check(cases: Sequence[Case], others: Sequence[Target], coverage: Coverage) -> None:
    """Every property of ``cases``, with code for this machine and for ``others``."""
    for case in cases:
        _text_round_trip(case, case.graph.ir)
    host = jit.host_target()
    fused = _compiled(cases, host, True)
    unfused = _compiled(cases, host, False)
    elsewhere = [(target, _compiled(cases, target, True)) for target in others]
    for number, case in enumerate(cases):
        stages = fused.compilation.entries[number]
        _stages_round_trip(case, stages)
        if number % 4 == 0:
            _stages_round_trip(case, unfused.compilation.entries[number])
        coverage.count(case, stages)
        for call, inputs in enumerate(case.calls):
            _check_call(case, call, inputs, stages, fused, unfused, elsewhere, coverage)


def _check_call(
    case: Case,
    call: int,
    inputs: Arrays,
    stages: Stages,
    fused: api.Executable,
    unfused: api.Executable,
    elsewhere: Sequence[tuple[Target, api.Executable]],
    coverage: Coverage,
) -> None:
    before = fused.state.snapshot()
    first = _run(case, fused, inputs, before, call)
    second = _run(case, unfused, inputs, before, call)
    _same_bits(case, "fused and unfused differ", call, first, second)
    refused = _refusal(case, inputs, before)
    if (refused is None) != (first.error is None):
        raise Failure("refusals differ", case.seed, f"call {call}: {refused!r}, {first.error!r}")
    results = [(fused.compilation.target, first)]
    for target, executable in elsewhere:
        result = _run(case, executable, inputs, before, call)
        if target.has_fma == fused.compilation.target.has_fma:
            _same_bits(case, f"{target.name} differs from the host", call, first, result)
        results.append((target, result))
    if refused is not None:
        coverage.refusals += 1
        return
    expected = _expected(case, stages, inputs, before)
    coverage.known += sum(int(np.isfinite(x.error).sum()) for x in expected.values())
    coverage.compared += sum(x.error.size for x in expected.values())
    for target, result in results:
        _within(case, f"{target.name}, call {call}", result, expected, target.has_fma)
    _reference_agrees(case, inputs, before, expected)


def _compiled(cases: Sequence[Case], target: Target, fuse: bool) -> api.Executable:
    """A poisoned executable with an entry for each case, fused ones with several threads; what
    fails to compile is found alone."""
    graphs = [case.graph.ir for case in cases]
    try:
        made = compile_graphs(graphs, target, name="random", fuse=fuse)
        threads = 3 if fuse else 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pool, "LEAST_SHARED", 0)  # also what is not worth it
            patch.setattr(pool, "LEAST_WOKEN", 0)
            return api.Executable(made, None, threads, target=target.name, poison=True)
    except Exception as error:
        if len(cases) == 1:
            shown = "".join(traceback.format_exception(error, limit=-4))
            name = f"does not compile: {type(error).__name__}"
            raise Failure(name, cases[0].seed, f"{target.name} fuse={fuse}\n{shown}") from error
    for case in cases:
        _compiled([case], target, fuse)
    raise AssertionError("cases compile one by one, but not together")


def _run(
    case: Case, executable: api.Executable, inputs: Arrays, state: Arrays, call: int
) -> Result:
    """The entry of ``case`` called from ``state``.  A call that is refused must change nothing."""
    executable.state.restore(state)
    parameters = [str(v.name) for v in case.graph.ir.parameters]
    try:
        outputs = executable.entries[case.graph.name](**inputs)
    except (CheckError, InputError) as error:
        after = {name: executable.state[name] for name in parameters}
        if any(after[n].tobytes() != state[n].tobytes() for n in parameters):
            raise Failure("refused, but changed", case.seed, f"call {call}: {error}") from error
        return Result(error=error)
    except Exception as error:
        name = f"does not run: {type(error).__name__}"
        raise Failure(name, case.seed, f"call {call}: {error}") from error
    return Result(outputs, {name: executable.state[name] for name in parameters})


def _refusal(case: Case, inputs: Arrays, state: Arrays) -> Exception | None:
    try:
        interpreter.evaluate(case.graph.ir, inputs, state)
    except GraphcError as error:
        return error
    return None


def _pairs(result: Result) -> Iterator[tuple[str, np.ndarray]]:
    yield from result.outputs.items()
    yield from ((f"updated {name}", array) for name, array in result.state.items())


def _same_bits(case: Case, kind: str, call: int, left: Result, right: Result) -> None:
    if (left.error is None) != (right.error is None):
        raise Failure(kind, case.seed, f"call {call}: {left.error!r}, {right.error!r}")
    for (name, one), (_, other) in zip(_pairs(left), _pairs(right), strict=True):
        if one.tobytes() == other.tobytes():
            continue
        if case.graph.ir.flush_denormals:
            one, other = _flushed(one), _flushed(other)
        differ = one != other
        if one.dtype.kind == "f":
            differ &= ~(np.isnan(one) & np.isnan(other))
            differ |= (one == other) & (np.signbit(one) != np.signbit(other))
        if differ.any():
            raise Failure(kind, case.seed, f"call {call}: {_shown(name, differ, one, other)}")


def _flushed(array: np.ndarray) -> np.ndarray:
    """Without denormals, which code that flushes them may still hand on."""
    if array.dtype.kind != "f":
        return array
    return np.where(np.abs(array) < np.finfo(array.dtype).tiny, np.copysign(0, array), array)


def _shown(name: str, where: np.ndarray, *arrays: np.ndarray) -> str:
    places = [tuple(map(int, place)) for place in np.argwhere(where)[:3]]
    values = "; ".join(", ".join(str(a[place]) for a in arrays) for place in places)
    return f"{name} {arrays[0].dtype}{list(arrays[0].shape)} at {places}: {values}"


def _expected(case: Case, stages: Stages, inputs: Arrays, state: Arrays) -> dict[str, Bounded]:
    """Outputs and updated parameters with their errors, from the optimized graph."""
    graph = stages.optimized
    values = bounded(graph, inputs, state, case.graph.ir)
    found = {name: values[value] for name, value in graph.outputs.items()}
    new = dict(graph.updates)
    for parameter in graph.parameters:
        found[f"updated {parameter.name}"] = values[new.get(parameter, parameter)]
    return found


def _within(
    case: Case, what: str, result: Result, expected: dict[str, Bounded], has_fma: bool
) -> None:
    """Approximations of functions are a few units less precise where fma rounds twice."""
    for name, array in _pairs(result):
        wrong = off(array, expected[name].scaled(1.0 if has_fma else WITHOUT_FMA))
        if wrong.any():
            shown = _shown(name, wrong, array, expected[name].value, expected[name].error)
            raise Failure("wrong", case.seed, f"{what}: {shown}")


def _reference_agrees(
    case: Case, inputs: Arrays, state: Arrays, expected: dict[str, Bounded]
) -> None:
    """The passes keep the meaning, but where ``stabilize`` has made it better."""
    graph = case.graph.ir
    if Stabilize().run(graph) != graph:
        return
    outputs, after = interpreter.evaluate(graph, inputs, state, precise=True)
    found = Result(outputs, after)
    for name, array in _pairs(found):
        doubled = expected[name].scaled(2.0)
        wrong = off(array, doubled)
        if wrong.any():
            shown = _shown(name, wrong, array, doubled.value, doubled.error)
            raise Failure("the passes changed the meaning", case.seed, shown)


def _stages_round_trip(case: Case, stages: Stages) -> None:
    _text_round_trip(case, stages.optimized)
    _text_round_trip(case, stages.fused)
    for call in stages.plan.calls:
        try:
            loops_verifier.verify(call.kernel)
            shown = loops_printer.text(call.kernel)
            again = loops_parser.parse(shown)
        except GraphcError as error:
            raise Failure("loop IR is refused", case.seed, str(error)) from error
        if again != call.kernel:
            raise Failure("loop IR reads back differently", case.seed, shown)


def _text_round_trip(case: Case, graph: Graph) -> None:
    constants: dict[str, Any] = {}
    shown = printer.text(graph, constants=constants)
    try:
        again = parser.parse(shown, constants=constants)
    except GraphcError as error:
        raise Failure("text is refused", case.seed, f"{error}\n{shown}") from error
    if again != graph or printer.text(again, constants=constants) != shown:
        raise Failure("text reads back differently", case.seed, shown)


def other_targets() -> list[Target]:
    """The other levels that this machine can run, with caches so small that results stream."""
    return [replace(jit.resolve(name), l3_bytes=512) for name in LEVELS[1:]]


__all__ = ["Case", "Compilation", "Failure", "check", "other_targets"]
