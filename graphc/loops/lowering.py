"""Fusion nodes to kernels: the body graph becomes loops with scalar bodies, not yet scheduled.

A ``loop`` group becomes a nest over the outer axes; within it one loop along the remaining axis for
each phase of reductions and one for what is left, with values that don't vary along it computed
between.  A ``product`` group becomes a nest over the result's axes around one ``reduce fma``.  What
is expensive and needed in two phases is stored in between, if possible where the result will stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from graphc.analysis.access import is_view, reads
from graphc.ir import dims
from graphc.ir.dims import Shape
from graphc.ir.index import Index, axis, constant
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Blocks, Reduction, Scatter
from graphc.loops import ir
from graphc.loops.blocks import Block, StoreOf
from graphc.loops.items import Item, Items, index_expr
from graphc.loops.names import Names
from graphc.loops.walk import with_dims
from graphc.passes.groups import is_column, units_dropped

# A loop along the inner axis: its phase, what it folds, what it stores.
_Loop = tuple[int, list[Item], list[StoreOf]]

_COLUMN_ORDER = {Blocks: "block", Scatter: "ascending"}
AXES = ("i", "j", "k", "l", "m", "n")


class Lowered(NamedTuple):
    """A kernel, and for each of its arguments what it is: operand number, result number, or (both
    ``None``) scratch memory."""

    kernel: ir.Kernel
    operands: tuple[int | None, ...]
    results: tuple[int | None, ...]


def lower(fusion: Node, name: str) -> Lowered:
    """The kernel that computes a ``fusion`` node."""
    return _Lowering(fusion, name).run()


class _Lowering:
    def __init__(self, fusion: Node, name: str) -> None:
        assert fusion.body is not None
        self.body, self.name = fusion.body, name
        self.product = fusion.attributes["kind"] == "product"
        self.domain: Shape = fusion.attributes["domain"]
        self.along: int | None = fusion.attributes["along"]
        self.down: int | None = fusion.attributes["down"]
        self.names = Names(AXES)
        self._choose_axes()
        self.scratch: list[ir.Argument] = []
        self.lent: set[str] = set()

    def _choose_axes(self) -> None:
        """Name the axes of the domain (those of length 1 need no loop) and choose the inner one."""
        used = [p for p, size in enumerate(self.domain) if size != 1 or p == self.along]
        self.axis_of = {p: AXES[n] for n, p in enumerate(used)}
        self.inner = self.along
        if self.along is None and used and not self.product:
            self.inner = used[-1]
        self.inner_axis = AXES[len(used)] if self.inner is None else self.axis_of[self.inner]

    def run(self) -> Lowered:
        inputs = [
            ir.Argument(self.names.new(v.name or "x"), v.type.dtype, v.type.shape)
            for v in self.body.inputs
        ]
        results = tuple(self.body.outputs.values())
        outs = [
            ir.Argument(self.names.new(v.name or v.node.op.name), v.type.dtype, v.type.shape, "out")
            for v in results
        ]
        self.after_product = self._made_of_the_product() if self.product else set()
        index = {v: self._index(v) for v in results}
        buffers = {v: a.name for v, a in zip(self.body.inputs, inputs, strict=True)}
        self.items = Items(self.body, index, buffers, self._folded)
        self.stores = [
            StoreOf(out.name, index[v], self.items.at(v, index[v]), v.node.location)
            for v, out in zip(results, outs, strict=True)
        ]
        self.dtypes = {out.name: out.dtype for out in outs}
        body = self._product() if self.product else self._loops()
        arguments = (*inputs, *outs, *self.scratch)
        kernel = with_dims(ir.Kernel(self.name, arguments, tuple(body)))
        ins, mid, end = len(inputs), len(outs), len(self.scratch)
        return Lowered(
            kernel,
            (*range(ins), *(None,) * (mid + end)),
            (*(None,) * ins, *range(mid), *(None,) * end),
        )

    def _made_of_the_product(self) -> set[Node]:
        found: set[Node] = set()
        for node in self.body.nodes:
            if node.op.name == "matmul" or any(v.node in found for v in node.operands):
                found.add(node)
        return found

    def _folded(self, node: Node) -> Index:
        """The loop axis that a reduction or a product runs along."""
        if self.product and node.op.name != "matmul":
            rows = self.axis_of.get(len(self.domain) - 2)
            return constant(0) if rows is None else axis(rows)
        if self.down is not None and (self.along is None or isinstance(node.op, Blocks)):
            return axis(self.axis_of[self.down])
        return axis(self.inner_axis)

    def _index(self, value: Value) -> tuple[Index, ...]:
        """Where in its buffer a result is stored: its axes longer than 1 are the domain's in order,
        with or without the reduced one (a column's sum: without the rows)."""
        if is_view(value.node) and value.node in self.after_product:  # tiles in another layout
            (read,) = reads(value, (), value.node)
            source = self._index(read.value)
            placed = {at.single: i for at, i in zip(read.index, source, strict=True)}
            return tuple(placed.get(a, constant(0)) for a in range(value.type.rank))
        # Their axis stands for the blocks' numbers, or for what is scattered.
        of_operand = isinstance(value.node.op, Blocks | Scatter)
        shape = value.node.operands[0].type.shape if of_operand else value.type.shape
        kept = [p for p in self.axis_of if self.domain[p] != 1]
        if units_dropped(shape) != tuple(self.domain[p] for p in kept):
            folded = len(self.domain) - 2 if self.product else self.along
            folded = self.down if folded is None else folded
            kept = [p for p in kept if p != folded]
        atoms = iter(kept)
        return tuple(constant(0) if s == 1 else axis(self.axis_of[next(atoms)]) for s in shape)

    def _axes(self, positions: Iterable[int]) -> tuple[ir.Axis, ...]:
        return tuple(ir.Axis(self.axis_of[p], self.domain[p]) for p in positions)

    # -- products ---------------------------------------------------------------------------------

    def _product(self) -> list[ir.Statement]:
        (item,) = (i for i in self.items.all if i.reduction and i.reduction.op.name == "matmul")
        reduce, accumulated = self._reduce([item], [], {}, self._depth(item))
        epilogue = Block(self.names, accumulated)
        columns = [s for s in self.stores if s.item.reduction not in (None, item.reduction)]
        plain = [s for s in self.stores if s not in columns]
        rows = self.axis_of.get(len(self.domain) - 2)
        body: list[ir.Statement] = [reduce, *self._folding(epilogue, plain, columns, rows)]
        tile = [p for p in self.axis_of if p >= len(self.domain) - 2]
        batch = [p for p in self.axis_of if p < len(self.domain) - 2]
        for axes in (self._axes(tile), self._axes(batch)):
            body = [ir.For(axes, tuple(body))] if axes else body
        return body

    def _depth(self, item: Item) -> dims.Size:
        assert item.reduction is not None
        return item.reduction.operands[0].type.shape[-1]

    def _folding(
        self, block: Block, stores: list[StoreOf], columns: list[StoreOf], rows: str | None
    ) -> list[ir.Statement]:
        """A loop's body that makes ``stores`` and folds ``columns`` along the axis ``rows``."""
        values = iter(block.store(stores, also=[o for s in columns for o in s.item.operands]))
        body = list(block.statements)
        for store in columns:
            node, value, where = store.item.reduction, next(values), store.location
            assert node is not None
            index = [index_expr(i, {}) for i in store.index]
            if isinstance(node.op, Scatter):
                index[node.attributes["axis"]] = next(values)
            if rows is None:  # a single row is its own sum
                body.append(ir.Store(store.buffer, tuple(index), value, where))
                continue
            kind, order = _kind(store.item), _COLUMN_ORDER.get(type(node.op), "tree")
            body.append(ir.Column(store.buffer, tuple(index), kind, rows, value, order, where))
        return body

    # -- loops ------------------------------------------------------------------------------------

    def _loops(self) -> list[ir.Statement]:
        self.columns = [s for s in self.stores if self._is_column(s.item)]
        if self.columns and self.along is None:
            plain = [s for s in self.stores if s not in self.columns]
            down = self.axis_of[self.down or 0]
            body = self._folding(Block(self.names, {}), plain, self.columns, down)
            return [ir.For(self._axes(self.axis_of), tuple(body))]
        # What a row computes beside its inner loops is computed once: bound before them.
        rows = self.inner is not None and self.inner == max(self.axis_of)
        outer = Block(self.names, {}, bind_all=rows)
        if self.inner is None:  # rank 0: plain statements
            outer.store(self.stores)
            return outer.statements
        plan = self._inner_loops()
        for number, (phase, reductions, stores) in enumerate(plan):
            self._store_outer(phase, outer)
            self._inner_loop(reductions, stores, plan[number + 1 :], outer)
        self._store_outer(None, outer)
        axes = self._axes(p for p in self.axis_of if p != self.inner)
        return [ir.For(axes, tuple(outer.statements))] if axes else outer.statements

    def _inner_loops(self) -> list[_Loop]:
        """The loops along the inner axis: in each phase one for the reductions that share their
        lanes, and one for what is left to store."""
        loops: list[_Loop] = []
        for item in self.items.all:
            if item.reduction is None or self._is_column(item):
                continue
            mates = (rs for p, rs, _ in loops if p == item.phase and _joint(rs[0], item))
            found = next(mates, None)
            if found is not None:
                found.append(item)
            else:
                loops.append((item.phase, [item], []))
        loops.sort(key=lambda loop: loop[0])
        self.pending = [s for s in self.stores if not self._is_inner(s)]
        for store in self.stores:
            if store in self.pending or store in self.columns:
                continue
            phase = _ready(store.item)
            same = [loop for loop in loops if loop[0] == phase]
            if not same:
                same = [(phase, [], [])]
                loops += same
            same[-1][2].append(store)
        loops.sort(key=lambda loop: loop[0])
        if self.columns:  # apart from stores, which go row by row into whole pages
            loops.append((1 + max((loop[0] for loop in loops), default=0), [], []))
        return loops

    def _is_column(self, item: Item) -> bool:
        return self.down is not None and item.reduction is not None and is_column(item.reduction)

    def _is_inner(self, store: StoreOf) -> bool:
        return any(self.inner_axis in i.atoms for i in store.index)

    def _store_outer(self, phase: int | None, outer: Block) -> None:
        """Store the results that don't vary along the inner axis and are known before ``phase``."""
        ready = [s for s in self.pending if phase is None or _ready(s.item) <= phase]
        self.pending = [s for s in self.pending if s not in ready]
        outer.store(ready)

    def _inner_loop(
        self, reductions: list[Item], stores: list[StoreOf], later: list[_Loop], outer: Block
    ) -> None:
        inner = Block(self.names, outer.known)
        columns = [] if later else self.columns
        folded = [operand for s in columns for operand in s.item.operands]
        needed = inner.closure([*_roots(reductions, stores), *folded])
        outside = [i for i in needed if self.inner_axis not in i.axes and not i.free]
        # An expensive one counts as used twice, so that it is bound here and once for all loops.
        outer.expressions([*outside, *(i for i in outside if i.expensive)])
        roots = [i for _, rs, ss in later for i in _roots(rs, ss)]
        again = set(inner.closure([*roots, *(s.item.operands[0] for s in self.columns if later)]))
        varying = (i for i in needed if i.expensive and self.inner_axis in i.axes)
        spills = [i for i in varying if i in again and i not in outer.known]
        kept = [self._spill(item, later[-1:]) for item in spills]
        size = self.domain[self.inner] if self.inner is not None else 1
        if columns:
            assert self.down is not None
            block = Block(self.names, dict(outer.known))
            body = self._folding(block, stores, columns, self.axis_of[self.down])
            outer.statements.append(ir.For((ir.Axis(self.inner_axis, size),), tuple(body)))
            return
        statement, known = self._reduce(reductions, [*kept, *stores], outer.known, size)
        outer.statements.append(statement)
        outer.known.update(known)
        for store in kept:
            index = tuple(index_expr(i, {}) for i in store.index)
            dtype = self.dtypes[store.buffer]
            outer.known[store.item] = ir.Load(store.buffer, index, dtype)

    def _reduce(
        self,
        items: list[Item],
        stores: list[StoreOf],
        known: dict[Item, ir.Expr],
        extent: dims.Size,
    ) -> tuple[ir.Statement, dict[Item, ir.Expr]]:
        """The loop that folds ``items`` (none: a plain loop) and makes ``stores``; and what the
        folded values are called."""
        block = Block(self.names, dict(known))
        operands = [operand for item in items for operand in item.operands]
        values = block.store(stores, also=operands)
        loop_axis = ir.Axis(self.inner_axis, extent)
        if not items:
            return ir.For((loop_axis,), tuple(block.statements)), {}
        nodes = [item.reduction for item in items if item.reduction is not None]
        names = tuple(self.names.new(node.name or _short(node)) for node in nodes)
        reduce = ir.Reduce(
            names,
            tuple(map(_kind, items)),
            loop_axis,
            str(nodes[0].attributes["order"]),
            tuple(block.statements),
            tuple(values),
            location=nodes[0].location,
        )
        types = [node.result.type.dtype for node in nodes]
        return reduce, dict(zip(items, map(ir.Name, names, types), strict=True))

    def _spill(self, item: Item, final: Sequence[_Loop]) -> StoreOf:
        """Where an expensive item waits for a later loop: in the place of a result that the final
        loop stores, else in scratch memory."""
        dtype = item.dtype
        shape = tuple(self.domain[p] for p in self.axis_of)
        index = tuple(axis(name) for name in self.axis_of.values())
        for store in (s for _, _, stores in final for s in stores):
            whole = tuple(i for i in store.index if i.atoms) == index
            if whole and self.dtypes[store.buffer] == dtype and store.buffer not in self.lent:
                self.lent.add(store.buffer)
                return StoreOf(store.buffer, store.index, item, item.location)
        name = self.names.new(item.name or "kept")
        self.scratch.append(ir.Argument(name, dtype, shape, "temp"))
        self.dtypes[name] = dtype
        return StoreOf(name, index, item, item.location)


def _roots(reductions: Iterable[Item], stores: Iterable[StoreOf]) -> list[Item]:
    return [*(o for item in reductions for o in item.operands), *(s.item for s in stores)]


def _ready(item: Item) -> int:
    return item.phase + 1 if item.reduction is not None else item.phase


def _kind(item: Item) -> str:
    assert item.reduction is not None
    op = item.reduction.op
    if isinstance(op, Blocks):
        return str(item.reduction.attributes["combine"])
    if isinstance(op, Scatter):
        return "add"
    return op.combine if isinstance(op, Reduction) else "fma"


def _short(node: Node) -> str:
    return {"matmul": "d", "sum": "s", "max": "m"}.get(node.op.name, node.op.name)


def _joint(a: Item, b: Item) -> bool:
    """Whether two reductions of one phase may run in one loop: equal order, equal lanes."""
    assert a.reduction is not None and b.reduction is not None
    return _order(a.reduction) == _order(b.reduction)


def _order(node: Node) -> tuple[object, int]:
    operand = node.operands[0].type
    (position,) = node.attributes["axes"]
    return node.attributes["order"], ir.lane_count(operand.shape[position], operand.dtype)
