"""Scalar arithmetic over LLVM values: what op records lower to.

Implements ``graphc.ir.scalar.ScalarBuilder``.  A value is a scalar or a vector; a scalar that
meets a vector is copied into every lane.  No fast-math flags, no contraction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from graphc.codegen import outlining, powers_of_two, table_lookup
from graphc.codegen.outlining import ModuleParts
from graphc.codegen.values import (
    Value,
    constant,
    constant_text,
    llvm_type,
    memory_type,
    rounded,
    suffix,
)
from graphc.codegen.writer import Writer
from graphc.ir import dtypes
from graphc.ir.dtypes import DType
from runtime.target import Target

Number = float | int | bool
Operand = Value | Number

_FLOAT_RELATIONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}


class LLVMBuilder:
    """Writes each operation as one or a few instructions."""

    def __init__(self, writer: Writer, target: Target, parts: ModuleParts) -> None:
        self.writer = writer
        self.target = target
        self.parts = parts
        self._numbers: dict[tuple[Number, str, int], Value] = {}
        self._splats: dict[tuple[str, str, int], Value] = {}

    @contextmanager
    def writing(self, writer: Writer) -> Iterator[None]:
        """With the text going to another writer."""
        before, self.writer = self.writer, writer
        try:
            yield
        finally:
            self.writer = before

    @property
    def fused(self) -> bool:
        return self.target.has_fma

    @property
    def scales(self) -> bool:
        return powers_of_two.possible(self.target)

    def dtype(self, x: Value) -> DType:
        return x.dtype

    def constant(self, value: Number, dtype: DType) -> Value:
        return constant(value, dtype)

    def splat(self, x: Value, width: int) -> Value:
        """``x`` in every lane of a vector."""
        if x.width == width:
            return x
        if x.literal is not None:
            known = self._splats.get((x.text, x.dtype.short, width))
            if known is None:
                known = constant(x.literal, x.dtype, width)
                self._splats[x.text, x.dtype.short, width] = known
            return known
        scalar, vector = llvm_type(x.dtype), llvm_type(x.dtype, width)
        text = f"insertelement {vector} poison, {scalar} {x.text}, i32 0"
        first = self.writer.pure(text, x.dtype, width, x.level)
        text = (
            f"shufflevector {vector} {first.text}, {vector} poison, <{width} x i32> zeroinitializer"
        )
        return self.writer.pure(text, x.dtype, width, x.level)

    def joined(self, values: Sequence[Value]) -> Value:
        """The lanes of all ``values``, vectors of one width, in one vector: a power of two of
        registers, where the last are filled with the last value again."""
        count = 1 << (len(values) - 1).bit_length()
        found = [*values, *[values[-1]] * (count - len(values))]
        while len(found) > 1:
            both = range(2 * found[0].width)
            pairs = zip(found[::2], found[1::2], strict=True)
            found = [self.shuffle(x, y, both) for x, y in pairs]
        return found[0]

    def shuffle(self, x: Value, y: Value, lanes: Sequence[int]) -> Value:
        """The numbered lanes of ``x`` and, beyond its own, of ``y``."""
        if x.text == y.text == "zeroinitializer":
            return Value(x.text, x.dtype, len(lanes))
        chosen = ", ".join([f"i32 {lane}" for lane in lanes])
        text = f"shufflevector {x!r}, {y!r}, <{len(lanes)} x i32> <{chosen}>"
        return self.writer.pure(text, x.dtype, len(lanes), max(x.level, y.level))

    def part(self, x: Value, first: int, count: int) -> Value:
        """``count`` lanes of a vector from ``first``."""
        if count > 1:
            nothing = Value("poison", x.dtype, x.width)
            return self.shuffle(x, nothing, range(first, first + count))
        text = f"extractelement {x!r}, i32 {first}"
        return self.writer.pure(text, x.dtype, 1, x.level)

    def parted(self, x: Value, width: int) -> list[Value]:
        """The vectors of ``width`` lanes that ``x`` is made of; ``x`` itself where it has fewer."""
        if x.width <= width:
            return [x]
        return [self.part(x, first, width) for first in range(0, x.width, width)]

    def together(self, *operands: Operand) -> list[Value]:
        """The operands with one dtype where they are numbers, and one width."""
        dtype, width, alike = None, 0, True
        for x in operands:
            if not isinstance(x, Value):
                alike = False
            elif dtype is None:
                dtype, width = x.dtype, x.width
            elif x.width != width:
                alike, width = False, max(width, x.width)
        if alike:
            return list(operands)  # type: ignore[arg-type]
        assert dtype is not None
        return [
            (x if x.width == width else self.splat(x, width))
            if isinstance(x, Value)
            else self._number(x, dtype, width)
            for x in operands
        ]

    def _number(self, x: Number, dtype: DType, width: int) -> Value:
        key = (x, dtype.short, width)
        known = self._numbers.get(key)
        if known is None:
            known = constant(x, dtype, width)
            if x != 0:  # 0.0 and -0.0 are equal
                self._numbers[key] = known
        return known

    def _binary(self, opcode: str, x: Operand, y: Operand, result: DType | None = None) -> Value:
        a, b = self.together(x, y)
        text = f"{opcode} {llvm_type(a.dtype, a.width)} {a.text}, {b.text}"
        return self.writer.pure(text, result or a.dtype, a.width, max(a.level, b.level))

    def _arithmetic(self, floats: str, integers: str, x: Operand, y: Operand) -> Value:
        dtype = x.dtype if isinstance(x, Value) else y.dtype  # type: ignore[union-attr]
        return self._binary(floats if dtype.is_float else integers, x, y)

    def _intrinsic(self, name: str, *operands: Operand) -> Value:
        values = self.together(*operands)
        full = f"llvm.{name}.{suffix(values[0].dtype, values[0].width)}"
        return self.writer.call(full, values[0].dtype, values)

    def add(self, x: Operand, y: Operand) -> Value:
        return self._arithmetic("fadd", "add", x, y)

    def sub(self, x: Operand, y: Operand) -> Value:
        return self._arithmetic("fsub", "sub", x, y)

    def mul(self, x: Operand, y: Operand) -> Value:
        return self._arithmetic("fmul", "mul", x, y)

    def neg(self, x: Value) -> Value:
        if not x.dtype.is_float:
            return self.sub(constant(0, x.dtype), x)
        return self.writer.pure(f"fneg {x.type} {x.text}", x.dtype, x.width, x.level)

    def div(self, x: Operand, y: Operand) -> Value:
        return self._binary("fdiv", x, y)

    def fma(self, x: Operand, y: Operand, z: Operand) -> Value:
        x, y, z = self.together(x, y, z)
        if self.fused and x.dtype.is_float:
            return self._intrinsic("fma", x, y, z)
        return self.add(self.mul(x, y), z)

    def scale(self, x: Value, n: Value) -> Value:
        return powers_of_two.scale(self, x, n)

    def sqrt(self, x: Value) -> Value:
        return self._intrinsic("sqrt", x)

    def abs(self, x: Value) -> Value:
        if x.dtype.is_float:
            return self._intrinsic("fabs", x)
        return self.select(self.lt(x, 0), self.neg(x), x) if x.dtype.kind == "i" else x

    def copysign(self, x: Operand, sign: Operand) -> Value:
        return self._intrinsic("copysign", x, sign)

    def floor(self, x: Value) -> Value:
        return self._intrinsic("floor", x)

    def ceil(self, x: Value) -> Value:
        return self._intrinsic("ceil", x)

    def trunc(self, x: Value) -> Value:
        return self._intrinsic("trunc", x)

    def rint(self, x: Value) -> Value:
        return self._intrinsic("rint", x)

    def quotient(self, x: Operand, y: Operand) -> Value:
        a, b = self.together(x, y)
        return self._binary("udiv" if a.dtype.kind == "u" else "sdiv", a, b)

    def shift_left(self, x: Operand, bits: Operand) -> Value:
        return self._binary("shl", x, bits)

    def shift_right(self, x: Operand, bits: Operand) -> Value:
        a, b = self.together(x, bits)
        return self._binary("lshr" if a.dtype.kind == "u" else "ashr", a, b)

    def shift_right_logical(self, x: Operand, bits: Operand) -> Value:
        return self._binary("lshr", x, bits)

    def bit_and(self, x: Operand, y: Operand) -> Value:
        return self._binary("and", x, y)

    def bit_or(self, x: Operand, y: Operand) -> Value:
        return self._binary("or", x, y)

    def bit_xor(self, x: Operand, y: Operand) -> Value:
        return self._binary("xor", x, y)

    def bit_not(self, x: Value) -> Value:
        return self._binary("xor", x, True if x.dtype.is_bool else -1)

    def _compare(self, relation: str, x: Operand, y: Operand) -> Value:
        a, b = self.together(x, y)
        if a.dtype.is_float:
            return self._binary(f"fcmp {_FLOAT_RELATIONS[relation]}", a, b, dtypes.bool_)
        sign = "" if relation in ("eq", "ne") else ("s" if a.dtype.kind == "i" else "u")
        return self._binary(f"icmp {sign}{relation}", a, b, dtypes.bool_)

    def lt(self, x: Operand, y: Operand) -> Value:
        return self._compare("lt", x, y)

    def le(self, x: Operand, y: Operand) -> Value:
        return self._compare("le", x, y)

    def gt(self, x: Operand, y: Operand) -> Value:
        return self._compare("gt", x, y)

    def ge(self, x: Operand, y: Operand) -> Value:
        return self._compare("ge", x, y)

    def eq(self, x: Operand, y: Operand) -> Value:
        return self._compare("eq", x, y)

    def ne(self, x: Operand, y: Operand) -> Value:
        return self._compare("ne", x, y)

    def is_nan(self, x: Value) -> Value:
        """Whether a float is NaN."""
        return self.either_is_nan(x, x)

    def either_is_nan(self, x: Value, y: Value) -> Value:
        """Whether one of two floats is NaN."""
        return self._binary("fcmp uno", x, y, dtypes.bool_)

    def select(self, condition: Value, x: Operand, y: Operand) -> Value:
        if condition.literal is not None:
            return self.together(x, y)[0 if condition.literal else 1]
        a, b = self.together(x, y)
        width = max(condition.width, a.width)
        c, a, b = (self.splat(v, width) for v in (condition, a, b))
        text = f"select {c.type} {c.text}, {a.type} {a.text}, {b.type} {b.text}"
        return self.writer.pure(text, a.dtype, width, max(c.level, a.level, b.level))

    def fenced(self, x: Value) -> Value:
        """A float ``x`` whose arithmetic LLVM does not move what follows into."""
        return self._intrinsic("arithmetic.fence", x)

    def any_lane(self, condition: Value) -> Value:
        """A scalar bool: whether ``condition`` holds in any lane."""
        if condition.width == 1:
            return condition
        bits = self.lane_bits(condition)
        text = f"icmp ne i{bits.width} {bits.text}, 0"
        return self.writer.pure(text, dtypes.bool_, 1, bits.level)

    def lane_bits(self, condition: Value) -> Value:
        """The lanes of a bool vector as the bits of one integer (``width`` of them)."""
        text = f"bitcast {condition.type} {condition.text} to i{condition.width}"
        packed = self.writer.pure(text, dtypes.int64, 1, condition.level)
        return Value(packed.text, dtypes.int64, condition.width, packed.level)

    def rarely(self, condition: Value, rare: Callable[[], Value], common: Value) -> Value:
        width = max(condition.width, common.width)
        ordinary = self.splat(common, width)

        def mixed() -> Sequence[Value]:
            apart = outlining.rarely(self, rare)
            return [self.splat(self.select(condition, apart, ordinary), width)]

        weight = ', !prof !{!"branch_weights", i32 1, i32 2000}'
        return self.writer.branch(self.any_lane(condition), mixed, [ordinary], weight)[0]

    def cast(self, x: Value, dtype: DType) -> Value:
        if x.dtype == dtype:
            return x
        if x.literal is not None and not (x.dtype.is_float and dtype.is_integer):
            return constant(bool(x.literal) if dtype.is_bool else x.literal, dtype, x.width)
        if dtype.is_bool:
            return self.ne(x, 0)
        if x.dtype.is_float and dtype.is_integer:
            return self._saturate(x, dtype)
        text = f"{_conversion(x.dtype, dtype)} {x.type} {x.text} to {llvm_type(dtype, x.width)}"
        return self.writer.pure(text, dtype, x.width, x.level)

    def _saturate(self, x: Value, dtype: DType) -> Value:
        """Float to integer.  In LLVM's own saturating conversion vectors fall apart on x86."""
        least = 0 if dtype.kind == "u" else -(1 << (dtype.bits - 1))
        greatest = (1 << (dtype.bits - (dtype.kind == "i"))) - 1
        below = _not_above(greatest, x.dtype)
        inside = self.select(self.gt(x, below), below, x)
        inside = self.select(self.lt(inside, least), least, inside)
        inside = self.select(self.is_nan(x), 0, inside)
        sign = "fptoui" if dtype.kind == "u" else "fptosi"
        text = f"{sign} {inside.type} {inside.text} to {llvm_type(dtype, x.width)}"
        whole = self.writer.pure(text, dtype, x.width, inside.level)
        if below == greatest:
            return whole
        return self.select(self.gt(x, below), constant(greatest, dtype), whole)

    def bitcast(self, x: Value, dtype: DType) -> Value:
        if llvm_type(x.dtype) == llvm_type(dtype):
            return Value(x.text, dtype, x.width, x.level)
        text = f"bitcast {x.type} {x.text} to {llvm_type(dtype, x.width)}"
        return self.writer.pure(text, dtype, x.width, x.level)

    def lookup(self, table: Sequence[float | int], index: Value, dtype: DType) -> Value:
        small = len(table) <= table_lookup.MOST and index.dtype.size == dtype.size
        if index.width > 1 and small and table_lookup.possible(self.target, dtype):
            return table_lookup.lookup(self, table, index, dtype)
        kind = memory_type(dtype)
        body = ", ".join(f"{kind} {constant_text(rounded(entry, dtype), dtype)}" for entry in table)
        body = f"[{len(table)} x {kind}] [{body}]"
        name = self.parts.constants.setdefault(body, f"@table.{len(self.parts.constants)}")
        wide = self.cast(index, dtypes.int64)
        pointer = f"getelementptr {kind}, ptr {name}, {wide.type} {wide.text}"
        if wide.width == 1:
            address = self.writer.pure(pointer, dtypes.int64, 1, wide.level)
            return self.writer.ordered(f"load {kind}, ptr {address.text}", dtype)
        address = self.writer.pure(pointer, dtypes.int64, wide.width, wide.level)
        return self.gather(address, constant(True, dtypes.bool_, wide.width), dtype)

    def gather(self, addresses: Value, mask: Value, dtype: DType) -> Value:
        """One element a lane from a vector of addresses; zero where ``mask`` is false."""
        width, kind = addresses.width, memory_type(dtype, addresses.width)
        stored = dtypes.uint8 if dtype.is_bool else dtype
        name = f"@llvm.masked.gather.{suffix(stored, width)}.v{width}p0"
        pointers, lanes = f"<{width} x ptr>", f"<{width} x i1>"
        self.writer.declare(f"declare {kind} {name}({pointers}, i32, {lanes}, {kind})")
        call = (
            f"call {kind} {name}({pointers} {addresses.text}, i32 {dtype.size},"
            f" {lanes} {mask.text}, {kind} zeroinitializer)"
        )
        return self.from_memory(self.writer.ordered(call, stored, width), dtype)

    def from_memory(self, x: Value, dtype: DType) -> Value:
        """What a loaded value is in a register."""
        return self.ne(x, 0) if dtype.is_bool else x

    def to_memory(self, x: Value) -> Value:
        """What a value is when it is stored."""
        return self.cast(x, dtypes.uint8) if x.dtype.is_bool else x


def _not_above(limit: int, dtype: DType) -> float:
    """The greatest float of ``dtype`` that is not above ``limit``."""
    precision = 24 if dtype.size == 4 else 53
    excess = max(0, limit.bit_length() - precision)
    return float(limit >> excess << excess)


def _conversion(source: DType, result: DType) -> str:
    """The LLVM instruction between two numeric dtypes that is not a saturating one."""
    if source.is_float:
        return "fpext" if result.size > source.size else "fptrunc"
    unsigned = source.kind in "ub"
    if result.is_float:
        return "uitofp" if unsigned else "sitofp"
    if source.is_bool or result.size > source.size:
        return "zext" if unsigned else "sext"
    return "trunc"
