"""Functions beside the kernels: arithmetic that a kernel repeats, and branches rarely taken.

Such a function computes its result from its operands and constant tables alone.  Equal ones are
written once a module.  Which ops repeat is said by ``graphc.loops.repetition``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphc.codegen.values import Value
from graphc.codegen.writer import Writer
from graphc.ir.dtypes import DType
from graphc.loops.repetition import TOGETHER

if TYPE_CHECKING:
    from graphc.codegen.scalar_llvm import LLVMBuilder

Lower = Callable[..., Value]
SHORT = 12  # lines that are better in place than called
_VALUE = re.compile(r"%[\w.]+")


@dataclass
class ModuleParts:
    """What the functions of a module share: declarations, constants by their text, functions by
    result type and what follows their symbol, and the functions of ops that were asked for."""

    declarations: set[str] = field(default_factory=set)
    constants: dict[str, str] = field(default_factory=dict)
    functions: dict[tuple[str, str], str] = field(default_factory=dict)
    operations: dict[tuple[object, ...], tuple[str, Sequence[Value]]] = field(default_factory=dict)

    def define(self, stem: str, result: str, parameters: Sequence[str], body: str) -> str:
        """The symbol of the function with this ``body``; names of kernels do not begin so."""
        rest = f"({', '.join(parameters)}) #0 {{\nentry:\n{body}\n}}\n"
        return self.functions.setdefault((result, rest), f"@.{stem}.{len(self.functions)}")

    def definitions(self) -> list[str]:
        """The text of all functions."""
        return [
            f"define internal {result} {symbol}{rest}"
            for (result, rest), symbol in self.functions.items()
        ]


class Detached(Writer):
    """The text of a function that may use the values of an ``outer`` writer, its operands."""

    def __init__(self, outer: Writer) -> None:
        super().__init__(outer.prefix + "x.")
        self._outer = outer

    def pure(self, instruction: str, dtype: DType, width: int, level: int) -> Value:
        # Values of the outer function are at hand from the beginning, however deep they are there.
        return super().pure(instruction, dtype, width, min(level, self.level))

    def find(self, name: str) -> Value:
        return self.values[name] if name in self.values else self._outer.find(name)

    def captured(self, body: str) -> list[Value]:
        """The values of the outer function that ``body`` uses, as they come."""
        own = "%" + self.prefix
        names = dict.fromkeys(name for name in _VALUE.findall(body) if not name.startswith(own))
        return [self._outer.find(name) for name in names]


def rarely(builder: LLVMBuilder, rare: Callable[[], Value]) -> Value:
    """``rare()``, by a call where its text is long: then what is common stays short."""
    outer = builder.writer
    inner = Detached(outer)
    with builder.writing(inner):
        result = rare()
    body = inner.body()
    if body.count("\n") < SHORT:
        return rare()
    inner.effect(f"ret {result.type} {result.text}")
    body = inner.body()
    operands = inner.captured(body)
    names = {value.text: f"%a{i}" for i, value in enumerate(operands)}
    body = _VALUE.sub(lambda found: names.get(found[0], found[0]), body)
    outer.declarations |= inner.declarations
    parameters = [f"{value.type} {names[value.text]}" for value in operands]
    symbol = builder.parts.define("rare", result.type, parameters, body)
    text = f"call {result.type} {symbol}({_arguments(operands)})"
    return outer.ordered(text, result.dtype, result.width)


def apply(
    builder: LLVMBuilder, key: tuple[str, object], lower: Lower, points: Sequence[Sequence[Value]]
) -> list[Value]:
    """``lower`` of the operands at each of ``points``, by calls of a function that takes a few of
    them; ``key`` is the name of the op and whatever else makes ``lower`` what it is."""
    results: list[Value] = []
    for start in range(0, len(points), TOGETHER):
        results += _call(builder, key, lower, points[start : start + TOGETHER])
    return results


def _call(
    builder: LLVMBuilder, key: tuple[str, object], lower: Lower, points: Sequence[Sequence[Value]]
) -> list[Value]:
    parts, operands = builder.parts, [value for point in points for value in point]
    signature = (*key, len(points), *((value.dtype.short, value.width) for value in operands))
    if signature not in parts.operations:
        parts.operations[signature] = _define(builder, key[0], lower, points)
    symbol, results = parts.operations[signature]
    level = max(value.level for value in operands)
    kind, writer = _result_type(results), builder.writer
    call = f"call {kind} {symbol}({_arguments(operands)})"
    together = writer.pure(call, results[0].dtype, results[0].width, level)
    if len(results) == 1:
        return [together]
    return [
        writer.pure(f"extractvalue {kind} {together.text}, {i}", r.dtype, r.width, level)
        for i, r in enumerate(results)
    ]


def _define(
    builder: LLVMBuilder, stem: str, lower: Lower, points: Sequence[Sequence[Value]]
) -> tuple[str, Sequence[Value]]:
    writer = Writer("x.")
    parameters: list[Value] = []
    results: list[Value] = []
    with builder.writing(writer):
        for point in points:
            inside = [
                writer.known(f"%a{len(parameters) + i}", value) for i, value in enumerate(point)
            ]
            parameters += inside
            results.append(lower(*inside))
    kind = _result_type(results)
    last = "poison"
    for i, result in enumerate(results if len(results) > 1 else ()):
        text = f"insertvalue {kind} {last}, {result!r}, {i}"
        last = writer.ordered(text, result.dtype, result.width).text
    writer.effect(f"ret {kind} {last}" if len(results) > 1 else f"ret {results[0]!r}")
    builder.writer.declarations |= writer.declarations
    declared = [f"{value!r}" for value in parameters]
    return builder.parts.define(stem, kind, declared, writer.body()), results


def _result_type(results: Sequence[Value]) -> str:
    if len(results) == 1:
        return results[0].type
    return "{ " + ", ".join(result.type for result in results) + " }"


def _arguments(operands: Sequence[Value]) -> str:
    return ", ".join(f"{value!r}" for value in operands)
