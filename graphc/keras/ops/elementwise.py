"""``keras.ops``, element by element."""

from __future__ import annotations

import math
from typing import Any

import graphc
from graphc.keras.calling import universal
from graphc.keras.ops.operands import (
    as_float,
    as_keras,
    binary,
    bits,
    together,
    unary,
    unary_float,
)
from graphc.tensor import Tensor

__all__ = [
    "arccos", "arcsin", "cbrt", "heaviside", "isclose",
    "abs", "absolute", "add", "arctan", "arctan2", "bitwise_and", "bitwise_invert",
    "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil",
    "clip", "cos", "cosh", "deg2rad", "divide", "divide_no_nan", "equal", "erf", "exp", "exp2",
    "expm1", "fabs", "floor", "floor_divide", "greater", "greater_equal", "hypot", "isfinite",
    "isinf", "isnan", "isneginf", "isposinf", "left_shift", "less", "less_equal", "log", "log10",
    "log1p", "log2", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor",
    "maximum", "minimum", "mod", "multiply", "nan_to_num", "negative", "not_equal", "power",
    "rad2deg", "reciprocal", "right_shift", "round", "rsqrt", "sign", "sin", "sinh", "sqrt",
    "square", "subtract", "tan", "tanh", "true_divide", "trunc", "where",
]  # fmt: skip


abs = absolute = unary("abs", "abs", "The absolute value.")
ceil = unary("ceil", "ceil", "The next whole number above.")
floor = unary("floor", "floor", "The next whole number below.")
trunc = unary("trunc", "trunc", "The next whole number towards 0.")
negative = unary("negative", "negative", "The number with the other sign.")
sign = unary("sign", "sign", "-1, 0 or 1.")
square = unary("square", "square", "The square.")
logical_not = unary("logical_not", "logical_not", "True where ``x`` is 0.")
isfinite = unary("isfinite", "isfinite", "Whether neither infinite nor NaN.")
isinf = unary("isinf", "isinf", "Whether infinite.")
isnan = unary("isnan", "isnan", "Whether NaN.")
bitwise_not = bitwise_invert = unary("bitwise_not", "bitwise_invert", "All bits the other way.")

cos = unary_float("cos", "cos", "The cosine.")
cosh = unary_float("cosh", "cosh", "The hyperbolic cosine.")
erf = unary_float("erf", "erf", "The error function.")
exp = unary_float("exp", "exp", "``e ** x``.")
expm1 = unary_float("expm1", "expm1", "``e ** x - 1``, accurate near 0.")
fabs = unary_float("fabs", "abs", "The absolute value, as a float.")
log = unary_float("log", "log", "The natural logarithm.")
log1p = unary_float("log1p", "log1p", "``log(1 + x)``, accurate near 0.")
log2 = unary_float("log2", "log2", "The logarithm to base 2.")
reciprocal = unary_float("reciprocal", "reciprocal", "``1 / x``.")
rsqrt = unary_float("rsqrt", "rsqrt", "``1 / sqrt(x)``.")
sin = unary_float("sin", "sin", "The sine.")
sinh = unary_float("sinh", "sinh", "The hyperbolic sine.")
sqrt = unary_float("sqrt", "sqrt", "The square root.")
tan = unary_float("tan", "tan", "The tangent.")
tanh = unary_float("tanh", "tanh", "The hyperbolic tangent.")

add = binary("add", "add", "``x1 + x2``.")
subtract = binary("subtract", "subtract", "``x1 - x2``.")
multiply = binary("multiply", "multiply", "``x1 * x2``.")
floor_divide = binary("floor_divide", "floor_divide", "``x1 // x2``, rounded down.")
mod = binary("mod", "remainder", "``x1 % x2``, with the sign of ``x2``.")
power = binary("power", "power", "``x1 ** x2``.")
maximum = binary("maximum", "maximum", "The larger of the two; NaN where one is.")
minimum = binary("minimum", "minimum", "The smaller of the two; NaN where one is.")
equal = binary("equal", "equal", "Whether equal.")
not_equal = binary("not_equal", "not_equal", "Whether not equal.")
greater = binary("greater", "greater", "Whether ``x1 > x2``.")
greater_equal = binary("greater_equal", "greater_equal", "Whether ``x1 >= x2``.")
less = binary("less", "less", "Whether ``x1 < x2``.")
less_equal = binary("less_equal", "less_equal", "Whether ``x1 <= x2``.")
logical_and = binary("logical_and", "logical_and", "Whether neither is 0.")
logical_or = binary("logical_or", "logical_or", "Whether one is not 0.")
logical_xor = binary("logical_xor", "logical_xor", "Whether exactly one is not 0.")

bitwise_and = bits("bitwise_and", "bitwise_and", "Bits that are set in both.")
bitwise_or = bits("bitwise_or", "bitwise_or", "Bits that are set in one.")
bitwise_xor = bits("bitwise_xor", "bitwise_xor", "Bits that are set in one only.")
left_shift = bitwise_left_shift = bits(
    "left_shift", "bitwise_left_shift", "Bits moved up by ``y`` places."
)
right_shift = bitwise_right_shift = bits(
    "right_shift", "bitwise_right_shift", "Bits moved down by ``y`` places."
)


@universal
def divide(x1: Any, x2: Any) -> Any:
    """``x1 / x2``, of integers as floats.

    >>> float(divide(1, 4))
    0.25
    """
    first, second = together(x1, x2)
    above = as_float(first)
    below = graphc.astype(second, above.dtype) if isinstance(second, Tensor) else second
    return graphc.divide(above, below)


true_divide = divide


@universal
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """``x1 / x2``, and 0 where ``x2`` is 0.

    >>> float(divide_no_nan(1.0, 0.0))
    0.0
    """
    first, second = together(x1, x2)
    below = as_float(second)
    safe = graphc.where(below == 0, 1, below)
    return graphc.where(below == 0, 0, first / safe)


@universal
def round(x: Any, decimals: int = 0) -> Any:
    """The nearest whole number, or the nearest with so many decimals; halves go to even.

    >>> round([2.345], 1)
    array([2.3], dtype=float32)
    """
    made = as_keras(x)
    if decimals == 0:
        return graphc.round(made)
    return graphc.round(made * 10.0**decimals) / 10.0**decimals


@universal
def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of the point ``(x2, x1)``."""
    return graphc.atan2(*(as_float(x) for x in together(x1, x2)))


@universal
def arctan(x: Any) -> Any:
    """The inverse of the tangent."""
    return graphc.atan2(as_float(x), 1.0)


@universal
def arcsin(x: Any) -> Any:
    """The inverse of the sine; NaN beyond -1 and 1."""
    made = as_float(x)
    return graphc.atan2(made, graphc.sqrt((1 - made) * (1 + made)))


@universal
def arccos(x: Any) -> Any:
    """The inverse of the cosine; NaN beyond -1 and 1."""
    made = as_float(x)
    return graphc.atan2(graphc.sqrt((1 - made) * (1 + made)), made)


@universal
def cbrt(x: Any) -> Any:
    """The cube root."""
    made = as_float(x)
    size = graphc.abs(made)
    root = graphc.power(graphc.where(size == 0, 1, size), 1.0 / 3.0)
    return graphc.where(size == 0, made, graphc.sign(made) * root)


@universal
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether ``abs(x1 - x2) <= atol + rtol * abs(x2)``, or both are the same infinity."""
    first, second = (as_float(x) for x in together(x1, x2))
    near = graphc.abs(first - second) <= atol + rtol * graphc.abs(second)
    same = (first == second) | (near & graphc.isfinite(second))
    return same | (graphc.isnan(first) & graphc.isnan(second)) if equal_nan else same


@universal
def heaviside(x1: Any, x2: Any) -> Any:
    """0 below 0, ``x2`` at 0, 1 above."""
    first, second = (as_float(x) for x in together(x1, x2))
    step = graphc.where(first > 0, 1, graphc.where(first < 0, 0, second))
    return graphc.where(graphc.isnan(first), first, step)


@universal
def exp2(x: Any) -> Any:
    """``2 ** x``."""
    made = as_float(x)
    return graphc.power(graphc.full_like(made, 2.0), made)


@universal
def log10(x: Any) -> Any:
    """The logarithm to base 10."""
    return graphc.log(as_float(x)) * (1 / math.log(10))


@universal
def logaddexp(x1: Any, x2: Any) -> Any:
    """``log(exp(x1) + exp(x2))``, without its overflow."""
    first, second = (as_float(x) for x in together(x1, x2))
    larger = graphc.maximum(first, second)
    gap = graphc.where(first == second, 0, graphc.abs(first - second))
    return larger + graphc.softplus(-gap) * 1.0


@universal
def hypot(x1: Any, x2: Any) -> Any:
    """``sqrt(x1**2 + x2**2)``, without overflow on the way."""
    first, second = (graphc.abs(as_float(x)) for x in together(x1, x2))
    large, small = graphc.maximum(first, second), graphc.minimum(first, second)
    share = graphc.where(large == 0, 0, small / graphc.where(large == 0, 1, large))
    return large * graphc.sqrt(1 + graphc.square(share))


@universal
def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    return as_float(x) * (math.pi / 180)


@universal
def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    return as_float(x) * (180 / math.pi)


@universal
def isposinf(x: Any) -> Any:
    """Whether positive and infinite."""
    return as_float(x) == math.inf


@universal
def isneginf(x: Any) -> Any:
    """Whether negative and infinite."""
    return as_float(x) == -math.inf


@universal
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """NaN and infinities replaced, the latter by the largest numbers unless told otherwise."""
    made = as_float(x)
    largest = 3.4028234663852886e38 if made.dtype.name == "float32" else 1.7976931348623157e308
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    finite = graphc.where(made == math.inf, high, graphc.where(made == -math.inf, low, made))
    return graphc.where(graphc.isnan(made), nan, finite)


@universal
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """``x`` held between two bounds.

    >>> clip([-1.0, 5.0], 0.0, 2.0)
    array([0., 2.], dtype=float32)
    """
    return graphc.clip(*together(x, x_min, x_max))


@universal
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """``x1`` where the condition holds, else ``x2``.

    >>> where([True, False], 1.0, 0.0)
    array([1., 0.], dtype=float32)
    """
    if x1 is None or x2 is None:
        raise NotImplementedError("ops.where takes two values: how many places hold is not known")
    first, second = together(x1, x2)
    if not hasattr(first, "dtype") and not hasattr(second, "dtype"):
        first = as_keras(first)
    return graphc.where(as_keras(condition), first, second)
