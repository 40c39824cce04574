"""Checks of the data: kernels that run first and refuse indices that are out of range.

An index that is an input or a parameter, perhaps moved or converted, is checked before the first
write, and exactly the elements that are used; an index computed in another way is clamped where it
is used.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from graphc.analysis.access import reads
from graphc.ir import dims, dtypes
from graphc.ir.dims import Shape, Size
from graphc.ir.graphs import Graph
from graphc.ir.index import Index, axis, constant
from graphc.ir.nodes import Node, Value
from graphc.loops import ir
from graphc.loops.items import index_expr, size_expr
from graphc.loops.steps import place_text
from graphc.loops.walk import with_dims
from runtime.frozen import frozen

Checked = tuple[Value, ir.Kernel]

# Of an element: what to bind first, whether it is valid, and how an error shows it.
Condition = tuple[tuple[ir.Statement, ...], ir.Expr, ir.Expr]
Valid = Callable[[ir.Name], Condition]


@frozen
class _Elements:
    """Those elements of ``value`` at ``index``, over axes of ``shape`` whose atoms are 0, 1, ..."""

    value: Value
    shape: Shape
    index: tuple[Index, ...]

    @classmethod
    def all_of(cls, value: Value) -> _Elements:
        shape = value.type.shape
        return cls(value, shape, tuple(map(_axis_or_zero, range(len(shape)), shape)))

    @property
    def is_all_in_order(self) -> bool:
        """Whether these are all elements of ``value`` in the order in which they lie."""
        here, there = self.shape, self.value.type.shape
        atoms = [i for i, size in enumerate(here) if size != 1]
        sizes = [k for k, size in enumerate(there) if size != 1]
        return len(atoms) == len(sizes) and all(
            self.index[k].single == i and there[k] == here[i]
            for k, i in zip(sizes, atoms, strict=True)
        )


def check_kernels(graph: Graph, entry: str) -> tuple[list[Checked], dict[int, tuple[str, str]]]:
    """The kernels that check ``graph``'s indices, each with the input or parameter it reads; and by
    status code the message (formatted with ``index`` and ``value``) and the user's line."""
    kernels: list[Checked] = []
    messages: dict[int, tuple[str, str]] = {}
    done: set[tuple[_Elements, Size, Size]] = set()
    known = {*graph.inputs, *graph.parameters}
    for fusion in (n for n in graph.nodes if n.body is not None):
        assert fusion.body is not None
        for node in (n for n in fusion.body.nodes if n.op.name == "check_index"):
            found = _given_elements(node.operands[0], fusion, known)
            low, limit = node.attributes.get("low", 0), node.attributes["limit"]
            if found is None or (found, low, limit) in done:
                continue
            done.add((found, low, limit))
            bodies = [(_in_range(low, limit), _message(found.value, limit))]
            if found.value.type.dtype.is_float:
                told = f"{found.value.name}: NaN at position {{index}} is no index"
                bodies.insert(0, (_is_number, told))
            for body, message in bodies:
                code = len(messages) + 1
                kernel = _kernel(f"{entry}.check{code}", found, code, body)
                kernels.append((found.value, kernel))
                messages[code] = (message, place_text(node))
    return kernels, messages


def _given_elements(value: Value, fusion: Node, known: Container[Value]) -> _Elements | None:
    """The elements of a value of ``known`` that ``value``, in the body of ``fusion``, consists of;
    ``None`` where it is computed otherwise."""
    found = _Elements.all_of(value)
    inside: Node | None = fusion
    while True:
        behind = _behind_views(found)
        if behind is None:
            return None
        found, at = behind, behind.value
        if inside is not None and inside.body is not None and at in inside.body.inputs:
            at, inside = inside.operands[inside.body.inputs.index(at)], None
        if at in known:
            return _Elements(at, found.shape, found.index)
        node = at.node
        if node.body is not None:
            at, inside = node.body.results[node.results.index(at)], node
        elif node.op.name == "astype":
            at = node.operands[0]
        elif node.op.name == "reshape" and found.is_all_in_order:
            found = _Elements.all_of(node.operands[0])
            continue
        else:
            return None
        found = _Elements(at, found.shape, found.index)


def _behind_views(elements: _Elements) -> _Elements | None:
    """The same elements where they are computed or given; ``None`` where they come from several
    values, or not all from one."""
    found = reads(elements.value)
    if len(found) != 1 or found[0].partial:
        return None
    index = tuple(_composed(i, elements.index) for i in found[0].index)
    return _Elements(found[0].value, elements.shape, index)


def _composed(outer: Index, inner: tuple[Index, ...]) -> Index:
    """``outer`` with ``inner[k]`` in the place of its atom k."""
    total = constant(outer.constant)
    for atom, coefficient in outer.terms:
        assert isinstance(atom, int)
        total = total + inner[atom] * coefficient
    return total


def _axis_or_zero(atom: int, size: Size) -> Index:
    return constant(0) if size == 1 else axis(atom)


def _kernel(name: str, found: _Elements, code: int, valid: Valid) -> ir.Kernel:
    """The kernel that checks each of the elements by ``valid``."""
    declared, loops, index = _loops(found)
    dtype = found.value.type.dtype
    loaded = ir.Load("x", tuple(index_expr(i, {}) for i in index), dtype)
    position = index_expr(_flat_position(index, declared), {})
    statements, condition, shown = valid(ir.Name("given", dtype))
    check = ir.Check(code, condition, position, shown)
    body = (ir.Let("given", loaded), *statements, check)
    argument = ir.Argument("x", dtype, declared)
    return with_dims(ir.Kernel(name, (argument,), (ir.For(loops, body),)))


def _in_range(low: Size, limit: Size) -> Valid:
    def valid(given: ir.Name) -> Condition:
        x = given
        statements: tuple[ir.Statement, ...] = ()
        if given.dtype != dtypes.int64:
            wide = ir.Apply("astype", (given,), dtypes.int64, (("dtype", dtypes.int64),))
            x, statements = ir.Name("index", dtypes.int64), (ir.Let("index", wide),)
        above = ir.Apply("greater_equal", (x, size_expr(low)), dtypes.bool_)
        below = ir.Apply("less", (x, size_expr(limit)), dtypes.bool_)
        return statements, ir.Apply("logical_and", (above, below), dtypes.bool_), x

    return valid


def _is_number(given: ir.Name) -> Condition:
    """Converted to an integer, NaN would be 0 and a valid index."""
    return (), ir.Apply("equal", (given, given), dtypes.bool_), size_expr(0)


def _loops(found: _Elements) -> tuple[Shape, tuple[ir.Axis, ...], tuple[Index, ...]]:
    """The shape under which the elements' value is read, loops over them, the index therein."""
    if found.is_all_in_order:
        flat = dims.product(found.value.type.shape)
        return (flat,), (ir.Axis("i", flat),), (axis("i"),)
    names = [f"i{k}" for k in range(len(found.shape))]
    index = tuple(_composed(i, tuple(map(axis, names))) for i in found.index)
    loops = tuple(map(ir.Axis, names, found.shape)) or (ir.Axis("i", 1),)
    return found.value.type.shape, loops, index


def _flat_position(index: tuple[Index, ...], shape: Shape) -> Index:
    """Where the element at ``index`` lies, counted from the first."""
    position = constant(0)
    for i, size in zip(index, shape, strict=True):
        position = position * size + i
    return position


def _message(value: Value, limit: Size) -> str:
    return (
        f"{value.name}: index {{value}} at position {{index}} is out of range for "
        f"{limit} classes or elements"
    )
