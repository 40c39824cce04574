"""Expressions of loop IR from text; names and dtypes are resolved while reading."""

from __future__ import annotations

import json
from typing import Any

from graphc.ir import dims, dtypes
from graphc.ir.dims import Shape, Size
from graphc.ir.dtypes import BY_SHORT, DType
from graphc.loops import ir
from graphc.loops.lexer import Reader, Token
from graphc.loops.printer import INFIX
from graphc.loops.scalars import result_dtype

Scope = dict[str, DType | None]  # None: the index of a loop axis
_UNARY = 4  # binds tighter than every infix sign


class ExpressionParser(Reader):
    """Reads expressions and sizes; knows the kernel's named sizes and the dtypes of its buffers."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.nesting = 0
        self.dims: tuple[str, ...] = ()
        self.buffers: dict[str, DType] = {}

    def expression(self, scope: Scope, level: int = 0) -> ir.Expr:
        nests = level in (0, _UNARY)  # the right side of an infix sign does not
        self.nesting += nests
        if self.nesting > ir.MAX_NESTING + ir.MAX_LOOPS:
            raise self.error(f"expressions nest more than {ir.MAX_NESTING} deep")
        left = self.operand(scope)
        while self.token.text in INFIX and INFIX[self.token.text][1] >= level:
            sign = self.take()
            op, own = INFIX[sign.text]
            right = self.expression(scope, own + 1)
            left = self.apply(op, (left, right), (), sign)
            if own == 1 and INFIX.get(self.token.text, ("", 0))[1] == 1:
                raise self.error("comparisons do not chain; put one in parentheses")
        self.nesting -= nests
        return left

    def expressions(self, close: str, scope: Scope) -> tuple[ir.Expr, ...]:
        """Expressions up to the closing sign; in few Python frames, as expressions nest deep."""
        found: list[ir.Expr] = []
        if self.accept(close):
            return ()
        found.append(self.expression(scope))
        while self.accept(","):
            found.append(self.expression(scope))
        self.expect(close)
        return tuple(found)

    def operand(self, scope: Scope) -> ir.Expr:
        token = self.token
        if token.kind == "number":
            return self.literal()
        if self.accept("("):
            inner = self.expression(scope)
            self.expect(")")
            return inner
        if self.accept("-"):
            if self.token.kind == "number":
                return self.literal("-")
            return self.apply("negative", (self.expression(scope, _UNARY),), (), token)
        if token.kind != "name":
            raise self.error(f"expected an expression{self.instead()}")
        following = self.ahead(1).text
        if following == "[":
            return self.load(scope)
        if following == "(":
            return self.size_of() if token.text == "size" else self.call(scope)
        return self.named(scope)

    def named(self, scope: Scope) -> ir.Expr:
        token = self.take()
        if token.text in scope:
            dtype = scope[token.text]
            return ir.AxisIndex(token.text) if dtype is None else ir.Name(token.text, dtype)
        if token.text in ("true", "false"):
            return ir.Literal(token.text == "true", dtypes.bool_)
        if token.text in self.dims:
            return ir.SizeOf(dims.named(token.text))
        raise self.error(f"{token.text!r} is not bound here", token)

    def literal(self, sign: str = "") -> ir.Literal:
        text, suffix = _without_suffix(self.token.text)
        whole = text.isdigit()
        dtype = BY_SHORT[suffix] if suffix else dtypes.int64 if whole else dtypes.float32
        if dtype.is_integer and not whole:
            raise self.error(f"{self.token.text!r} is not an integer")
        try:
            value = float(sign + text) if dtype.is_float else int(sign + text)
        except ValueError:
            raise self.error("a number of too many digits") from None
        self.take()
        return ir.Literal(value, dtype)

    def size_of(self) -> ir.SizeOf:
        self.take()
        self.expect("(")
        size = self.size()
        self.expect(")")
        return ir.SizeOf(size)

    def access(self, scope: Scope) -> tuple[str, tuple[ir.Expr, ...], DType]:
        token = self.token
        buffer = self.name("a buffer")
        if buffer not in self.buffers:
            raise self.error(f"the kernel has no argument {buffer!r}", token)
        self.expect("[")
        return buffer, self.expressions("]", scope), self.buffers[buffer]

    def load(self, scope: Scope) -> ir.Load:
        buffer, index, dtype = self.access(scope)
        guard = None
        if self.accept("if", "("):
            guard = self.expression(scope)
            self.expect(")")
        return ir.Load(buffer, index, dtype, guard)

    def call(self, scope: Scope) -> ir.Expr:
        op = self.take()
        self.expect("(")
        operands = self.expressions(")", scope)
        attributes: tuple[tuple[str, Any], ...] = ()
        if self.accept("{"):
            attributes = tuple(self.listed_until("}", self.attribute))
        return self.apply(op.text, operands, attributes, op)

    def apply(
        self,
        op: str,
        operands: tuple[ir.Expr, ...],
        attributes: tuple[tuple[str, Any], ...],
        at: Token,
    ) -> ir.Apply:
        try:
            dtype = result_dtype(op, tuple(x.dtype for x in operands), attributes)
        except (ValueError, TypeError) as error:
            raise self.error(str(error), at) from None
        return ir.Apply(op, operands, dtype, attributes)

    def attribute(self) -> tuple[str, Any]:
        name = self.name("an attribute")
        self.expect("=")
        return name, self.attribute_value()

    def string(self) -> str:
        token = self.take()
        try:
            return str(json.loads(token.text))
        except ValueError:
            raise self.error("not a string: an escape is wrong", token) from None

    def attribute_value(self) -> Any:
        token = self.token
        if self.accept("("):
            return tuple(self.listed_until(")", self.attribute_value))
        if token.kind == "string":
            return self.string()
        if token.text == "size":
            return self.size_of().size
        if token.kind == "number" or token.text == "-":
            sign = self.take().text if token.text == "-" else ""
            if self.token.kind != "number":
                raise self.error(f"expected a number{self.instead()}")
            text = self.take().text
            return int(sign + text) if text.isdigit() else float(sign + text)
        words = {"none": None, "true": True, "false": False, **BY_SHORT}
        if token.text not in words:
            raise self.error(f"expected an attribute's value{self.instead()}")
        return words[self.take().text]

    def shape(self) -> Shape:
        return tuple(self.listed_until("]", self.size))

    def size(self) -> Size:
        """A polynomial of named sizes: the longest run of words that can belong to one."""
        first = self.token
        parts: list[str] = []
        depth = 0
        while self._belongs_to_size(depth):
            depth += (self.token.text == "(") - (self.token.text == ")")
            parts.append(self.take().text)
        try:
            if depth > ir.MAX_NESTING:
                raise ValueError("it nests too deeply")
            size = dims.parse(" ".join(parts))
        except (ValueError, ZeroDivisionError) as error:
            raise self.error(f"expected a size: {error}", first) from None
        for name in sorted(dims.names(size)):
            if name not in self.dims:
                raise self.error(f"{name!r} is not a named size of the kernel", first)
        return size

    def _belongs_to_size(self, depth: int) -> bool:
        token = self.token
        if token.kind == "name":
            return token.text != "parallel" and self.ahead(1).text != "("
        if token.text == ")":
            return depth > 0
        return token.text.isdigit() or token.text in ("+", "-", "*", "//", "%", "(")


def _without_suffix(text: str) -> tuple[str, str]:
    for suffix in BY_SHORT:
        if text.endswith(suffix):
            return text[: -len(suffix)], suffix
    return text, ""
