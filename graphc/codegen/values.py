"""SSA values of the emitted text, and how types and constants are written in it."""

from __future__ import annotations

import re
import struct
from ctypes import c_float
from functools import lru_cache

from graphc.ir import dtypes
from graphc.ir.dtypes import DType

POINTER = DType("pointer", "ptr", "p", 8)

_SCALAR_TYPES = {
    "f32": "float",
    "f64": "double",
    "i32": "i32",
    "i64": "i64",
    "u8": "i8",
    "bool": "i1",
    "ptr": "ptr",
}
_SUFFIXES = {**{name: name for name in _SCALAR_TYPES}, "u8": "i8", "bool": "i1", "ptr": "p0"}
_PLAIN = re.compile(r"[-a-zA-Z$._][-a-zA-Z$._0-9]*")
_types: dict[tuple[DType, int], str] = {}


class Value:
    """One SSA value or constant: a scalar (``width`` 1) or a vector of ``width`` lanes.

    ``level`` is the depth of the scope that defines it (0: the function's entry), ``literal`` the
    number that a constant is.
    """

    __slots__ = ("dtype", "level", "literal", "text", "width")

    def __init__(
        self,
        text: str,
        dtype: DType,
        width: int = 1,
        level: int = 0,
        literal: float | int | bool | None = None,
    ) -> None:
        self.text = text
        self.dtype = dtype
        self.width = width
        self.level = level
        self.literal = literal

    @property
    def type(self) -> str:
        """The LLVM type."""
        return _types.get((self.dtype, self.width)) or llvm_type(self.dtype, self.width)

    def __repr__(self) -> str:
        return f"{self.type} {self.text}"


def llvm_type(dtype: DType, width: int = 1) -> str:
    """The LLVM type of a scalar or a vector in a register."""
    known = _types.get((dtype, width))
    if known is None:
        scalar = _SCALAR_TYPES[dtype.short]
        known = scalar if width == 1 else f"<{width} x {scalar}>"
        _types[dtype, width] = known
    return known


def memory_type(dtype: DType, width: int = 1) -> str:
    """The LLVM type in memory: a bool is a byte."""
    return llvm_type(dtypes.uint8 if dtype.is_bool else dtype, width)


def suffix(dtype: DType, width: int = 1) -> str:
    """How an intrinsic's name says the type: ``v16f32``."""
    scalar = _SUFFIXES[dtype.short]
    return scalar if width == 1 else f"v{width}{scalar}"


def global_name(name: str) -> str:
    """How the text says a global symbol."""
    return f"@{name}" if _PLAIN.fullmatch(name) else f'@"{name}"'


def rounded(value: float | int | bool, dtype: DType) -> float | int | bool:
    """``value`` as ``dtype`` holds it: a float rounded once, an integer wrapped."""
    if dtype.is_float:
        return c_float(value).value if dtype.size == 4 else float(value)
    if dtype.is_bool:
        return bool(value)
    wrapped = int(value) & ((1 << dtype.bits) - 1)
    sign = 1 << (dtype.bits - 1)
    return wrapped - 2 * sign if dtype.kind == "i" and wrapped & sign else wrapped


def constant_text(value: float | int | bool, dtype: DType) -> str:
    """A scalar constant that ``dtype`` holds."""
    if dtype.is_float:
        if value != value:
            return "0x7FF8000000000000"
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    if dtype.is_bool:
        return "true" if value else "false"
    return str(value)


def constant(value: float | int | bool, dtype: DType, width: int = 1) -> Value:
    """A constant, in every lane."""
    value = rounded(value, dtype)
    text = constant_text(value, dtype)
    if width > 1:
        text = f"splat ({_SCALAR_TYPES[dtype.short]} {text})"
    return Value(text, dtype, width, 0, value)


@lru_cache(maxsize=4096)
def index(value: int) -> Value:
    """The i64 constant ``value``."""
    return Value(str(value), dtypes.int64, 1, 0, value)


@lru_cache(maxsize=1024)
def lanes_constant(values: tuple[int, ...], dtype: DType) -> Value:
    """A vector constant with a value a lane."""
    kind = _SCALAR_TYPES[dtype.short]
    texts = (constant_text(rounded(value, dtype), dtype) for value in values)
    body = ", ".join(f"{kind} {text}" for text in texts)
    return Value(f"<{body}>", dtype, len(values))
