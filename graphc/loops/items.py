"""Scalar items: what a kernel computes at one index, before it is placed into loops.

``Items`` walks a body graph backwards from the stores to find at which indices each value is
needed, then forwards to describe each as an ``Item`` over other items: an expression, the loop axes
it depends on, and the reductions it waits for.  Views disappear here: they are index arithmetic.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphc.analysis.access import pieces_of
from graphc.ir import dtypes
from graphc.ir.dims import Dim, Size
from graphc.ir.dtypes import DType
from graphc.ir.graphs import Graph
from graphc.ir.index import Index, as_index, axis, constant
from graphc.ir.nodes import Node, Value
from graphc.ir.op import (
    Blocks,
    Check,
    Contraction,
    Elementwise,
    Gather,
    Piece,
    Rearrange,
    Reduction,
    Scatter,
)
from graphc.location import Location
from graphc.loops import ir
from graphc.passes.groups import is_expensive

_MOST_AT_ONCE = 8  # conditions, or pieces of a view, in one expression

Condition = tuple[Index, Size, Size]
Guard = tuple[tuple[bool, tuple[Condition, ...]], ...]  # (holds, all of these), and so on
Place = tuple[tuple[Index, ...], Guard]


class _Need(NamedTuple):
    """What makes a value at one place: others at theirs, and for a view its pieces."""

    sources: Sequence[tuple[Value, Place]]
    pieces: Sequence[tuple[Piece, Guard]] = ()


_NOTHING = _Need(())


@dataclass(eq=False, repr=False)
class Item:
    """One scalar of the kernel.  ``build`` makes its expression from its operands' expressions;
    ``axes`` are the loop axes it varies along; ``phase`` counts the reductions it must wait for;
    ``reduction`` is set where the item is the result of one."""

    operands: tuple[Item, ...]
    build: Callable[[Sequence[ir.Expr]], ir.Expr]
    axes: frozenset[str]
    phase: int
    number: int
    dtype: DType
    free: bool = False
    expensive: bool = False
    name: str | None = None
    location: Location | None = None
    reduction: Node | None = None


def index_expr(index: Index | Size, atoms: dict[Item, ir.Expr]) -> ir.Expr:
    """The loop IR expression of an index; ``atoms`` are the expressions of computed ones."""
    index = as_index(index)
    total: ir.Expr | None = None
    for atom, coefficient in index.terms:
        term = atoms[atom] if isinstance(atom, Item) else ir.AxisIndex(str(atom))
        if coefficient != 1:
            term = ir.Apply("multiply", (size_expr(coefficient), term), dtypes.int64)
        total = term if total is None else ir.Apply("add", (total, term), dtypes.int64)
    if total is None:
        return size_expr(index.constant)
    if index.constant == 0:
        return total
    return ir.Apply("add", (total, size_expr(index.constant)), dtypes.int64)


def size_expr(size: Size) -> ir.Expr:
    """A size as an i64 expression."""
    return ir.SizeOf(size) if isinstance(size, Dim) else ir.Literal(int(size), dtypes.int64)


def guard_expr(guard: Guard, atoms: dict[Item, ir.Expr]) -> ir.Expr:
    """The boolean expression of a guard that is not empty."""
    parts: list[ir.Expr] = []
    for holds, conditions in guard:
        sides: list[ir.Expr] = []
        for index, low, high in conditions:
            at = index_expr(index, atoms)
            above = ir.Apply("greater_equal", (at, size_expr(low)), dtypes.bool_)
            below = ir.Apply("less", (at, size_expr(high)), dtypes.bool_)
            sides.append(ir.Apply("logical_and", (above, below), dtypes.bool_))
        part = _all_of(sides)
        parts.append(part if holds else ir.Apply("logical_not", (part,), dtypes.bool_))
    return _all_of(parts)


def _all_of(parts: Sequence[ir.Expr]) -> ir.Expr:
    """Whether all ``parts`` hold, as an expression that is not as deep as they are many."""
    while len(parts) > 1:
        few = [parts[at : at + _MOST_AT_ONCE] for at in range(0, len(parts), _MOST_AT_ONCE)]
        parts = [
            functools.reduce(lambda a, b: ir.Apply("logical_and", (a, b), dtypes.bool_), each)
            for each in few
        ]
    return parts[0]


class Items:
    """The items of a body graph, given the index at which each output is stored."""

    def __init__(
        self,
        body: Graph,
        stores: Mapping[Value, tuple[Index, ...]],
        buffers: Mapping[Value, str],
        folded: Callable[[Node], Index],
    ) -> None:
        """``stores`` says at which index each result is needed, ``buffers`` the argument that each
        input of the body is, ``folded`` the loop axis that a reduction or product runs along."""
        self.buffers = buffers
        self.folded = folded
        self.all: list[Item] = []
        self._needs: dict[Value, dict[Place, _Need]] = {}
        self._items: dict[Value, dict[Place, Item]] = {}
        for value, index in stores.items():
            self._want(value, (_normal(value, index), ()))
        for node in reversed(body.nodes):
            self._demand(node)
        for value in body.inputs:
            places = self._needs.get(value, {})
            self._items[value] = {place: self._load(value, *place) for place in places}
        for node in body.nodes:
            for value in node.results:
                found = self._items[value] = {}
                for place, need in self._needs.get(value, {}).items():
                    found[place] = self._item(node, value, place, need)

    def at(self, value: Value, index: tuple[Index, ...]) -> Item:
        """The item of ``value`` at ``index``."""
        return self._items[value][_normal(value, index), ()]

    def _want(self, value: Value, place: Place) -> None:
        self._needs.setdefault(value, {}).setdefault(place, _NOTHING)

    def _demand(self, node: Node) -> None:
        """Enter at which indices the operands of ``node`` are needed."""
        for value in node.results:
            places = self._needs.get(value, {})
            for place in places:
                need = places[place] = self._need(node, place)
                for operand, at in need.sources:
                    self._want(operand, at)

    def _need(self, node: Node, place: Place) -> _Need:
        op, (index, guard) = node.op, place
        if isinstance(op, (Elementwise, Check)):
            return _Need([(operand, place) for operand in node.operands])
        if isinstance(op, Rearrange):
            pieces = _guarded(pieces_of(node, index) or ())
            of = [(node.operands[p.operand], p, own) for p, own in pieces if p.operand is not None]
            return _Need([(v, (_normal(v, p.index), guard + own)) for v, p, own in of], pieces)
        return _Need([(v, (_normal(v, at), guard)) for v, at in self._reads(node, index)])

    def _reads(
        self, node: Node, index: tuple[Index, ...]
    ) -> list[tuple[Value, Sequence[Index | Size]]]:
        """At which indices an op that folds or gathers reads its operands."""
        op = node.op
        if isinstance(op, Reduction):
            (position,) = node.attributes["axes"]
            return [(node.operands[0], (*index[:position], self.folded(node), *index[position:]))]
        if isinstance(op, Blocks):
            position = node.attributes["axis"]
            at = (*index[:position], self.folded(node), *index[position + 1 :])
            return [(node.operands[0], at)]
        if isinstance(op, Scatter):
            position = node.attributes["axis"]
            at = (*index[:position], self.folded(node), *index[position + 1 :])
            return [(operand, at) for operand in node.operands]
        if isinstance(op, Contraction):
            left, right = node.operands
            *batch, row, column = index
            k = self.folded(node)
            return [(left, (*batch, row, k)), (right, (*batch, k, column))]
        if isinstance(op, Gather):
            return [(node.operands[1], op.index_at(index, node.attributes))]
        return []

    def _new(
        self,
        operands: Sequence[Item],
        build: Callable[..., ir.Expr],
        dtype: DType,
        axes: Iterable[str] = (),
        **more: Any,
    ) -> Item:
        varies = frozenset(axes).union(*[item.axes for item in operands])
        phase = max([_phase_after(item) for item in operands], default=0)
        item = Item(tuple(operands), build, varies, phase, len(self.all), dtype, **more)
        self.all.append(item)
        return item

    def _item(self, node: Node, value: Value, place: Place, need: _Need) -> Item:
        index, guard = place
        op, dtype = node.op, value.type.dtype
        sources = [self._items[operand][at] for operand, at in need.sources]
        about: dict[str, Any] = {"name": node.name, "location": node.location}
        if isinstance(op, Elementwise):
            attributes = tuple(sorted(node.attributes.items()))
            return self._new(
                sources,
                lambda x: ir.Apply(op.name, tuple(x), dtype, attributes),
                dtype,
                expensive=is_expensive(op),
                **about,
            )
        if isinstance(op, Check):
            return sources[0]  # what it refuses, it refuses before any kernel runs
        if isinstance(op, Rearrange):
            return self._select(dtype, need.pieces, sources)
        if isinstance(op, (Reduction, Contraction, Blocks, Scatter)):
            if isinstance(op, Scatter):  # what is added, and where
                sources[1] = self._clamped(node, sources[1], node.attributes["size"])
            item = self._new(sources, lambda x: x[0], dtype, reduction=node, **about)
            item.axes = frozenset().union(*map(_axes_of, index))
            return item
        if isinstance(op, Gather):
            return self._gather(node, index, guard, sources[0])
        if op.name == "iota":
            position = index[node.attributes["axis"]]
            return self._new(
                [],
                lambda _: _converted(index_expr(position, {}), dtype),
                dtype,
                _axes_of(position),
                free=True,
            )
        number = node.attributes["value"].reshape(-1)[0].item()
        return self._new([], lambda _: ir.Literal(number, dtype), dtype, free=True)

    def _select(
        self, dtype: DType, pieces: Sequence[tuple[Piece, Guard]], sources: list[Item]
    ) -> Item:
        if len(pieces) == 1 and pieces[0][0].operand is not None:
            return sources[0]
        of = iter(sources)
        found = [(p, next(of) if p.operand is not None else None) for p, _ in pieces]
        rest: list[tuple[Piece, Item | None]] = []
        while found:  # the last pieces first; of many pieces some in the place of one
            rest = [*found[-_MOST_AT_ONCE:], *rest]
            del found[-_MOST_AT_ONCE:]
            last = rest[-1][0]
            rest = [(last, self._first_that_holds(dtype, rest))]
        (item,) = (item for _, item in rest if item is not None)
        return item

    def _first_that_holds(self, dtype: DType, found: Sequence[tuple[Piece, Item | None]]) -> Item:
        """The first of ``found`` whose conditions hold, else the last; no item: the fill value."""
        atoms = {
            a for p, _ in found[:-1] for i, _, _ in _conditions(p) for a in i.atoms
        }  # fmt: skip

        def build(x: Sequence[ir.Expr]) -> ir.Expr:
            values = iter(x)
            each = [
                ir.Literal(p.fill, dtype) if item is None else next(values) for p, item in found
            ]
            total = each.pop()
            for value, (piece, _) in zip(reversed(each), reversed(found[:-1]), strict=True):
                where = guard_expr(((True, _conditions(piece)),), {})
                total = ir.Apply("where", (where, value, total), dtype)
            return total

        operands = [item for _, item in found if item is not None]
        return self._new(operands, build, dtype, (a for a in atoms if isinstance(a, str)))

    def _load(
        self, value: Value, index: tuple[Index, ...], guard: Guard, operands: Sequence[Item] = ()
    ) -> Item:
        name, dtype = self.buffers[value], value.type.dtype
        atoms = {a for i in index for a in i.atoms}
        atoms |= {a for _, cs in guard for i, _, _ in cs for a in i.atoms}

        def build(x: Sequence[ir.Expr]) -> ir.Expr:
            computed = dict(zip(operands, x, strict=True))
            where = guard_expr(guard, computed) if guard else None
            return ir.Load(name, tuple(index_expr(i, computed) for i in index), dtype, where)

        return self._new(operands, build, dtype, (a for a in atoms if isinstance(a, str)))

    def _gather(self, node: Node, index: tuple[Index, ...], guard: Guard, taken: Item) -> Item:
        op, source = node.op, node.operands[0]
        assert isinstance(op, Gather)
        at = tuple(map(as_index, op.source_at(index, axis(taken), node.attributes)))
        (position,) = (p for p, i in enumerate(at) if taken in i.atoms)
        limit = source.type.shape[position]
        clamped = self._clamped(node, taken, limit)
        at = tuple(map(as_index, op.source_at(index, axis(clamped), node.attributes)))
        if not isinstance(limit, int) or limit == 0:  # of an empty axis no element can be read
            guard = (*guard, (True, ((constant(0), 0, limit),)))
        return self._load(source, at, guard, [clamped])

    def _clamped(self, node: Node, taken: Item, limit: Size) -> Item:
        """The place that operand 1 of ``node`` says, in [0, ``limit``)."""
        dtype = node.operands[1].type.dtype

        def clamp(x: Sequence[ir.Expr]) -> ir.Expr:
            wide = _converted(x[0], dtypes.int64, dtype)
            last = size_expr(limit - 1)
            low = ir.Apply("maximum", (wide, ir.Literal(0, dtypes.int64)), dtypes.int64)
            return ir.Apply("minimum", (low, last), dtypes.int64)

        return self._new([taken], clamp, dtypes.int64)


def _phase_after(item: Item) -> int:
    return item.phase + 1 if item.reduction is not None else item.phase


def _converted(x: ir.Expr, dtype: dtypes.DType, source: dtypes.DType = dtypes.int64) -> ir.Expr:
    if dtype == source:
        return x
    return ir.Apply("astype", (x,), dtype, (("dtype", dtype),))


def _axes_of(index: Index) -> frozenset[str]:
    return frozenset(atom for atom in index.atoms if isinstance(atom, str))


def _normal(value: Value, index: Sequence[Index | Size]) -> tuple[Index, ...]:
    """Axes of length 1 are read at 0, so that equal places have equal indices."""
    return tuple(
        constant(0) if size == 1 else as_index(i)
        for i, size in zip(index, value.type.shape, strict=True)
    )


def _conditions(piece: Piece) -> tuple[Condition, ...]:
    return tuple((as_index(i), low, high) for i, low, high in piece.where)


def _guarded(pieces: Sequence[Piece]) -> list[tuple[Piece, Guard]]:
    """Each piece with the guard under which it alone holds."""
    earlier: Guard = ()
    found = []
    for piece in pieces:
        own: Guard = ((True, _conditions(piece)),) if piece.where else earlier
        found.append((piece, own))
        earlier = (*earlier, (False, _conditions(piece)))
    return found
