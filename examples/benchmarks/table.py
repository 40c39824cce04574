"""Rows as tables: in the terminal, and in Markdown for the pages, losses included."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
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


def whole(rows: Sequence[Row]) -> str:
    """Every framework's times in Markdown, for each number of threads a row."""
    names = columns(rows)
    head = ["work", "threads", *names, "of best peer"]
    cells = ([row.work, str(row.threads), *_cells(row, names)] for row in rows)
    return _origin(rows) + markdown(head, cells)


def short(rows: Sequence[Row]) -> str:
    """graphc beside the best peer in Markdown, all numbers of threads in one row."""
    counts = list(dict.fromkeys(row.threads for row in rows))
    found = {(row.work, row.threads): row for row in rows}
    head = ["work"]
    for count in counts:
        threads = f"{count} thread" + "s" * (count > 1)
        head += [f"{threads}: graphc", "unfused", "best peer", "ratio"]
    cells = []
    for work in dict.fromkeys(row.work for row in rows):
        cells.append([work])
        for count in counts:
            cells[-1] += _beside_best(found.get((work, count)))
    return _origin(rows) + markdown(head, cells)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _origin(rows: Sequence[Row]) -> str:
    """When and where the rows were measured, and what the numbers mean."""
    told = rows[0].versions if rows else {}
    peers = [f"{name} {told[name]}" for name in columns(rows) if told.get(name)]
    return (
        f"Measured on {date.today()}: {machine()}; peers: {', '.join(peers) or 'none'}.\n"
        "Least times of interleaved runs, every output checked against NumPy's first. A ratio\n"
        "below 1 says that graphc is faster than the best peer; one that is **bold**, that it is "
        "not.\n\n"
    )


def _beside_best(row: Row | None) -> list[str]:
    if row is None:
        return [""] * 4
    ours = [duration(row.minimum[name]) if name in row.minimum else "" for name in OURS]
    peer = row.best_peer
    return [*ours, f"{peer} {duration(row.minimum[peer])}" if peer else "", _ratio(row)]


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    times = [duration(row.minimum[name]) if name in row.minimum else "" for name in names]
    return [*times, f"{_ratio(row)} ({row.best_peer})" if row.ratio is not None else ""]


def _ratio(row: Row) -> str:
    """graphc's time over the best peer's, bold where it shows a loss."""
    if row.ratio is None:
        return ""
    shown = f"{row.ratio:.2f}"
    return f"**{shown}**" if float(shown) > 1 else shown
