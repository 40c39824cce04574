"""The interface met by both sides: entries written by the code generator, run by the runtime."""

import numpy as np
import pytest

import graphc.ops  # noqa: F401  (registers the ops of the kernels)
from graphc.codegen.module import emit_module
from graphc.ir import dims, dtypes
from graphc.loops.ir import Argument, Axis, For, Kernel, Reduce
from graphc.loops.plan import ArenaSlot, BufferInfo, EntryPlan, FrameBuffer, KernelCall
from runtime import jit
from runtime.executable import Executable
from runtime.profiling import Profile
from runtime.program import VERSION, Entry, KernelInfo, Program, TensorSpec
from runtime.target import AVX2, AVX512, BASELINE
from tests.codegen.kernels import at, hidden_update, op, put, var

N = dims.named("N")
ROWS, COLUMNS = 20, 33


def info(name, *shape):
    return BufferInfo(name, dtypes.float32, shape)


def scaled():
    """y = x * (largest of the row) - 1"""
    x, axis = at("x", "i", "j"), Axis("j", COLUMNS, 1, 16)
    body = (
        Reduce(("m",), ("maximum",), axis, "lanes", (), (x,)),
        For((axis,), (put("y", ("i", "j"), op("subtract", op("multiply", x, var("m")), 1.0)),)),
    )
    arguments = (
        Argument("x", dtypes.float32, (N, COLUMNS)),
        Argument("y", dtypes.float32, (N, COLUMNS), "out"),
    )
    return Kernel("scaled", arguments, (For((Axis("i", N),), body, True),), ("N",))


def scaled_reference(x):
    return x * x.max(axis=1, keepdims=True, initial=-np.inf) - 1


def plans():
    update = KernelCall(
        hidden_update(ROWS, COLUMNS), tuple(FrameBuffer(n) for n in range(4)), ("update",)
    )
    first, second = scaled(), scaled()
    slot = ArenaSlot(0)
    size = 4 * COLUMNS * N + 64
    step = EntryPlan(
        "step", ("N",), (N,), (info("x", N, ROWS), info("g", N, COLUMNS)),
        (info("v", ROWS, COLUMNS), info("w", ROWS, COLUMNS)), (), (), (update,), 0, True, {}, {},
    )  # fmt: skip
    twice = EntryPlan(
        "twice", ("N",), (N, size), (info("x", N, COLUMNS),), (), (), (info("y", N, COLUMNS),),
        (KernelCall(first, (FrameBuffer(0), slot)), KernelCall(second, (slot, FrameBuffer(1)))),
        size, False, {}, {},
    )  # fmt: skip
    return [step, twice]


def described(plan):
    def specs(buffers):
        return tuple(TensorSpec(b.name, b.dtype.name, tuple(map(_size, b.shape))) for b in buffers)

    def _size(size):
        return size if isinstance(size, int) else str(size)

    kernels = tuple(KernelInfo(c.kernel.name, c.kind, c.nodes, (), 0, 0) for c in plan.calls)
    names = tuple(b.name for b in plan.parameters)
    return Entry(
        plan.name, plan.dims, tuple(map(str, plan.sizes)), (), specs(plan.inputs), names, (),
        specs(plan.outputs), names, _size(plan.arena_bytes), (), kernels, {}, plan.flush_denormals,
    )  # fmt: skip


@pytest.fixture(scope="module")
def program():
    targets = (jit.host_target(), AVX512, AVX2, BASELINE)
    llvm = {target.name: emit_module(plans(), target) for target in targets}
    parameters = tuple(TensorSpec(n, "float32", (ROWS, COLUMNS)) for n in ("v", "w"))
    initial = {
        "v": np.zeros((ROWS, COLUMNS), np.float32),
        "w": np.ones((ROWS, COLUMNS), np.float32),
    }
    entries = tuple(map(described, plans()))
    return Program("generated", VERSION, entries, parameters, initial, {}, llvm)


@pytest.mark.parametrize("n", [0, 1, 13, 14, 15, 128])
def test_generated_entries(program, n, tmp_path):
    rng = np.random.default_rng(n)
    x, g = (rng.normal(size=(n, size)).astype(np.float32) for size in (ROWS, COLUMNS))
    exe = Executable(program, poison=True)
    for _ in range(2):
        before = exe.state.snapshot()
        exe.step(x=x, g=g)
        d = x.T.astype(np.float64) @ g
        v = 0.9 * before["v"] + 0.1 * d * d
        w = before["w"] - 0.001 * d / np.sqrt(v + 1e-7)
        np.testing.assert_allclose(exe.state["v"], v, rtol=2e-4, atol=1e-6)
        np.testing.assert_allclose(exe.state["w"], w, rtol=2e-4, atol=1e-6)
    y = exe.twice(g)["y"]
    np.testing.assert_array_equal(y, scaled_reference(scaled_reference(g)))
    assert exe.arena_high_water == 4 * COLUMNS * n


def test_the_levels_of_a_program_give_the_same_bits(program):
    if jit.host_target().name != "avx512":
        pytest.skip("needs AVX-512")
    x = np.random.default_rng(0).normal(size=(17, COLUMNS)).astype(np.float32)
    results = [Executable(program, target=name).twice(x)["y"] for name in ("avx512", "avx2")]
    np.testing.assert_array_equal(*results)
    Executable(program, target="baseline").twice(x)


def test_a_profile_of_generated_code(program):
    exe = Executable(program)
    profile = Profile(exe.twice)
    with exe.twice.recording(profile):
        for _ in range(3):
            exe.twice(np.zeros((50, COLUMNS), np.float32))
    rows = profile.rows()
    assert [row.calls for row in rows] == [3, 3]
    assert sum(row.share for row in rows) == pytest.approx(1)
