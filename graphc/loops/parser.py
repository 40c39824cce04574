"""Kernels from text, in the grammar of ``graphc.loops.ir``; inverse of ``graphc.loops.printer``.

Resolves names and dtypes while it reads, so that every error points at its line and column.  What a
kernel must satisfy beyond its text is the affair of ``graphc.loops.verifier``.
"""

from __future__ import annotations

from graphc.ir import dtypes
from graphc.ir.dtypes import BY_SHORT
from graphc.location import Location
from graphc.loops import ir
from graphc.loops.expression_parser import ExpressionParser, Scope

_MODES = ("out", "inout", "temp", "stream")
_ORDERS = ("ascending", "lanes", "tree")


def parse(source: str) -> ir.Kernel:
    """The kernel that ``source`` says.

    Raises ``ParseError``, which points at line and column, where it says none.
    """
    parser = _KernelParser(source)
    parser.skip_ends()
    kernel = parser.kernel()
    parser.skip_ends()
    if parser.token.text:
        raise parser.error(f"expected the end of the text{parser.instead()}")
    return kernel


def parse_all(source: str) -> tuple[ir.Kernel, ...]:
    """All kernels that ``source`` says, one after the other; errors as for ``parse``.

    >>> len(parse_all("kernel f() { } kernel g(out y: f32[2]) { for i < 2 { y[i] = 0.0 } }"))
    2
    """
    parser = _KernelParser(source)
    parser.skip_ends()
    found: list[ir.Kernel] = []
    while parser.token.text:
        found.append(parser.kernel())
        parser.skip_ends()
    return tuple(found)


class _KernelParser(ExpressionParser):
    def kernel(self) -> ir.Kernel:
        self.dims, self.buffers = (), {}
        self.expect("kernel")
        name = self.name("the kernel's name")
        if self.accept("<"):
            self.dims = tuple(self.listed_until(">", lambda: self.name("a named size")))
        self.expect("(")
        arguments = tuple(self.listed_until(")", self.argument))
        body, _ = self.block({}, values=False)
        return ir.Kernel(name, arguments, body, self.dims)

    def argument(self) -> ir.Argument:
        mode = "in"
        if self.token.text in _MODES and self.ahead(1).kind == "name":
            mode = self.take().text
        name = self.name("an argument")
        self.expect(":")
        dtype = BY_SHORT[self.one_of("a dtype", tuple(BY_SHORT))]
        self.expect("[")
        self.buffers[name] = dtype
        return ir.Argument(name, dtype, self.shape(), mode, self.option("panels", 0))

    def block(
        self, scope: Scope, *, values: bool
    ) -> tuple[tuple[ir.Statement, ...], tuple[ir.Expr, ...]]:
        """Statements, and the values at the end of a reduce's block, in braces."""
        opening = self.expect("{")
        self.nesting += 1
        if self.nesting > ir.MAX_LOOPS + 1:
            raise self.error(f"statements nest more than {ir.MAX_LOOPS} deep", opening)
        scope = dict(scope)
        statements: list[ir.Statement] = []
        results: list[ir.Expr] = []
        self.skip_ends()
        while self.token.text != "}":
            if values and not self._begins_statement():
                results = self.listed(lambda: self.expression(scope))
                self.skip_ends()
                break
            statements.append(self.statement(scope))
            if self.token.text != "}" and self.token.kind != "end":
                raise self.error(f"expected the end of the statement{self.instead()}")
            self.skip_ends()
        self.expect("}")
        self.nesting -= 1
        return tuple(statements), tuple(results)

    def _begins_statement(self) -> bool:
        if self._assigns() or self._checks():
            return True
        return self.token.text == "for" and self.ahead(1).kind == "name"

    def _checks(self) -> bool:
        return self.token.text == "check" and self.ahead(1).kind == "number"

    def _assigns(self) -> bool:
        """Whether names or an access, and then ``=``, come next."""
        if self.token.kind != "name":
            return False
        offset = 1
        if self.ahead(1).text == "[":
            depth = 1
            while depth and self.ahead(offset).text:
                offset += 1
                depth += (self.ahead(offset).text == "[") - (self.ahead(offset).text == "]")
            return self.ahead(offset + 1).text == "="
        while self.ahead(offset).text == "," and self.ahead(offset + 1).kind == "name":
            offset += 2
        return self.ahead(offset).text == "="

    def statement(self, scope: Scope) -> ir.Statement:
        if self.token.kind == "name" and self.ahead(1).text == "[":
            return self.store(scope)
        if self._assigns():
            return self.binding(scope)
        if self._checks():
            return self.check(scope)
        if self.accept("for"):
            return self.loop(scope)
        raise self.error(f"expected a statement{self.instead()}")

    def loop(self, scope: Scope) -> ir.For:
        axes = tuple(self.listed(self.axis))
        parallel = self.accept("parallel")
        inner = {**scope, **{axis.name: None for axis in axes}}
        return ir.For(axes, self.block(inner, values=False)[0], parallel)

    def axis(self) -> ir.Axis:
        name = self.name("an axis")
        self.expect("<")
        return ir.Axis(name, self.size(), self.option("tile", 1), self.option("vector", 0))

    def check(self, scope: Scope) -> ir.Check:
        self.expect("check")
        code = self.integer()
        parts = []
        for _ in range(3):
            self.expect(",")
            parts.append(self.expression(scope))
        return ir.Check(code, *parts)

    def binding(self, scope: Scope) -> ir.Statement:
        target = self.token
        names = tuple(self.listed(lambda: self.name("a name")))
        self.expect("=")
        if self.token.text == "reduce" and self.ahead(1).kind == "name":
            return self.reduction(names, scope)
        if len(names) != 1:
            raise self.error("only a reduce binds several names", target)
        value = self.expression(scope)
        scope[names[0]] = value.dtype
        return ir.Let(names[0], value, self.location())

    def reduction(self, names: tuple[str, ...], scope: Scope) -> ir.Reduce:
        head = self.expect("reduce")
        kinds = tuple(self.listed(lambda: self.one_of("a kind", ir.REDUCTIONS)))
        axis = self.axis()
        order, unroll = self.order(), self.option("unroll", 1)
        across = self.across()
        body, values = self.block({**scope, axis.name: None}, values=True)
        if len(names) != len(kinds):
            raise self.error(f"{len(names)} names for {len(kinds)} kinds of reduction", head)
        if len(values) != ir.value_count(kinds):
            wanted = ir.value_count(kinds)
            raise self.error(f"the reduce folds {wanted} values and is given {len(values)}", head)
        where = self.location()
        reduce = ir.Reduce(names, kinds, axis, order, body, values, unroll, across, where)
        for name, kind, operands in zip(names, kinds, reduce.operands, strict=True):
            scope[name] = ir.folded_dtype(kind, operands[0].dtype)
        return reduce

    def order(self, orders: tuple[str, ...] = _ORDERS) -> str:
        self.expect("order")
        self.expect("(")
        order = self.one_of("an order", orders)
        self.expect(")")
        return order

    def across(self) -> str:
        if not self.accept("across", "("):
            return ""
        name = self.name("an axis")
        self.expect(")")
        return name

    def store(self, scope: Scope) -> ir.Statement:
        buffer, index, _ = self.access(scope)
        self.expect("=")
        if self.token.text != "reduce" or self.ahead(1).kind != "name":
            value = self.expression(scope)
            return ir.Store(buffer, index, value, self.location())
        self.take()
        kind = self.one_of("a kind", ir.REDUCTIONS)
        axis_token = self.token
        axis = self.name("an axis")
        if scope.get(axis, dtypes.int64) is not None:
            raise self.error(f"{axis!r} is not the axis of a loop around this", axis_token)
        order = self.order(ir.COLUMN_ORDERS)
        body, values = self.block(scope, values=True)
        if body or len(values) != 1:
            raise self.error("a column folds one expression")
        return ir.Column(buffer, index, kind, axis, values[0], order, self.location())

    def location(self) -> Location | None:
        if not self.accept("loc", "("):
            return None
        if self.token.kind != "string":
            raise self.error(f"expected a file's name in quotes{self.instead()}")
        file = self.string()
        self.expect(":")
        line = self.integer()
        self.expect(")")
        return Location(file, line)
