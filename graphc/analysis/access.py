"""How a node reads the values it depends on, through the views between.

A view (a Rearrange whose index mapping is affine) computes nothing, so it belongs to whoever reads
it. ``reads`` looks through views to the values that must exist in memory or in registers and says
by which index each is read.  A reshape that no affine index expresses is no view but another name
for the same memory.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from graphc.ir.dims import Shape
from graphc.ir.index import Index, as_index, axis, constant
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Gather, Piece, Rearrange, Source


@dataclass(frozen=True)
class Read:
    """``value`` is read at ``index`` (over the atoms 0, 1, ... : the axes of the operand looked
    at)."""

    value: Value
    index: tuple[Index, ...]
    partial: bool

    def missing(self, rank: int) -> tuple[int, ...] | None:
        """The axes along which the same element is read again, where the read otherwise takes the
        value's axes in order; ``None`` for any other pattern."""
        taken: list[int] = []
        for position, index in enumerate(self.index):
            if self.value.type.shape[position] == 1 and index == constant(0):
                continue
            atom = index.single
            if not isinstance(atom, int) or (taken and atom <= taken[-1]):
                return None
            taken.append(atom)
        return None if self.partial else tuple(a for a in range(rank) if a not in taken)


def is_view(node: Node) -> bool:
    """Whether ``node`` only says where elements come from."""
    if not isinstance(node.op, Rearrange):
        return False
    if len(node.operands) > 1:  # what joins values is one; to ask for all pieces would take long
        return True
    return pieces_of(node, _axes(node.result.type.rank)) is not None


@cache
def _axes(rank: int) -> tuple[Index, ...]:
    return tuple(map(axis, range(rank)))


@lru_cache(64)
def _everywhere(shape: Shape) -> tuple[Index, ...]:
    """The index at which all of a value of ``shape`` is read."""
    return tuple(constant(0) if size == 1 else axis(i) for i, size in enumerate(shape))


def pieces_of(node: Node, index: tuple[Index, ...]) -> Sequence[Piece] | None:
    """The pieces a Rearrange's result element at ``index`` may come from; ``None`` where its index
    mapping is not affine."""
    types = [operand.type for operand in node.operands]
    assert isinstance(node.op, Rearrange)
    return node.op.pieces(index, types, node.result.type, node.attributes) or None


def reads(value: Value, stored: Container[Node] = (), through: Node | None = None) -> list[Read]:
    """The values that reading all of ``value`` reads, looking through views (but those ``stored``
    in memory, unless it is ``through``).  A value stands for itself where it is no view.  Free
    sources are left out."""
    found: list[Read] = []
    pending: list[tuple[Value, tuple[Index, ...], bool]] = [
        (value, _everywhere(value.type.shape), False)
    ]
    while pending:
        at, index, partial = pending.pop()
        kept = at.node in stored and at.node is not through
        see_through = isinstance(at.node.op, Rearrange) and not kept
        pieces = pieces_of(at.node, index) if see_through else None
        if pieces is None:
            if kept or not is_free_source(at.node):
                found.append(Read(at, index, partial))
            continue
        for piece in reversed(pieces):
            if piece.operand is not None:
                operand = at.node.operands[piece.operand]
                index_there = tuple(map(as_index, piece.index))
                pending.append((operand, index_there, partial or len(pieces) > 1))
    return found


def is_free_source(node: Node) -> bool:
    """Whether a node's elements cost nothing to make anew: iota, and a constant of one element."""
    if not isinstance(node.op, Source) or node.op.name in ("input", "parameter"):
        return False
    return node.op.name != "constant" or node.result.type.size == 1


def must_be_stored(node: Node, operand: int) -> bool:
    """Whether ``node`` needs this operand in memory as it is: a reshape that is no view reads the
    memory under another shape, a gather reads its source at computed places."""
    if isinstance(node.op, Gather):
        return operand == 0
    return isinstance(node.op, Rearrange) and not is_view(node)
