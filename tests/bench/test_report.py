"""Reports of benchmarks: arithmetic, JSON, table and chart, on made-up numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from graphc.bench.calibrate import Limits, peak_text, working_sets
from graphc.bench.measure import in_turn
from graphc.bench.report import KernelRow, Report, SizeResult, Timing, Variant, savings
from graphc.bench.table import amount, duration
from runtime.target import AVX2, AVX512, BASELINE, Target

LIMITS = Limits(
    "avx512",
    {"float32": 1e11, "float64": 5e10},
    (
        ("L1", 16 << 10, 4e11),
        ("L2", 512 << 10, 1e11),
        ("L3", 16 << 20, 5e10),
        ("memory", 1 << 28, 2e10),
    ),
)


def kernel(
    name: str, nodes: str, seconds: float, flops: int = 1000, moved: int = 4000
) -> KernelRow:
    predicted, bound = LIMITS.predict(flops, moved, 1 << 20)
    return KernelRow(
        name, "map", tuple(nodes.split()), ("a.py:1",), seconds, flops, moved, predicted, bound
    )


def report() -> Report:
    fused = (kernel("f0", "add tanh mul", 2e-6), kernel("f1", "matmul", 5e-6, 10**6))
    unfused = (
        kernel("u0", "add", 1e-6), kernel("u1", "tanh", 3e-6), kernel("u2", "mul", 1e-6),
        kernel("u3", "matmul", 5e-6, 10**6),
    )  # fmt: skip
    results = tuple(
        SizeResult(
            {"N": n},
            (
                Variant("fused", Timing.of([7e-6 * n, 8e-6 * n, 7.5e-6 * n]), fused),
                Variant("unfused", Timing.of([1.0e-5 * n, 1.2e-5 * n]), unfused),
                Variant("numpy", Timing.of([3e-5 * n])),
            ),
            savings(fused, unfused, {"u0": "f0", "u1": "f0", "u2": "f0", "u3": "f1"}),
            1e-7,
        )
        for n in (32, 128)
    )
    return Report("step", 1, LIMITS, results)


def test_savings_count_each_unfused_kernel_once() -> None:
    (saving,) = report().results[0].savings
    assert saving.kernel == "f0"
    assert saving.unfused == ("u0", "u1", "u2")
    assert saving.unfused_seconds == pytest.approx(5e-6)
    assert saving.seconds == pytest.approx(3e-6)
    assert saving.bytes_saved == 8000


def test_speedup() -> None:
    result = report().results[0]
    assert result.speedup() == pytest.approx(10 / 7)
    assert result.speedup("numpy") == pytest.approx(30 / 7)
    assert result.speedup("jax") is None


def test_json_round_trip() -> None:
    assert Report.from_json(report().json()) == report()


def test_text_says_the_essentials() -> None:
    text = report().text()
    for part in ("N = 32", "N = 128", "unfused", "numpy", "1.43 x", "f1", "What fusion saved"):
        assert part in text, text
    assert max(map(len, text.splitlines())) <= 118


def test_chart(golden: object) -> None:
    svg = report().svg()
    ElementTree.fromstring(svg)
    golden("bench/report.svg", svg)  # type: ignore[operator]


def test_chart_without_kernels() -> None:
    plain = Report("g<", 1, LIMITS, (SizeResult({}, (Variant("numpy", Timing.of([1.0])),), (), 0),))
    ElementTree.fromstring(plain.svg())
    assert "fixed sizes" in plain.text()


def test_limits_lie_between_the_measured_points() -> None:
    assert LIMITS.bytes_per_second(1) == ("L1", 4e11)
    assert LIMITS.bytes_per_second(1 << 40) == ("memory", 2e10)
    level, rate = LIMITS.bytes_per_second(100 << 10)
    assert level == "L2" and 1e11 < rate < 4e11
    assert LIMITS.predict(10**9, 8, 8) == (pytest.approx(0.01), "compute")
    assert LIMITS.predict(1, 10**9, 1 << 30) == (pytest.approx(0.05), "memory")


@pytest.mark.parametrize("target", [AVX512, AVX2, BASELINE], ids=lambda t: t.name)
def test_working_sets_grow(target: Target) -> None:
    sizes = [size for _, size in working_sets(target)]
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)


@pytest.mark.parametrize("target", [AVX512, AVX2, BASELINE], ids=lambda t: t.name)
@pytest.mark.parametrize("scalar", ["float", "double"])
def test_the_peak_loop_is_valid_and_stays_in_registers(target: Target, scalar: str) -> None:
    from runtime import jit

    lanes = target.vector_bytes // (4 if scalar == "float" else 8)
    listing = jit.assembly(peak_text(lanes, scalar, target), target)
    assert ("fmadd" in listing) == target.has_fma
    body = listing[listing.index(".LBB0_1") :]
    assert "(%rsp)" not in body


def test_variants_take_turns() -> None:
    order: list[str] = []
    times = in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 0.01)
    assert min(map(len, times.values())) >= 3
    assert all(t > 0 for t in times["a"])
    assert set(order) == {"a", "b"}


def test_units() -> None:
    assert duration(1.5) == "1.50 s"
    assert duration(0.0123) == "12.3 ms"
    assert duration(-3e-6) == "-3.00 us"
    assert amount(0, "B") == "0.00 B"
    assert amount(123456, "B") == "123 kB"
