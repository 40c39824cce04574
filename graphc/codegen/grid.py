"""Grids: the values of an expression for the points of a tile that are held in registers.

A tile axis has positions: one point each, or, along the vector axis, one vector of points each.  A
grid has a value for each position of those tile axes that its expression depends on, and no others:
what depends on the row alone is one scalar a row, whatever the tile's width.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from graphc.codegen.values import Value
from runtime.frozen import frozen

Position = dict[str, int]


@frozen
class TileAxis:
    """A loop axis within the code of a tile: the points ``base + first``, ... at ``count``
    positions, each of ``width`` lanes (0: a scalar).

    ``limit`` is the extent where the tile may reach beyond it.  Then a scalar position reads at the
    clamped index and must not store; a vector is masked.  ``valid`` is the number of points of a
    masked vector tile where that is known.
    """

    name: str
    base: Value
    count: int
    width: int = 0
    first: int = 0
    limit: Value | None = None
    valid: int | None = None

    def restricted(self, position: int, count: int = 1) -> TileAxis:
        """The axis with ``count`` positions from ``position`` on."""
        return TileAxis(self.name, self.base, count, self.width, position, self.limit, self.valid)

    @property
    def positions(self) -> range:
        return range(self.first, self.first + self.count)


class Grid:
    """``axes`` maps the name of a tile axis to the first position and the number of positions that
    there are values for, in the order of nesting; ``values`` are row-major over them."""

    __slots__ = ("axes", "values")

    def __init__(self, axes: Mapping[str, tuple[int, int]], values: Sequence[Value]) -> None:
        self.axes = axes
        self.values = values

    def at(self, position: Position) -> Value:
        """The value at a position of at least the grid's axes."""
        return self.values[self._flat(position)]

    def put(self, position: Position, value: Value) -> None:
        """Replace the value at a position of at least the grid's axes."""
        values = list(self.values)
        values[self._flat(position)] = value
        self.values = values

    def _flat(self, position: Position) -> int:
        flat = 0
        for name, (first, count) in self.axes.items():
            flat = flat * count + position[name] - first
        return flat


def single(value: Value) -> Grid:
    """The grid of a value that is the same at every point."""
    return Grid({}, (value,))


def spans(axes: Sequence[TileAxis]) -> dict[str, tuple[int, int]]:
    """What ``Grid.axes`` is for ``axes``."""
    return {axis.name: (axis.first, axis.count) for axis in axes}


def blocks(axes: Sequence[TileAxis], size: int) -> Iterator[list[TileAxis]]:
    """``axes`` cut into blocks of at most ``size`` positions, the last axis first."""
    parts = []
    for axis in reversed(axes):
        step = min(axis.count, size)
        size //= step
        end = axis.first + axis.count
        parts.append([axis.restricted(at, min(step, end - at)) for at in axis.positions[::step]])
    return map(list, itertools.product(*reversed(parts)))


def positions(axes: Sequence[TileAxis]) -> Iterator[Position]:
    """All positions of ``axes``, the last one fastest."""
    names = [axis.name for axis in axes]
    for point in itertools.product(*(axis.positions for axis in axes)):
        yield dict(zip(names, point, strict=True))
