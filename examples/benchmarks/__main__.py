"""graphc beside NumPy, JAX, torch, torch.compile and OpenVINO.

    python examples/benchmarks
    python examples/benchmarks tables compile peak charts --peers-python PEERS/bin/python --write
    python examples/benchmarks --only gelu softmax --threads 1 2 --peers jax numpy --json rows.json

What is measured: ``tables``, the works of the README's table and others (``--list``); ``compile``,
time and memory up to the first results; ``peak``, the main job's hottest loop beside the most that
the processor can do; ``charts``, times by batch, width, depth and length of chain; ``fit``, that of
graphc.keras beside that of Keras.  ``--write`` puts what was found into README.md and graphc/docs.

Peers that are not installed are left out; ``--peers-python`` takes them from another environment.
``--quick`` runs small works, once each, to see that every framework computes the same.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

import catalogue
import charts
import compile_time
import keras_fit
import pages
import peak
from compare import OURS, PEERS, ROUNDS, SECONDS, Row, compare
from table import rich_table, short, whole

_LISTS = ("works", "others", "moves")


def main(arguments: list[str] | None = None) -> None:
    """Measures what the options ask for."""
    options = parse(arguments)
    console = Console()
    for job in options.jobs or ["tables"]:
        _JOBS[job](console, options)


def _tables(console: Console, options: argparse.Namespace) -> None:
    found: list[Row] = []
    for listed in ["quick_works"] if options.quick else options.list:
        rows = _rows(console, listed, options)
        found += rows
        console.print(rich_table(rows))
        if options.write is None:
            continue
        shown = "works" if options.quick else listed
        pages.write(options.write, pages.BENCHMARKS, f"table of {shown}", whole(rows))
        if shown == "works":
            pages.write(options.write, pages.README, "benchmark table", short(rows))
    if options.json is not None:
        options.json.write_text(json.dumps([row.as_json() for row in found], indent=1))


def _rows(console: Console, listed: str, options: argparse.Namespace) -> list[Row]:
    """The times of the works of a list, told as they come."""
    chosen = [
        index
        for index, work in enumerate(catalogue.LISTS[listed]())
        if not options.only or any(word in work.name for word in options.only)
    ]
    rows: list[Row] = []
    for threads in options.threads:
        for row in compare(
            listed,
            chosen,
            (*OURS, *options.peers),
            threads,
            rounds=1 if options.quick else options.rounds,
            seconds=0.0 if options.quick else options.seconds,
            peers_python=options.peers_python,
        ):
            rows.append(row)
            ratio = "" if row.ratio is None else f"{row.ratio:.2f} of {row.best_peer}"
            console.print(f"{row.work}, {threads} threads: {ratio}", highlight=False)
            for form, reason in row.missing.items():
                if reason != "no such form":
                    console.print(f"  {form}: {reason}", highlight=False, markup=False)
    return rows


def _compile(console: Console, options: argparse.Namespace) -> None:
    costs = compile_time.report(console, options.peers, options.threads, options.peers_python)
    if options.write is not None:
        pages.write(options.write, pages.README, "compile table", compile_time.in_markdown(costs))


def _peak(console: Console, options: argparse.Namespace) -> None:
    found = peak.report(console, options.threads)
    if options.write is not None:
        pages.write(options.write, pages.BENCHMARKS, "peak", found)


def _charts(console: Console, options: argparse.Namespace) -> None:
    folder = options.write and options.write / pages.DOCS
    for rows in charts.report(
        folder, options.peers, options.threads[-1], options.peers_python, quick=options.quick
    ):
        console.print(rich_table(rows))


def _fit(console: Console, options: argparse.Namespace) -> None:
    peers = options.peers_python
    chosen = {"jax": peers, "torch": peers, "tensorflow": options.tensorflow_python or peers}
    pythons = {name: python for name, python in chosen.items() if python}
    size = {"samples": 640, "rounds": 1, "starts": 1} if options.quick else {}
    table = keras_fit.report(console, options.threads, pythons, **size)
    if options.write is not None:
        pages.write(options.write, pages.KERAS, "fit table", table)


_JOBS = {"tables": _tables, "compile": _compile, "peak": _peak, "charts": _charts, "fit": _fit}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    parser = argparse.ArgumentParser(prog="benchmarks", description="graphc beside its peers.")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"{', '.join(_JOBS)}")
    parser.add_argument("--list", nargs="+", choices=_LISTS, default=["works"])
    parser.add_argument("--only", nargs="+", metavar="WORD", help="works whose name has a word")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--peers-python", metavar="PATH", help="the peers' interpreter")
    parser.add_argument("--tensorflow-python", metavar="PATH", help="where TensorFlow is apart")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, cores}))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the tables")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="a slice of a round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables' rows")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=pages.ROOT, metavar="ROOT", help="into the pages"
    )
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    unknown = [job for job in options.jobs if job not in _JOBS]
    if unknown:
        parser.error(f"no job {unknown[0]!r}; there are {', '.join(_JOBS)}")
    return options


if __name__ == "__main__":
    main()
