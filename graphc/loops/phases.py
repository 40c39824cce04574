"""Phases: parts of a kernel that run one after the other, each shared among threads by itself.

A loop nest that stands in a kernel's body beside other statements is a phase, and so is each run of
statements between such nests.  A long reduction of everything becomes a nest over its blocks, whose
results then fold in turn: that is what the order ``lanes`` means, so no bit changes.  What one
phase binds and another uses goes through memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from graphc.ir import dims, dtypes
from graphc.ir.dims import Size
from graphc.ir.dtypes import DType
from graphc.loops import ir
from graphc.loops.lowering import Lowered
from graphc.loops.names import Names
from graphc.loops.orders import identity
from graphc.loops.repetition import costly
from graphc.loops.walk import expressions, map_expressions, statements

_LONG = 2 * ir.BLOCK  # elements from which a loop is worth a phase of its own
_DEEP = 1024  # rows from which columns are worth phases
_FEW = 64  # rows that do not keep many threads busy
_EXTREMUM_OF = {"argmax": "maximum", "argmin": "minimum"}
_Body = tuple[ir.Statement, ...]


def phases(kernel: ir.Kernel) -> tuple[ir.Kernel, ...]:
    """The phases of ``kernel``, as kernels of the same arguments; the kernel itself where they
    would use each other's values."""
    groups = _groups(kernel.body)
    bound = _bound(kernel.body)
    if len(groups) == 1 or any(_used(group) & bound - _bound(group) for group in groups):
        return (kernel,)
    return tuple(replace(kernel, body=group) for group in groups)


def phased(lowered: Lowered) -> Lowered:
    """``lowered`` in several phases, where it has loops long enough for that."""
    kernel = lowered.kernel
    rows = _few_rows(kernel)
    body = kernel.body if rows is None else rows.body
    if (len(body) == 1 and isinstance(body[0], ir.For)) or not any(map(_is_long, body)):
        return lowered
    made = _Cutting(kernel, () if rows is None else rows.axes).run(body)
    more = (None,) * (len(made.arguments) - len(kernel.arguments))
    return Lowered(made, (*lowered.operands, *more), (*lowered.results, *more))


class _Cutting:
    """Cuts what a kernel does for each point of the ``rows`` around into phases that pass
    everything on through memory."""

    def __init__(self, kernel: ir.Kernel, rows: tuple[ir.Axis, ...]) -> None:
        self.kernel = kernel
        self.rows = rows
        self.are_columns = any(
            isinstance(s, ir.Reduce) and s.order == "tree" for s in statements(kernel.body)
        )
        self.row = tuple(ir.AxisIndex(axis.name) for axis in rows)
        loops = [s for s in statements(kernel.body) if isinstance(s, (ir.For, ir.Reduce))]
        axes = [axis.name for loop in loops for axis in _axes(loop)]
        taken = (*_bound(statements(kernel.body)), *axes, *kernel.dims)
        self.names = Names([*taken, *(argument.name for argument in kernel.arguments)])
        self.temps: list[ir.Argument] = []

    def run(self, whole: _Body) -> ir.Kernel:
        body: list[ir.Statement] = []
        for statement in whole:
            if isinstance(statement, ir.Reduce) and _is_long(statement):
                body += self._in_blocks(statement)
            else:
                body.append(statement)
        groups = self._through_memory(_groups(body))
        made = tuple(statement for group in groups for statement in self._around(group))
        return replace(self.kernel, arguments=(*self.kernel.arguments, *self.temps), body=made)

    def _around(self, group: _Body) -> _Body:
        """``group`` for all of the rows: inside the loop over blocks, where the rows are columns of
        what is folded and lie side by side."""
        first = group[0]
        if not self.rows:
            return group
        if self.are_columns and isinstance(first, ir.For):
            return (ir.For((*first.axes, *self.rows), first.body),)
        return (ir.For(self.rows, group),)

    def _temp(self, hint: str, dtype: DType, shape: tuple[Size, ...]) -> str:
        """A buffer of ``shape`` for each row; of columns side by side."""
        name = self.names.new(hint)
        around = tuple(axis.extent for axis in self.rows)
        whole = (*shape, *around) if self.are_columns else (*around, *shape)
        self.temps.append(ir.Argument(name, dtype, whole, "temp"))
        return name

    def _at(self, *place: ir.Expr) -> tuple[ir.Expr, ...]:
        """The index of ``place`` in the buffer of ``_temp``, for the row at hand."""
        return (*place, *self.row) if self.are_columns else (*self.row, *place)

    def _in_blocks(self, reduce: ir.Reduce) -> list[ir.Statement]:
        """The whole blocks as a nest, then what is left, then the fold of their results.  Of the
        index of an extremum the blocks fold the extremum; then it is sought in the first block that
        has it."""
        extent = reduce.axis.extent
        wanted = reduce
        reduce = replace(reduce, kinds=tuple(_EXTREMUM_OF.get(k, k) for k in reduce.kinds))
        length = _block(reduce)
        whole, rest = dims.floor_divide(extent, length), dims.remainder(extent, length)
        count = whole if rest == 0 else whole + 1
        buffers = [
            self._temp(f"{name}_blocks", dtype, (count,))
            for name, dtype in zip(reduce.names, _dtypes(reduce), strict=True)
        ]
        axis = ir.Axis(self.names.new("block"), whole)
        blocks = ir.For((axis,), self._part(reduce, length, ir.AxisIndex(axis.name), buffers))
        last = () if rest == 0 else self._part(reduce, rest, ir.SizeOf(whole), buffers)
        sought = {
            name: self.names.new("first")
            for name, kind in zip(wanted.names, wanted.kinds, strict=True)
            if kind in _EXTREMUM_OF
        }
        total = ir.Reduce(
            tuple(sought.get(name, name) for name in wanted.names),
            tuple("add" if kind == "fma" else kind for kind in wanted.kinds),
            replace(axis, extent=count),
            "ascending",
            (),
            tuple(
                ir.Load(buffer, self._at(ir.AxisIndex(axis.name)), dtype)
                for buffer, dtype in zip(buffers, _dtypes(reduce), strict=True)
            ),
            location=reduce.location,
        )
        found = (self._sought(wanted, name, first) for name, first in sought.items())
        return [blocks, *last, total, *(statement for pair in found for statement in pair)]

    def _sought(self, reduce: ir.Reduce, name: str, first: str) -> _Body:
        """The index called ``name`` of an extremum, in the block number ``first``."""
        position = ir.AxisIndex(reduce.axis.name)
        length = ir.Literal(ir.BLOCK, dtypes.int64)
        start = ir.Apply("multiply", (ir.Name(first, dtypes.int64), length), dtypes.int64)
        place = ir.Apply("add", (start, position), dtypes.int64)
        inside = ir.Apply("less", (place, ir.SizeOf(reduce.axis.extent)), dtypes.bool_)
        at = reduce.names.index(name)
        kind, (value,) = reduce.kinds[at], reduce.operands[at]
        within = self.names.new("within")
        lets = [s for s in reduce.body if isinstance(s, ir.Let)]
        renamed = {let.name: self.names.new(let.name) for let in lets}

        def moved(expr: ir.Expr) -> ir.Expr:
            if expr == position:
                return place
            if isinstance(expr, ir.Name):
                return replace(expr, name=renamed.get(expr.name, expr.name))
            if isinstance(expr, ir.Load):
                guard = inside if expr.guard is None else _both(inside, expr.guard)
                return replace(expr, guard=guard)
            return expr

        body = tuple(replace(let, name=renamed[let.name]) for let in lets)
        none = ir.Literal(identity(_EXTREMUM_OF[kind], value.dtype).item(), value.dtype)
        axis, where = replace(reduce.axis, extent=ir.BLOCK), reduce.location
        fold = ir.Reduce((within,), (kind,), axis, "lanes", body, (value,), location=where)
        (again,) = map_expressions((fold,), moved)
        assert isinstance(again, ir.Reduce)
        value = ir.Apply("where", (inside, again.values[0], none), value.dtype)
        index = ir.Apply("add", (start, ir.Name(within, dtypes.int64)), dtypes.int64)
        return replace(again, values=(value,)), ir.Let(name, index, where)

    def _part(
        self, reduce: ir.Reduce, extent: Size, block: ir.Expr, buffers: Sequence[str]
    ) -> _Body:
        """The fold of ``extent`` elements of ``block``, stored there."""
        inner = ir.AxisIndex(reduce.axis.name)
        length = ir.Literal(_block(reduce), dtypes.int64)
        start = ir.Apply("multiply", (block, length), dtypes.int64)
        moved = ir.Apply("add", (start, inner), dtypes.int64)
        names = tuple(self.names.new(name) for name in reduce.names)
        axis = replace(reduce.axis, extent=extent)
        fold = replace(reduce, names=names, axis=axis)
        stores = (
            ir.Store(buffer, self._at(block), ir.Name(name, dtype), reduce.location)
            for buffer, name, dtype in zip(buffers, names, _dtypes(reduce), strict=True)
        )
        return (*map_expressions((fold,), lambda e: moved if e == inner else e), *stores)

    def _through_memory(self, groups: Sequence[_Body]) -> list[_Body]:
        """``groups``, each storing what later ones need and loading what earlier ones stored."""
        bound_before: set[str] = set()
        passed: dict[str, str] = {}
        needed: set[str] = set()
        for group in groups:
            needed |= _used(group) & bound_before
            bound_before |= _bound(group)
        found = []
        for group in groups:
            here, body = dict(passed), []

            def from_memory(expr: ir.Expr, here: dict[str, str] = here) -> ir.Expr:
                if isinstance(expr, ir.Name) and expr.name in here:
                    return ir.Load(here[expr.name], self.row, expr.dtype)
                return expr

            for statement in map_expressions(group, from_memory):
                body.append(statement)
                for name, dtype in _values(statement):
                    if name in needed:
                        passed[name] = self._temp(f"{name}_kept", dtype, ())
                        body.append(ir.Store(passed[name], self.row, ir.Name(name, dtype)))
            found.append(tuple(body))
        return found


def _few_rows(kernel: ir.Kernel) -> ir.For | None:
    """The loop that is all of a kernel, where it has too few points to share well."""
    loop = kernel.body[0]
    if len(kernel.body) > 1 or not isinstance(loop, ir.For):
        return None
    if any(isinstance(s, (ir.Column, ir.Check)) for s in loop.body):
        return None
    points = dims.product(axis.extent for axis in loop.axes)
    return loop if isinstance(points, int) and points < _FEW else None


def _groups(body: Sequence[ir.Statement]) -> list[_Body]:
    """The statements that make up each phase."""
    groups: list[list[ir.Statement]] = []
    for statement in body:
        alone = isinstance(statement, ir.For)
        if not groups or alone or isinstance(groups[-1][-1], ir.For):
            groups.append([])
        groups[-1].append(statement)
    return [tuple(group) for group in groups]


def _is_long(statement: ir.Statement) -> bool:
    """Whether a statement of a kernel's body is a loop worth sharing."""
    if isinstance(statement, ir.For):
        extent = dims.product(axis.extent for axis in statement.axes)
        return not isinstance(extent, int) or extent >= _LONG
    if not isinstance(statement, ir.Reduce) or statement.order == "ascending":
        return False
    if not _EXTREMUM_OF.keys().isdisjoint(statement.kinds) and _writes(statement):
        return False  # its block could not be gone through again
    extent = statement.axis.extent
    if statement.order == "tree":  # what is cheap waits for the memory, which this takes more of
        deep = isinstance(extent, int) and extent >= _DEEP  # a batch of named size seldom is
        return deep and costly((statement,)) and _EXTREMUM_OF.keys().isdisjoint(statement.kinds)
    rest = dims.remainder(extent, ir.BLOCK)
    # A rest that is short by itself would fold in fewer lanes.
    same = all(ir.lane_count(rest, d) == ir.lane_count(extent, d) for d in _dtypes(statement))
    return (rest == 0 or same) and (not isinstance(extent, int) or extent >= _LONG)


def _writes(reduce: ir.Reduce) -> bool:
    return any(isinstance(s, ir.Store) for s in reduce.body)


def _both(x: ir.Expr, y: ir.Expr) -> ir.Expr:
    return ir.Apply("logical_and", (x, y), dtypes.bool_)


def _block(reduce: ir.Reduce) -> int:
    """The elements that the order of a reduce folds independently of others."""
    return ir.BLOCK if reduce.order == "lanes" else ir.TREE


def _dtypes(reduce: ir.Reduce) -> list[DType]:
    """The dtypes of a reduce's names."""
    pairs = zip(reduce.kinds, reduce.operands, strict=True)
    return [ir.folded_dtype(kind, values[0].dtype) for kind, values in pairs]


def _axes(loop: ir.For | ir.Reduce) -> Sequence[ir.Axis]:
    return loop.axes if isinstance(loop, ir.For) else (loop.axis,)


def _values(statement: ir.Statement) -> list[tuple[str, DType]]:
    """The names that a statement binds."""
    if isinstance(statement, ir.Let):
        return [(statement.name, statement.value.dtype)]
    if isinstance(statement, ir.Reduce):
        return list(zip(statement.names, _dtypes(statement), strict=True))
    return []


def _bound(body: Iterable[ir.Statement]) -> set[str]:
    return {name for statement in body for name, _ in _values(statement)}


def _used(body: Iterable[ir.Statement]) -> set[str]:
    return {expr.name for expr in expressions(body) if isinstance(expr, ir.Name)}
