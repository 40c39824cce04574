"""``ScalarBuilder`` over NumPy arrays: the arithmetic of the interpreters.

Every operation is exact or correctly rounded, wraps or saturates, as ``graphc.ir.scalar`` says, so
it gives the bits of native code; none warns.  Values are arrays (or NumPy scalars); they broadcast.
Fused multiply-add is in ``graphc.ir.scalar_fma``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.ir import dtypes
from graphc.ir.dtypes import DType
from graphc.ir.scalar_fma import fused_multiply_add

Scalar = Any
_quiet = np.errstate
_UNSIGNED: dict[int, Any] = {1: np.uint8, 4: np.uint32, 8: np.uint64}


def as_constant(value: float | int | bool, dtype: DType) -> Scalar:
    """``value`` as a NumPy scalar; a float is rounded once, an int reduced to its low bits.

    >>> as_constant(-1, dtypes.uint8)
    np.uint8(255)
    """
    if dtype.is_bool:
        return np.bool_(value != 0)
    if dtype.is_integer:
        low = int(value) & (1 << dtype.bits) - 1
        return _UNSIGNED[dtype.size](low).astype(dtype.numpy)
    if isinstance(value, int) and abs(value) < 1 << 63:  # not through float64: rounded once
        return np.int64(value).astype(dtype.numpy)
    with np.errstate(all="ignore"):
        return np.float64(value).astype(dtype.numpy)


class NumpyBuilder:
    """Arithmetic on NumPy arrays; ``fused=False`` for a target whose ``fma`` rounds twice."""

    scales = False

    def __init__(self, *, fused: bool = True) -> None:
        self.fused = fused

    def dtype(self, x: Scalar) -> DType:
        return dtypes.as_dtype(x.dtype)

    def constant(self, value: float | int | bool, dtype: DType) -> Scalar:
        return as_constant(value, dtype)

    def _alike(self, *operands: Scalar) -> list[Scalar]:
        """The operands as values of one dtype; Python numbers take that of the others."""
        known = [x for x in operands if isinstance(x, (np.ndarray, np.generic))]
        if not known:
            raise TypeError("at least one operand must be a value, not a Python number")
        dtype = known[0].dtype
        if any(x.dtype != dtype for x in known):
            raise TypeError(f"operands of different dtypes: {[str(x.dtype) for x in known]}")
        own = dtypes.as_dtype(dtype)
        return [x if isinstance(x, (np.ndarray, np.generic)) else as_constant(x, own)
                for x in operands]  # fmt: skip

    @_quiet(all="ignore")
    def add(self, x: Scalar, y: Scalar) -> Scalar:
        return np.add(*self._alike(x, y))

    @_quiet(all="ignore")
    def sub(self, x: Scalar, y: Scalar) -> Scalar:
        return np.subtract(*self._alike(x, y))

    @_quiet(all="ignore")
    def mul(self, x: Scalar, y: Scalar) -> Scalar:
        return np.multiply(*self._alike(x, y))

    @_quiet(all="ignore")
    def neg(self, x: Scalar) -> Scalar:
        return np.negative(x)

    @_quiet(all="ignore")
    def div(self, x: Scalar, y: Scalar) -> Scalar:
        x, y = self._alike(x, y)
        if not np.issubdtype(x.dtype, np.floating):
            raise TypeError(f"div is for floats, not {x.dtype}; integers have quotient")
        return np.divide(x, y)

    def fma(self, x: Scalar, y: Scalar, z: Scalar) -> Scalar:
        operands = self._alike(x, y, z)
        if self.fused and operands[0].dtype.kind == "f":
            return fused_multiply_add(*operands)
        return self.add(self.mul(x, y), z)

    @_quiet(all="ignore")
    def scale(self, x: Scalar, n: Scalar) -> Scalar:
        return np.ldexp(x, np.asarray(n).astype(np.int32))

    @_quiet(all="ignore")
    def sqrt(self, x: Scalar) -> Scalar:
        return np.sqrt(x)

    def abs(self, x: Scalar) -> Scalar:
        return np.abs(x)

    def copysign(self, x: Scalar, sign: Scalar) -> Scalar:
        return np.copysign(*self._alike(x, sign))

    @_quiet(all="ignore")
    def floor(self, x: Scalar) -> Scalar:
        return np.floor(x)

    @_quiet(all="ignore")
    def ceil(self, x: Scalar) -> Scalar:
        return np.ceil(x)

    @_quiet(all="ignore")
    def trunc(self, x: Scalar) -> Scalar:
        return np.trunc(x)

    @_quiet(all="ignore")
    def rint(self, x: Scalar) -> Scalar:
        return np.rint(x)

    @_quiet(all="ignore")
    def quotient(self, x: Scalar, y: Scalar) -> Scalar:
        x, y = self._alike(x, y)
        floored = np.floor_divide(x, y)
        towards_zero = (np.remainder(x, y) != 0) & ((x < 0) != (y < 0))
        return np.add(floored, towards_zero.astype(x.dtype))

    def shift_left(self, x: Scalar, bits: Scalar | int) -> Scalar:
        return np.left_shift(*self._alike(x, bits))

    def shift_right(self, x: Scalar, bits: Scalar | int) -> Scalar:
        return np.right_shift(*self._alike(x, bits))

    def shift_right_logical(self, x: Scalar, bits: Scalar | int) -> Scalar:
        x, bits = self._alike(x, bits)
        unsigned = _UNSIGNED[x.dtype.itemsize]
        return np.right_shift(x.view(unsigned), bits.view(unsigned)).view(x.dtype)

    def bit_and(self, x: Scalar, y: Scalar) -> Scalar:
        return np.bitwise_and(*self._alike(x, y))

    def bit_or(self, x: Scalar, y: Scalar) -> Scalar:
        return np.bitwise_or(*self._alike(x, y))

    def bit_xor(self, x: Scalar, y: Scalar) -> Scalar:
        return np.bitwise_xor(*self._alike(x, y))

    def bit_not(self, x: Scalar) -> Scalar:
        return np.bitwise_not(x)

    @_quiet(all="ignore")
    def lt(self, x: Scalar, y: Scalar) -> Scalar:
        return np.less(*self._alike(x, y))

    @_quiet(all="ignore")
    def le(self, x: Scalar, y: Scalar) -> Scalar:
        return np.less_equal(*self._alike(x, y))

    @_quiet(all="ignore")
    def gt(self, x: Scalar, y: Scalar) -> Scalar:
        return np.greater(*self._alike(x, y))

    @_quiet(all="ignore")
    def ge(self, x: Scalar, y: Scalar) -> Scalar:
        return np.greater_equal(*self._alike(x, y))

    @_quiet(all="ignore")
    def eq(self, x: Scalar, y: Scalar) -> Scalar:
        return np.equal(*self._alike(x, y))

    @_quiet(all="ignore")
    def ne(self, x: Scalar, y: Scalar) -> Scalar:
        return np.not_equal(*self._alike(x, y))

    def select(self, condition: Scalar, x: Scalar, y: Scalar) -> Scalar:
        if condition.dtype != np.bool_:
            raise TypeError(f"the condition of a select must be bool, not {condition.dtype}")
        return np.where(condition, *self._alike(x, y))

    def rarely(self, condition: Scalar, rare: Callable[[], Scalar], common: Scalar) -> Scalar:
        return self.select(condition, rare(), common) if np.any(condition) else common

    @_quiet(all="ignore")
    def cast(self, x: Scalar, dtype: DType) -> Scalar:
        if not (np.issubdtype(x.dtype, np.floating) and dtype.is_integer):
            return x.astype(dtype.numpy)
        limits = np.iinfo(dtype.numpy)
        whole = np.trunc(x.astype(np.float64))
        # ``limits.max + 1`` is a power of two, hence exact, where ``limits.max`` may not be.
        low, high = whole < limits.min, whole >= float(limits.max + 1)
        inside = np.where(low | high | np.isnan(whole), 0.0, whole).astype(dtype.numpy)
        smallest, largest = dtype.numpy.type(limits.min), dtype.numpy.type(limits.max)
        return np.where(low, smallest, np.where(high, largest, inside))

    def bitcast(self, x: Scalar, dtype: DType) -> Scalar:
        if x.dtype.itemsize != dtype.size:
            raise TypeError(f"cannot see the bits of {x.dtype} as {dtype}: the sizes differ")
        return x.view(dtype.numpy)

    def lookup(self, table: Sequence[float | int], index: Scalar, dtype: DType) -> Scalar:
        return np.array([as_constant(value, dtype) for value in table], dtype.numpy)[index]
