"""Sizes as i64 values: read from the table of sizes, or computed from the named dims in it."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.codegen.values import Value, index
from graphc.codegen.writer import Writer
from graphc.ir import dtypes
from graphc.ir.dims import Quotient, Size, named
from graphc.ir.dtypes import DType


class SizeValues:
    """The values of sizes in one function.  ``slots`` are the table's places; the named dims are
    among them.  ``table`` is the pointer to it."""

    def __init__(self, writer: Writer, slots: Mapping[Size, int], table: str = "%table") -> None:
        self._writer = writer
        self._slots = slots
        self._table = table
        self._known: dict[Size, Value] = {}

    def value(self, size: Size) -> Value:
        """``size`` as a literal or a value of the function's entry."""
        if isinstance(size, int):
            return index(size)
        known = self._known.get(size)
        if known is None:
            slot = self._slots.get(size)
            known = self._computed(size) if slot is None else self._read(slot)
            self._known[size] = known
        return known

    def _read(self, slot: int) -> Value:
        pointer = f"getelementptr i64, ptr {self._table}, i64 {slot}"
        address = self._writer.pure(pointer, dtypes.int64, 1, 0)
        return self._writer.pure(f"load i64, ptr {address.text}", dtypes.int64, 1, 0)

    def _computed(self, size: Size) -> Value:
        total = index(0)
        for monomial, coefficient in size.terms:  # type: ignore[union-attr]
            product = index(coefficient)
            for atom in monomial:
                factor = self.value(named(atom)) if isinstance(atom, str) else self._quotient(atom)
                product = self._writer.multiply(product, factor)
            total = self._writer.add(total, product)
        return total

    def _quotient(self, atom: Quotient) -> Value:
        """Floor division or remainder; by zero it is as by one, since constraints exclude it."""
        writer = self._writer
        top, bottom = self.value(atom.numerator), self.value(atom.denominator)
        bottom = writer.choose(writer.compare("eq", bottom, index(0)), index(1), bottom)
        quotient = self._instruction("sdiv i64", top, bottom)
        rest = writer.subtract(top, writer.multiply(quotient, bottom))
        opposite = writer.compare("slt", self._instruction("xor i64", rest, bottom), index(0))
        inexact = self._instruction("icmp ne i64", rest, index(0), dtypes.bool_)
        rounded_up = self._instruction("and i1", opposite, inexact, dtypes.bool_)
        if atom.kind == "//":
            return writer.subtract(quotient, writer.choose(rounded_up, index(1), index(0)))
        return writer.add(rest, writer.choose(rounded_up, bottom, index(0)))

    def _instruction(self, opcode: str, x: Value, y: Value, dtype: DType = dtypes.int64) -> Value:
        text = f"{opcode} {x.text}, {y.text}"
        return self._writer.pure(text, dtype, 1, max(x.level, y.level))
