"""The command line: ``python -m graphc dump | draw | bench FILE.py:NAME``.

Responsible for arguments, for finding what ``FILE.py:NAME`` means, and for errors as one clear
message.  The work is done by the faces (``graphc.api``), ``graphc.viz`` and ``graphc.bench``.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import graphc
from graphc.errors import GraphcError

STAGES = ("graph", "optimized", "fused", "loops", "llvm", "asm")
_DRAWABLE = ("graph", "optimized", "fused")
_FORMATS = (".svg", ".dot", ".html")


class CommandError(Exception):
    """What the user asked for cannot be done; its text is the message."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; gives the exit status: 0, 1 for a failure, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (CommandError, GraphcError) as error:
        print(f"graphc: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m graphc", description="Look at what graphc makes of a graph, and time it."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    dump = commands.add_parser("dump", help="print a graph at one of the compiler's stages")
    _add_target(dump)
    dump.add_argument("--stage", choices=STAGES, default="graph", help="default: %(default)s")
    dump.add_argument("--no-fuse", action="store_true", help="of the unfused program")
    dump.set_defaults(run=_dump)

    draw = commands.add_parser("draw", help="write a picture of a graph")
    _add_target(draw)
    draw.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="OUT.svg, .dot or .html"
    )
    draw.add_argument("--stage", choices=_DRAWABLE, default="graph", help="default: %(default)s")
    draw.add_argument("--formulas", action="store_true", help="in .html: the mathematics as well")
    draw.set_defaults(run=_draw)

    bench = commands.add_parser("bench", help="time it fused, unfused and in NumPy")
    _add_target(bench)
    bench.add_argument(
        "--sizes", nargs="+", default=[], metavar="DIM=SIZE,...",
        help="sizes of the named dims, such as N=32,128,1024",
    )  # fmt: skip
    bench.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    bench.add_argument("--seconds", type=float, default=1.0, help="for each size; default: 1")
    bench.add_argument("--no-numpy", action="store_true", help="leave NumPy out")
    bench.add_argument("--json", type=Path, metavar="OUT", help="write the report as JSON")
    bench.add_argument("--svg", type=Path, metavar="OUT", help="write a chart")
    bench.set_defaults(run=_bench)
    return parser


def _add_target(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "target", metavar="FILE.py:NAME", help="a Graph, Tensor or Executable of a Python file"
    )


def _dump(options: argparse.Namespace) -> None:
    found = load(options.target)
    if isinstance(found, graphc.Executable):
        text = found.text(options.stage)
    elif options.stage == "graph":
        text = _as_graph(found, options.target).text()
    else:
        graph = _as_graph(found, options.target)
        text = graphc.compile(graph, fuse=not options.no_fuse).text(options.stage)
    print(text.rstrip("\n"))


def _draw(options: argparse.Namespace) -> None:
    if options.output.suffix not in _FORMATS:
        raise CommandError(
            f"cannot draw {options.output}: the name must end in {', '.join(_FORMATS)}"
        )
    graphs = _graphs(load(options.target), options)
    for name, graph in graphs.items():
        output: Path = options.output
        if len(graphs) > 1:
            output = output.with_stem(f"{output.stem}.{name}")
        _write(output, _picture(graph, output.suffix, options.formulas))


def _graphs(found: Any, options: argparse.Namespace) -> dict[str, Any]:
    """The graphs to draw, by name: one for each entry of an executable."""
    if not isinstance(found, graphc.Executable):
        graph = _as_graph(found, options.target)
        if options.stage == "graph":
            return {graph.name: graph}
        found = graphc.compile(graph)
    return {name: found.graph(options.stage, name) for name in found.entries}


def _picture(graph: Any, suffix: str, formulas: bool) -> str:
    if suffix == ".html":
        return str(graph.html(formulas=formulas))
    return str(graph.svg() if suffix == ".svg" else graph.to_dot())


def _bench(options: argparse.Namespace) -> None:
    found = load(options.target)
    if isinstance(found, graphc.Executable):
        raise CommandError(f"bench compiles for itself: give it a Graph, not {options.target}")
    graph = _as_graph(found, options.target)
    chosen = sizes(options.sizes)
    missing = [name for name in graph.ir.dims if name not in chosen]
    if missing:
        example = " ".join(f"{name}=32,128" for name in missing)
        raise CommandError(f"{graph.name} has named dims: say how large, as in --sizes {example}")
    report = graphc.benchmark(
        graph,
        sizes=chosen,
        numpy=not options.no_numpy,
        threads=options.threads,
        seconds=options.seconds,
    )
    from rich.console import Console

    # A file or a pipe has no width of its own; at 80 columns kernels' names are cut.
    Console(width=None if sys.stdout.isatty() else 118).print(report)
    if options.json is not None:
        _write(options.json, report.json())
    if options.svg is not None:
        _write(options.svg, report.svg())


def sizes(texts: Sequence[str]) -> dict[str, list[int]]:
    """What ``--sizes`` says.

    >>> sizes(["N=32,128", "T=7"])
    {'N': [32, 128], 'T': [7]}
    """
    found: dict[str, list[int]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        try:
            found[name] = [int(value) for value in values.split(",")]
        except ValueError:
            raise CommandError(f"--sizes {text}: expected DIM=SIZE,... as in N=32,128") from None
    return found


def load(target: str) -> Any:
    """The object that ``FILE.py:NAME`` means; the file is run to get it, as a module of its own."""
    file, _, name = target.rpartition(":")
    if not file or not name.isidentifier():
        raise CommandError(f"expected FILE.py:NAME, such as train.py:step, not {target!r}")
    if not Path(file).is_file():
        raise CommandError(f"there is no file {file}")
    sys.path.insert(0, str(Path(file).resolve().parent))
    try:
        found = runpy.run_path(file, run_name=Path(file).stem)
    finally:
        del sys.path[0]
    if name not in found:
        listed = ", ".join(key for key, value in found.items() if _is_target(value))
        raise CommandError(f"{file} defines no {name}; it has: {listed or 'no graph at all'}")
    if not _is_target(found[name]):
        kind = type(found[name]).__name__
        raise CommandError(f"{target} is no Graph, Tensor or Executable but of type {kind}")
    return found[name]


def _is_target(value: Any) -> bool:
    return isinstance(value, graphc.Graph | graphc.Tensor | graphc.Executable)


def _as_graph(found: Any, target: str) -> Any:
    if isinstance(found, graphc.Tensor):
        name = target.rpartition(":")[2]
        return graphc.Graph(name, outputs={name: found})
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
