"""Gives every card, box and wire of a picture its place.

The phases of a training step stand side by side: forward runs down, backward runs up beside it, so
that a gradient is near what it differentiates, and each update stands where its gradient arrives.
Boxes (``boxes``) are laid out first and then placed as one piece.  Draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.viz.boxes import LETTER, Unit, inside
from graphc.viz.layers import Drawing, Gaps, Point, draw
from graphc.viz.phases import BACKWARD, PHASES, UPDATE
from graphc.viz.view import Card, Picture

SMALL_LETTER = 6.0
LANE_GAP = 60.0
_BETWEEN = Gaps(side=20.0, layer=40.0)
_MARGIN = 22.0
_BLOCK_GAP = 34.0


@dataclass(frozen=True)
class Rectangle:
    """``x`` and ``y`` are the upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """``units`` in their places; ``waypoints`` of wires between units of one lane, by the units'
    indices; ``lanes`` is the ground under each phase."""

    units: list[Unit]
    sizes: list[Point]
    waypoints: dict[tuple[int, int], list[Point]]
    lanes: list[tuple[str, Rectangle]]


def layout(picture: Picture) -> Layout:
    """The places of everything in ``picture``, from (0, 0) on."""
    sizes = [_card_size(card) for card in picture.cards]
    units = _units(picture, sizes)
    unit_of = {card: i for i, unit in enumerate(units) for card in unit.cards}
    edges = [(unit_of[w.source], unit_of[w.target]) for w in picture.wires]
    lanes = [_place_lane(phase, units, edges) for phase in PHASES]
    _line_up(lanes, edges)
    return _placed(units, sizes, lanes)


def _card_size(card: Card) -> Point:
    width = LETTER * len(card.title) + 24
    if card.detail:
        width = max(width, SMALL_LETTER * len(card.detail) + 20)
    width = max(width, SMALL_LETTER * len(card.type) * 0.9 + 8)
    return max(width, 56.0), 38.0 if card.detail else 26.0


def _units(picture: Picture, sizes: Sequence[Point]) -> list[Unit]:
    groups: dict[int, list[int]] = {}
    units = []
    for i, card in enumerate(picture.cards):
        if card.box is None:
            units.append(Unit([i], [(0.0, 0.0)], *sizes[i], card.lane))
        else:
            groups.setdefault(card.box, []).append(i)
    for box, cards in sorted(groups.items()):
        units.append(inside(picture, box, cards, sizes))
    return units


@dataclass
class _Block:
    """A drawing of some units, as a piece that moves up and down in its lane."""

    units: list[int]
    drawing: Drawing
    x: float = 0.0
    y: float = 0.0


@dataclass
class _Lane:
    phase: str
    blocks: list[_Block]

    @property
    def width(self) -> float:
        return max((b.x + b.drawing.width for b in self.blocks), default=0.0)

    @property
    def height(self) -> float:
        return max((b.y + b.drawing.height for b in self.blocks), default=0.0)


def _place_lane(phase: str, units: Sequence[Unit], edges: Sequence[tuple[int, int]]) -> _Lane:
    members = [i for i, unit in enumerate(units) if unit.lane == phase]
    here = set(members)
    local = [(a, b) for a, b in edges if a in here and b in here and a != b]
    groups = _components(members, local) if phase == UPDATE else [members] if members else []
    return _Lane(phase, [_block(group, local, units, phase) for group in groups])


def _block(
    group: list[int], edges: Sequence[tuple[int, int]], units: Sequence[Unit], phase: str
) -> _Block:
    at = {unit: i for i, unit in enumerate(group)}
    sizes = [(units[u].width, units[u].height) for u in group]
    drawing = draw(sizes, [(at[a], at[b]) for a, b in edges if a in at], _BETWEEN)
    return _Block(group, drawing.turned() if phase == BACKWARD else drawing)


def _components(members: list[int], edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The connected pieces of a lane, in order of their first member."""
    root = {unit: unit for unit in members}

    def find(unit: int) -> int:
        while root[unit] != unit:
            root[unit] = root[root[unit]]
            unit = root[unit]
        return unit

    for a, b in edges:
        root[find(a)] = find(b)
    groups: dict[int, list[int]] = {}
    for unit in members:
        groups.setdefault(find(unit), []).append(unit)
    return list(groups.values())


def _line_up(lanes: Sequence[_Lane], edges: Sequence[tuple[int, int]]) -> None:
    """Forward and backward stand on one base line; updates go in the order in which their values
    arrive, in as many columns as keep them about as high as the other lanes."""
    forward, backward, update = lanes
    base = max(forward.height, backward.height)
    heights: dict[int, float] = {}
    for lane in (forward, backward):
        for block in lane.blocks:
            block.y = base - block.drawing.height if lane is backward else 0.0
            for unit, (_, y) in zip(block.units, block.drawing.centres, strict=True):
                heights[unit] = y + block.y
    blocks = sorted(update.blocks, key=lambda block: _arrival(block, heights, edges))
    total = sum(block.drawing.height + _BLOCK_GAP for block in blocks)
    columns = max(1, round(total / max(base, 400.0)))
    _in_columns(blocks, -(-len(blocks) // columns))


def _in_columns(blocks: Sequence[_Block], rows: int) -> None:
    x = 0.0
    for start in range(0, len(blocks), max(rows, 1)):
        column = blocks[start : start + rows]
        y = 0.0
        for block in column:
            block.x, block.y = x, y
            y += block.drawing.height + _BLOCK_GAP
        x += max(block.drawing.width for block in column) + _BLOCK_GAP


def _arrival(block: _Block, heights: dict[int, float], edges: Sequence[tuple[int, int]]) -> float:
    here = set(block.units)
    found = [heights[a] for a, b in edges if b in here and a in heights]
    return sum(found) / len(found) if found else 0.0


def _placed(units: list[Unit], sizes: list[Point], lanes: Sequence[_Lane]) -> Layout:
    waypoints: dict[tuple[int, int], list[Point]] = {}
    grounds = []
    height = max(lane.height for lane in lanes) + 2 * _MARGIN
    left = 0.0
    for lane in lanes:
        if not lane.blocks:
            continue
        for block in lane.blocks:
            dx, dy = left + _MARGIN + block.x, _MARGIN + block.y
            for index, (x, y) in zip(block.units, block.drawing.centres, strict=True):
                unit = units[index]
                unit.corner = x - unit.width / 2 + dx, y - unit.height / 2 + dy
            for (a, b), points in block.drawing.waypoints.items():
                waypoints[block.units[a], block.units[b]] = [(x + dx, y + dy) for x, y in points]
        width = lane.width + 2 * _MARGIN
        grounds.append((lane.phase, Rectangle(left, 0.0, width, height)))
        left += width + LANE_GAP
    return Layout(units, sizes, waypoints, grounds)
