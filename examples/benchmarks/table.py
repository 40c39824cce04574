"""Rows as a table: in the terminal, and in Markdown for the README, losses included."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib import metadata

from rich.table import Table

from compare import OURS, PEERS, Row


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.2f} ns"


def machine() -> str:
    """The processor, the cores this process may use, the system, and versions."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = [line for line in file if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = [f"{p} {metadata.version(p)}" for p in ("numpy", "llvmlite")]
    return f"{name}, {cores} cores, {platform.system()}, {python}, {', '.join(versions)}"


def columns(rows: Sequence[Row]) -> list[str]:
    """The frameworks that any row has a time of."""
    return [name for name in (*OURS, *PEERS) if any(name in row.minimum for row in rows)]


def rich_table(rows: Sequence[Row]) -> Table:
    """Minimum times, and graphc's over the best peer's."""
    names = columns(rows)
    table = Table("work", "threads", *names, "of best peer", title=machine())
    for row in rows:
        table.add_row(row.work, str(row.threads), *_cells(row, names))
    return table


def markdown(rows: Sequence[Row]) -> str:
    """The same for the README, with the day and the machine."""
    names = columns(rows)
    head = ["work", "threads", *names, "of best peer"]
    peers = [f"{name} {row.versions[name]}" for row in rows[:1] for name in names if name in PEERS]
    lines = [
        f"Measured on {date.today()}: {machine()}; peers {', '.join(peers) or 'none'}.",
        "Minimum of interleaved runs, every output checked against NumPy's first; below 1 in the",
        "last column graphc is the faster one.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    for row in rows:
        lines.append("| " + " | ".join([row.work, str(row.threads), *_cells(row, names)]) + " |")
    return "\n".join(lines) + "\n"


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    times = [duration(row.minimum[name]) if name in row.minimum else "" for name in names]
    ratio = row.ratio
    return [*times, "" if ratio is None else f"{ratio:.2f} ({row.best_peer})"]
