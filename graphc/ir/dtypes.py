"""The element types a tensor can have, and NumPy's promotion among them.

Responsible for names, sizes and promotion.  Knows nothing of tensors or of LLVM.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike


@dataclass(frozen=True, eq=False)
class DType:
    """One element type.  ``kind`` is ``"f"``, ``"i"``, ``"u"`` or ``"b"``; ``size`` is in bytes.

    As NumPy's do, it equals whatever means it: ``x.dtype == "float32"``, ``x.dtype == np.float32``.
    """

    name: str
    short: str
    kind: str
    size: int

    @property
    def numpy(self) -> np.dtype:
        return _NUMPY[self.name]

    @property
    def dtype(self) -> np.dtype:
        """What NumPy looks for: ``np.zeros(3, graphc.float32)``."""
        return self.numpy

    @property
    def is_float(self) -> bool:
        return self.kind == "f"

    @property
    def is_integer(self) -> bool:
        return self.kind in "iu"

    @property
    def is_bool(self) -> bool:
        return self.kind == "b"

    @property
    def bits(self) -> int:
        return 8 * self.size

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self.name == other.name
        if not isinstance(other, (str, type, np.dtype)):
            return NotImplemented
        try:
            return as_dtype(other) is self
        except (KeyError, TypeError):
            return False

    __hash__ = object.__hash__  # there is one object of each, copies included

    def __reduce__(self) -> tuple[object, ...]:
        return as_dtype, (self.name,)

    def __repr__(self) -> str:
        return f"graphc.{self.name}"

    def __str__(self) -> str:
        return self.name


float32 = DType("float32", "f32", "f", 4)
float64 = DType("float64", "f64", "f", 8)
int32 = DType("int32", "i32", "i", 4)
int64 = DType("int64", "i64", "i", 8)
uint8 = DType("uint8", "u8", "u", 1)
bool_ = DType("bool", "bool", "b", 1)

ALL = (float32, float64, int32, int64, uint8, bool_)
BY_SHORT = {dtype.short: dtype for dtype in ALL}
_BY_NAME = {dtype.name: dtype for dtype in ALL}
_NUMPY = {dtype.name: np.dtype(dtype.name) for dtype in ALL}
_BY_NUMPY = {_NUMPY[dtype.name]: dtype for dtype in ALL}


def as_dtype(like: DType | DTypeLike) -> DType:
    """The graphc dtype that ``like`` (a DType, NumPy dtype, type or name) means.

    Raises ``KeyError`` with the name when graphc has no such element type.
    """
    if isinstance(like, DType):
        return like
    if like is None:  # which NumPy would take for float64
        raise KeyError(like)
    if isinstance(like, np.dtype) and like in _BY_NUMPY:
        return _BY_NUMPY[like]
    name = _PYTHON_TYPES.get(like) if isinstance(like, type) else None
    return _BY_NAME[name or np.dtype(like).name]


_PYTHON_TYPES: dict[type, str] = {float: "float64", int: "int64", bool: "bool"}


def promote(left: DType, right: DType) -> DType:
    """NumPy's promotion of two array dtypes; where NumPy's answer is a dtype graphc lacks
    (never among these six) a ``KeyError`` names it.

    >>> promote(uint8, int32).name
    'int32'
    """
    if left is right:
        return left
    return _BY_NAME[np.promote_types(left.numpy, right.numpy).name]
