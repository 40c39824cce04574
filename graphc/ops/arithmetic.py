"""Sums, products, quotients and roots, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir.dtypes import float32, float64
from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.declare import OpFunction, call, elementwise

add = elementwise(
    "add",
    math=lambda sp, x, y: x + y,
    numpy=np.add,
    lower=lambda b, x, y: b.bit_or(x, y) if b.dtype(x).is_bool else b.add(x, y),
    domain="any",
    doc="Sum x + y.  Integers wrap; of booleans, the logical or.",
)

subtract = elementwise(
    "subtract",
    math=lambda sp, x, y: x - y,
    numpy=np.subtract,
    lower=lambda b, x, y: b.sub(x, y),
    domain="signed",
    doc="Difference x - y.  Integers wrap.",
)

multiply = elementwise(
    "multiply",
    math=lambda sp, x, y: x * y,
    numpy=np.multiply,
    lower=lambda b, x, y: b.bit_and(x, y) if b.dtype(x).is_bool else b.mul(x, y),
    domain="any",
    doc="Product x * y.  Integers wrap; of booleans, the logical and.",
)

divide = elementwise(
    "divide",
    math=lambda sp, x, y: x / y,
    numpy=np.divide,
    lower=lambda b, x, y: b.div(x, y),
    # The derived -x / y**2 overflows and underflows where out / y does not.
    grad=lambda g, out, x, y: (g / y, -(g * out) / y),
    domain="quotient",
    doc="Quotient x / y; by zero, infinite or NaN.",
    cost=4,
)

negative = elementwise(
    "negative",
    math=lambda sp, x: -x,
    numpy=np.negative,
    lower=lambda b, x: b.neg(x),
    domain="signed",
    doc="-x.  Integers wrap.",
)


def _abs(b: ScalarBuilder, x: Scalar) -> Scalar:
    dtype = b.dtype(x)
    if dtype.is_float:
        return b.abs(x)
    return b.select(b.lt(x, 0), b.neg(x), x) if dtype.kind == "i" else x


abs = elementwise(
    "abs",
    math=lambda sp, x: sp.Abs(x),
    numpy=np.abs,
    lower=_abs,
    grad=lambda g, out, x: g * sign(x),  # 0 at 0
    domain="any",
    doc="Absolute value.  The smallest integer wraps to itself.",
)


def _sign(b: ScalarBuilder, x: Scalar) -> Scalar:
    dtype = b.dtype(x)
    zero, one = b.constant(0, dtype), b.constant(1, dtype)
    if dtype.kind == "u":
        return b.select(b.eq(x, 0), zero, one)
    other = b.select(b.eq(x, 0), zero, x) if dtype.is_float else zero  # NaN stays NaN
    return b.select(b.gt(x, 0), one, b.select(b.lt(x, 0), b.constant(-1, dtype), other))


sign: OpFunction = elementwise(
    "sign",
    math=lambda sp, x: sp.sign(x),
    numpy=np.sign,
    lower=_sign,
    grad=lambda g, out, x: (None,),
    domain="signed",
    doc="-1, 0 or 1 by the sign of x; NaN of NaN.",
)

square = elementwise(
    "square",
    math=lambda sp, x: x**2,
    numpy=lambda x: np.multiply(x, x),
    lower=lambda b, x: b.mul(x, x),
    grad=lambda g, out, x: g * (2 * x),
    domain="numeric",
    doc="x * x.  Integers wrap.",
)

sqrt = elementwise(
    "sqrt",
    math=lambda sp, x: sp.sqrt(x),
    numpy=np.sqrt,
    lower=lambda b, x: b.sqrt(x),
    grad=lambda g, out, x: g * 0.5 / out,
    doc="Square root; NaN below zero.",
    cost=4,
)

reciprocal = elementwise(
    "reciprocal",
    math=lambda sp, x: 1 / x,
    numpy=lambda x: np.divide(np.ones((), x.dtype), x),
    lower=lambda b, x: b.div(b.constant(1, b.dtype(x)), x),
    grad=lambda g, out, x: -(g * out) * out,
    domain="quotient",
    doc="1 / x; of integers a float, unlike NumPy's.",
    cost=4,
)

rsqrt = elementwise(
    "rsqrt",
    math=lambda sp, x: 1 / sp.sqrt(x),
    numpy=lambda x: np.divide(np.ones((), x.dtype), np.sqrt(x)),
    lower=lambda b, x: b.div(b.constant(1, b.dtype(x)), b.sqrt(x)),
    grad=lambda g, out, x: g * (-0.5 * out) / x,
    doc="1 / sqrt(x).",
    cost=8,
)


# -- floor division and remainder --------------------------------------------------------------


def _step(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    """``x mod y`` for x >= y > 0, exact while ``x / y`` is below 2^precision: the rounded quotient
    is at most one too large, so the fma's result is a difference that needs no rounding."""
    rest = b.fma(b.neg(b.trunc(b.div(x, y))), y, x)
    return b.select(b.lt(rest, 0), b.add(rest, y), rest)


def _long_remainder(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    """``x mod y`` for quotients of any size: as division by hand, with digits of 50 bits."""
    dtype = b.dtype(x)
    if dtype is float32:  # exact, and with room for all of the digits
        wide = _long_remainder_of(b, b.cast(x, float64), b.cast(y, float64), 300)
        return b.cast(wide, float32)
    return _long_remainder_of(b, x, y, 2100)


def _long_remainder_of(b: ScalarBuilder, x: Scalar, y: Scalar, bits: int) -> Scalar:
    for shift in range(bits, -1, -50):
        scaled = y
        for part in (min(shift, 1000), min(max(shift - 1000, 0), 1000), max(shift - 2000, 0)):
            scaled = b.mul(scaled, 2.0**part) if part else scaled
        # Written so that a NaN takes the step, and stays.
        x = b.select(b.lt(x, scaled), x, _step(b, x, scaled))
    return x


def _float_modulo(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    """C's ``fmod``, exact: the sign of x."""
    dtype = b.dtype(x)
    top, bottom = b.abs(x), b.abs(y)
    exact_below = 2.0 ** (23 if dtype is float32 else 52)
    large = b.ge(b.div(top, bottom), exact_below)
    rest = b.rarely(large, lambda: _long_remainder(b, top, bottom), _step(b, top, bottom))
    return b.copysign(b.select(b.lt(top, bottom), top, rest), x)


def _remainder(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    dtype = b.dtype(x)
    if not dtype.is_float:
        rest = b.sub(x, b.mul(_floor_divide(b, x, y), y))
        return b.select(b.eq(y, 0), b.constant(0, dtype), rest)
    rest = _float_modulo(b, x, y)
    opposite = b.bit_xor(b.lt(rest, 0), b.lt(y, 0))
    signed = b.select(opposite, b.add(rest, y), rest)
    return b.select(b.eq(rest, 0), b.copysign(b.constant(0.0, dtype), y), signed)


def _floor_divide(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    dtype = b.dtype(x)
    if dtype.is_float:
        return _float_floor_divide(b, x, y)
    zero, one = b.constant(0, dtype), b.constant(1, dtype)
    if dtype.kind == "u":
        return b.select(b.eq(y, 0), zero, b.quotient(x, b.select(b.eq(y, 0), one, y)))
    special = b.bit_or(b.eq(y, 0), b.eq(y, -1))
    safe = b.select(special, one, y)
    towards_zero = b.quotient(x, safe)
    rest = b.sub(x, b.mul(towards_zero, safe))
    below = b.bit_and(b.ne(rest, 0), b.bit_xor(b.lt(rest, 0), b.lt(safe, 0)))
    floor = b.select(below, b.sub(towards_zero, 1), towards_zero)
    return b.select(b.eq(y, 0), zero, b.select(b.eq(y, -1), b.neg(x), floor))


def _float_floor_divide(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    """NumPy's: the integer nearest to (x - remainder) / y, which ``floor(x / y)`` is not where the
    quotient rounds up to an integer."""
    quotient = b.div(x, y)
    rest = _float_modulo(b, x, y)
    whole = b.div(b.sub(x, rest), y)
    opposite = b.bit_and(b.ne(rest, 0), b.bit_xor(b.lt(rest, 0), b.lt(y, 0)))
    whole = b.select(opposite, b.sub(whole, 1), whole)
    down = b.floor(whole)
    nearest = b.select(b.gt(b.sub(whole, down), 0.5), b.add(down, 1), down)
    zero = b.copysign(b.constant(0.0, b.dtype(x)), quotient)
    return b.select(b.eq(y, 0), quotient, b.select(b.eq(whole, 0), zero, nearest))


floor_divide = elementwise(
    "floor_divide",
    math=lambda sp, x, y: sp.floor(x / y),
    numpy=np.floor_divide,
    lower=_floor_divide,
    grad=lambda g, out, x, y: (None, None),
    domain="numeric",
    doc="Quotient rounded down.  Integers: 0 where y is 0, and the smallest // -1 wraps.",
    cost=12,
)

remainder = elementwise(
    "remainder",
    math=lambda sp, x, y: x - y * sp.floor(x / y),
    numpy=np.remainder,
    lower=_remainder,
    grad=lambda g, out, x, y: (g, -g * floor_divide(x, y)),
    domain="numeric",
    doc="x - y * floor(x / y), exact, with the sign of y.  Integers: 0 where y is 0.",
    cost=12,
)


# -- the larger and the smaller ----------------------------------------------------------------


def _maximum(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    if b.dtype(x).is_bool:
        return b.bit_or(x, y)
    return _left_if(b, b.ge(x, y), x, y)


def _minimum(b: ScalarBuilder, x: Scalar, y: Scalar) -> Scalar:
    if b.dtype(x).is_bool:
        return b.bit_and(x, y)
    return _left_if(b, b.le(x, y), x, y)


def _left_if(b: ScalarBuilder, first: Scalar, x: Scalar, y: Scalar) -> Scalar:
    """x where ``first`` or x is NaN, else y, which may be NaN."""
    left = b.bit_or(first, b.ne(x, x)) if b.dtype(x).is_float else first
    return b.select(left, x, y)


def _shared(g: Any, left: Any, right: Any) -> Any:
    """Half of ``g`` to each of two equal operands, all of it to the one that was taken."""
    equal = call.where(left == right, 0.5 * g, 0)
    return call.where(left > right, g, equal), call.where(left < right, g, equal)


maximum = elementwise(
    "maximum",
    math=lambda sp, x, y: sp.Max(x, y),
    numpy=lambda x, y: np.where((x >= y) | np.not_equal(x, x), x, y),
    lower=_maximum,
    grad=lambda g, out, x, y: _shared(g, x, y),
    domain="any",
    doc="The larger of x and y; NaN where one is.  Equal operands share the gradient.",
)

minimum = elementwise(
    "minimum",
    math=lambda sp, x, y: sp.Min(x, y),
    numpy=lambda x, y: np.where((x <= y) | np.not_equal(x, x), x, y),
    lower=_minimum,
    grad=lambda g, out, x, y: tuple(reversed(_shared(g, x, y))),
    domain="any",
    doc="The smaller of x and y; NaN where one is.  Equal operands share the gradient.",
)
