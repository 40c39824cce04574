"""Reads types, sizes and attribute values of the textual form.

Responsible for values only; the statements around them are ``graphc.ir.parser``'s.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.ir import dims, dtypes
from graphc.ir.attributes import ConstantReference
from graphc.ir.attributes import digest as digest_of
from graphc.ir.dims import Size
from graphc.ir.printer import BITS
from graphc.ir.tokens import Tokens, kind_of
from graphc.ir.types import TensorType

_DEEPEST = 32
_OPERATORS = ("+", "-", "*", "//", "%")
_CONSTANT_WORDS = {"true": True, "false": False, "none": None, "inf": math.inf, "nan": math.nan}


class ValueReader:
    """Reads from ``tokens``.  A word among ``dims`` is a size, else a string; arrays written as
    digests come from ``constants``."""

    def __init__(
        self, tokens: Tokens, dims: frozenset[str], constants: Mapping[str, np.ndarray]
    ) -> None:
        self.tokens = tokens
        self.dims = dims
        self.constants = constants
        self._types: dict[str, TensorType] = {}

    def type(self) -> TensorType:
        """``f32[N, 784]``"""
        tokens = self.tokens
        start = tokens.place
        name = tokens.take("a type", "word")
        dtype = dtypes.BY_SHORT.get(name)
        if dtype is None:
            tokens.fail(f"there is no element type {name}", start)
        tokens.expect("[")
        end = tokens.place + tokens.find("]")
        written = tokens.joined(start, end)
        known = self._types.get(written)
        if known is not None:
            tokens.place = end + 1
            return known
        kind = TensorType(dtype, tuple(tokens.listed("]", lambda: self.size((",", "]")))))
        self._types[written] = kind
        return kind

    def size(self, ends: Sequence[str]) -> Size:
        """A size up to one of the tokens ``ends`` outside of parentheses."""
        tokens = self.tokens
        first = tokens.place
        depth = 0
        while depth or tokens.text not in ends:
            text = tokens.next()
            depth += (text == "(") - (text == ")")
            if not text or depth > _DEEPEST:
                tokens.fail("expected a size", first)
        written = tokens.joined(first, tokens.place)
        try:
            return dims.parse(written)
        except (ValueError, ZeroDivisionError):
            tokens.fail(f"{written!r} is not a size", first)

    def attributes(self) -> dict[str, Any]:
        """``{key = value, ...}`` or nothing."""
        tokens = self.tokens
        found: dict[str, Any] = {}

        def attribute() -> None:
            at = tokens.place
            name = unquoted(tokens.take("an attribute's name", "word", "string"))
            if name in found:
                tokens.fail(f"attribute {name} is given twice", at)
            tokens.expect("=")
            found[name] = self.value(0)

        if tokens.accept("{"):
            tokens.listed("}", attribute)
        return found

    def value(self, depth: int) -> Any:
        tokens = self.tokens
        text, following = tokens.text, tokens.peek(1)
        kind = kind_of(text)
        if text == "[":
            return self._tuple(depth)
        if kind == "string":
            return unquoted(tokens.next())
        if kind == "word" and text in dtypes.BY_SHORT:
            return self.array() if following == "[" else dtypes.BY_SHORT[tokens.next()]
        if kind == "word" and text in _CONSTANT_WORDS:
            return _CONSTANT_WORDS[tokens.next()]
        if kind == "float":
            return float(tokens.next())
        if text == "-" and (kind_of(following) == "float" or following == "inf"):
            tokens.next()
            return -float(tokens.next())
        if kind == "word" and text not in self.dims and following not in _OPERATORS:
            return tokens.next()
        return self.size((",", "]", "}"))

    def _tuple(self, depth: int) -> tuple[Any, ...]:
        tokens = self.tokens
        if depth >= _DEEPEST:
            tokens.fail("values are nested too deeply")
        tokens.expect("[")
        return tuple(tokens.listed("]", lambda: self.value(depth + 1)))

    def array(self) -> np.ndarray | ConstantReference:
        """``f32[2](1.0, 2.0)`` or ``f32[784, 512](@<digest>)``; the elements are read-only."""
        start = self.tokens.place
        return self.elements(self.type(), start)

    def elements(self, kind: TensorType, start: int) -> np.ndarray | ConstantReference:
        """``(1.0, 2.0)`` or ``(@<digest>)`` of the type ``kind`` that was read at ``start``."""
        tokens = self.tokens
        shape = [size for size in kind.shape if isinstance(size, int) and size >= 0]
        if len(shape) != kind.rank:
            tokens.fail("the shape of an array is made of numbers", start)
        tokens.expect("(")
        if tokens.kind == "graph_name":
            at = tokens.place
            reference = tokens.next()[1:]
            tokens.expect(")")
            return self._referenced(kind, reference, at)
        elements = tokens.listed(")", lambda: self._element(kind))
        if len(elements) != kind.size:
            tokens.fail(f"{kind} has {kind.size} elements, not {len(elements)}", start)
        array = np.array(elements, kind.dtype.numpy).reshape(shape)
        array.setflags(write=False)
        return array

    def _referenced(self, kind: TensorType, digest: str, at: int) -> np.ndarray | ConstantReference:
        array = self.constants.get(digest)
        if array is None:
            return ConstantReference(kind.dtype, kind.shape, digest)
        if array.shape != kind.shape or array.dtype != kind.dtype.numpy:
            self.tokens.fail(f"the table's array is not {kind}", at)
        if digest_of(array) != digest:
            self.tokens.fail("the table's array has another digest", at)
        return array

    def _element(self, kind: TensorType) -> Any:
        tokens = self.tokens
        first = tokens.place
        negative = tokens.accept("-")
        text = tokens.next()
        if kind.dtype.is_bool and text in ("true", "false") and not negative:
            return text == "true"
        if kind.dtype.is_integer and kind_of(text) == "integer":
            whole = -int(text) if negative else int(text)
            limits = np.iinfo(kind.dtype.numpy)
            if limits.min <= whole <= limits.max:
                return whole
        if kind.dtype.is_float:
            if text == "nan" and tokens.accept(":"):
                return self._nan(kind, first)
            if kind_of(text) in ("float", "integer") or text in ("inf", "nan"):
                return -float(text) if negative else float(text)
        tokens.fail(f"not an element of {kind}", first)

    def _nan(self, kind: TensorType, first: int) -> Any:
        """``nan:7fc00001``; the hexadecimal digits may be cut into several tokens."""
        tokens = self.tokens
        start = tokens.place
        while tokens.text not in (",", ")", ""):
            tokens.next()
        digits = tokens.joined(start, tokens.place).replace(" ", "")
        bits = BITS[kind.dtype.name]
        try:
            value = np.array(int(digits, 16), bits).view(kind.dtype.numpy)
        except (ValueError, OverflowError):
            tokens.fail("not the bits of a NaN", first)
        if not np.isnan(value):
            tokens.fail("not the bits of a NaN", first)
        return value[()]


def unquoted(text: str) -> str:
    """A word as it is, a string without its quotes and escapes."""
    return str(json.loads(text)) if text[:1] == '"' else text
