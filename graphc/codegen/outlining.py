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

if TYPE_CHECKING:
    from graphc.codegen.scalar_llvm import LLVMBuilder

Lower = Callable[..., Value]
SHORT = 12  # lines that are better in place than called
_VALUE = re.compile(r"%[\w.]+")


@dataclass(eq=False, repr=False)
class ModuleParts:
    """What the functions of a module share: declarations, constants by their text, functions by
    result type and what follows their symbol, and the functions of ops that were asked for."""

    declarations: set[str] = field(default_factory=set)
    constants: dict[str, str] = field(default_factory=dict)
    functions: dict[tuple[str, str], str] = field(default_factory=dict)
    operations: dict[tuple[object, ...], tuple[str, Value]] = field(default_factory=dict)

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
    builder: LLVMBuilder, key: tuple[str, object], lower: Lower, operands: Sequence[Value]
) -> Value:
    """``lower`` of the operands, by a call; ``key`` is the name of the op and whatever else makes
    ``lower`` what it is."""
    parts, outer = builder.parts, builder.writer
    signature = (*key, *((value.dtype.short, value.width) for value in operands))
    if signature not in parts.operations:
        inner = Writer("x.")
        inside = [inner.known(f"%a{i}", value) for i, value in enumerate(operands)]
        with builder.writing(inner):
            result = lower(*inside)
        inner.effect(f"ret {result!r}")
        outer.declarations |= inner.declarations
        symbol = parts.define(key[0], result.type, [repr(value) for value in inside], inner.body())
        parts.operations[signature] = symbol, result
    symbol, result = parts.operations[signature]
    level = max(value.level for value in operands)
    text = f"call {result.type} {symbol}({_arguments(operands)})"
    return outer.pure(text, result.dtype, result.width, level)


def _arguments(operands: Sequence[Value]) -> str:
    return ", ".join(repr(value) for value in operands)
