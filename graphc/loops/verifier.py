"""The rules of loop IR: what every kernel must satisfy before it is run, printed or compiled.

Refuses with ``VerifyError``, which names the kernel and shows the statement.  Repairs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from graphc.errors import VerifyError
from graphc.ir import dims, dtypes
from graphc.ir.dims import Size
from graphc.ir.dtypes import DType
from graphc.loops import ir
from graphc.loops.affine import Affine, affine
from graphc.loops.dependence import Access, LoopAxis, conflicts, uncovered
from graphc.loops.printer import expression, text
from graphc.loops.scalars import result_dtype
from graphc.loops.walk import expressions

_NAME = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)
_WORDS = re.compile(r"(inf|nan)(f32|f64|i32|i64|u8)?|true|false|parallel")
_MODES = ("in", "out", "inout", "temp", "stream")
_ORDERS = ("ascending", "lanes", "tree")
_OF_BOOL = ("maximum", "minimum", "argmax", "argmin")
_COLUMN_KINDS = ("add", "multiply", "maximum", "minimum", "any", "all")


def verify(kernel: ir.Kernel) -> None:
    """Check every rule of loop IR.

    Raises ``VerifyError`` where names are not bound or bound twice, types or ranks do not fit, a
    reduction or schedule is none that is defined, or iterations of a loop depend on each other.
    """
    _Verifier(kernel).kernel()


@dataclass
class _Scope:
    """The names at one place of the text: bound values with their affine forms, and loop axes."""

    values: dict[str, DType] = field(default_factory=dict)
    forms: dict[str, Affine | None] = field(default_factory=dict)
    axes: tuple[LoopAxis, ...] = ()
    schedules: tuple[ir.Axis, ...] = ()
    reducing: bool = False

    def axis(self, name: str) -> LoopAxis | None:
        return next((axis for axis in self.axes if axis.name == name), None)

    def inside(self, axes: Sequence[ir.Axis], serials: Sequence[int], reducing: bool) -> _Scope:
        new = (LoopAxis(a.name, a.extent, s) for a, s in zip(axes, serials, strict=True))
        return _Scope(
            dict(self.values), dict(self.forms), (*self.axes, *new),
            (*self.schedules, *axes), self.reducing or reducing,
        )  # fmt: skip


class _Verifier:
    def __init__(self, kernel: ir.Kernel) -> None:
        self.subject = kernel
        self.buffers = {argument.name: argument for argument in kernel.arguments}
        self.accesses: list[Access] = []
        self.written: set[str] = set()
        self.serials = count()
        self.at: ir.Statement | None = None

    def require(self, holds: bool, reason: str) -> None:
        if not holds:
            raise self.error(reason)

    def error(self, reason: str) -> VerifyError:
        shown = ""
        if self.at is not None:
            alone = ir.Kernel("", (), (self.at,))
            lines = text(alone).split("\n")[1:-1]
            shown = f"\n   {lines[0]}" + (" ..." if len(lines) > 1 else "")
        error = VerifyError(f"kernel {self.subject.name}: {reason}{shown}")
        return error.at(getattr(self.at, "location", None))

    # The kernel and its statements.

    def kernel(self) -> None:
        subject = self.subject
        names = [argument.name for argument in subject.arguments]
        for name in (subject.name, *names, *subject.dims):
            self.require(_NAME.fullmatch(name) is not None, f"{name!r} is not a name")
        self.require(len(set(names)) == len(names), "two arguments have one name")
        for name in subject.dims:
            self.name(name, _Scope(), "a named size", dim=True)
        for argument in subject.arguments:
            self.require(argument.mode in _MODES, f"{argument.name} has no mode {argument.mode!r}")
            for size in argument.shape:
                self.size(size)
            fits = argument.panels >= 0 and (not argument.panels or len(argument.shape) >= 2)
            self.require(fits, f"{argument.name} cannot have panels of {argument.panels}")
        self.body(subject.body, _Scope(), 1)
        self.at = None
        for write, other, axis in conflicts(self.accesses):
            raise self.error(
                f"{write.shown} is written in one iteration of {axis} and {other.shown} "
                f"{'read' if other.kind == 'load' else 'written'} in another, perhaps the same "
                "element"
            )
        for argument in subject.arguments:
            written = argument.name in self.written or argument.mode not in ("out", "stream")
            self.require(written, f"{argument.mode} {argument.name} is never written")

    def name(self, name: str, scope: _Scope, what: str, dim: bool = False) -> None:
        fits = _NAME.fullmatch(name) is not None and _WORDS.fullmatch(name) is None
        self.require(fits, f"{name!r} cannot be the name of {what}")
        taken = name in scope.values or scope.axis(name) is not None
        taken = taken or (not dim and name in self.subject.dims)
        self.require(not taken, f"{name!r} is bound already")

    def size(self, size: Size) -> None:
        for name in () if isinstance(size, int) else dims.names(size):
            self.require(name in self.subject.dims, f"{name!r} is not a named size of the kernel")

    def body(self, body: Sequence[ir.Statement], scope: _Scope, depth: int) -> None:
        self.require(depth <= ir.MAX_LOOPS, f"statements nest more than {ir.MAX_LOOPS} deep")
        for statement in body:
            self.at = statement
            if isinstance(statement, ir.Let):
                self.name(statement.name, scope, "a value")
                self.expr(statement.value, scope)
                self.bind(statement, scope)
            elif isinstance(statement, ir.Store):
                self.store(statement, scope)
            elif isinstance(statement, ir.For):
                self.loop(statement, scope, depth)
            elif isinstance(statement, ir.Reduce):
                self.reduce(statement, scope, depth)
            elif isinstance(statement, ir.Column):
                self.column(statement, scope)
            else:
                self.check(statement, scope)

    def bind(self, statement: ir.Let, scope: _Scope) -> None:
        scope.values[statement.name] = statement.value.dtype
        if statement.value.dtype == dtypes.int64:
            scope.forms[statement.name] = self.form(statement.value, scope)

    def form(self, expr: ir.Expr, scope: _Scope) -> Affine | None:
        return affine(expr, {axis.name: axis for axis in scope.axes}, scope.forms)

    def loop(self, statement: ir.For, scope: _Scope, depth: int) -> None:
        self.require(len(statement.axes) > 0, "a loop without an axis")
        inner = scope
        for axis in statement.axes:
            self.axis(axis, inner)
            inner = inner.inside((axis,), (next(self.serials),), False)
        outermost = not scope.axes
        self.require(outermost or not statement.parallel, "only an outermost loop is parallel")
        self.body(statement.body, inner, depth + 1)

    def axis(self, axis: ir.Axis, scope: _Scope, in_lanes: bool = False) -> None:
        self.name(axis.name, scope, "an axis")
        self.size(axis.extent)
        self.require(axis.tile >= 1, f"a tile of {axis.tile}")
        power_of_two = axis.vector >= 0 and axis.vector & (axis.vector - 1) == 0
        self.require(power_of_two, f"a vector of {axis.vector}, which is no power of two")
        whole = not axis.vector or axis.tile == 1 or axis.tile % axis.vector == 0
        self.require(whole, f"a tile of {axis.tile} is not whole vectors of {axis.vector}")
        outer = next((a.name for a in scope.schedules if a.vector), None)
        self.require(
            outer is None or not axis.vector or in_lanes,
            f"{axis.name} cannot be a vector inside {outer}, which is one",
        )

    def reduce(self, statement: ir.Reduce, scope: _Scope, depth: int) -> None:
        for kind in statement.kinds:
            self.require(kind in ir.REDUCTIONS, f"there is no reduction {kind!r}")
        self.require(statement.order in _ORDERS, f"there is no order {statement.order!r}")
        self.require(statement.unroll >= 1, f"unrolled {statement.unroll} times")
        self.require(
            0 < len(statement.names) == len(statement.kinds)
            and len(statement.values) == ir.value_count(statement.kinds),
            "the names and values of a reduce must be as many as its kinds say",
        )
        if statement.across:
            self.across(statement, scope)
        fused_tree = statement.order == "tree" and "fma" in statement.kinds
        self.require(not fused_tree, "fma has no order tree")
        self.axis(statement.axis, scope, statement.order == "lanes")
        inner = scope.inside((statement.axis,), (next(self.serials),), True)
        self.body(statement.body, inner, depth + 1)
        self.at = statement
        named = zip(statement.names, statement.kinds, statement.operands, strict=True)
        for name, kind, operands in named:
            for value in operands:
                self.folded(kind, value, inner)
            first, last = operands[0].dtype, operands[-1].dtype
            self.require(first == last, "fma takes two values of one dtype")
            self.name(name, scope, "a value")
            scope.values[name] = ir.folded_dtype(kind, first)

    def across(self, statement: ir.Reduce, scope: _Scope) -> None:
        axis = next((a for a in scope.schedules if a.name == statement.across), None)
        fits = axis is not None and not axis.vector
        self.require(fits, f"across({statement.across}) is no scalar axis of a loop around this")
        self.require(statement.order == "ascending", "only an ascending reduce goes across")
        read = {e.name for e in expressions((statement,)) if isinstance(e, ir.Name)}
        outside = not read.isdisjoint(scope.values)
        self.require(not outside, "a reduce that goes across takes no values from outside")

    def folded(self, kind: str, value: ir.Expr, scope: _Scope) -> None:
        self.expr(value, scope)
        dtype = value.dtype
        fits = dtype.is_bool if kind in ("any", "all") else kind in _OF_BOOL or not dtype.is_bool
        fits = fits and (kind != "fma" or not dtype.is_bool)
        self.require(fits, f"{kind} does not fold values of {dtype}")

    def column(self, statement: ir.Column, scope: _Scope) -> None:
        self.require(statement.kind in _COLUMN_KINDS, f"no column folds by {statement.kind!r}")
        self.require(not scope.reducing, "a column stands inside a reduce")
        schedule = next((a for a in scope.schedules if a.name == statement.axis), None)
        if schedule is None:
            raise self.error(f"{statement.axis!r} is not the axis of a loop around this")
        self.require(
            statement.order == "ascending" or schedule.tile % ir.TREE == 0,
            f"the axis of a column needs tiles of a multiple of {ir.TREE}, not {schedule.tile}",
        )
        self.folded(statement.kind, statement.value, scope)
        access = self.write(statement, "column", scope)
        self.require(statement.order in ir.COLUMN_ORDERS, f"no column has order {statement.order}")
        at = scope.axis(statement.axis)
        follows = [f for f in access.index if f is None or at in f.terms]
        if statement.order == "block":
            named = statement.index.count(ir.AxisIndex(statement.axis))
            self.require(
                len(follows) == named == 1, f"the index names the blocks of {statement.axis} once"
            )
            self.owned(access, None)
            return
        if statement.order == "ascending":
            others = [i for n, i in enumerate(statement.index) if n != statement.where]
            plain = all(isinstance(i, (ir.AxisIndex, ir.Literal)) for i in others)
            once = ir.AxisIndex(statement.axis) not in others
            self.require(plain and once, "of an index one expression at most says where")
        else:
            self.require(not follows, f"a column's index does not depend on {statement.axis}")
        self.owned(access, statement.axis)

    def store(self, statement: ir.Store, scope: _Scope) -> None:
        self.expr(statement.value, scope)
        self.owned(self.write(statement, "store", scope), None)

    def write(self, statement: ir.Store | ir.Column, kind: str, scope: _Scope) -> Access:
        argument = self.buffer(statement.buffer)
        self.require(argument.mode != "in", f"{argument.name} is only read")
        self.require(
            statement.value.dtype == argument.dtype,
            f"a {statement.value.dtype} is stored in {argument.name}, which holds {argument.dtype}",
        )
        self.index(argument, statement.index, scope)
        self.written.add(argument.name)
        return self.access(statement.buffer, statement.index, kind, scope)

    def owned(self, access: Access, but: str | None) -> None:
        several = uncovered(access, but)
        self.require(
            not several,
            f"several iterations of {', '.join(several)} may write one element of {access.buffer}",
        )

    def check(self, statement: ir.Check, scope: _Scope) -> None:
        self.require(statement.code > 0, f"a check's code is {statement.code}")
        self.require(not self.written, "a check after a store")
        for expr, dtype in (
            (statement.condition, dtypes.bool_),
            (statement.index, dtypes.int64),
            (statement.value, dtypes.int64),
        ):
            self.expr(expr, scope)
            self.require(expr.dtype == dtype, f"a check takes {dtype} here, not {expr.dtype}")

    # Expressions.

    def expr(self, expr: ir.Expr, scope: _Scope, depth: int = 1) -> None:
        if depth > ir.MAX_NESTING:
            raise self.error(f"an expression nests more than {ir.MAX_NESTING} deep; name a part")
        if isinstance(expr, ir.Apply):
            for operand in expr.operands:
                self.expr(operand, scope, depth + 1)
            self.apply(expr)
        elif isinstance(expr, ir.Load):
            self.load(expr, scope, depth)
        elif isinstance(expr, ir.Name):
            bound = scope.values.get(expr.name)
            self.require(bound is not None, f"{expr.name!r} is not bound here")
            self.require(bound == expr.dtype, f"{expr.name} is {bound}, not {expr.dtype}")
        elif isinstance(expr, ir.AxisIndex):
            self.require(scope.axis(expr.name) is not None, f"{expr.name!r} is no axis around this")
        elif isinstance(expr, ir.SizeOf):
            self.size(expr.size)
        else:
            self.literal(expr)

    def literal(self, expr: ir.Literal) -> None:
        if expr.dtype.is_integer:
            limits = np.iinfo(expr.dtype.numpy)
            fits = limits.min <= expr.value <= limits.max
            self.require(fits, f"{expr.value} is no {expr.dtype}")

    def apply(self, expr: ir.Apply) -> None:
        try:
            dtype = result_dtype(expr.op, tuple(x.dtype for x in expr.operands), expr.attributes)
        except (TypeError, ValueError) as error:
            raise self.error(str(error)) from None
        self.require(dtype == expr.dtype, f"{expr.op} gives {dtype}, not {expr.dtype}")

    def load(self, expr: ir.Load, scope: _Scope, depth: int) -> None:
        argument = self.buffer(expr.buffer)
        fits = expr.dtype == argument.dtype
        self.require(fits, f"{argument.name} holds {argument.dtype}, not {expr.dtype}")
        readable = argument.mode in ("in", "inout") or argument.name in self.written
        self.require(readable, f"{argument.mode} {argument.name} is read before it is written")
        self.index(argument, expr.index, scope, depth)
        if expr.guard is not None:
            self.expr(expr.guard, scope, depth + 1)
            self.require(expr.guard.dtype.is_bool, f"a guard is {expr.guard.dtype}, not bool")
        if argument.mode != "in":
            self.access(expr.buffer, expr.index, "load", scope)

    def buffer(self, name: str) -> ir.Argument:
        self.require(name in self.buffers, f"the kernel has no argument {name!r}")
        return self.buffers[name]

    def index(
        self, argument: ir.Argument, index: Sequence[ir.Expr], scope: _Scope, depth: int = 1
    ) -> None:
        if argument.panels:
            self.panel(argument, index[-1:], scope)
        rank = len(argument.shape)
        self.require(len(index) == rank, f"{argument.name} has {rank} axes, not {len(index)}")
        for expr in index:
            self.expr(expr, scope, depth + 1)
            self.require(expr.dtype == dtypes.int64, f"an index is {expr.dtype}, not int64")

    def panel(self, argument: ir.Argument, last: Sequence[ir.Expr], scope: _Scope) -> None:
        name = last[0].name if last and isinstance(last[0], ir.AxisIndex) else None
        axis = next((a for a in scope.schedules if a.name == name), None)
        self.require(
            axis is not None
            and axis.vector > 1
            and argument.panels % max(axis.tile, axis.vector) == 0,
            f"the last index of {argument.name} must be an axis of vectors whose tiles divide "
            f"{argument.panels}",
        )

    def access(self, buffer: str, index: tuple[ir.Expr, ...], kind: str, scope: _Scope) -> Access:
        forms = tuple(self.form(expr, scope) for expr in index)
        shown = f"{buffer}[{', '.join(map(expression, index))}]"
        self.accesses.append(Access(buffer, kind, forms, scope.axes, shown))
        return self.accesses[-1]
