"""The textual form of a graph.

Responsible for the text only; ``graphc.ir.parser`` reads it back to an equal graph.  The grammar::

    graph      = "graph" @name ["<" dim,* ">"] "(" (%name ":" type [location]),* ")"
                 ["where" (size ("==" | ">=") size),*] ["{" "flush_denormals" "=" "true" "}"]
                 "{" parameter* node* update* return "}"
    parameter  = "param" %name ":" type ["=" elements] [location]
    node       = %name [":" count] "=" op "(" operand,* ")" [attributes] ":" type,*
                 [location] [graph]
    attributes = "{" (key "=" value),* "}"
    update     = "update" %name "=" operand
    return     = "return" (key "=" operand),*
    operand    = %name [":" result]
    location   = "loc(" string ":" line ")"
    type       = ("f32" | "f64" | "i32" | "i64" | "u8" | "bool") "[" size,* "]"
    literal    = type elements
    elements   = "(" element,* ")" | "(" "@" digest ")"
    value      = number | "true" | "false" | "none" | word | string | dtype | size | literal
               | "[" value,* "]"

``%h`` is a value with the name hint h, ``%h#1`` another with the same hint, ``%0`` one without;
``%p:2 = ...`` has two results, ``%p:0`` and ``%p:1``.  A graph after a node is the body it owns.
Floats are the shortest decimals of the same bits; a NaN other than NumPy's is ``nan:<bits>``.
Comments go from ";" to the end of the line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.ir import dtypes
from graphc.ir.attributes import ConstantReference, digest
from graphc.ir.dims import Dim
from graphc.ir.dtypes import DType
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.tokens import NAME
from graphc.ir.types import TensorType
from graphc.location import Location

INLINE_ELEMENTS = 16
RESERVED = frozenset(
    {"true", "false", "none", "inf", "nan", *(dtype.short for dtype in dtypes.ALL)}
)
BITS = {"float32": np.uint32, "float64": np.uint64}
_WORD = re.compile(r"[^\W\d]\w*\Z")
_NAME = re.compile(rf"{NAME}\Z")
_GRAPH_NAME = re.compile(r"[\w.]+\Z")
_LOCATION_COLUMN = 76


def text(
    graph: Graph,
    *,
    constants: MutableMapping[str, np.ndarray] | None = None,
    locations: bool = True,
) -> str:
    """The graph as text.  Arrays beyond 16 elements are written as their digest; where a mapping is
    given as ``constants``, they are put into it under that digest.

    >>> from graphc import ops
    >>> from graphc.ir.graphs import collect
    >>> x = ops.input("x", ("N",))
    >>> print(text(collect("g", {"y": (-x).value}), locations=False), end="")
    graph @g<N>(%x: f32[N]) {
      %0 = negative(%x) : f32[N]
      return y = %0
    }
    """
    found: MutableMapping[str, np.ndarray] = {} if constants is None else constants
    return "\n".join(_lines(graph, "", frozenset(graph.dims), found, locations)) + "\n"


def _lines(
    graph: Graph,
    indent: str,
    dims: frozenset[str],
    constants: MutableMapping[str, np.ndarray],
    locations: bool,
    lead: str = "",
) -> Iterator[str]:
    """The lines of a graph; ``lead`` is the node whose body it is."""
    names = value_names(graph)
    write = _Values(dims, constants)

    def place(location: Location | None) -> str:
        return f"  loc({_location(location)})" if locations and location is not None else ""

    yield from _header(graph, indent, names, place, lead)
    inner = indent + "  "
    for value in graph.parameters:
        initial = value.node.attributes.get("initial")
        start = "" if initial is None else f" = {write.elements(initial)}"
        line = f"{inner}param {names[value]}: {value.type}{start}"
        yield _placed(line, place(value.node.location))
    for node in graph.nodes:
        line = _placed(f"{inner}{_node(node, names, write)}", place(node.location))
        if node.body is None:
            yield line
        else:
            yield from _lines(node.body, inner, dims, constants, locations, f"{line} ")
    for parameter, new in graph.updates:
        yield f"{inner}update {names[parameter]} = {names[new]}"
    yield f"{inner}return {', '.join(f'{word(k)} = {names[v]}' for k, v in graph.outputs.items())}"
    yield f"{indent}}}"


def _header(
    graph: Graph, indent: str, names: Mapping[Value, str], place: Any, lead: str
) -> Iterator[str]:
    named = f"<{', '.join(graph.dims)}>" if graph.dims and not lead else ""
    relations = [f"{left} {relation} {right}" for left, relation, right in graph.constraints]
    tail = f" where {', '.join(relations)}" if relations else ""
    tail += " {flush_denormals = true}" if graph.flush_denormals else ""
    start = f"{lead or indent}graph {_graph_name(graph.name)}{named}("
    inputs = [f"{names[v]}: {v.type}{place(v.node.location)}" for v in graph.inputs]
    if not any(place(v.node.location) for v in graph.inputs):
        yield f"{start}{', '.join(inputs)}){tail} {{"
        return
    yield start
    for position, line in enumerate(inputs):
        yield f"{indent}    {line}{',' if position + 1 < len(inputs) else ''}"
    yield f"{indent}){tail} {{"


def value_names(graph: Graph) -> dict[Value, str]:
    """What the text calls each value: ``%hint``, ``%hint#1`` for the next of that hint, ``%0``."""
    names: dict[Value, str] = {}
    used: dict[str, int] = {}
    unnamed = 0
    sources = (v.node for v in (*graph.inputs, *graph.parameters))
    for node in (*sources, *graph.nodes):
        if node.name is None:
            name = f"%{unnamed}"
            unnamed += 1
        else:
            count = used.get(node.name, 0)
            used[node.name] = count + 1
            name = _value_name(node.name) + (f"#{count}" if count else "")
        if len(node.results) == 1:
            names[node.results[0]] = name
            continue
        for value in node.results:
            names[value] = f"{name}:{value.index}"
    return names


def _node(node: Node, names: Mapping[Value, str], write: _Values) -> str:
    operands = ", ".join(names[v] for v in node.operands)
    types = ", ".join(str(v.type) for v in node.results)
    result = names[node.results[0]]
    if len(node.results) > 1:
        result = f"{result[:-2]}:{len(node.results)}"
    shown = [f"{word(k)} = {write.value(v, node)}" for k, v in node.attributes.items()]
    attributes = f" {{{', '.join(shown)}}}" if shown else ""
    return f"{result} = {word(node.op.name)}({operands}){attributes} : {types}"


def _placed(line: str, location: str) -> str:
    return f"{line:<{_LOCATION_COLUMN}}{location}" if location else line


def _location(location: Location) -> str:
    return f"{json.dumps(location.file, ensure_ascii=False)}:{location.line}"


def _value_name(name: str) -> str:
    return "%" + (name if _NAME.match(name) else json.dumps(name, ensure_ascii=False))


def _graph_name(name: str) -> str:
    return "@" + (name if _GRAPH_NAME.match(name) else json.dumps(name, ensure_ascii=False))


def word(name: str) -> str:
    """A key: bare where it is an identifier, else a string."""
    return name if _WORD.match(name) else json.dumps(name, ensure_ascii=False)


class _Values:
    """Writes attribute values; collects the arrays that are too large for the text."""

    def __init__(self, dims: frozenset[str], constants: MutableMapping[str, np.ndarray]) -> None:
        self._quoted = RESERVED | dims
        self._dims = dims
        self._constants = constants

    def value(self, value: Any, node: Node) -> str:
        if value is None:
            return "none"
        if isinstance(value, bool | np.bool_):
            return "true" if value else "false"
        if isinstance(value, int | np.integer):
            return str(int(value))
        if isinstance(value, float | np.floating):
            return repr(float(value))
        if isinstance(value, str):
            bare = _WORD.match(value) and value not in self._quoted
            return value if bare else json.dumps(value, ensure_ascii=False)
        if isinstance(value, DType):
            return value.short
        if isinstance(value, Dim):
            return self._size(value)
        if isinstance(value, tuple):
            return f"[{', '.join(self.value(v, node) for v in value)}]"
        if isinstance(value, np.ndarray | ConstantReference):
            kind = TensorType(dtypes.as_dtype(value.dtype), value.shape)
            return f"{kind}{self.elements(value)}"
        raise UnsupportedError(
            f"{node.op.name}: an attribute of type {type(value).__name__} has no text"
        ).at(node.location)

    def _size(self, size: Dim) -> str:
        # A lone name is read as a dim only where the graph has it, else as a word.
        shown = str(size)
        return f"1*{shown}" if _WORD.match(shown) and shown not in self._dims else shown

    def elements(self, array: np.ndarray | ConstantReference) -> str:
        if isinstance(array, ConstantReference):
            return f"(@{array.digest})"
        if array.size <= INLINE_ELEMENTS:
            return f"({', '.join(_elements(array))})"
        key = digest(array)
        self._constants[key] = array
        return f"(@{key})"


def _elements(array: np.ndarray) -> Iterable[str]:
    if array.dtype.kind == "b":
        return ("true" if x else "false" for x in array.flat)
    if array.dtype.kind != "f":
        return (str(int(x)) for x in array.flat)
    return (_float(x) for x in array.reshape(-1))


def _float(x: np.floating[Any]) -> str:
    kind = x.dtype.type
    bits = BITS[x.dtype.name]
    if math.isnan(x):
        own = x.view(bits)
        return "nan" if own == kind(np.nan).view(bits) else f"nan:{int(own):x}"
    shown = str(x)
    if "inf" in shown:
        return shown
    # The reader goes through float64; where that rounds twice, all digits are written.
    return shown if kind(float(shown)) == x else repr(float(x))
