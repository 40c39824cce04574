"""``fit`` of the first network on 60,000 samples: graphc.keras beside Keras on its backends.

Every framework has a process of its own, and they work in turn.  Quoted are the least time of a
step over all rounds, the most memory that was resident (the data set among it), and the least time
from ``fit`` to the end of its first step, in fresh processes with empty caches.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rich.console import Console
from rich.table import Table

from compare import Process
from fitting import FORMS, STEP
from table import duration, machine, markdown

REFERENCE = "Keras on JAX, 32 steps"
_SETTLE = 0.1  # seconds for threads of the framework before to go to sleep
_LEAST_ACCURACY = 0.7  # four fifths of the labels can be known


@dataclass
class Fit:
    """What was measured of one form: seconds and bytes."""

    form: str
    threads: int
    first: float = float("inf")
    first_cached: float | None = None
    step: float = float("inf")
    memory: int = 0
    versions: tuple[str, ...] = ()
    missing: str | None = None


def compare_fits(
    threads: int, pythons: Mapping[str, str], *, samples: int, rounds: int, starts: int
) -> list[Fit]:
    """Every form on ``threads``; ``pythons`` are the interpreters by framework."""
    fits = [Fit(form, threads) for form in FORMS]
    processes: dict[str, Process] = {}
    with tempfile.TemporaryDirectory() as cache:
        try:
            for start in range(starts):
                for fit in fits:
                    if fit.form in processes:
                        processes.pop(fit.form).close()
                    folder = f"{cache}/{start} {fit.form}"
                    processes[fit.form] = _started(fit, pythons, samples, folder)
            for _ in range(rounds):
                for fit in fits:
                    _time(fit, processes[fit.form], samples)
            for fit in fits:
                fit.memory = processes[fit.form].ask(memory=0).get("bytes", 0)
        finally:
            for process in processes.values():
                process.close()
    return fits


def _started(fit: Fit, pythons: Mapping[str, str], samples: int, cache: str) -> Process:
    """A new process after its first epoch, with the times until its first step noted."""
    framework, _ = FORMS[fit.form]
    python = pythons.get(framework, sys.executable)
    process = Process(fit.form, fit.threads, python, "fitting.py", GRAPHC_CACHE_DIR=cache)
    answer = process.ask(first=samples)
    if "failed" in answer:
        fit.missing = answer["failed"]
        return process
    fit.first = min(fit.first, answer["seconds"])
    fit.versions = tuple(answer["versions"])
    if framework == "graphc":
        again = Process(fit.form, fit.threads, python, "fitting.py", GRAPHC_CACHE_DIR=cache)
        seconds = again.ask(first=samples)["seconds"]
        again.close()
        fit.first_cached = min(fit.first_cached or seconds, seconds)
    return process


def _time(fit: Fit, process: Process, samples: int) -> None:
    if fit.missing is not None:
        return
    time.sleep(_SETTLE)
    answer = process.ask(epoch=0)
    if "failed" in answer:
        fit.missing = answer["failed"]
    elif samples >= 10_000 and answer.get("accuracy", 1.0) < _LEAST_ACCURACY:
        fit.missing = f"it learns something else: accuracy {answer['accuracy']}"
    else:
        fit.step = min(fit.step, answer["seconds"])


def report(
    console: Console,
    threads: Sequence[int],
    pythons: Mapping[str, str],
    *,
    samples: int = 60_000,
    rounds: int = 5,
    starts: int = 2,
) -> str:
    """Prints the table; gives it in Markdown."""
    fits: list[Fit] = []
    for count in threads:
        fits += compare_fits(count, pythons, samples=samples, rounds=rounds, starts=starts)
    rows = [_cells(fit, fits) for fit in fits if fit.missing is None]
    table = Table(*_HEAD, title=machine())
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for fit in fits:
        if fit.missing is not None:
            console.print(f"{fit.form}: {fit.missing}", highlight=False, markup=False)
    versions = dict.fromkeys(v for fit in fits for v in fit.versions if fit.missing is None)
    others = [version for version in versions if version not in machine()]
    lines = [
        f"Measured on {date.today()}: {', '.join([machine(), *others])}. `fit` on {samples:,}",
        f"samples of 784 float32, {_megabytes(samples * 784 * 4)} of memory, in batches of 128.",
        "",
    ]
    return "\n".join(lines) + "\n" + markdown(_HEAD, rows)


_HEAD = ["", "threads", "steps a second", "a step", f"of {REFERENCE}", "memory", "first step"]


def _cells(fit: Fit, fits: Sequence[Fit]) -> list[str]:
    same = {other.form: other for other in fits if other.threads == fit.threads}
    reference = same[REFERENCE].step
    first = duration(fit.first)
    if fit.first_cached is not None:
        first += f", cached {duration(fit.first_cached)}"
    alone = fit.form == STEP
    return [
        fit.form,
        str(fit.threads),
        f"{1 / fit.step:,.0f}",
        duration(fit.step),
        f"{fit.step / reference:.2f}" if same[REFERENCE].missing is None else "",
        "" if alone else _megabytes(fit.memory),
        "" if alone else first,
    ]


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
