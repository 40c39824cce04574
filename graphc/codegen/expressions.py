"""Expressions of loop IR to grids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphc.codegen import access, outlining
from graphc.codegen.context import Context
from graphc.codegen.grid import Grid, TileAxis, positions, single, spans
from graphc.codegen.scalar_llvm import LLVMBuilder
from graphc.codegen.values import Value, constant, index, lanes_constant
from graphc.errors import DefinitionError
from graphc.ir import dtypes
from graphc.loops.ir import (
    Apply,
    AxisIndex,
    Expr,
    Let,
    Literal,
    Load,
    Name,
    Reduce,
    SizeOf,
    Statement,
)
from graphc.loops.repetition import is_costly, registers_together
from graphc.loops.scalars import elementwise

Lower = Callable[..., Value]

_ANY: dict[str, Callable[[LLVMBuilder], Lower]] = {
    "equal": lambda b: b.eq,
    "not_equal": lambda b: b.ne,
    "less": lambda b: b.lt,
    "less_equal": lambda b: b.le,
    "greater": lambda b: b.gt,
    "greater_equal": lambda b: b.ge,
    "where": lambda b: b.select,
}
_NUMBERS: dict[str, Callable[[LLVMBuilder], Lower]] = {
    "add": lambda b: b.add,
    "subtract": lambda b: b.sub,
    "multiply": lambda b: b.mul,
    "negative": lambda b: b.neg,
}
_BOOLS: dict[str, Callable[[LLVMBuilder], Lower]] = {
    "logical_and": lambda b: b.bit_and,
    "logical_or": lambda b: b.bit_or,
    "logical_xor": lambda b: b.bit_xor,
    "logical_not": lambda b: b.bit_not,
}


def evaluate(context: Context, expression: Expr) -> Grid:
    """The grid of ``expression`` over the axes in scope."""
    if isinstance(expression, Name):
        return context.names[expression.name]
    if isinstance(expression, Apply):
        return _apply(context, expression)
    if isinstance(expression, Load):
        return access.load(context, expression)
    if isinstance(expression, Literal):
        return single(constant(expression.value, expression.dtype))
    if isinstance(expression, SizeOf):
        return single(context.size(expression.size))
    return axis_index(context, context.axis(expression.name))


def axis_index(context: Context, axis: TileAxis) -> Grid:
    values = []
    for position in axis.positions:
        base, extra = context.point(axis, position)
        if not axis.width:
            values.append(context.writer.add(base, index(extra)))
            continue
        lanes = lanes_constant(tuple(range(extra, extra + axis.width)), dtypes.int64)
        values.append(context.builder.add(lanes, base))
    return Grid(spans([axis]), values)


def _apply(context: Context, expression: Apply) -> Grid:
    lower = context.lowerings.get(id(expression))
    if lower is None:
        lower = context.lowerings[id(expression)] = _called_or_inline(context, expression)
    grids = [evaluate(context, operand) for operand in expression.operands]
    if context.only is not None:
        here = context.only
        value = lower(*[grid.at(here) for grid in grids])
        return Grid({name: (here[name], 1) for grid in grids for name in grid.axes}, (value,))
    used: set[str] = set().union(*(grid.axes for grid in grids))
    if not used:
        return single(lower(*(grid.values[0] for grid in grids)))
    axes = [axis for axis in context.axes if axis.name in used]
    rows = [[grid.at(at) for grid in grids] for at in positions(axes)]
    if is_costly(expression.op) and any(value.width > 1 for value in rows[0]):
        return Grid(spans(axes), _in_wide_vectors(context, expression, rows))
    return Grid(spans(axes), [lower(*row) for row in rows])


def _in_wide_vectors(
    context: Context, expression: Apply, rows: Sequence[Sequence[Value]]
) -> list[Value]:
    """A costly op of several rows of operands, by calls for as many as make a wide vector."""
    builder, values = context.builder, []
    step = registers_together(context.target)
    lower = lowering(builder, expression)
    width = max(value.width for row in rows for value in row)
    for start in range(0, len(rows), step):
        few = [[builder.splat(value, width) for value in row] for row in rows[start : start + step]]
        operands = [builder.joined(column) for column in zip(*few, strict=True)]
        result = outlining.apply(builder, _identity(expression), lower, operands)
        values += builder.parted(result, width)[: len(few)]
    return values


def _called_or_inline(context: Context, expression: Apply) -> Lower:
    lower = lowering(context.builder, expression)
    if expression.op not in context.repeated:
        return lower
    key = _identity(expression)
    return lambda *operands: outlining.apply(context.builder, key, lower, operands)


def _identity(expression: Apply) -> tuple[str, str]:
    """What the function of an op depends on, but for its operands."""
    return expression.op, repr(expression.attributes)


def lowering(builder: LLVMBuilder, expression: Apply) -> Lower:
    """What an op is on scalars or vectors."""
    name = expression.op
    if name in _ANY:
        return _ANY[name](builder)
    if name == "astype":
        return lambda x: builder.cast(x, expression.dtype)
    operand = expression.operands[0].dtype
    if name in _NUMBERS and not operand.is_bool:
        return _NUMBERS[name](builder)
    if name in _BOOLS and operand.is_bool:
        return _BOOLS[name](builder)
    if name == "divide" and operand.is_float:
        return builder.div
    record = elementwise(name)
    attributes = dict(expression.attributes)

    def lower(*operands: Value) -> Value:
        try:
            result = record.lower(builder, *operands, **attributes)
        except Exception as error:
            raise _named(DefinitionError.raised("lowering", error), name) from error
        if not isinstance(result, Value) or result.dtype != expression.dtype:
            got = result.dtype if isinstance(result, Value) else type(result).__name__
            reason = f"its lowering gave {got}, not a value of {expression.dtype}"
            raise _named(DefinitionError(reason), name)
        return result

    return lower


def _named(error: DefinitionError, op: str) -> DefinitionError:
    return error.with_operands(op, ())


Dependence = Mapping[str, frozenset[str]]


def dependence(context: Context, expression: Expr, inner: Dependence) -> frozenset[str]:
    """The axes that ``expression`` varies along; ``inner`` says so of names not bound yet."""
    if isinstance(expression, Name):
        if expression.name in inner:
            return inner[expression.name]
        return frozenset(context.names[expression.name].axes)
    if isinstance(expression, AxisIndex):
        return frozenset((expression.name,))
    if isinstance(expression, (Literal, SizeOf)):
        return frozenset()
    parts = expression.operands if isinstance(expression, Apply) else expression.index
    if isinstance(expression, Load) and expression.guard is not None:
        parts = (*parts, expression.guard)
    return frozenset().union(*(dependence(context, part, inner) for part in parts))


def bound_dependence(
    context: Context, statements: tuple[Statement, ...], outer: Dependence
) -> Dependence:
    """The axes that each name bound by ``statements`` varies along."""
    found = dict(outer)
    for statement in statements:
        if isinstance(statement, Let):
            found[statement.name] = dependence(context, statement.value, found)
        elif isinstance(statement, Reduce):
            inner = bound_dependence(context, statement.body, found)
            axes = frozenset().union(
                *(dependence(context, value, inner) for value in statement.values)
            )
            found.update(dict.fromkeys(statement.names, axes - {statement.axis.name}))
    return found
