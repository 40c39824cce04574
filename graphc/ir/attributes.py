"""Attribute values of nodes: which kinds there are, and equality among them.

A value is ``None``, a bool, int, float, string, ``DType``, size (``Dim``), NumPy array, or a tuple
of such.  Python's ``==`` is of no use here: ``1 == True == 1.0``, ``nan != nan``, ``0.0 == -0.0``,
and arrays answer with arrays.  ``frozen`` gives a hashable that is equal exactly where two values
mean the same bits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from graphc.ir.dims import Dim, Shape
from graphc.ir.dtypes import DType


@dataclass(frozen=True)
class ConstantReference:
    """An array known only by its digest: read from text without its table of constants.

    It stands where the array would, so that such a graph can be printed, compared and optimized;
    what needs the elements refuses it.
    """

    dtype: DType
    shape: Shape
    digest: str


def digest(array: np.ndarray) -> str:
    """32 hexadecimal digits that stand for dtype, shape and the bytes in row-major order."""
    about = f"{_name(array.dtype)}{array.shape}".encode()
    return hashlib.blake2b(about + array.tobytes(), digest_size=16).hexdigest()


@lru_cache(64)
def _name(dtype: np.dtype) -> str:
    """``dtype.name``, which NumPy puts together by Python code each time."""
    return dtype.name


_AS_THEY_ARE = (str, Dim, DType, type(None))


def frozen(value: Any) -> Hashable:
    """A hashable equal to that of another value exactly where both mean the same bits.

    ``TypeError`` for what is no attribute value.

    >>> frozen(1) == frozen(1.0), frozen(0.0) == frozen(-0.0), frozen((1, "a")) == frozen((1, "a"))
    (False, False, True)
    """
    if isinstance(value, _AS_THEY_ARE) or type(value) is int:
        return value
    if isinstance(value, bool | np.bool_):
        return ("bool", bool(value))
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return ("float", "nan" if math.isnan(value) else float(value).hex())
    if isinstance(value, tuple):
        return ("tuple", *[frozen(part) for part in value])
    if isinstance(value, np.ndarray):
        return ("array", _name(value.dtype), value.shape, digest(value))
    if isinstance(value, ConstantReference):
        return ("array", value.dtype.name, value.shape, value.digest)
    raise TypeError(f"no value of an attribute: {value!r}")


def is_attribute(value: Any) -> bool:
    """Whether ``value`` is of a kind that an attribute may be."""
    if isinstance(value, tuple):
        return all(map(is_attribute, value))
    return isinstance(value, _KINDS)


_KINDS = (
    *_AS_THEY_ARE, int, float, np.bool_, np.integer, np.floating, np.ndarray, ConstantReference,
)  # fmt: skip


def frozen_attributes(attributes: Mapping[str, Any]) -> Hashable:
    """``frozen`` of all attributes, whatever their order."""
    return frozenset((name, frozen(value)) for name, value in attributes.items())


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two nodes' attributes are equal; cheap where they are the very same objects."""
    if left.keys() != right.keys():
        return False
    return all(
        value is right[name] or frozen(value) == frozen(right[name]) for name, value in left.items()
    )
