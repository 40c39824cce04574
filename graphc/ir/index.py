"""Affine index expressions: how a value's index follows from loop axes.

An ``Index`` is ``constant + sum(coefficient * atom)``.  An atom is the name of a loop axis, or any
hashable expression that stands for an integer computed from data (a gather).  Records of Rearrange
and Gather ops compute with these; lowering turns them into loop IR.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from graphc.ir.dims import Dim, Size


@dataclass(frozen=True)
class Index:
    """``constant + sum(coefficient * atom)``, in normal form.

    >>> i, j = axis("i"), axis("j")
    >>> 2 * i + j - i == i + j
    True
    """

    terms: tuple[tuple[Hashable, Size], ...]
    constant: Size = 0

    def __hash__(self) -> int:
        known: int | None = self.__dict__.get("_hash")
        if known is None:
            known = self.__dict__["_hash"] = hash((self.terms, self.constant))
        return known

    def __add__(self, other: Index | Size) -> Index:
        if isinstance(other, Index):
            return _collect((*self.terms, *other.terms), self.constant + other.constant)
        return Index(self.terms, self.constant + other)

    __radd__ = __add__

    def __mul__(self, factor: Size) -> Index:
        return _collect(((a, c * factor) for a, c in self.terms), self.constant * factor)

    __rmul__ = __mul__

    def __neg__(self) -> Index:
        return self * -1

    def __sub__(self, other: Index | Size) -> Index:
        return self + other * -1

    def __rsub__(self, other: Size) -> Index:
        return -self + other

    @property
    def atoms(self) -> tuple[Hashable, ...]:
        return tuple(atom for atom, _ in self.terms)

    @property
    def single(self) -> Hashable | None:
        """The atom, where this index is just one atom."""
        if len(self.terms) == 1 and self.constant == 0 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None


def axis(atom: Hashable) -> Index:
    """The index that is the loop axis (or computed integer) ``atom``."""
    return Index(((atom, 1),))


def constant(value: Size) -> Index:
    """A fixed index."""
    return Index((), value)


def as_index(value: Index | Size) -> Index:
    """``value`` as an ``Index``."""
    return value if isinstance(value, Index) else Index((), value)


def _collect(terms: Iterable[tuple[Hashable, Size]], constant: Size) -> Index:
    total: dict[Hashable, Size] = {}
    for atom, coefficient in terms:
        total[atom] = total.get(atom, 0) + coefficient
    kept = ((atom, c) for atom, c in total.items() if isinstance(c, Dim) or c != 0)
    return Index(tuple(sorted(kept, key=lambda term: str(term[0]))), constant)
