"""Every stage is a text that reads back and runs (graphs, loops, LLVM IR) and names user lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc.codegen.module import emit_module
from graphc.ir import dims
from graphc.loops.interpreter import run
from graphc.loops.ir import Kernel
from graphc.loops.parser import parse_all as parse_kernels
from graphc.loops.plan import EntryPlan, FrameBuffer, Place
from runtime import jit
from runtime.target import AVX2

Arrays = Mapping[str, np.ndarray]
GRAPHS = ("graph", "optimized", "fused")


def program(fuse: bool = True) -> graphc.Executable:
    """A training step and a prediction, with a large constant, a check, and several results."""
    rng = np.random.default_rng(0)
    x, labels = graphc.input("x", ("N", 12)), graphc.input("labels", ("N",), "int32")
    w = graphc.parameter("w", rng.normal(size=(12, 8)).astype("f"))
    b = graphc.parameter("b", np.zeros(8, "f"))
    scale = graphc.constant(rng.random((5, 8)).astype("f"))
    hidden = graphc.relu(x @ w + b)
    p = graphc.softmax(hidden)
    loss = graphc.mean(graphc.sparse_categorical_crossentropy(labels, p))
    accuracy = graphc.mean(graphc.argmax(p, axis=-1) == labels)
    columns = graphc.sum(scale @ hidden.T, axis=0)
    dw, db = graphc.grad(loss, [w, b])
    outputs = {"loss": loss, "accuracy": accuracy, "columns": columns}
    step = graphc.Graph("step", outputs, {w: w - 0.1 * dw, b: b - 0.1 * db})
    return graphc.compile(step, graphc.Graph("predict", {"p": p}), fuse=fuse)


def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {"x": rng.normal(size=(7, 12)).astype("f"), "labels": np.arange(7, dtype="i4")}


def results(exe: graphc.Executable) -> dict[str, bytes]:
    """What two steps and a prediction give, to the bit."""
    given = data()
    found = {f"{i}.{name}": v for i in range(2) for name, v in exe.step(**given).items()}
    found |= exe.predict(x=given["x"])
    found |= {name: exe.state[name] for name in ("w", "b")}
    return {name: np.asarray(value).tobytes() for name, value in found.items()}


@pytest.mark.parametrize("stage", GRAPHS)
def test_graphs_read_back_evaluate_and_compile(stage: str) -> None:
    exe, constants = program(), {}
    text = exe.text(stage, constants=constants)
    graphs = graphc.parse_all(text, constants)
    assert "\n".join(graph.text() for graph in graphs) == text
    for graph in graphs:
        own = exe.graph(stage, graph.name)
        assert graph == own
        assert graphc.parse(own.text(), constants) == own
        given = data() if graph.name == "step" else {"x": data()["x"]}
        expected = graphc.evaluate(exe.graph("graph", graph.name), **given)
        for name, value in graphc.evaluate(graph, **given).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)
    assert results(graphc.compile(*graphs)) == results(program())


def test_a_parameter_is_one_in_all_graphs_of_a_text() -> None:
    text = """
        graph @f() { param %w: f32[2] = (1.0, 2.0)  return y = %w }
        graph @g() { param %w: f32[2] = (1.0, 3.0)  return y = %w }
    """
    with pytest.raises(graphc.errors.ParseError, match="w is another parameter") as caught:
        graphc.parse_all(text)
    assert "line 3, column 28" in str(caught.value)
    with pytest.raises(graphc.errors.ParseError, match="one graph was expected"):
        graphc.parse(text)


class Interpreted:
    """An entry run by the interpreter of loop IR, with its plan of memory."""

    def __init__(self, plan: EntryPlan, given: Arrays, state: Arrays, constants: Arrays) -> None:
        shapes = {info.name: info.shape for info in plan.inputs}
        self.bindings = {
            str(size): extent
            for name, shape in shapes.items()
            for size, extent in zip(shape, given[name].shape, strict=True)
            if str(size) in plan.dims
        }
        self.outputs = {
            info.name: np.zeros(self.shape(info.shape), info.dtype.numpy) for info in plan.outputs
        }
        infos = (*plan.inputs, *plan.parameters, *plan.constants)
        known = {**given, **state, **constants}
        self.frame = [*(known[info.name] for info in infos), *self.outputs.values()]
        self.arena = np.full(dims.evaluate(plan.arena_bytes, self.bindings), 0xFF, np.uint8)
        self.plan = plan

    def shape(self, shape: dims.Shape) -> tuple[int, ...]:
        return tuple(dims.evaluate(size, self.bindings) for size in shape)

    def place(self, place: Place, shape: dims.Shape, dtype: np.dtype) -> np.ndarray:
        extents = self.shape(shape)
        if isinstance(place, FrameBuffer):
            return self.frame[place.position].reshape(extents)
        start = dims.evaluate(place.offset, self.bindings)
        size = int(np.prod(extents)) * dtype.itemsize
        return self.arena[start : start + size].view(dtype).reshape(extents)

    def run(self, kernels: Mapping[str, Kernel]) -> dict[str, np.ndarray]:
        for call in self.plan.calls:
            kernel = kernels[call.kernel.name]
            places = zip(kernel.arguments, call.places, strict=True)
            arrays = {a.name: self.place(p, a.shape, a.dtype.numpy) for a, p in places}
            run(kernel, arrays, self.bindings)
        return self.outputs


@pytest.mark.parametrize("fuse", (True, False))
def test_loops_read_back_and_their_interpreter_has_the_bits_of_native_code(fuse: bool) -> None:
    exe = program(fuse)
    text = exe.text("loops", locations=True)
    kernels = {kernel.name: kernel for kernel in parse_kernels(text)}
    for stages in exe.compilation.entries:
        assert all(kernels[call.kernel.name] == call.kernel for call in stages.plan.calls)
    state = {name: exe.state[name].copy() for name in ("w", "b")}
    given, constants = data(), exe.program.constants
    for stages in exe.compilation.entries:
        own = {info.name: given[info.name] for info in stages.plan.inputs}
        interpreted = Interpreted(stages.plan, own, state, constants).run(kernels)
        for name, value in exe.entries[stages.plan.name](**own).items():
            assert np.asarray(value).tobytes() == interpreted[name].tobytes(), name
    assert all(state[name].tobytes() == exe.state[name].tobytes() for name in state)


def test_llvm_text_reads_back() -> None:
    exe = program()
    for text in (exe.text("llvm"), exe.text("llvm", locations=True)):
        library = jit.compile(text, exe.compilation.target)
        assert library.address("step") and library.address("predict.sizes")
    plans = [stages.plan for stages in exe.compilation.entries]
    assert jit.compile(emit_module(plans, AVX2), AVX2).address("step")
    assert "ret" in exe.text("asm")


def test_every_level_names_the_users_lines() -> None:
    exe = program()
    lines = Path(__file__).read_text().splitlines()
    at = next(i for i, line in enumerate(lines, 1) if "hidden = graphc.relu" in line)
    place = f"test_stages.py:{at}"
    for stage in GRAPHS:
        assert f'loc("test_stages.py":{at})' in exe.text(stage)
        assert "loc(" not in exe.text(stage, locations=False)
    assert f'loc("test_stages.py":{at})' in exe.text("loops", locations=True)
    assert "loc(" not in exe.text("loops")
    function = re.search(
        rf"; {place}\ndefine internal void @(\S+)\(", exe.text("llvm", locations=True)
    )
    assert function is not None
    by_name = {k.name: k for entry in exe.program.entries for k in entry.kernels}
    assert place in by_name[function.group(1)].locations
    assert all(kernel.locations for kernel in by_name.values())
    assert exe.program.source_map[place] == "hidden = graphc.relu(x @ w + b)"
    named = {p for k in by_name.values() for p in k.locations}
    assert named <= exe.program.source_map.keys()
