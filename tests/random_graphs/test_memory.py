"""The arena's size as planned is what a call uses: no less is written, and no more is taken."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import api
from graphc.compiler import compile_graphs
from runtime import jit, memory
from runtime.errors import CheckError, InputError
from runtime.executable import Executable
from tests.random_graphs.generate import case

UNIT = 64  # places are multiples of it


def high_water(exe: Executable, name: str, inputs: Any, poison: int) -> int:
    """One more than the last byte that a call wrote, with memory that was full of ``poison``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "_POISON_BYTE", poison)
        for workspace in exe._workspaces._all:
            workspace.arena.high_water = 0
        exe.entries[name](**inputs)
    return exe.arena_high_water


def check(exe: Executable, name: str, inputs: Any, what: object) -> bool:
    """Whether the call was made; that it used just what was planned."""
    entry = exe.entries[name]
    try:
        marks = [high_water(exe, name, inputs, poison) for poison in (0xFF, 0xA5)]
    except (CheckError, InputError):
        return False
    binding = entry.binding(tuple(np.shape(inputs[spec.name]) for spec in entry.entry.inputs))
    slots = [(binding.size(s.offset), binding.size(s.bytes)) for s in entry.entry.slots]
    # The places of empty arrays lie apart, too.
    used = max((offset + size for offset, size in slots if size), default=0)
    assert -(-max(marks) // UNIT) * UNIT == used, what
    assert binding.arena_bytes == used or any(size == 0 for _, size in slots), what
    return True


@pytest.mark.parametrize("fuse", [True, False])
def test_the_planned_arena_is_used_in_random_graphs(fuse: bool) -> None:
    target, used = jit.host_target(), 0
    for seed in range(0, 120, 20):
        cases = [case(number) for number in range(seed, seed + 20)]
        made = compile_graphs([one.graph.ir for one in cases], target, name="random", fuse=fuse)
        exe = api.Executable(made, None, 2, poison=True)
        before = exe.state.snapshot()
        for one in cases:
            for inputs in one.calls:
                used += check(exe, one.graph.name, inputs, one.seed)
                exe.state.restore(before)
    assert used > 150


@pytest.mark.parametrize("rows", [1, 32, 77])
def test_the_planned_arena_is_used_by_the_first_network(rows: int) -> None:
    path = Path(__file__).parents[2] / "examples" / "first_network.py"
    spec = importlib.util.spec_from_file_location("network_of_memory_test", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = compile_graphs([g.ir for g in module.network(0)], jit.host_target(), name="network")
    exe = api.Executable(made, None, 2, poison=True)
    images = np.random.default_rng(0).random((rows, 784), np.float32)
    labels = np.arange(rows, dtype=np.int32) % 10
    for name, inputs in (
        ("step", {"images": images, "labels": labels}),
        ("evaluate", {"images": images, "labels": labels}),
        ("predict", {"images": images}),
    ):
        assert check(exe, name, inputs, name)


def test_a_kernel_writes_over_what_it_is_the_last_to_read() -> None:
    x, w = graphc.input("x", (64, 64)), graphc.input("w", (64, 64))
    h = graphc.relu(x @ w)
    a = np.random.default_rng(0).random((64, 64), np.float32)
    b = np.random.default_rng(1).random((64, 64), np.float32) / 64
    # The epilogue of the second product reads h where it writes its own result; as an operand of
    # the product as well, every element of it is wanted for a whole row.
    for second, in_place, wanted in (
        ((x + 1) @ w + h, 1, (a + 1) @ b + a @ b),
        (h @ w + h, 0, a @ b @ b + a @ b),
    ):
        exe = graphc.compile(second @ w)
        assert exe.text("loops").count("inout ") == in_place
        np.testing.assert_allclose(exe(x=a, w=b), wanted @ b, rtol=1e-5)


def test_elementwise_kernels_in_a_row_work_in_one_place() -> None:
    x = graphc.input("x", ("N",))
    y = graphc.exp(graphc.sin(graphc.tanh(x + 1) * 2) - 3)
    exe = graphc.compile(y, fuse=False)
    assert len({slot.offset for slot in exe.program.entries[0].slots}) == 1
    value = np.linspace(-2, 2, 100, dtype=np.float32)
    np.testing.assert_array_equal(exe(value), graphc.compile(y)(value))


def test_a_chain_of_kernels_works_in_one_place() -> None:
    x = graphc.input("x", ("N", 64))
    w = graphc.input("w", (64, 64))
    y = x
    for number in range(6):
        y = graphc.softmax(y @ w) + number
    entry = graphc.compile(graphc.Graph("chain", {"y": y}), threads=1).program.entries[0]
    assert len({slot.offset for slot in entry.slots}) <= 2
