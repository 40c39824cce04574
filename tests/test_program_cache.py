"""Programs taken from the disk: the same program, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc.fingerprint import fingerprint
from graphc.recipe import Kept
from runtime import jit, program_cache
from tests.levels import LOADS_OBJECTS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("GRAPHC_CACHE_PROGRAMS", "1")
    return tmp_path


def step(scale: float = 1.5, rows: int = 3, value: float = 0.5) -> graphc.Graph:
    x = graphc.input("x", ("N", rows))
    w = graphc.parameter("w", np.full((rows, 2), value, "float32"))
    table = graphc.constant(np.arange(40, dtype="float32").reshape(20, 2))
    y = graphc.softmax(x @ w * scale) + table[3]
    loss = graphc.mean(y**2)
    (dw,) = graphc.grad(loss, [w])
    return graphc.Graph("step", {"y": y, "loss": loss}, {w: w - 0.1 * dw})


def came_from_disk(exe: graphc.Executable) -> bool:
    return isinstance(exe._made, Kept)


X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def same(first: graphc.Executable, second: graphc.Executable) -> None:
    for _ in range(2):
        one, other = first(x=X), second(x=X)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], strict=True)
    np.testing.assert_array_equal(first.state["w"], second.state["w"])


def test_the_second_compilation_is_the_same_program(folder: Path) -> None:
    first, second = graphc.compile(step()), graphc.compile(step())
    assert not came_from_disk(first) and came_from_disk(second)
    assert {k: v for k, v in vars(second.program).items() if k not in ("initial", "constants")} == {
        k: v for k, v in vars(first.program).items() if k not in ("initial", "constants")
    }
    assert second.program.constants.keys() == first.program.constants.keys()
    for name, array in first.program.constants.items():
        np.testing.assert_array_equal(second.program.constants[name], array, strict=True)
    same(first, second)


def test_initial_values_are_the_graphs_own(folder: Path) -> None:
    graphc.compile(step())
    exe = graphc.compile(step(value=2.0))
    assert came_from_disk(exe)
    np.testing.assert_array_equal(exe.state["w"], np.full((3, 2), 2.0, "float32"))
    same(exe, graphc.compile(step(value=2.0), cache=False))


def test_stages_and_reports_are_made_again(folder: Path, tmp_path: Path) -> None:
    first, second = graphc.compile(step()), graphc.compile(step())
    assert came_from_disk(second)
    for stage in ("graph", "optimized", "fused", "loops", "llvm", "asm"):
        assert second.text(stage) == first.text(stage)
    assert not came_from_disk(second)
    third = graphc.compile(step())
    assert "kernels" in third.report() and "came from the disk" in third.report()
    assert "came from the disk" not in first.report()
    assert third.why_not_fused("matmul", "y") == first.why_not_fused("matmul", "y")
    third.save(tmp_path / "step.graphc")


def test_whatever_matters_makes_another_program(folder: Path) -> None:
    def declared(**changes: float) -> graphc.Graph:
        return step(**changes)

    graphs = [declared(), declared(scale=2.0), declared(rows=4), declared(scale=-0.0)]
    assert not any(came_from_disk(graphc.compile(graph)) for graph in graphs)
    assert not came_from_disk(graphc.compile(declared(), fuse=False))
    assert not came_from_disk(graphc.compile(declared(), name="other"))
    assert not came_from_disk(graphc.compile(declared(), cache=False))
    if jit.host_target().name != "baseline":
        assert not came_from_disk(graphc.compile(declared(), target="baseline"))
    x = graphc.input("x", ("N",))
    for y in (x + 0.0, x - 0.0, x + np.float32("nan"), graphc.where(x > 0, x, 1.0)):
        assert not came_from_disk(graphc.compile(y))
    names = [graphc.Graph("g", {"a": x + 1, "b": x * 2}), graphc.Graph("g", {"b": x + 1})]
    names += [graphc.Graph("g", {"a": x * 2, "b": x + 1}), graphc.Graph("h", {"b": x + 1})]
    assert not any(came_from_disk(graphc.compile(graph)) for graph in names)


def test_lines_are_part_of_it(folder: Path) -> None:
    x = graphc.input("x", (3,))
    one = graphc.Graph("g", {"y": x + 1})
    other = graphc.Graph("g", {"y": x + 1})
    target = jit.host_target()
    assert fingerprint([one.ir], target, ()) != fingerprint([other.ir], target, ())
    assert fingerprint([one.ir], target, ()) == fingerprint([one.ir], target, ())


def test_two_entries_that_share_a_parameter(folder: Path) -> None:
    def program() -> graphc.Executable:
        x = graphc.input("x", (3,))
        w = graphc.parameter("w", np.ones(3, "float32"))
        return graphc.compile(
            graphc.Graph("f", {"y": x * w}, {w: w + 1}), graphc.Graph("g", {"y": x + w})
        )

    first, second = program(), program()
    assert came_from_disk(second)
    for exe in (first, second):
        exe.f(x=X[0])
        np.testing.assert_array_equal(exe.g(x=X[0])["y"], X[0] + 2)


def test_a_users_own_op_is_compiled_each_time(folder: Path) -> None:
    own = graphc.elementwise(
        "cached_by_nobody",
        numpy=lambda x: x * x.dtype.type(2),
        lower=lambda b, x: b.mul(x, 2.0),
        math=lambda sp, x: x * 2,
    )
    for _ in range(2):
        exe = graphc.compile(own(graphc.input("x", (3,))))
        assert not came_from_disk(exe)
        np.testing.assert_array_equal(exe(X[0]), X[0] * 2)


def test_damaged_files_are_compiled_again(folder: Path) -> None:
    first = graphc.compile(step())
    (file,) = folder.glob("*.program")
    whole = file.read_bytes()
    for damaged in (b"", whole[:40], whole[:-1], whole[:-9] + b"?" + whole[-8:], b"{}"):
        file.write_bytes(damaged)
        exe = graphc.compile(step())
        assert not came_from_disk(exe) and file.read_bytes() == whole
        same(exe, graphc.compile(step(), cache=False))
    assert first.program.name == "step"


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", bytes(8), b"\2" + bytes(7) + b"{}", b"\x02" + bytes(7) + b"[]", b"\xff" * 64],
)
def test_files_of_another_form_are_none(
    content: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_cache.cache_files, "load", lambda name: content)
    assert program_cache.load("0" * 64, {}) is None


@pytest.mark.parametrize(("variable", "value"), [("PROGRAMS", "0"), ("BYTES", "0")])
def test_it_can_be_turned_off(
    variable: str, value: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"GRAPHC_CACHE_{variable}", value)
    graphc.compile(step())
    assert not came_from_disk(graphc.compile(step()))
    assert not list(folder.glob("*.program"))


MANY = """
import sys
import numpy as np
import graphc
x = graphc.input("x", (5,))
values = np.arange(5, dtype="float32")
for number in range(int(sys.argv[1])):
    got = graphc.compile(graphc.Graph("g", x * float(number) + 0.5))(values)
    np.testing.assert_array_equal(got, values * np.float32(number) + np.float32(0.5))
"""


def _process(count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", MANY, str(count)], env=os.environ.copy())


def test_two_processes_compile_the_same(folder: Path) -> None:
    running = [_process(10), _process(10)]
    assert [process.wait() for process in running] == [0, 0]
    assert len(list(folder.glob("*.program"))) == 10 and not list(folder.glob("*.tmp"))


@pytest.mark.slow
def test_two_processes_compile_200_graphs_while_others_are_killed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small bound, so that files are removed under the readers, too."""
    monkeypatch.setenv("GRAPHC_CACHE_BYTES", str(400_000))
    running = [_process(200), _process(200)]
    while any(process.poll() is None for process in running):
        doomed = _process(200)
        try:
            doomed.wait(0.7)
        except subprocess.TimeoutExpired:
            doomed.kill()
            doomed.wait()
    assert [process.wait() for process in running] == [0, 0]


LIGHT = """
import sys
import numpy as np
there = set(sys.modules)  # what an installation's own hooks import, too
import graphc
x = graphc.input("x", ("N", 3))
step = graphc.compile(graphc.softmax(x * 2), threads=2)
for _ in range(3):
    step(np.ones((500, 3), np.float32))
heavy = {"llvmlite", "graphc.compiler", "graphc.loops", "zipfile", "pathlib", "importlib.resources"}
print(*sorted(heavy & (set(sys.modules) - there)))
import runtime.llvm
print("LLVM" if runtime.llvm.is_loaded() else "")
"""


@pytest.mark.skipif(not LOADS_OBJECTS, reason="LLVM links here")
def test_what_comes_from_the_disk_needs_neither_llvm_nor_the_compiler(folder: Path) -> None:
    first, second = (
        subprocess.run(
            [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    )
    assert {"LLVM", "graphc.compiler"} < set(first) and second == []
