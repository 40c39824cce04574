"""The two floating-point formats as the vector math needs them, and steps all functions share.

Responsible for polynomials, and for sums, products and quotients with their rounding errors.  Knows
no function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.dtypes import DType, float32, float64, int32, int64
from graphc.ir.scalar import Scalar, ScalarBuilder

INFINITY = float("inf")
NAN = float("nan")
Parts = Sequence[Scalar]
Table = Mapping[DType, Sequence[float]]


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    ``shifter`` is 1.5 * 2^mantissa + 2 * bias: ``x + shifter`` rounds x to an integer n, and the
    low bits of the sum hold n + 2 * bias, so that a half of it is a biased exponent already.
    """

    dtype: DType
    integer: DType
    mantissa: int
    bias: int

    @property
    def shifter(self) -> float:
        return 1.5 * 2.0**self.mantissa + 2 * self.bias

    @property
    def whole_bits(self) -> int:
        """The bits of 1.5 * 2^mantissa, to which an integer can be added, or subtracted."""
        return (self.bias + self.mantissa << self.mantissa) + (1 << self.mantissa - 1)

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)


FORMATS = {float32: Format(float32, int32, 23, 127), float64: Format(float64, int64, 52, 1023)}


def format_of(b: ScalarBuilder, x: Scalar) -> Format:
    """The format of the float ``x``."""
    return FORMATS[b.dtype(x)]


def horner(b: ScalarBuilder, x: Scalar, coefficients: Sequence[float]) -> Scalar:
    """``sum(c[i] * x**i)``; two coefficients at least."""
    result = b.fma(x, coefficients[-1], b.constant(coefficients[-2], b.dtype(x)))
    for c in coefficients[-3::-1]:
        result = b.fma(result, x, c)
    return result


def polynomial(b: ScalarBuilder, x: Scalar, table: Table) -> Scalar:
    """The polynomial of ``table`` for the format of ``x``."""
    return horner(b, x, table[b.dtype(x)])


def of_cells(
    b: ScalarBuilder, x: Scalar, cell: Scalar, columns: Sequence[Sequence[float]]
) -> Scalar:
    """A polynomial in x for each cell: a column has the coefficients of one degree of all cells."""
    coefficients = [b.lookup(column, cell, b.dtype(x)) for column in columns]
    result = coefficients[-1]
    for c in coefficients[-2::-1]:
        result = b.fma(result, x, c)
    return result


def fast_two_sum(b: ScalarBuilder, x: Scalar, y: Scalar) -> tuple[Scalar, Scalar]:
    """``x + y`` rounded, and its error; where abs(x) >= abs(y), x is 0, or x is a
    multiple of the last place of y (Dekker)."""
    total = b.add(x, y)
    return total, b.sub(y, b.sub(total, x))


def two_product(b: ScalarBuilder, x: Scalar, y: Scalar) -> tuple[Scalar, Scalar]:
    """``x * y`` rounded, and its error; without FMA from halves of the digits (Dekker), where the
    error says nothing if they overflow."""
    product = b.mul(x, y)
    if b.fused:
        return product, b.fma(x, y, b.neg(product))
    (x_high, x_low), (y_high, y_low) = _halves(b, x), _halves(b, y)
    error = b.sub(b.mul(x_high, y_high), product)
    error = b.add(b.add(error, b.mul(x_high, y_low)), b.mul(x_low, y_high))
    return product, b.add(error, b.mul(x_low, y_low))


def multiply_add(b: ScalarBuilder, x: Scalar, y: Scalar, z: Scalar) -> tuple[Scalar, Scalar]:
    """``x * y + z`` rounded, and its error; where z is a multiple of the last place of the sum."""
    if b.fused:
        total = b.fma(x, y, z)
        return total, b.fma(x, y, b.sub(z, total))
    product, product_error = two_product(b, x, y)
    total, error = fast_two_sum(b, z, product)
    return total, b.add(error, product_error)


def _halves(b: ScalarBuilder, x: Scalar) -> tuple[Scalar, Scalar]:
    """``x`` as a sum of two numbers with half its digits each (Veltkamp)."""
    scaled = b.mul(x, 2.0 ** ((format_of(b, x).mantissa + 2) // 2) + 1.0)
    high = b.sub(scaled, b.sub(scaled, x))
    return high, b.sub(x, high)


def residual(b: ScalarBuilder, z: Scalar, x: Scalar, y: Scalar) -> Scalar:
    """``z - x * y`` where x * y is near z, so that the difference is a float or nearly one."""
    if b.fused:
        return b.fma(b.neg(x), y, z)
    product, error = two_product(b, x, y)
    return b.sub(b.sub(z, product), error)


def quotient(b: ScalarBuilder, upper: Parts, lower: Parts, inverse: Scalar) -> Scalar:
    """The quotient of two sums, from the ``inverse`` of the lower, corrected by the remainder."""
    result = b.mul(upper[0], inverse)
    remainder = b.add(residual(b, upper[0], result, lower[0]), upper[1])
    remainder = b.fma(b.neg(result), lower[1], remainder)
    return b.fma(remainder, inverse, result)


def clamp(b: ScalarBuilder, x: Scalar, low: float, high: float) -> Scalar:
    """``x`` within ``[low, high]``; a NaN passes."""
    x = b.select(b.gt(x, high), high, x)
    return b.select(b.lt(x, low), low, x)
