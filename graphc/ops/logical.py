"""Logic on truth values, and bit by bit on integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.scalar import Scalar, ScalarBuilder
from graphc.ops.declare import OpFunction, elementwise

Rule = Callable[..., Any]


def _binary(name: str, numpy: Rule, lower: Rule, domain: str, doc: str) -> OpFunction:
    return elementwise(
        name,
        numpy=numpy,
        lower=lower,
        grad=lambda g, out, x, y: (None, None),
        domain=domain,
        doc=doc,
    )


logical_and = _binary(
    "logical_and",
    np.logical_and,
    lambda b, x, y: b.bit_and(x, y),
    "bool",
    "Whether both x and y are non-zero.",
)
logical_or = _binary(
    "logical_or",
    np.logical_or,
    lambda b, x, y: b.bit_or(x, y),
    "bool",
    "Whether x or y is non-zero.",
)
logical_xor = _binary(
    "logical_xor",
    np.logical_xor,
    lambda b, x, y: b.bit_xor(x, y),
    "bool",
    "Whether just one of x and y is non-zero.",
)
logical_not = elementwise(
    "logical_not",
    numpy=np.logical_not,
    lower=lambda b, x: b.bit_not(x),
    grad=lambda g, out, x: (None,),
    domain="bool",
    doc="Whether x is zero.",
)

bitwise_and = _binary(
    "bitwise_and", np.bitwise_and, lambda b, x, y: b.bit_and(x, y), "bits", "The bits in both."
)
bitwise_or = _binary(
    "bitwise_or", np.bitwise_or, lambda b, x, y: b.bit_or(x, y), "bits", "The bits in either."
)
bitwise_xor = _binary(
    "bitwise_xor", np.bitwise_xor, lambda b, x, y: b.bit_xor(x, y), "bits", "The bits in just one."
)
bitwise_invert = elementwise(
    "bitwise_invert",
    numpy=np.invert,
    lower=lambda b, x: b.bit_not(x),
    grad=lambda g, out, x: (None,),
    domain="bits",
    doc="The bits that are not set.",
)


def _shift(b: ScalarBuilder, x: Scalar, bits: Scalar, *, left: bool) -> Scalar:
    """A shift by less than the width; by any other number, all bits are shifted out."""
    dtype = b.dtype(x)
    fits = b.bit_and(b.ge(bits, 0), b.lt(bits, dtype.bits))
    safe = b.select(fits, bits, b.constant(0, dtype))
    zero = b.constant(0, dtype)
    if left:
        return b.select(fits, b.shift_left(x, safe), zero)
    sign = b.select(b.lt(x, 0), b.constant(-1, dtype), zero) if dtype.kind == "i" else zero
    return b.select(fits, b.shift_right(x, safe), sign)


bitwise_left_shift = _binary(
    "bitwise_left_shift",
    np.left_shift,
    lambda b, x, bits: _shift(b, x, bits, left=True),
    "integer",
    "x shifted to higher bits; by its width or more, or by less than 0, it is 0.",
)
bitwise_right_shift = _binary(
    "bitwise_right_shift",
    np.right_shift,
    lambda b, x, bits: _shift(b, x, bits, left=False),
    "integer",
    "x shifted to lower bits, keeping its sign; by its width or more, or by less than 0, it is 0 "
    "or -1.",
)
