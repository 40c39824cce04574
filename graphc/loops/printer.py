"""Kernels as text, in the grammar of ``graphc.loops.ir``; ``graphc.loops.parser`` reads it back.

Decides layout only: ``parse(text(kernel)) == kernel`` for every kernel that the verifier accepts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from graphc.ir import dtypes
from graphc.ir.dims import Dim
from graphc.ir.dtypes import DType
from graphc.location import Location
from graphc.loops.ir import (
    Apply,
    Argument,
    Axis,
    AxisIndex,
    Check,
    Column,
    Expr,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Name,
    Reduce,
    SizeOf,
    Statement,
    Store,
)

# The op of an infix sign, and how tightly the sign binds.
INFIX: dict[str, tuple[str, int]] = {
    "==": ("equal", 1),
    "!=": ("not_equal", 1),
    "<": ("less", 1),
    "<=": ("less_equal", 1),
    ">": ("greater", 1),
    ">=": ("greater_equal", 1),
    "+": ("add", 2),
    "-": ("subtract", 2),
    "*": ("multiply", 3),
    "/": ("divide", 3),
}
_SIGN_OF = {op: (sign, level) for sign, (op, level) in INFIX.items()}
_TIGHTEST = 4
_WIDTH = 100


def text(kernel: Kernel, *, locations: bool = False) -> str:
    """The kernel as text; with ``locations`` each statement also says which line of the user it is.

    >>> from graphc.ir import dtypes
    >>> print(text(Kernel("zero", (Argument("y", dtypes.float32, (3,), "out"),), (
    ...     For((Axis("i", 3),), (Store("y", (AxisIndex("i"),), Literal(0, dtypes.float32)),)),))))
    kernel zero(out y: f32[3]) {
      for i < 3 { y[i] = 0.0 }
    }
    """
    dims = f"<{', '.join(kernel.dims)}>" if kernel.dims else ""
    arguments = ", ".join(map(_argument, kernel.arguments))
    lines = [f"kernel {kernel.name}{dims}({arguments}) {{"]
    for statement in kernel.body:
        lines += _statement(statement, 1, locations)
    return "\n".join([*lines, "}"])


def _argument(argument: Argument) -> str:
    mode = "" if argument.mode == "in" else f"{argument.mode} "
    shape = ", ".join(map(str, argument.shape))
    panels = f" panels({argument.panels})" if argument.panels else ""
    return f"{mode}{argument.name}: {argument.dtype.short}[{shape}]{panels}"


def _statement(statement: Statement, depth: int, locations: bool) -> list[str]:
    indent = "  " * depth
    if isinstance(statement, Let):
        lines = [f"{indent}{statement.name} = {expression(statement.value)}"]
    elif isinstance(statement, Store):
        lines = [f"{indent}{_access(statement)} = {expression(statement.value)}"]
    elif isinstance(statement, Column):
        value = expression(statement.value)
        head = f"{_access(statement)} = reduce {statement.kind} {statement.axis}"
        head += f" order({statement.order})"
        lines = [f"{indent}{head} {{ {value} }}"]
    elif isinstance(statement, Check):
        parts = map(expression, (statement.condition, statement.index, statement.value))
        return [f"{indent}check {statement.code}, {', '.join(parts)}"]
    elif isinstance(statement, For):
        head = "for " + ", ".join(map(_axis, statement.axes))
        head += " parallel" if statement.parallel else ""
        return _block(head, statement.body, (), depth, locations)
    else:
        lines = _block(_reduce_head(statement), statement.body, statement.values, depth, locations)
    if locations and statement.location is not None:
        lines[-1] += " " + _location(statement.location)
    return lines


def _reduce_head(statement: Reduce) -> str:
    head = f"{', '.join(statement.names)} = reduce {', '.join(statement.kinds)}"
    head += f" {_axis(statement.axis)} order({statement.order})"
    head += "" if statement.unroll == 1 else f" unroll({statement.unroll})"
    return f"{head} across({statement.across})" if statement.across else head


def _block(
    head: str, body: Sequence[Statement], values: Sequence[Expr], depth: int, locations: bool
) -> list[str]:
    """A head and its braces: on one line where it fits and holds no block of its own."""
    indent = "  " * depth
    inner: list[str] = []
    for statement in body:
        inner += _statement(statement, depth + 1, locations)
    if values:
        inner.append("  " * (depth + 1) + ", ".join(map(expression, values)))
    one_line = f"{indent}{head} {{ {'; '.join(line.strip() for line in inner)} }}"
    flat = not any(isinstance(statement, (For, Reduce)) for statement in body)
    if flat and inner and len(one_line) <= _WIDTH and (values or len(inner) == 1):
        return [one_line]
    return [f"{indent}{head} {{", *inner, indent + "}"]


def _axis(axis: Axis) -> str:
    tile = "" if axis.tile == 1 else f" tile({axis.tile})"
    vector = "" if axis.vector == 0 else f" vector({axis.vector})"
    return f"{axis.name} < {axis.extent}{tile}{vector}"


def _location(location: Location) -> str:
    return f"loc({json.dumps(location.file)}:{location.line})"


def _access(access: Load | Store | Column) -> str:
    return f"{access.buffer}[{', '.join(map(expression, access.index))}]"


def expression(expr: Expr, level: int = 0) -> str:
    """The text of an expression, in parentheses where it binds less tightly than ``level``."""
    if isinstance(expr, (Name, AxisIndex)):
        return expr.name
    if isinstance(expr, Literal):
        return literal(expr.value, expr.dtype)
    if isinstance(expr, SizeOf):
        return _size(expr)
    if isinstance(expr, Load):
        guard = "" if expr.guard is None else f" if ({expression(expr.guard)})"
        return _access(expr) + guard
    if not expr.attributes and len(expr.operands) == 2 and expr.op in _SIGN_OF:
        sign, own = _SIGN_OF[expr.op]
        # Comparisons do not chain; the other signs group to the left.
        left = expression(expr.operands[0], own + 1 if own == 1 else own)
        both = f"{left} {sign} {expression(expr.operands[1], own + 1)}"
        return f"({both})" if own < level else both
    if not expr.attributes and _is_minus(expr):
        return "-" + expression(expr.operands[0], _TIGHTEST)
    operands = ", ".join(map(expression, expr.operands))
    return f"{expr.op}({operands}){_attributes(expr)}"


def _is_minus(expr: Apply) -> bool:
    """Whether ``-x`` says it; ``-3`` is a literal, and ``negative(3)`` is not."""
    return (
        expr.op == "negative"
        and len(expr.operands) == 1
        and not isinstance(expr.operands[0], Literal)
    )


def _size(expr: SizeOf) -> str:
    plain = isinstance(expr.size, Dim) and str(expr.size).isidentifier()
    return str(expr.size) if plain else f"size({expr.size})"


def literal(value: float | int | bool, dtype: DType) -> str:
    """A constant as text: the shortest decimal, with a suffix unless it is float32, int64, bool."""
    if dtype.is_bool:
        return "true" if value else "false"
    plain = repr(float(value) if dtype.is_float else int(value))
    return plain if dtype in (dtypes.float32, dtypes.int64) else plain + dtype.short


def _attributes(expr: Apply) -> str:
    if not expr.attributes:
        return ""
    pairs = (f"{name} = {_attribute(value)}" for name, value in expr.attributes)
    return f"{{{', '.join(pairs)}}}"


def _attribute(value: Any) -> str:
    """An attribute: a Python float is written as f64, an int as i64."""
    if value is None:
        return "none"
    if isinstance(value, DType):
        return value.short
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Dim):
        return f"size({value})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_attribute, value))})"
    if isinstance(value, (bool, int)):
        return literal(value, dtypes.bool_ if isinstance(value, bool) else dtypes.int64)
    if isinstance(value, float):
        return literal(value, dtypes.float32)
    raise TypeError(f"an attribute of an elementwise op cannot be a {type(value).__name__}")
