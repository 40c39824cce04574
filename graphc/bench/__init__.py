"""Fused against unfused against NumPy: what fusion is worth, kernel by kernel.

``benchmark`` is what users call (as ``graphc.benchmark``); ``report`` is what it found, as data;
``calibrate`` measures this machine's limits; ``table`` and ``chart`` show a report.
"""

from graphc.bench.calibrate import Limits, calibrate
from graphc.bench.measure import benchmark
from graphc.bench.report import KernelRow, Report, Saving, SizeResult, Timing, Variant

__all__ = [
    "KernelRow", "Limits", "Report", "Saving", "SizeResult", "Timing", "Variant", "benchmark",
    "calibrate",
]  # fmt: skip
