"""Checks of the data: the first that fails is written to the frame's status words."""

from __future__ import annotations

from graphc.codegen.context import Context
from graphc.codegen.expressions import evaluate
from graphc.codegen.grid import positions
from graphc.codegen.values import Value, constant, index
from graphc.ir import dtypes
from graphc.loops.ir import Check
from runtime.program import FRAME_INDEX, FRAME_STATUS, FRAME_VALUE


def emit(context: Context, statement: Check) -> None:
    """Where the condition is false and nothing failed before, say so in the frame."""
    b, writer = context.builder, context.writer
    grids = [evaluate(context, e) for e in (statement.condition, statement.index, statement.value)]
    used: set[str] = set().union(*(grid.axes for grid in grids))
    axes = [axis for axis in context.axes if axis.name in used]
    for at in positions(axes):
        condition, place, value = (grid.at(at) for grid in grids)
        failed = b.bit_not(condition)
        for axis in axes:
            position = at[axis.name]
            for inside in (context.valid(axis, position), context.mask(axis, position)):
                failed = failed if inside is None else b.bit_and(failed, inside)
        width = max(failed.width, place.width, value.width)
        failed, place, value = (b.splat(x, width) for x in (failed, place, value))

        def report(
            failed: Value = failed, place: Value = place, value: Value = value
        ) -> list[Value]:
            _report(context, statement.code, failed, place, value)
            return []

        writer.branch(b.any_lane(failed), report)


def _report(context: Context, code: int, failed: Value, place: Value, value: Value) -> None:
    writer, frame = context.writer, context.frame
    assert frame is not None
    status = _word(context, frame, FRAME_STATUS)
    old = writer.ordered(f"load i64, ptr {status.text}", dtypes.int64)
    none = writer.pure(f"icmp eq i64 {old.text}, 0", dtypes.bool_, 1, old.level)

    def write() -> list[Value]:
        lane = _first_lane(context, failed)
        words = {
            FRAME_STATUS: index(code),
            FRAME_INDEX: _lane(context, place, lane),
            FRAME_VALUE: _lane(context, value, lane),
        }
        for word, content in words.items():
            address = _word(context, frame, word)
            writer.effect(f"store i64 {content.text}, ptr {address.text}")
        return []

    writer.branch(none, write)


def _word(context: Context, frame: Value, word: int) -> Value:
    return context.advance(frame, index(8 * word))


def _first_lane(context: Context, failed: Value) -> Value:
    if failed.width == 1:
        return constant(0, dtypes.int64)
    bits = context.builder.lane_bits(failed)
    kind = f"i{bits.width}"
    name = f"@llvm.cttz.{kind}"
    context.writer.declare(f"declare {kind} {name}({kind}, i1)")
    text = f"call {kind} {name}({kind} {bits.text}, i1 true)"
    count = context.writer.pure(text, dtypes.int64, 1, bits.level)
    if bits.width == 64:
        return count
    text = f"zext {kind} {count.text} to i64"
    return context.writer.pure(text, dtypes.int64, 1, count.level)


def _lane(context: Context, vector: Value, lane: Value) -> Value:
    if vector.width == 1:
        return vector
    text = f"extractelement {vector.type} {vector.text}, i64 {lane.text}"
    return context.writer.pure(text, vector.dtype, 1, max(vector.level, lane.level))
