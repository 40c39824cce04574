"""What identifies a program before it is compiled: two graphs of one fingerprint become the same.

It covers the graphs with names and places (both are in the program), the digests of constants, the
target, the options, and the compiler itself; not the parameters' initial values, which only the
runtime sees.  Computes, keeps nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from graphc.ir.attributes import frozen
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ops import built_in
from runtime.target import Target

# Folders on whose files no program depends: what stands on the compiler.
_NO_COMPILER = {"__pycache__", "docs", "keras", "viz", "bench"}


def fingerprint(graphs: Sequence[Graph], target: Target, options: Sequence[object]) -> str | None:
    """64 hexadecimal digits; ``None`` where nothing can stand for a graph: an op that is the user's
    own may become anything, and a fused group is compiled as it is."""
    number: dict[Value, int] = {}
    known: dict[int, object] = {}
    lines = [_compiler(), repr(target), repr(tuple(options))]
    for graph in graphs:
        sources = [value.node for value in (*graph.inputs, *graph.parameters)]
        for node in (*sources, *graph.nodes):
            if node.op not in built_in or node.body is not None:
                return None
            try:
                lines.append(_line(node, number, known))
            except TypeError:  # an attribute that is no attribute: the verifier says so
                return None
            for value in node.results:
                number[value] = len(number)
        lines.append(_ends(graph, number))
    return hashlib.sha256("\n".join(lines).encode(errors="surrogatepass")).hexdigest()


def _line(node: Node, number: dict[Value, int], known: dict[int, object]) -> str:
    """``known`` is what is said of a type or a place, by its address: nodes share them."""
    # A parameter that two entries share is one; its second mention says so by its number.
    again = [number.get(value) for value in node.results]
    operands = [number[value] for value in node.operands]
    types = []
    for value in node.results:
        about = known.get(id(value.type))
        if about is None:
            about = (value.type.dtype.short, *map(str, value.type.shape))
            known[id(value.type)] = about
        types.append(about)
    # What an input or a parameter has beside its type is the runtime's affair.
    source = node.op.name in ("input", "parameter")
    attributes = [] if source else sorted(node.attributes.items())
    given = [(name, frozen(value)) for name, value in attributes]
    place = known.get(id(node.location))
    if place is None and node.location is not None:
        place = node.location.file, node.location.line, node.location.text
        known[id(node.location)] = place
    return repr((node.op.name, again, operands, types, given, node.name, place))


def _ends(graph: Graph, number: dict[Value, int]) -> str:
    outputs = [(name, number[value]) for name, value in graph.outputs.items()]
    updates = [(number[parameter], number[new]) for parameter, new in graph.updates]
    inputs = [number[value] for value in graph.inputs]
    parameters = [number[value] for value in graph.parameters]
    constraints = [(str(a), relation, str(b)) for a, relation, b in graph.constraints]
    ends = (graph.name, inputs, parameters, outputs, updates, constraints)
    return repr((*ends, graph.flush_denormals))


@cache
def _compiler() -> str:
    """What this compiler is: its files' sizes and times, and what folds constants."""
    here = os.path.dirname(os.path.realpath(__file__))
    found = [f"numpy {np.__version__}"]
    for folder in (here, os.path.join(os.path.dirname(here), "runtime")):
        found += sorted(_files(folder))
    return "\n".join(found)


def _files(root: str) -> Iterable[str]:
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        if entry.name not in _NO_COMPILER:
                            pending.append(entry.path)
                    elif entry.name.endswith((".py", ".ll")):
                        about = entry.stat()
                        yield f"{entry.path[len(root) :]} {about.st_size} {about.st_mtime_ns}"
        except OSError:  # not files at all: what was imported is all there is to say
            yield folder
