"""The scene: every card, box and wire with its final coordinates.

Wires leave a card at its end and arrive at the next one's beginning, spread so that they do not
cross there.  A wire from one lane to another runs in the free space below its card to the edge of
the lane, over to the other lane, and in the free space before the other card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.viz.layers import Point
from graphc.viz.layout import Layout, Rectangle
from graphc.viz.phases import BACKWARD
from graphc.viz.view import Picture, Wire

_SPREAD = 0.7  # the part of a card's side over which arriving wires are spread


@dataclass(frozen=True)
class Route:
    """A wire's points in pieces.  ``before`` and ``after`` are curves from point to point; between
    them ``across`` goes from lane to lane (empty within a lane): its first point, the corner below
    it, the edge of the lane, the edge of the other lane, the corner above its last point, which is
    the sixth."""

    before: tuple[Point, ...]
    across: tuple[Point, ...] = ()
    after: tuple[Point, ...] = ()


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
    upward = tuple(plan.units[unit].lane == BACKWARD for unit in unit_of)
    ends = _ends(picture, plan, cards, unit_of)
    routes = [
        _route(i, wire, plan, unit_of, _leaving(cards[wire.source], upward[wire.source]), ends[i])
        for i, wire in enumerate(picture.wires)
    ]
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


def _route(
    index: int, wire: Wire, plan: Layout, unit_of: Sequence[int], start: Point, end: Point
) -> Route:
    numbers = unit_of[wire.source], unit_of[wire.target]
    source, target = (plan.units[i] for i in numbers)
    if source is target:
        way = source.moved(source.inner[wire.source, wire.target])
        return Route((start, *way, end))
    before = [start, *source.moved(source.exits.get(wire.source, []))]
    after = [*target.moved(target.entries.get((wire.source, wire.target), [])), end]
    if numbers in plan.waypoints:
        return Route((*before, *plan.waypoints[numbers], *after))
    grounds = [_ground(plan, unit) for unit in numbers]
    directions = [-1 if unit.lane == BACKWARD else 1 for unit in (source, target)]
    across = _across(before[-1], after[0], grounds, directions, index)
    return Route(tuple(before), across, tuple(after))


def _ground(plan: Layout, unit: int) -> Rectangle:
    lane = plan.units[unit].lane
    return next(ground for name, ground in plan.lanes if name == lane)


def _leaving(card: Rectangle, upward: bool) -> Point:
    return card.x + card.width / 2, card.y if upward else card.y + card.height


def _across(
    start: Point, end: Point, grounds: Sequence[Rectangle], directions: Sequence[int], index: int
) -> tuple[Point, ...]:
    """Through the free space after the one card and before the other; neighbours in ``index`` run
    on different tracks."""
    source, target = grounds
    rightward = source.x <= target.x
    leave = source.x + source.width if rightward else source.x
    enter = target.x if rightward else target.x + target.width
    low = start[1] + directions[0] * (14 + 3 * (index % 5))
    high = end[1] - directions[1] * (10 + 3 * (index % 4))
    return start, (start[0], low), (leave, low), (enter, high), (end[0], high), end


def _ends(
    picture: Picture, plan: Layout, cards: Sequence[Rectangle], unit_of: Sequence[int]
) -> list[Point]:
    """Where each wire arrives: side by side, in the order of where they come from."""
    arriving: dict[int, list[tuple[float, int]]] = {}
    for i, wire in enumerate(picture.wires):
        x = _last_before(wire, plan, cards, unit_of)
        arriving.setdefault(wire.target, []).append((x, i))
    ends: list[Point] = [(0.0, 0.0)] * len(picture.wires)
    for target, wires in arriving.items():
        card = cards[target]
        upward = plan.units[unit_of[target]].lane == BACKWARD
        for position, (_, i) in enumerate(sorted(wires)):
            part = 0.5 + _SPREAD * ((position + 0.5) / len(wires) - 0.5)
            ends[i] = card.x + part * card.width, card.y + card.height * upward
    return ends


def _last_before(
    wire: Wire, plan: Layout, cards: Sequence[Rectangle], unit_of: Sequence[int]
) -> float:
    """The horizontal place of the last point before a wire arrives."""
    unit = plan.units[unit_of[wire.target]]
    edge = wire.source, wire.target
    inner = unit.entries.get(edge) or unit.inner.get(edge)
    if inner:
        return unit.moved(inner)[-1][0]
    outer = plan.waypoints.get((unit_of[wire.source], unit_of[wire.target]))
    source = cards[wire.source]
    return outer[-1][0] if outer else source.x + source.width / 2
