"""The rules every graph obeys, whichever pass made it.

Responsible for saying which rule a graph breaks, and where; mends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from graphc.errors import GraphcError, VerifyError
from graphc.ir import dims
from graphc.ir.attributes import is_attribute
from graphc.ir.dims import Dim
from graphc.ir.dtypes import as_dtype
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Region

_SOURCES = ("input", "parameter")


@dataclass(eq=False, repr=False)
class Known:
    """What was found to hold: ``free`` are the dims that nodes name.  Passes make most nodes from
    others with the same types and attributes, the very objects: what holds of the one ``alike``
    holds of the other.  The nodes keep the objects alive, so their addresses stay theirs."""

    free: dict[Node, frozenset[str]] = field(default_factory=dict)
    alike: dict[tuple[object, ...], frozenset[str]] = field(default_factory=dict)


def verify(graph: Graph, known: Known | None = None) -> None:
    """Raise ``VerifyError`` where ``graph`` breaks a rule.

    ``known`` has nodes whose own rules hold already (nodes are immutable, so once is enough); those
    found to hold are added to it.  Rules of the graph (order, names, dims, updates) are always
    checked.

    * inputs and parameters are sources with names of their own; no other node is one of them;
    * every operand is the result of an input, a parameter or an earlier node;
    * result types are what the op's record infers; attributes are of the kinds that have a text;
    * every dim occurs in an input's shape, sizes are not negative;
    * a fused group's body takes its operands' types, gives its results' types and has no state;
    * an update's value has its parameter's type, and no parameter is updated twice.
    """
    _verify(graph, known if known is not None else Known(), frozenset(graph.dims))


def _verify(graph: Graph, known: Known, bound: frozenset[str]) -> None:
    defined: set[Value] = set()
    _check_sources(graph.inputs, "input", defined)
    _check_sources(graph.parameters, "parameter", defined)
    for node in graph.nodes:
        if not defined.isdisjoint(node.results):
            wrong = "among the computed nodes" if node.op.name in _SOURCES else "twice in the order"
            _fail(f"{_shown(node)} stands {wrong}", node)
        if not defined.issuperset(node.operands):
            _fail_undefined(node, defined)
        free = known.free.get(node)
        if free is None:
            free = known.free[node] = _checked(node, known, bound)
        if free:
            _check_bound(node, free, bound)
        defined.update(node.results)
    _check_ends(graph, defined)
    for left, relation, right in graph.constraints:
        missing = (dims.names(left) | dims.names(right)) - bound
        if missing or relation not in ("==", ">="):
            raise VerifyError(f"the constraint {left} {relation} {right} has no meaning here")


def _fail_undefined(node: Node, defined: set[Value]) -> NoReturn:
    position, operand = next((i, v) for i, v in enumerate(node.operands) if v not in defined)
    _fail(
        f"operand {position} of {_shown(node)}, {_shown(operand.node)}, is not defined before it",
        node,
    )


def _checked(node: Node, known: Known, bound: frozenset[str]) -> frozenset[str]:
    """The dims that ``node`` names, which must be ``bound``, once its own rules hold."""
    about = [id(value.type) for value in (*node.operands, *node.results)]
    key = (node.op, id(node.attributes), len(node.operands), *about)
    free = known.alike.get(key)
    if free is None:
        free = _free_dims(node)
        _check_bound(node, free, bound)
        _check_node(node, known, bound)
        if node.body is None:
            known.alike[key] = free
    return free


def _check_sources(values: Iterable[Value], record: str, defined: set[Value]) -> None:
    names: set[str] = set()
    for value in values:
        node = value.node
        if node.op.name != record:
            _fail(f"{_shown(node)} is not an {record}", node)
        if not node.name or node.name in names:
            _fail(f"{record}s need names of their own: {node.name!r}", node)
        if node.operands or node.results != (value,):
            _fail(f"{_shown(node)} must have no operands and one result", node)
        initial = node.attributes.get("initial")
        if initial is not None and (
            as_dtype(initial.dtype) is not value.type.dtype or initial.shape != value.type.shape
        ):
            _fail(f"the initial value of %{node.name} is not {value.type}", node)
        _check_sizes(node)
        names.add(node.name)
        defined.add(value)


def _check_node(node: Node, known: Known, bound: frozenset[str]) -> None:
    """The rules that concern one node alone."""
    if node.op.name in _SOURCES:
        _fail(f"{_shown(node)} stands among the computed nodes", node)
    if not node.results:
        _fail(f"{_shown(node)} has no results", node)
    for name, value in node.attributes.items():
        if not is_attribute(value):
            _fail(f"attribute {name} of {_shown(node)} is a {type(value).__name__}", node)
    if isinstance(node.op, Region) != (node.body is not None):
        _fail(f"{_shown(node)} must have a body exactly when its op is a region", node)
    if node.body is not None:
        _check_body(node, node.body, known, bound)
        return
    types = tuple(value.type for value in node.results)
    try:
        inferred = node.op.infer([value.type for value in node.operands], node.attributes)
    except GraphcError as error:
        _fail(f"{_shown(node)} does not take its operands: {error.reason}", node)
    if tuple(inferred) != types:
        shown = ", ".join(map(str, inferred))
        _fail(f"{_shown(node)} has type {', '.join(map(str, types))}, inferred {shown}", node)
    _check_sizes(node)


def _check_body(node: Node, body: Graph, known: Known, bound: frozenset[str]) -> None:
    if body.parameters or body.updates:
        _fail(f"the body of {_shown(node)} has state of its own", node)
    if [v.type for v in node.operands] != [v.type for v in body.inputs]:
        _fail(f"the body of {_shown(node)} takes other types than its operands'", node)
    if [v.type for v in node.results] != [v.type for v in body.results]:
        _fail(f"the body of {_shown(node)} gives other types than its results'", node)
    try:
        _verify(body, known, bound)
    except VerifyError as error:
        raise error.at(node.location) from None


def _free_dims(node: Node) -> frozenset[str]:
    """The dims that a node names."""
    free: set[str] = set()
    for value in node.results:
        for size in value.type.shape:
            if isinstance(size, Dim):
                free |= dims.names(size)
    for value in node.attributes.values():
        if isinstance(value, (Dim, tuple)):
            free |= _names(value)
    return frozenset(free)


def _check_bound(node: Node, free: frozenset[str], bound: frozenset[str]) -> None:
    if free - bound:
        _fail(f"{_shown(node)} has the dims {sorted(free - bound)}, which no input has", node)


def _names(attribute: Any) -> set[str]:
    if isinstance(attribute, Dim):
        return dims.names(attribute)
    if not isinstance(attribute, tuple):
        return set()
    return set().union(*map(_names, attribute))


def _check_sizes(node: Node) -> None:
    for value in node.results:
        for size in value.type.shape:
            if isinstance(size, int) and size < 0:
                _fail(f"{_shown(node)} has a size below zero: {value.type}", node)


def _check_ends(graph: Graph, defined: set[Value]) -> None:
    for name, value in graph.outputs.items():
        if value not in defined:
            _fail(f"output {name} is not computed in the graph", value.node)
    updated: set[Value] = set()
    for parameter, new in graph.updates:
        if parameter not in graph.parameters or parameter in updated:
            _fail(f"%{parameter.name} is no parameter of the graph, or updated twice", new.node)
        if new not in defined:
            _fail(f"the new value of %{parameter.name} is not computed in the graph", new.node)
        if parameter.type != new.type:
            _fail(f"%{parameter.name} is {parameter.type}, its new value {new.type}", new.node)
        updated.add(parameter)


def _shown(node: Node) -> str:
    return f"{node.op.name} %{node.name}" if node.name else node.op.name


def _fail(reason: str, node: Node) -> NoReturn:
    raise VerifyError(reason).at(node.location)
