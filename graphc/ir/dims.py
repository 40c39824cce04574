"""Sizes as integer polynomials over named dimensions, with floor division and remainder.

A size is a plain ``int`` or a ``Dim``.  Equality is equality of normal forms: a polynomial is a sum
of monomials with integer coefficients, a monomial a product of atoms, an atom a dimension's name or
an irreducible ``a // b`` or ``a % b``.  Named dimensions are integers >= 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class Quotient:
    """An irreducible ``numerator // denominator`` (``kind`` "//") or remainder (``kind`` "%")."""

    kind: str
    numerator: Size
    denominator: Size

    def __str__(self) -> str:
        return f"({_wrapped(self.numerator)} {self.kind} {_wrapped(self.denominator)})"


Atom = Union[str, Quotient]
Monomial = tuple[Atom, ...]  # sorted by text; a power is a repetition


@dataclass(frozen=True)
class Dim:
    """A non-constant integer polynomial, in normal form.  Make one with ``named`` or ``parse``.

    >>> n = named("N")
    >>> (n + 1) * 2 - n
    N + 2
    """

    terms: tuple[tuple[Monomial, int], ...]

    def __hash__(self) -> int:
        known: int | None = self.__dict__.get("_hash")
        if known is None:  # asked for again and again, and long where there are many terms
            known = self.__dict__["_hash"] = hash(self.terms)
        return known

    def __reduce__(self) -> tuple[type[Dim], tuple[object]]:
        return Dim, (self.terms,)  # another process hashes texts in another way

    def __add__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return _collect([*self.terms, *_terms(other)]) if other != 0 else self

    __radd__ = __add__

    def __mul__(self, other: Size) -> Size:
        if isinstance(other, int):  # the monomials stay, and their order
            factor = int(other)
            return Dim(tuple([(m, c * factor) for m, c in self.terms])) if factor else 0
        if not isinstance(other, Dim):
            return NotImplemented
        return _collect(
            (tuple(sorted(a + b, key=str)), c * d) for a, c in self.terms for b, d in _terms(other)
        )

    __rmul__ = __mul__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + -1 * other

    def __rsub__(self, other: Size) -> Size:
        return -1 * self + other

    def __floordiv__(self, other: Size) -> Size:
        return floor_divide(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return floor_divide(other, self)

    def __mod__(self, other: Size) -> Size:
        return remainder(self, other)

    def __rmod__(self, other: Size) -> Size:
        return remainder(other, self)

    def __str__(self) -> str:
        return " ".join(_signed_terms(self.terms))

    __repr__ = __str__


Size = Union[int, Dim]
Shape = tuple[Size, ...]


def named(name: str) -> Dim:
    """The dimension called ``name`` (an identifier)."""
    if not name.isidentifier():
        raise ValueError(f"a dimension's name must be an identifier, not {name!r}")
    return Dim((((name,), 1),))


def _terms(size: Size) -> Iterable[tuple[Monomial, int]]:
    if isinstance(size, Dim):
        return size.terms
    return (((), int(size)),) if size else ()


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = {m: c for m, c in total.items() if c}
    if not kept or set(kept) == {()}:
        return kept.get((), 0)
    return Dim(tuple(sorted(kept.items(), key=lambda item: (-len(item[0]), str(item[0])))))


def _signed_terms(terms: Iterable[tuple[Monomial, int]]) -> Iterable[str]:
    for position, (monomial, coefficient) in enumerate(terms):
        factors = [str(atom) for atom in monomial]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        sign = "-" if coefficient < 0 else "+"
        body = "*".join(factors)
        if position == 0:
            yield f"-{body}" if coefficient < 0 else body
        else:
            yield f"{sign} {body}"


def _wrapped(size: Size) -> str:
    return f"({size})" if isinstance(size, Dim) and len(size.terms) > 1 else str(size)


def divide_exactly(numerator: Size, denominator: Size) -> Size | None:
    """``numerator / denominator`` where that is a polynomial by a monomial, else ``None``."""
    if isinstance(numerator, int) and isinstance(denominator, int):
        whole = denominator != 0 and numerator % denominator == 0
        return numerator // denominator if whole else None
    divisor = list(_terms(denominator))
    if numerator == denominator:
        return 1
    if len(divisor) != 1:
        return None
    ((atoms, factor),) = divisor
    quotient = []
    for monomial, coefficient in _terms(numerator):
        rest = list(monomial)
        for atom in atoms:
            if atom not in rest:
                return None
            rest.remove(atom)
        if coefficient % factor:
            return None
        quotient.append((tuple(rest), coefficient // factor))
    return _collect(quotient)


def floor_divide(numerator: Size, denominator: Size) -> Size:
    """Floor division; exact where it can be, an irreducible atom where not."""
    if isinstance(numerator, int) and isinstance(denominator, int):
        return numerator // denominator
    if denominator == 0:
        raise ZeroDivisionError(f"the size {numerator} is divided by 0")
    exact = divide_exactly(numerator, denominator)
    return exact if exact is not None else Dim((((Quotient("//", numerator, denominator),), 1),))


def remainder(numerator: Size, denominator: Size) -> Size:
    """Remainder with the sign of the denominator, as in Python."""
    if isinstance(numerator, int) and isinstance(denominator, int):
        return numerator % denominator
    if denominator == 0:
        raise ZeroDivisionError(f"the size {numerator} is divided by 0")
    if divide_exactly(numerator, denominator) is not None:
        return 0
    return Dim((((Quotient("%", numerator, denominator),), 1),))


def ceil_divide(numerator: Size, denominator: int) -> Size:
    """``ceil(numerator / denominator)`` for a positive ``denominator``."""
    return floor_divide(numerator + (denominator - 1), denominator)


def product(sizes: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def names(size: Size) -> set[str]:
    """The named dimensions that ``size`` depends on."""
    found: set[str] = set()
    pending: list[Size] = [size]
    while pending:
        for monomial, _ in _terms(pending.pop()):
            for atom in monomial:
                if isinstance(atom, str):
                    found.add(atom)
                else:
                    pending += [atom.numerator, atom.denominator]
    return found


def evaluate(size: Size, bindings: Mapping[str, int]) -> int:
    """The integer that ``size`` is when the named dimensions are ``bindings``."""
    total = 0
    for monomial, coefficient in _terms(size):
        value = coefficient
        for atom in monomial:
            if isinstance(atom, str):
                value *= bindings[atom]
                continue
            top, bottom = evaluate(atom.numerator, bindings), evaluate(atom.denominator, bindings)
            value *= top // bottom if atom.kind == "//" else top % bottom
        total += value
    return total


_MAX_NESTING = 64
_TOKEN = re.compile(r"\s*(//|[-+*%()]|\d+|[A-Za-z_]\w*)")


def parse(text: str) -> Size:
    """The size that ``text`` says: ``"N"``, ``"2*N + 1"``, ``"(N // 2)"``.

    Raises ``ValueError`` where ``text`` is no such expression.
    """
    tokens, end = [], 0
    if text.count("(") > _MAX_NESTING:
        raise ValueError(f"not a size: {text[:20]!r}... has more than {_MAX_NESTING} parentheses")
    while end < len(text.rstrip()):
        match = _TOKEN.match(text, end)
        if match is None:
            raise ValueError(f"not a size: {text!r} at column {end + 1}")
        tokens.append(match.group(1))
        end = match.end()
    size, rest = _parse_sum(tokens, text)
    if rest:
        raise ValueError(f"not a size: {text!r} at {rest[0]!r}")
    return size


def _parse_sum(tokens: list[str], text: str) -> tuple[Size, list[str]]:
    negative = tokens[:1] == ["-"]
    size, tokens = _parse_product(tokens[1:] if negative else tokens, text)
    size = -1 * size if negative else size
    while tokens and tokens[0] in "+-":
        sign = -1 if tokens[0] == "-" else 1
        term, tokens = _parse_product(tokens[1:], text)
        size = size + sign * term
    return size, tokens


def _parse_product(tokens: list[str], text: str) -> tuple[Size, list[str]]:
    size, tokens = _parse_atom(tokens, text)
    while tokens and tokens[0] in ("*", "//", "%"):
        operator = tokens[0]
        factor, tokens = _parse_atom(tokens[1:], text)
        if operator != "*" and factor == 0:
            raise ValueError(f"not a size: {text!r} divides by 0")
        combine = {"*": lambda a, b: a * b, "//": floor_divide, "%": remainder}[operator]
        size = combine(size, factor)
    return size, tokens


def _parse_atom(tokens: list[str], text: str) -> tuple[Size, list[str]]:
    if not tokens:
        raise ValueError(f"not a size: {text!r} ends too early")
    head, rest = tokens[0], tokens[1:]
    if head.isdigit():
        return int(head), rest
    if head.isidentifier():
        return named(head), rest
    if head == "(":
        size, rest = _parse_sum(rest, text)
        if rest[:1] == [")"]:
            return size, rest[1:]
    raise ValueError(f"not a size: {text!r} at {head!r}")
