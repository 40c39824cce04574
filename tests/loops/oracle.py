"""Loop IR executed one point at a time, in plain Python: a second, naive reading of its meaning."""

import itertools

import numpy as np

from graphc.ir import dims
from graphc.ir.scalar_numpy import NumpyBuilder, as_constant
from graphc.loops import ir
from graphc.loops.orders import COMBINE, identity
from graphc.loops.scalars import elementwise

_builder = NumpyBuilder()


def run(kernel, arrays, bindings):
    blocks = {}
    _execute(kernel.body, arrays, bindings, {"blocks of columns": blocks})
    for (column, index), values in blocks.items():
        padded = values + [identity(column.kind, column.value.dtype)] * (8 - len(values))
        arrays[column.buffer][index] = _halves(column.kind, padded)


def _execute(body, arrays, bindings, scope):
    for statement in body:
        if isinstance(statement, ir.Let):
            scope[statement.name] = _value(statement.value, arrays, bindings, scope)
        elif isinstance(statement, ir.Store):
            index = tuple(int(_value(e, arrays, bindings, scope)) for e in statement.index)
            arrays[statement.buffer][index] = _value(statement.value, arrays, bindings, scope)
        elif isinstance(statement, ir.For):
            _loop(statement, arrays, bindings, scope)
        elif isinstance(statement, ir.Reduce):
            _reduce(statement, arrays, bindings, scope)
        elif isinstance(statement, ir.Column) and statement.order == "block":
            inner = scope | {statement.axis: scope[statement.axis] // 8}
            index = tuple(int(_value(e, arrays, bindings, inner)) for e in statement.index)
            found = scope["blocks of columns"].setdefault((statement, index), [])
            found.append(_value(statement.value, arrays, bindings, scope))


def _loop(statement, arrays, bindings, scope):
    extents = [range(dims.evaluate(axis.extent, bindings)) for axis in statement.axes]
    columns = [s for s in statement.body if isinstance(s, ir.Column) and s.order == "tree"]
    collected = [{} for _ in columns]
    for point in itertools.product(*extents):
        inner = scope | {a.name: np.int64(p) for a, p in zip(statement.axes, point, strict=True)}
        _execute(statement.body, arrays, bindings, inner)
        for column, found in zip(columns, collected, strict=True):
            index = tuple(int(_value(e, arrays, bindings, inner)) for e in column.index)
            found.setdefault(index, []).append(_value(column.value, arrays, bindings, inner))
    for column, found in zip(columns, collected, strict=True):
        buffer = arrays[column.buffer]
        if not next(len(e) for e, a in zip(extents, statement.axes, strict=True)
                    if a.name == column.axis):  # fmt: skip
            buffer[...] = identity(column.kind, column.value.dtype)
        for index, values in found.items():
            buffer[index] = tree(column.kind, values, column.value.dtype)


def _reduce(statement, arrays, bindings, scope):
    collected = []
    for k in range(dims.evaluate(statement.axis.extent, bindings)):
        inner = scope | {statement.axis.name: np.int64(k)}
        _execute(statement.body, arrays, bindings, inner)
        collected.append([_value(e, arrays, bindings, inner) for e in statement.values])
    at = 0
    for name, kind in zip(statement.names, statement.kinds, strict=True):
        dtype = statement.values[at].dtype
        count = 2 if kind == "fma" else 1
        parts = [tuple(row[at : at + count]) for row in collected]
        at += count
        if kind in ("argmax", "argmin"):
            scope[name] = _extremum(kind, [p[0] for p in parts])
        elif statement.order == "tree":
            scope[name] = tree(kind, [p[0] for p in parts], dtype)
        elif statement.order == "ascending":
            scope[name] = _chain(kind, parts, dtype)
        else:
            lanes = ir.lane_count(statement.axis.extent, dtype)
            scope[name] = _lanes(kind, parts, dtype, lanes)


def _chain(kind, parts, dtype):
    total = identity(kind, dtype)
    for part in parts:
        if kind == "fma":
            total = _builder.fma(part[0], part[1], total)
        else:
            total = COMBINE[kind](total, part[0])[()]
    return total


def _halves(kind, values):
    while len(values) > 1:
        half = len(values) // 2
        values = [COMBINE[kind](values[i], values[i + half])[()] for i in range(half)]
    return values[0]


def _lanes(kind, parts, dtype, lanes):
    combine = "add" if kind == "fma" else kind
    total = identity(combine, dtype)
    for start in range(0, len(parts), 8192):
        block = parts[start : start + 8192]
        chains = [_chain(kind, block[lane::lanes], dtype) for lane in range(lanes)]
        total = COMBINE[combine](total, _halves(combine, chains))[()]
    return total


def tree(kind, values, dtype):
    total = identity(kind, dtype)
    for start in range(0, len(values), 8):
        block = values[start : start + 8]
        block = block + [identity(kind, dtype)] * (8 - len(block))
        total = COMBINE[kind](total, _halves(kind, block))[()]
    return total


def _extremum(kind, values):
    best = 0
    for k, value in enumerate(values):
        if values[best] != values[best]:
            break
        better = value > values[best] if kind == "argmax" else value < values[best]
        best = k if better or value != value else best
    return np.int64(best)


def _value(expr, arrays, bindings, scope):
    if isinstance(expr, ir.Literal):
        return as_constant(expr.value, expr.dtype)
    if isinstance(expr, (ir.Name, ir.AxisIndex)):
        return scope[expr.name]
    if isinstance(expr, ir.SizeOf):
        return np.int64(dims.evaluate(expr.size, bindings))
    if isinstance(expr, ir.Load):
        if expr.guard is not None and not _value(expr.guard, arrays, bindings, scope):
            return as_constant(0, expr.dtype)
        return arrays[expr.buffer][
            tuple(int(_value(e, arrays, bindings, scope)) for e in expr.index)
        ]
    operands = [_value(operand, arrays, bindings, scope) for operand in expr.operands]
    result = elementwise(expr.op).lower(_builder, *operands, **dict(expr.attributes))
    return np.asarray(result)[()]
