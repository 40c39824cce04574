"""The scene: every card, box and wire with its final coordinates.

Wires leave a card at its end and arrive at the next one's beginning, spread so that they do not
cross there.  A wire from one lane to another runs in the free space below its card to the edge of
the lane, over to the other lane, and in the free space before the other card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.viz.layers import Point
from graphc.viz.layout import Layout, Rectangle, Unit
from graphc.viz.phases import BACKWARD
from graphc.viz.view import Picture, Wire

_SPREAD = 0.7  # the part of a card's side over which arriving wires are spread


@dataclass(frozen=True)
class Route:
    """The points of one wire.  Where it goes from lane to lane it is ``sideways`` and has six:
    start, first corner, edge of the lane, edge of the other lane, last corner, end."""

    points: tuple[Point, ...]
    sideways: bool


@dataclass(frozen=True)
class Scene:
    """Rectangles and routes in the order of the picture's cards, boxes and wires; ``upward`` says
    which cards' wires leave at the top."""

    width: float
    height: float
    cards: tuple[Rectangle, ...]
    boxes: tuple[Rectangle, ...]
    lanes: tuple[tuple[str, Rectangle], ...]
    routes: tuple[Route, ...]
    upward: tuple[bool, ...]


def scene(picture: Picture, plan: Layout) -> Scene:
    """Everything of ``picture`` at the places of ``plan``."""
    cards = [Rectangle(0, 0, 0, 0)] * len(picture.cards)
    boxes: dict[int, Rectangle] = {}
    unit_of = [0] * len(picture.cards)
    for index, unit in enumerate(plan.units):
        x, y = unit.corner
        if unit.box is not None:
            boxes[unit.box] = Rectangle(x, y, unit.width, unit.height)
        for card, (dx, dy) in zip(unit.cards, unit.places, strict=True):
            cards[card] = Rectangle(x + dx, y + dy, *plan.sizes[card])
            unit_of[card] = index
    upward = tuple(plan.units[unit].phase == BACKWARD for unit in unit_of)
    ways = [_waypoints(wire, plan, unit_of) for wire in picture.wires]
    ends = _ends(picture, cards, upward, ways)
    routes = []
    for i, (wire, way, end) in enumerate(zip(picture.wires, ways, ends, strict=True)):
        start = _leaving(cards[wire.source], upward[wire.source])
        if way is not None:
            routes.append(Route((start, *way, end), False))
            continue
        grounds = [_ground(plan, unit_of[card]) for card in (wire.source, wire.target)]
        directions = [-1 if upward[card] else 1 for card in (wire.source, wire.target)]
        routes.append(_sideways(start, end, grounds, directions, i))
    grounds = [ground for _, ground in plan.lanes]
    return Scene(
        max((g.x + g.width for g in grounds), default=0.0),
        max((g.y + g.height for g in grounds), default=0.0),
        tuple(cards),
        tuple(boxes[i] for i in sorted(boxes)),
        tuple(plan.lanes),
        tuple(routes),
        upward,
    )


def _waypoints(wire: Wire, plan: Layout, unit_of: Sequence[int]) -> list[Point] | None:
    """The points between the two cards; ``None`` where the wire goes from lane to lane."""
    first, second = unit_of[wire.source], unit_of[wire.target]
    if first == second:
        return _moved(plan.units[first], plan.units[first].inner[wire.source, wire.target])
    return plan.waypoints.get((first, second))


def _moved(unit: Unit, points: Sequence[Point]) -> list[Point]:
    return [(x + unit.corner[0], y + unit.corner[1]) for x, y in points]


def _ground(plan: Layout, unit: int) -> Rectangle:
    phase = plan.units[unit].phase
    return next(ground for name, ground in plan.lanes if name == phase)


def _leaving(card: Rectangle, upward: bool) -> Point:
    return card.x + card.width / 2, card.y if upward else card.y + card.height


def _sideways(
    start: Point, end: Point, grounds: Sequence[Rectangle], directions: Sequence[int], index: int
) -> Route:
    """Through the free space after the one card and before the other; neighbours in ``index`` run
    on different tracks."""
    source, target = grounds
    rightward = source.x <= target.x
    leave = source.x + source.width if rightward else source.x
    enter = target.x if rightward else target.x + target.width
    low = start[1] + directions[0] * (14 + 3 * (index % 5))
    high = end[1] - directions[1] * (10 + 3 * (index % 4))
    points = (start, (start[0], low), (leave, low), (enter, high), (end[0], high), end)
    return Route(points, True)


def _ends(
    picture: Picture,
    cards: Sequence[Rectangle],
    upward: Sequence[bool],
    ways: Sequence[list[Point] | None],
) -> list[Point]:
    """Where each wire arrives: side by side, in the order of where they come from."""
    arriving: dict[int, list[tuple[float, int]]] = {}
    for i, (wire, way) in enumerate(zip(picture.wires, ways, strict=True)):
        source = cards[wire.source]
        x = way[-1][0] if way else source.x + source.width / 2
        arriving.setdefault(wire.target, []).append((x, i))
    ends: list[Point] = [(0.0, 0.0)] * len(ways)
    for target, wires in arriving.items():
        card = cards[target]
        for position, (_, i) in enumerate(sorted(wires)):
            part = 0.5 + _SPREAD * ((position + 0.5) / len(wires) - 0.5)
            ends[i] = card.x + part * card.width, card.y + card.height * upward[target]
    return ends
