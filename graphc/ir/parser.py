"""Reads the textual form of a graph (grammar: ``graphc.ir.printer``).

Responsible for syntax, names and types: every printed type is compared with what the op's record
infers.  Evaluates nothing.  What is wrong is a ``ParseError`` at line and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from graphc.errors import GraphcError, ParseError
from graphc.ir import dims, op
from graphc.ir.attributes import same as same_attributes
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Region
from graphc.ir.tokens import Tokens
from graphc.ir.types import TensorType
from graphc.ir.values_parser import ValueReader, unquoted
from graphc.location import Location

_DEEPEST = 32


def parse(text: str, *, constants: Mapping[str, np.ndarray] | None = None) -> Graph:
    """The graph that ``text`` says.  Arrays written as digests come from ``constants``; one that is
    not there becomes a ``ConstantReference``: such a graph can be looked at but not run.

    Raises ``ParseError`` with line and column.

    >>> import graphc.ops
    >>> graph = parse("graph @g<N>(%x: f32[N]) { %y = negative(%x) : f32[N]  return y = %y }")
    >>> graph.outputs["y"].type
    TensorType(dtype=graphc.float32, shape=(N,))
    """
    tokens = Tokens(text)
    tokens.expect("graph")
    graph = _GraphParser(tokens, dict(constants or {}), None, 0, {}).graph()
    if tokens.kind != "end":
        tokens.fail("one graph was expected to be all of the text")
    return graph


def parse_all(text: str, *, constants: Mapping[str, np.ndarray] | None = None) -> tuple[Graph, ...]:
    """All graphs that ``text`` says, one after the other; parameters of one name are one parameter.

    ``constants`` and errors are those of ``parse``; two graphs that declare a parameter differently
    are an error too.

    >>> import graphc.ops
    >>> both = parse_all('''
    ...     graph @f() { param %w: f32[2] = (1.0, 2.0)  return y = %w }
    ...     graph @g() { param %w: f32[2] = (1.0, 2.0)  %0 = negative(%w) : f32[2]  return y = %0 }
    ... ''')
    >>> both[0].parameters == both[1].parameters
    True
    """
    tokens, known = Tokens(text), dict(constants or {})
    shared: dict[str, Value] = {}
    found: list[Graph] = []
    while not found or tokens.kind != "end":
        tokens.expect("graph")
        found.append(_GraphParser(tokens, known, None, 0, shared).graph())
    return tuple(found)


class _GraphParser:
    """Reads one graph after its keyword; bodies of fused groups have a parser of their own."""

    def __init__(
        self,
        tokens: Tokens,
        constants: dict[str, np.ndarray],
        outer_dims: frozenset[str] | None,
        depth: int,
        shared: dict[str, Value],
    ) -> None:
        self.tokens = tokens
        self.shared = shared
        self.constants = constants
        self.outer_dims = outer_dims
        self.depth = depth
        self.values: dict[str, Value] = {}
        self.locations: dict[tuple[str, str], Location] = {}
        self.reader = ValueReader(tokens, outer_dims or frozenset(), constants)

    def graph(self) -> Graph:
        tokens = self.tokens
        name = unquoted(tokens.take("the graph's name", "graph_name")[1:])
        at = tokens.place
        declared = self._declared_dims()
        if self.outer_dims is None:
            self.reader.dims = frozenset(declared)
        inputs = self._inputs()
        constraints = self._constraints()
        flush = self._flush_denormals()
        tokens.expect("{")
        parameters = self._parameters()
        nodes = self._nodes()
        updates = self._updates()
        outputs = self._outputs()
        tokens.expect("}")
        graph = Graph(
            name, inputs, parameters, nodes, outputs, updates, constraints, flush_denormals=flush
        )
        if self.outer_dims is None and tuple(declared) != graph.dims:
            tokens.fail(f"the inputs have the dims <{', '.join(graph.dims)}>", at)
        return graph

    def _declared_dims(self) -> list[str]:
        tokens = self.tokens
        if not tokens.accept("<"):
            return []
        return tokens.listed(">", lambda: tokens.take("the name of a dim", "word"))

    def _inputs(self) -> tuple[Value, ...]:
        self.tokens.expect("(")
        return tuple(self.tokens.listed(")", lambda: self._source("input")))

    def _parameters(self) -> tuple[Value, ...]:
        found: list[Value] = []
        while self.tokens.accept("param"):
            at = self.tokens.place
            label = self.tokens.text
            found.append(self._same(label, self._source("parameter"), at))
        return tuple(found)

    def _same(self, label: str, value: Value, at: int) -> Value:
        """``value``, or the same parameter of a graph before this one."""
        known = self.shared.setdefault(label, value)
        same = same_attributes(known.node.attributes, value.node.attributes)
        if known.type != value.type or not same:
            self.tokens.fail(f"{label} is another parameter in a graph above", at)
        self.values[label] = known
        return known

    def _source(self, record: str) -> Value:
        """``%name: type [= elements] [loc]`` of an input or parameter."""
        tokens = self.tokens
        at = tokens.place
        label = tokens.take("a value's name", "value_name")
        tokens.expect(":")
        kind = self.reader.type()
        attributes: dict[str, Any] = {}
        if record == "input":
            attributes = {"shape": kind.shape, "dtype": kind.dtype}
        elif tokens.accept("="):
            attributes = {"initial": self.reader.elements(kind, at)}
        node = Node(
            self._record(record, at),
            (),
            attributes,
            (kind,),
            location=self._location(),
            name=_hint(label),
        )
        self._define(label, node, at)
        return node.result

    def _constraints(self) -> tuple[tuple[dims.Size, str, dims.Size], ...]:
        tokens = self.tokens
        found: list[tuple[dims.Size, str, dims.Size]] = []
        if not tokens.accept("where"):
            return ()
        while not found or tokens.accept(","):
            left = self.reader.size(("==", ">="))
            relation = tokens.next()
            found.append((left, relation, self.reader.size((",", "{"))))
        return tuple(found)

    def _flush_denormals(self) -> bool:
        tokens = self.tokens
        if tokens.text != "{" or tokens.peek(1) != "flush_denormals":
            return False
        for expected in ("{", "flush_denormals", "="):
            tokens.expect(expected)
        at = tokens.place
        told = tokens.take("true or false", "word")
        if told not in ("true", "false"):
            tokens.fail("expected true or false", at)
        tokens.expect("}")
        return told == "true"

    def _nodes(self) -> tuple[Node, ...]:
        found: list[Node] = []
        while self.tokens.text[:1] == "%":
            found.append(self._node())
        return tuple(found)

    def _node(self) -> Node:
        tokens = self.tokens
        start = tokens.place
        label, count = _split_index(tokens.take("a value's name", "value_name"))
        tokens.expect("=")
        name = tokens.place
        record = self._record(unquoted(tokens.take("an op", "word", "string")), name)
        operands = self._operands()
        attributes = self.reader.attributes()
        tokens.expect(":")
        at = tokens.place
        types = [self.reader.type()]
        while tokens.accept(","):
            types.append(self.reader.type())
        location = self._location()
        body = self._body() if tokens.accept("graph") else None
        self._check(record, operands, attributes, types, body, at, name)
        if len(types) != (1 if count is None else count):
            tokens.fail(f"{label} is said to have {count or 1} results", at)
        node = Node(
            record, operands, attributes, types, location=location, name=_hint(label), body=body
        )
        self._define(label, node, start)
        return node

    def _body(self) -> Graph:
        if self.depth >= _DEEPEST:
            self.tokens.fail("bodies are nested too deeply")
        parser = _GraphParser(self.tokens, self.constants, self.reader.dims, self.depth + 1, {})
        return parser.graph()

    def _operands(self) -> list[Value]:
        self.tokens.expect("(")
        return self.tokens.listed(")", self._operand)

    def _operand(self) -> Value:
        at = self.tokens.place
        name = self.tokens.take("a value", "value_name")
        value = self.values.get(name)
        if value is None:
            self.tokens.fail(f"{name} is not defined above", at)
        return value

    def _updates(self) -> tuple[tuple[Value, Value], ...]:
        tokens = self.tokens
        found: list[tuple[Value, Value]] = []
        while tokens.accept("update"):
            at, name = tokens.place, tokens.text
            parameter = self._operand()
            tokens.expect("=")
            new = self._operand()
            if parameter.node.op.name != "parameter":
                tokens.fail(f"{name} is not a parameter", at)
            if parameter.type != new.type:
                tokens.fail(f"{name} is {parameter.type}, its new value {new.type}", at)
            found.append((parameter, new))
        return tuple(found)

    def _outputs(self) -> dict[str, Value]:
        tokens = self.tokens
        found: dict[str, Value] = {}
        tokens.expect("return")
        while tokens.text != "}":
            if found:
                tokens.expect(",")
            at = tokens.place
            name = unquoted(tokens.take("an output's name", "word", "string"))
            if name in found:
                tokens.fail(f"two outputs are called {name}", at)
            tokens.expect("=")
            found[name] = self._operand()
        return found

    def _location(self) -> Location | None:
        tokens = self.tokens
        if not tokens.accept("loc"):
            return None
        tokens.expect("(")
        file = tokens.take("a file's name", "string")
        tokens.expect(":")
        line = tokens.take("a line number", "integer")
        tokens.expect(")")
        known = self.locations.get((file, line))
        if known is None:
            known = self.locations[file, line] = Location(unquoted(file), int(line))
        return known

    def _record(self, name: str, at: int) -> op.Op:
        try:
            return op.lookup(name)
        except KeyError:
            self.tokens.fail(f"there is no op called {name}", at)

    def _check(
        self,
        record: op.Op,
        operands: list[Value],
        attributes: Mapping[str, Any],
        types: list[TensorType],
        body: Graph | None,
        at: int,
        name: int,
    ) -> None:
        """Compare printed types with those that follow from the operands (or the body)."""
        if isinstance(record, Region) != (body is not None):
            self.tokens.fail(f"{record.name} {'has no' if body else 'needs a'} body", name)
        if body is not None:
            inferred = tuple(v.type for v in body.results)
        else:
            try:
                inferred = record.infer([v.type for v in operands], attributes)
            except GraphcError as error:
                self._fail_at(name, f"{record.name}: {error.reason}", error)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                # Attributes that the record did not expect; text can say anything.
                self._fail_at(name, f"{record.name}: wrong attributes or operands", error)
        if tuple(types) != tuple(inferred):
            shown = ", ".join(map(str, inferred))
            self.tokens.fail(f"{record.name} gives {shown} here", at)

    def _fail_at(self, at: int, reason: str, cause: Exception) -> NoReturn:
        try:
            self.tokens.fail(reason, at)
        except ParseError as error:
            raise error from cause

    def _define(self, label: str, node: Node, at: int) -> None:
        several = len(node.results) > 1
        for value in node.results:
            name = f"{label}:{value.index}" if several else label
            if name in self.values:
                self.tokens.fail(f"{name} is defined twice", at)
            self.values[name] = value


def _split_index(text: str) -> tuple[str, int | None]:
    """``%p:2`` as ``%p`` and 2."""
    label, colon, count = text.rpartition(":")
    return (label, int(count)) if colon and count.isdecimal() else (text, None)


def _hint(label: str) -> str | None:
    """The name hint in ``%hint`` or ``%hint#1``; ``None`` in ``%0``."""
    name = label[1:]
    if name[0] == '"':
        return unquoted(name[: name.rindex('"') + 1])
    name = name.partition("#")[0]
    return None if name[0].isdecimal() else name
