"""Element types exchanged, and the identity that no gradient passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir.dtypes import DType
from graphc.ir.op import Attributes
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, supported_dtype
from graphc.operands import cast as cast_tensor
from graphc.ops.declare import elementwise, public
from graphc.tensor import Tensor


def saturating_cast(x: np.ndarray, dtype: DType) -> np.ndarray:
    """``x`` as ``dtype``: float to integer truncates, saturates, and sends NaN to 0; integer to a
    narrower integer keeps the low bits; anything to bool is ``x != 0``."""
    x = np.asarray(x)
    if x.dtype.kind != "f" or not dtype.is_integer:
        with np.errstate(all="ignore"):
            return x.astype(dtype.numpy)
    limits = np.iinfo(dtype.numpy)
    # Both limits' powers of two are exact in every float; the largest integer itself may not be.
    above = x >= float(2 ** (dtype.bits - (dtype.kind == "i")))
    below = x < float(limits.min)
    inside = np.where(above | below | np.isnan(x), 0, x).astype(dtype.numpy)
    return np.where(above, limits.max, np.where(below, limits.min, inside)).astype(dtype.numpy)


def _cast_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    return (x.with_dtype(attributes["dtype"]),)


_astype = elementwise(
    "astype",
    numpy=lambda x, *, dtype: saturating_cast(x, dtype),
    lower=lambda b, x, *, dtype: b.cast(x, dtype),
    grad=lambda g, out, x, *, dtype: g.astype(x.dtype) if x.dtype.is_float else None,
    domain="any",
    infer=_cast_type,
    doc="The same numbers as another element type.",
)


@public(_astype)
def astype(x: Any, dtype: Any) -> Tensor:
    """The same numbers as another element type.

    Float to integer truncates, saturates, and sends NaN to 0; integer to a narrower integer keeps
    the low bits; anything to bool is ``x != 0``.  ``DTypeError`` where graphc lacks ``dtype``.

    >>> import graphc
    >>> graphc.astype(graphc.input("x", ("N",)), graphc.int32)
    Tensor astype: i32[N]
    """
    return cast_tensor(as_tensor(x, name="astype"), supported_dtype(dtype, "astype"))


stop_gradient = elementwise(
    "stop_gradient",
    numpy=lambda x: x,
    lower=lambda b, x: x,
    grad=lambda g, out, x: (None,),
    domain="any",
    doc="The operand itself; for gradients it is a constant.",
    cost=0,
)
