"""What this machine can do at most, measured in a short while.

The arithmetic peak is a loop of independent multiply-adds in registers; the rates of the caches and
of memory are those of ``y = x * s + b``, compiled by graphc, on working sets that fit each level.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter

import numpy as np

from runtime.entry_point import EntryPoint
from runtime.profiling import Profile
from runtime.target import Target

_CHAINS = 12
_ROUNDS = 15
_SECONDS = 0.02


@dataclass(frozen=True)
class Limits:
    """``flops`` is the peak by dtype, per second; ``bandwidth`` has, from small to large, a level's
    name, a working set in bytes, and the bytes moved per second there."""

    target: str
    flops: dict[str, float]
    bandwidth: tuple[tuple[str, int, float], ...]

    def bytes_per_second(self, working_set: int) -> tuple[str, float]:
        """The level that holds ``working_set`` bytes, and its rate, between the measured working
        sets by the logarithms of sizes and rates."""
        points = self.bandwidth
        if working_set <= points[0][1]:
            return points[0][0], points[0][2]
        for (_, small, fast), (level, large, slow) in itertools.pairwise(points):
            if working_set <= large:
                part = math.log(working_set / small) / math.log(large / small)
                return level, fast ** (1 - part) * slow**part
        return points[-1][0], points[-1][2]

    def predict(self, flops: int, moved: int, working_set: int) -> tuple[float, str]:
        """The least seconds for ``flops`` float32 operations and ``moved`` bytes, and which of the
        two is the limit."""
        level, rate = self.bytes_per_second(max(working_set, 1))
        arithmetic, memory = flops / self.flops["float32"], moved / rate
        return (arithmetic, "compute") if arithmetic >= memory else (memory, level)


@cache
def calibrate(threads: int = 1) -> Limits:
    """The limits of ``threads`` threads of this machine; measured once a process, in about a
    second."""
    from runtime import jit

    target = jit.host_target()
    flops = {name: _peak(target, name, threads) for name in ("float32", "float64")}
    return Limits(target.name, flops, tuple(_bandwidths(target, threads)))


def _peak(target: Target, dtype: str, threads: int) -> float:
    from runtime import jit

    bits = {"float32": 32, "float64": 64}[dtype]
    lanes = target.vector_bytes * 8 // bits
    library = jit.compile(peak_text(lanes, {32: "float", 64: "double"}[bits], target), target)
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(library.address("peak"))
    rounds, seconds = 250, 0.0
    while seconds < _SECONDS / 10:
        rounds *= 4
        seconds = _fastest(partial(call, rounds), threads)
    return threads * rounds * _CHAINS * lanes * 2 / seconds


def _fastest(work: Callable[[], object], threads: int) -> float:
    """The least time for ``threads`` threads to do ``work`` at once."""
    best = math.inf
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_ROUNDS):
            start = perf_counter()
            for done in [pool.submit(work) for _ in range(threads)]:
                done.result()
            best = min(best, perf_counter() - start)
    return best


def peak_text(lanes: int, scalar: str, target: Target) -> str:
    """LLVM text of ``double @peak(i64 rounds)``: chains of multiply-adds that do not depend on each
    other, as many as keep the units busy, none of which leaves its register."""
    vector = f"<{lanes} x {scalar}>"
    suffix = f"v{lanes}{'f32' if scalar == 'float' else 'f64'}"
    fused = f"declare {vector} @llvm.fma.{suffix}({vector}, {vector}, {vector})"
    start = [f"  %start{c} = insertelement {vector} zeroinitializer, {scalar} {c}.0, i32 0"
             for c in range(_CHAINS)]  # fmt: skip
    phis = [f"  %x{c} = phi {vector} [ %start{c}, %entry ], [ %n{c}, %loop ]"
            for c in range(_CHAINS)]  # fmt: skip
    factor = "%factor"
    steps = []
    for c in range(_CHAINS):
        if target.has_fma:
            steps.append(
                f"  %n{c} = call {vector} @llvm.fma.{suffix}({vector} %x{c}, {vector} {factor}, "
                f"{vector} %x{c})"
            )
        else:
            steps.append(f"  %p{c} = fmul {vector} %x{c}, {factor}")
            steps.append(f"  %n{c} = fadd {vector} %p{c}, %x{c}")
    total, sums = "%n0", []
    for c in range(1, _CHAINS):
        sums.append(f"  %t{c} = fadd {vector} {total}, %n{c}")
        total = f"%t{c}"
    result = f"  %value = extractelement {vector} {total}, i32 0"
    widen = "fpext float %value to double" if scalar == "float" else "fadd double %value, 0.0"
    lines = [
        *([fused] if target.has_fma else []),
        "define double @peak(i64 %rounds) {",
        "entry:",
        f"  %factor = insertelement {vector} zeroinitializer, {scalar} 0.0, i32 0",
        *start,
        "  br label %loop",
        "loop:",
        "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]",
        *phis,
        *steps,
        "  %next = add i64 %i, 1",
        "  %more = icmp slt i64 %next, %rounds",
        "  br i1 %more, label %loop, label %end",
        "end:",
        *sums,
        result,
        f"  %wide = {widen}",
        "  ret double %wide",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _bandwidths(target: Target, threads: int) -> list[tuple[str, int, float]]:
    """The rates, none faster than that of a smaller level."""
    entry = _stream(threads)
    measured: list[tuple[str, int, float]] = []
    fastest = math.inf
    for level, size in working_sets(target):
        spent = sum(least_seconds(entry, _call(entry, size // 8), 3 * _SECONDS))
        fastest = min(fastest, size / spent)
        measured.append((level, size, fastest))
    return measured


@cache
def _stream(threads: int) -> EntryPoint:
    """``y = x * s + b``, compiled."""
    import graphc

    x = graphc.input("x", ("N",))
    graph = graphc.Graph("stream", outputs={"y": x * 1.5 + 0.5})
    entry: EntryPoint = graphc.compile(graph, threads=threads).entries["stream"]
    return entry


def _call(entry: EntryPoint, count: int) -> Callable[[], object]:
    given, out = np.ones(count, np.float32), {"y": np.empty(count, np.float32)}
    return lambda: entry(x=given, out=out)


@cache
def _ticks_per_second() -> float:
    """The rate of the counter that kernels read: a long kernel's count by its time.  Whatever else
    happens in that time makes the rate too small, so the largest one seen counts."""
    entry = _stream(1)
    run, fastest = _call(entry, 1 << 20), 0.0
    for _ in range(2 * _ROUNDS):
        profile = Profile(entry)
        with entry.recording(profile):
            run()
        fastest = max(fastest, sum(profile.cycles()) / profile.seconds)
    return fastest


def least_seconds(entry: EntryPoint, run: Callable[[], object], seconds: float) -> list[float]:
    """The least time seen in each kernel of ``entry``, which ``run`` calls, within ``seconds``."""
    profile, best = Profile(entry), [math.inf] * len(entry.entry.kernels)
    before = profile.cycles()
    end = perf_counter() + seconds
    with entry.recording(profile):
        while perf_counter() < end or profile.calls < 3:
            run()
            after = profile.cycles()
            best = [min(b, y - x) for b, x, y in zip(best, before, after, strict=True)]
            before = after
    return [max(ticks, 1) / _ticks_per_second() for ticks in best]


def working_sets(target: Target) -> tuple[tuple[str, int], ...]:
    """A level's name and bytes that lie in it: half of each cache, and far beyond the last."""
    largest = min(max(4 * target.l3_bytes, 64 << 20), 256 << 20)
    return (
        ("L1", target.l1_bytes // 2),
        ("L2", target.l2_bytes // 2),
        ("L3", max(target.l3_bytes // 2, target.l2_bytes)),
        ("memory", largest),
    )
