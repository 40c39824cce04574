"""The scalar arithmetic that op records lower to.

``ScalarBuilder`` is what a record's ``lower`` may use.  It is implemented over NumPy arrays
(``graphc.ir.scalar_numpy``: the interpreter of loop IR) and over LLVM vectors
(``graphc.codegen.scalar_llvm``); both give the same bits, because each operation here is exact or
correctly rounded, and wraps or saturates as stated.  A value is opaque and has a ``DType``.
Operands of one operation have equal dtypes; a Python number may stand for a constant of the other
operand's dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from graphc.ir.dtypes import DType

Scalar = Any


class ScalarBuilder(Protocol):
    """Arithmetic on opaque scalars (or vectors of them)."""

    @property
    def fused(self) -> bool:
        """Whether ``fma`` rounds once."""

    @property
    def scales(self) -> bool:
        """Whether ``scale`` is cheap; it may be used only then."""

    def dtype(self, x: Scalar) -> DType: ...

    def constant(self, value: float | int | bool, dtype: DType) -> Scalar:
        """A constant; a float is rounded to ``dtype`` once."""

    # Floats: correctly rounded.  Integers: two's complement, wrapping.
    def add(self, x: Scalar, y: Scalar) -> Scalar: ...
    def sub(self, x: Scalar, y: Scalar) -> Scalar: ...
    def mul(self, x: Scalar, y: Scalar) -> Scalar: ...
    def neg(self, x: Scalar) -> Scalar:
        """Flips the sign bit of a float; ``0 - x`` of an integer."""

    def fma(self, x: Scalar, y: Scalar, z: Scalar) -> Scalar:
        """``x*y + z``, of floats rounded once; on a target without FMA rounded twice."""

    # Floats only.
    def scale(self, x: Scalar, n: Scalar) -> Scalar:
        """``x * 2**n`` rounded once; n is a whole float."""

    def div(self, x: Scalar, y: Scalar) -> Scalar: ...
    def sqrt(self, x: Scalar) -> Scalar: ...
    def abs(self, x: Scalar) -> Scalar: ...
    def copysign(self, x: Scalar, sign: Scalar) -> Scalar: ...
    def floor(self, x: Scalar) -> Scalar: ...
    def ceil(self, x: Scalar) -> Scalar: ...
    def trunc(self, x: Scalar) -> Scalar: ...
    def rint(self, x: Scalar) -> Scalar:
        """To the nearest integer, ties to even."""

    # Integers only; signed or unsigned by dtype.
    def quotient(self, x: Scalar, y: Scalar) -> Scalar:
        """Division towards zero.  The record must exclude y = 0 and MIN / -1 by a select."""

    def shift_left(self, x: Scalar, bits: Scalar | int) -> Scalar:
        """0 <= bits < width."""

    def shift_right(self, x: Scalar, bits: Scalar | int) -> Scalar:
        """Arithmetic for signed dtypes, logical for uint8."""

    def shift_right_logical(self, x: Scalar, bits: Scalar | int) -> Scalar: ...

    # Integers and booleans.
    def bit_and(self, x: Scalar, y: Scalar) -> Scalar: ...
    def bit_or(self, x: Scalar, y: Scalar) -> Scalar: ...
    def bit_xor(self, x: Scalar, y: Scalar) -> Scalar: ...
    def bit_not(self, x: Scalar) -> Scalar: ...

    # Comparisons give bool.  With a NaN all are false but ``ne``.
    def lt(self, x: Scalar, y: Scalar) -> Scalar: ...
    def le(self, x: Scalar, y: Scalar) -> Scalar: ...
    def gt(self, x: Scalar, y: Scalar) -> Scalar: ...
    def ge(self, x: Scalar, y: Scalar) -> Scalar: ...
    def eq(self, x: Scalar, y: Scalar) -> Scalar: ...
    def ne(self, x: Scalar, y: Scalar) -> Scalar: ...

    def select(self, condition: Scalar, x: Scalar, y: Scalar) -> Scalar: ...

    def rarely(self, condition: Scalar, rare: Callable[[], Scalar], common: Scalar) -> Scalar:
        """``select(condition, rare(), common)``, where ``rare()`` costs nothing unless some lane
        needs it."""

    def cast(self, x: Scalar, dtype: DType) -> Scalar:
        """The value in another dtype.  Float to integer truncates, saturates, and sends NaN to 0;
        integer to a narrower integer keeps the low bits; anything to bool is ``x != 0``."""

    def bitcast(self, x: Scalar, dtype: DType) -> Scalar:
        """The same bits as another dtype of equal size."""

    def lookup(self, table: Sequence[float | int], index: Scalar, dtype: DType) -> Scalar:
        """``table[index]`` of a small constant table; ``index`` is an int in range."""
