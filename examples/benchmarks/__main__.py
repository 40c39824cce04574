"""graphc beside NumPy, JAX, torch and OpenVINO: one command makes the whole table.

    python examples/benchmarks
    python examples/benchmarks --only gelu softmax --threads 1 2 --peers jax numpy
    python examples/benchmarks --peers-python PEERS/bin/python --json rows.json --readme README.md
    python examples/benchmarks --list others --readme graphc/docs/benchmarks.md
    python examples/benchmarks --compile
    python examples/benchmarks --fit --peers-python PEERS/bin/python --readme graphc/docs/keras.md
    python examples/benchmarks --charts charts/

Peers that are not installed are left out; ``--peers-python`` takes them from another environment.
``--quick`` runs small works, once each, to see that every framework computes the same.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from rich.console import Console

import catalogue
import charts
import compile_time
import keras_fit
from compare import OURS, PEERS, Row, compare
from table import markdown, rich_table

# What stands in the markers of the pages.
TABLE, COMPILE, FIT = "benchmark table", "compile table", "fit table"


def main(arguments: list[str] | None = None) -> list[Row]:
    """Runs what the options ask for; gives the rows."""
    options = parse(arguments)
    console = Console()
    if options.compile:
        times = compile_time.report(console, options.peers, options.threads, options.peers_python)
        if options.readme is not None:
            _write_into(options.readme, COMPILE, compile_time.markdown(times))
        return []
    if options.fit:
        _fit(console, options)
        return []
    if options.charts is not None:
        charts.write(options.charts, options.peers, options.threads[-1], options.peers_python)
        return []
    listed = "quick_works" if options.quick else options.list
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
    console.print(rich_table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=1))
    if options.readme is not None:
        _write_into(options.readme, TABLE, markdown(rows))
    return rows


def _fit(console: Console, options: argparse.Namespace) -> None:
    """The table of ``fit``."""
    peers = options.peers_python
    chosen = {"jax": peers, "torch": peers, "tensorflow": options.tensorflow_python or peers}
    pythons = {name: python for name, python in chosen.items() if python}
    size = {"rounds": options.rounds}
    if options.quick:
        size = {"samples": 640, "rounds": 1, "starts": 1}
    table = keras_fit.report(console, options.threads, pythons, **size)
    if options.readme is not None:
        _write_into(options.readme, FIT, table)


def _write_into(path: Path, name: str, table: str) -> None:
    """Replaces what stands between the markers of ``name``."""
    start, end = f"<!-- {name} -->", f"<!-- end of the {name} -->"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    if not rest or not after:
        raise SystemExit(f"{path} has no table between {start} and {end}")
    path.write_text(f"{before}{start}\n{table}{end}{after}", encoding="utf-8")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line's options."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    parser = argparse.ArgumentParser(prog="benchmarks", description="graphc beside its peers.")
    parser.add_argument("--list", choices=("works", "others"), default="works")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="works whose name has a word")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--peers-python", metavar="PATH", help="the peers' interpreter")
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, cores}))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="a slice of a round")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="write the table into it")
    parser.add_argument("--compile", action="store_true", help="time compiling instead")
    parser.add_argument("--fit", action="store_true", help="compare fit with that of Keras instead")
    parser.add_argument("--tensorflow-python", metavar="PATH", help="where TensorFlow is apart")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw charts instead")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
