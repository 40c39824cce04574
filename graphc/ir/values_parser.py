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
from graphc.ir.tokens import Token, Tokens
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
        name = tokens.take("a type", "word")
        if name.text not in dtypes.BY_SHORT:
            tokens.fail(f"there is no element type {name.text}", [name])
        tokens.expect("[")
        close = self._closing("]")
        written = tokens.source[name.start : close.start]
        known = self._types.get(written)
        if known is not None:
            while tokens.peek() is not close:
                tokens.next()
            tokens.next()
            return known
        shape: list[Size] = []
        while not tokens.accept("]"):
            if shape:
                tokens.expect(",")
            shape.append(self.size((",", "]")))
        kind = TensorType(dtypes.BY_SHORT[name.text], tuple(shape))
        self._types[written] = kind
        return kind

    def _closing(self, bracket: str) -> Token:
        ahead = 0
        while self.tokens.peek(ahead).text != bracket:
            if self.tokens.peek(ahead).kind == "end":
                self.tokens.fail(f"{bracket!r} is missing", [self.tokens.peek(ahead)])
            ahead += 1
        return self.tokens.peek(ahead)

    def size(self, ends: Sequence[str]) -> Size:
        """A size up to one of the tokens ``ends`` outside of parentheses."""
        tokens = self.tokens
        first = tokens.peek()
        depth = 0
        while depth or tokens.peek().text not in ends:
            token = tokens.next()
            depth += (token.text == "(") - (token.text == ")")
            if token.kind == "end" or depth > _DEEPEST:
                tokens.fail("expected a size", [first])
        written = tokens.source[first.start : tokens.peek().start]
        try:
            return dims.parse(written)
        except (ValueError, ZeroDivisionError):
            tokens.fail(f"{written.strip()!r} is not a size", [first])

    def attributes(self) -> dict[str, Any]:
        """``{key = value, ...}`` or nothing."""
        tokens = self.tokens
        found: dict[str, Any] = {}
        if not tokens.accept("{"):
            return found
        while not tokens.accept("}"):
            if found:
                tokens.expect(",")
            key = tokens.take("an attribute's name", "word", "string")
            name = json.loads(key.text) if key.kind == "string" else key.text
            if name in found:
                tokens.fail(f"attribute {name} is given twice", [key])
            tokens.expect("=")
            found[name] = self.value(0)
        return found

    def value(self, depth: int) -> Any:
        tokens = self.tokens
        token = tokens.peek()
        following = tokens.peek(1).text
        if token.text == "[":
            return self._tuple(depth)
        if token.kind == "string":
            return json.loads(tokens.next().text)
        if token.kind == "word" and token.text in dtypes.BY_SHORT:
            return self.array() if following == "[" else dtypes.BY_SHORT[tokens.next().text]
        if token.kind == "word" and token.text in _CONSTANT_WORDS:
            return _CONSTANT_WORDS[tokens.next().text]
        if token.kind == "float":
            return float(tokens.next().text)
        if token.text == "-" and (tokens.peek(1).kind == "float" or following == "inf"):
            tokens.next()
            return -float(tokens.next().text)
        if token.kind == "word" and token.text not in self.dims and following not in _OPERATORS:
            return tokens.next().text
        return self.size((",", "]", "}"))

    def _tuple(self, depth: int) -> tuple[Any, ...]:
        tokens = self.tokens
        if depth >= _DEEPEST:
            tokens.fail("values are nested too deeply")
        tokens.expect("[")
        found: list[Any] = []
        while not tokens.accept("]"):
            if found:
                tokens.expect(",")
            found.append(self.value(depth + 1))
        return tuple(found)

    def array(self) -> np.ndarray | ConstantReference:
        """``f32[2](1.0, 2.0)`` or ``f32[784, 512](@<digest>)``; the elements are read-only."""
        start = self.tokens.peek()
        return self.elements(self.type(), start)

    def elements(self, kind: TensorType, start: Token) -> np.ndarray | ConstantReference:
        """``(1.0, 2.0)`` or ``(@<digest>)`` of the type ``kind`` that was read at ``start``."""
        tokens = self.tokens
        shape = [size for size in kind.shape if isinstance(size, int) and size >= 0]
        if len(shape) != kind.rank:
            tokens.fail("the shape of an array is made of numbers", [start])
        tokens.expect("(")
        if tokens.peek().kind == "graph_name":
            reference = tokens.next()
            tokens.expect(")")
            return self._referenced(kind, reference)
        elements: list[Any] = []
        while not tokens.accept(")"):
            if elements:
                tokens.expect(",")
            elements.append(self._element(kind))
        if len(elements) != kind.size:
            tokens.fail(f"{kind} has {kind.size} elements, not {len(elements)}", [start])
        array = np.array(elements, kind.dtype.numpy).reshape(shape)
        array.setflags(write=False)
        return array

    def _referenced(self, kind: TensorType, token: Token) -> np.ndarray | ConstantReference:
        digest = token.text[1:]
        array = self.constants.get(digest)
        if array is None:
            return ConstantReference(kind.dtype, kind.shape, digest)
        if array.shape != kind.shape or array.dtype != kind.dtype.numpy:
            self.tokens.fail(f"the table's array is not {kind}", [token])
        if digest_of(array) != digest:
            self.tokens.fail("the table's array has another digest", [token])
        return array

    def _element(self, kind: TensorType) -> Any:
        tokens = self.tokens
        first = tokens.peek()
        negative = tokens.accept("-")
        token = tokens.next()
        if kind.dtype.is_bool and token.text in ("true", "false") and not negative:
            return token.text == "true"
        if kind.dtype.is_integer and token.kind == "integer":
            whole = -int(token.text) if negative else int(token.text)
            limits = np.iinfo(kind.dtype.numpy)
            if limits.min <= whole <= limits.max:
                return whole
        if kind.dtype.is_float:
            if token.text == "nan" and tokens.accept(":"):
                return self._nan(kind, first)
            if token.kind in ("float", "integer") or token.text in ("inf", "nan"):
                return -float(token.text) if negative else float(token.text)
        tokens.fail(f"not an element of {kind}", [first])

    def _nan(self, kind: TensorType, first: Token) -> Any:
        """``nan:7fc00001``; the hexadecimal digits may be cut into several tokens."""
        tokens = self.tokens
        start = tokens.peek().start
        while tokens.peek().text not in (",", ")") and tokens.peek().kind != "end":
            tokens.next()
        digits = tokens.source[start : tokens.peek().start].strip()
        bits = BITS[kind.dtype.name]
        try:
            value = np.array(int(digits, 16), bits).view(kind.dtype.numpy)
        except (ValueError, OverflowError):
            tokens.fail("not the bits of a NaN", [first])
        if not np.isnan(value):
            tokens.fail("not the bits of a NaN", [first])
        return value[()]
