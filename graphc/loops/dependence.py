"""Whether iterations of a kernel's loops are independent of each other: who owns which element.

Conservative: accepts only what follows from affine indices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.dims import Size
from graphc.loops.affine import ZERO, Affine, Key, determined


@dataclass(frozen=True)
class LoopAxis:
    """One axis of one loop; two loops may have axes of the same name."""

    name: str
    extent: Size
    serial: int


@dataclass(frozen=True)
class Access:
    """One load, store or column: its place in the text, and its index where that is affine."""

    buffer: str
    kind: str  # load, store or column
    index: tuple[Affine | None, ...]
    axes: tuple[LoopAxis, ...]
    shown: str


def uncovered(access: Access, but: str | None = None) -> list[str]:
    """The axes around a store whose iterations may write one element; ``but`` is not looked at."""
    forms = [form for form in access.index if form is not None]
    known = determined(forms, {axis: axis.extent for axis in access.axes})
    return [a.name for a in access.axes if a not in known and a.name != but]


def conflicts(accesses: Sequence[Access]) -> Iterator[tuple[Access, Access, str]]:
    """Pairs (write, other access to its buffer, axis) that may meet in different iterations of that
    axis."""
    by_buffer: dict[str, list[Access]] = {}
    for access in accesses:
        by_buffer.setdefault(access.buffer, []).append(access)
    for group in by_buffer.values():
        seen: set[tuple[int, int]] = set()
        for i, write in enumerate(group):
            if write.kind == "load":
                continue
            for j, other in enumerate(group):
                pair = (min(i, j), max(i, j))
                if i == j or pair in seen:
                    continue
                seen.add(pair)
                axis = _meeting_axis(write, other)
                if axis is not None:
                    yield write, other, axis


def _meeting_axis(write: Access, other: Access) -> str | None:
    """An axis around both, in different iterations of which they may meet."""
    common = 0
    for left, right in zip(write.axes, other.axes, strict=False):
        if left != right:
            break
        common += 1
    if not common:
        return None
    shared = write.axes[:common]
    if "column" in (write.kind, other.kind):
        return shared[0].name
    equal = _equal_forms(write, other, common)
    known = determined(equal, _extents(write, common))
    return next((axis.name for axis in shared if axis not in known), None)


def _equal_forms(write: Access, other: Access, common: int) -> list[Affine]:
    """The index forms in which both agree, axes of inner loops being alike by name and extent."""
    forms: list[Affine] = []
    for left, right in zip(write.index, other.index, strict=True):
        if left is None or right is None:
            continue
        left = left.renamed(_inner_names(write.axes[common:]))
        if left.plus(right.renamed(_inner_names(other.axes[common:])), -1) == ZERO:
            forms.append(left)
    return forms


def _inner_names(axes: Sequence[LoopAxis]) -> dict[Key, Key]:
    return {axis: (axis.name, axis.extent) for axis in axes}


def _extents(access: Access, common: int) -> Mapping[Key, Size]:
    extents: dict[Key, Size] = {axis: axis.extent for axis in access.axes[:common]}
    extents.update({(axis.name, axis.extent): axis.extent for axis in access.axes[common:]})
    return extents
