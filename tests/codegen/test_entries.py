"""Entries: the frame, the table of sizes, the arena, checks, profiles and denormals."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace

import numpy as np
import pytest

from graphc.codegen.module import emit_module
from graphc.ir import dims, dtypes
from graphc.ir.dims import named
from graphc.loops.ir import (
    Apply,
    Argument,
    Axis,
    AxisIndex,
    Check,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Name,
    SizeOf,
    Store,
)
from graphc.loops.plan import ArenaSlot, BufferInfo, EntryPlan, FrameBuffer, KernelCall
from runtime import jit
from runtime.program import FRAME_BUFFERS
from runtime.target import NEON
from tests.codegen.kernels import at, op, put
from tests.levels import LEVELS

N = named("N")
f32, i64 = dtypes.float32, dtypes.int64


def scale(name: str, factor: float) -> Kernel:
    arguments = (Argument("x", f32, (N, 3)), Argument("y", f32, (N, 3), "out"))
    body = (put("y", ("i", "j"), op("multiply", at("x", "i", "j"), factor)),)
    return Kernel(name, arguments, (For((Axis("i", N), Axis("j", 3, 1, 4)), body, True),), ("N",))


def checked(width: int) -> Kernel:
    labels = Load("labels", (AxisIndex("i"),), i64)
    inside = Apply(
        "logical_and",
        (op("greater_equal", labels, 0, dtype=dtypes.bool_),
         op("less", labels, 10, dtype=dtypes.bool_)),
        dtypes.bool_,
    )  # fmt: skip
    body = (Check(7, inside, AxisIndex("i"), labels),)
    loop = For((Axis("i", N, 1, width),), body, True)
    return Kernel("check", (Argument("labels", i64, (N,)),), (loop,), ("N",))


def plan(calls, inputs, outputs, *, sizes=(), arena: dims.Size = 0, flush=False, name="main"):
    return EntryPlan(
        name, ("N",), (N, *sizes), tuple(inputs), (), (), tuple(outputs), tuple(calls), arena,
        flush, {}, {},
    )  # fmt: skip


class Entry:
    """Calls one entry of a module."""

    def __init__(self, plans, target=None, name="main") -> None:
        self.plan = next(p for p in plans if p.name == name)
        self.target = jit.resolve(target)
        self.text = emit_module(plans, self.target)
        self.library = jit.compile(self.text, self.target)
        self.run = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(self.library.address(name))
        self.sizes = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.library.address(f"{name}.sizes"))

    def __call__(self, n, *buffers, profile=None):
        self.table = np.zeros(len(self.plan.sizes), np.int64)
        self.table[0] = n
        self.sizes(self.table.ctypes.data)
        arena_bytes = dims.evaluate(self.plan.arena_bytes, {"N": n})
        self.arena = np.zeros(arena_bytes + 64, np.uint8)
        frame = np.zeros(FRAME_BUFFERS + len(buffers), np.int64)
        frame[0] = self.table.ctypes.data
        frame[1] = self.arena.ctypes.data + (-self.arena.ctypes.data) % 64
        frame[2] = 0 if profile is None else profile.ctypes.data
        frame[FRAME_BUFFERS:] = [b.ctypes.data for b in buffers]
        self.frame = frame
        return self.run(frame.ctypes.data)


def info(name, dtype=f32, shape=(N, 3)):
    return BufferInfo(name, dtype, shape)


def chain(**options):
    """y = 2 * (3 * x), by way of the arena."""
    slot = ArenaSlot(64 * N)
    calls = (
        KernelCall(scale("first", 3.0), (FrameBuffer(0), slot)),
        KernelCall(scale("second", 2.0), (slot, FrameBuffer(1))),
    )
    sizes = (64 * N, 128 * N, (N + 3) // 4, N * N)
    return plan(calls, [info("x")], [info("y")], sizes=sizes, arena=128 * N, **options)


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("n", (0, 1, 5))
def test_kernels_run_in_order_through_the_arena(target, n):
    entry = Entry([chain()], target)
    x = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    y = np.full_like(x, np.nan)
    assert entry(n, x, y) == 0
    np.testing.assert_array_equal(y, 6 * x)
    assert list(entry.table) == [n, 64 * n, 128 * n, (n + 3) // 4, n * n]


def test_counters_are_optional():
    entry = Entry([chain()])
    x = np.ones((4, 3), np.float32)
    y = np.empty_like(x)
    counters = np.zeros(4, np.int64)
    for _ in range(3):
        assert entry(4, x, y, profile=counters) == 0
    assert counters[1] == counters[3] == 3 and counters[0] > 0 and counters[2] > 0


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("width", (0, 4, 8))
def test_a_failed_check_ends_the_entry(target, width):
    calls = (
        KernelCall(checked(width), (FrameBuffer(0),)),
        KernelCall(scale("after", 2.0), (FrameBuffer(1), FrameBuffer(2))),
    )
    inputs = [info("labels", i64, (N,)), info("x")]
    entry = Entry([plan(calls, inputs, [info("y")], flush=True)], target)
    x, y = np.ones((21, 3), np.float32), np.zeros((21, 3), np.float32)
    good = np.arange(21) % 10
    assert entry(21, good, x, y) == 0 and (y == 2).all()
    for place, value in ((0, -1), (13, 10), (20, 1 << 40)):
        bad = good.copy()
        bad[place] = value
        bad[20] = -5 if place < 20 else value
        y[:] = 0
        assert entry(21, bad, x, y) == 7
        assert list(entry.frame[4:7]) == [7, place, value]
        assert not y.any()
    assert entry(21, good, x, y) == 0 and entry.frame[4] == 0


@pytest.mark.parametrize("flush", (False, True))
def test_denormals_are_flushed_only_where_asked(flush):
    entry = Entry([chain(flush=flush)])
    x = np.full((2, 3), 1e-40, np.float32)
    y = np.empty_like(x)
    assert entry(2, x, y) == 0
    assert (y == 0).all() == flush
    assert np.float32(1e-40) * np.float32(2) != 0  # the caller's mode is as before


def test_a_kernel_that_appears_twice_is_written_once():
    first, second = (scale(name, 2.0) for name in ("first", "second"))
    calls = (
        KernelCall(first, (FrameBuffer(0), ArenaSlot(0))),
        KernelCall(second, (ArenaSlot(0), FrameBuffer(1))),
    )
    entry = Entry([plan(calls, [info("x")], [info("y")], arena=12 * N)])
    assert entry.text.count("internal void @first") == 1 and "@second" not in entry.text
    x, y = np.ones((3, 3), np.float32), np.empty((3, 3), np.float32)
    assert entry(3, x, y) == 0 and (y == 4).all()


def test_entries_share_a_module_and_names_may_clash():
    same = scale("main", 2.0), scale("other", 3.0), scale("main", 4.0)
    plans = [
        plan([KernelCall(k, (FrameBuffer(0), FrameBuffer(1)))], [info("x")], [info("y")], name=n)
        for k, n in zip(same, ("main", "other", "a name"), strict=True)
    ]
    x, y = np.ones((3, 3), np.float32), np.empty((3, 3), np.float32)
    for name, factor in (("main", 2), ("other", 3), ("a name", 4)):
        entry = Entry(plans, name=name)
        assert entry(3, x, y) == 0 and (y == factor).all()


def test_an_entry_without_kernels():
    entry = Entry([plan((), [info("x")], [])])
    assert entry(3, np.ones((3, 3), np.float32)) == 0


def test_floor_division_of_sizes():
    n = N
    sizes = ((n - 7) // 2, (n - 7) % 3, (7 - n) // 4, n // (n - 5), n % (5 - n))
    entry = Entry([plan((), [], [], sizes=sizes)])
    for value in (0, 1, 4, 6, 8, 100):
        entry(value)
        expected = [value, *(dims.evaluate(size, {"N": value}) for size in sizes)]
        assert list(entry.table) == expected
    assert entry(5) == 0  # a division by zero, which a constraint excludes, does not trap


def test_arm_entries_are_made_of_portable_code():
    arm = replace(NEON, triple="aarch64-linux-gnu")
    listing = jit.assembly(emit_module([chain(flush=True)], arm), arm)
    assert "fpcr" in listing.lower()
    assert set(re.findall(r"\tbl\t(\S+)", listing)) <= {"graphc.run"}


def test_sizes_in_expressions():
    kernel = Kernel(
        "sizes",
        (Argument("y", i64, (N,), "out"),),
        (
            For(
                (Axis("i", N, 1, 4),),
                (
                    Let("k", Apply("add", (AxisIndex("i"), SizeOf(N * N)), i64)),
                    Store("y", (AxisIndex("i"),), op("multiply", Name("k", i64), Literal(3, i64))),
                ),
            ),
        ),
        ("N",),
    )
    calls = [KernelCall(kernel, (FrameBuffer(0),))]
    entry = Entry([plan(calls, [], [info("y", i64, (N,))], name="main")])
    y = np.zeros(9, np.int64)
    assert entry(9, y) == 0
    np.testing.assert_array_equal(y, 3 * (np.arange(9) + 81))
