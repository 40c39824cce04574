"""The inside of a fused group: its cards, and the pins where wires come in and go out.

A wire from outside runs from a pin in the box's upper edge to its card between the other cards, and
a value that is read outside runs to a pin in the lower edge; in the backward column the box is
upside down.  A card outside all groups is a unit of its own, without pins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.viz.layers import Gaps, Point, draw
from graphc.viz.phases import BACKWARD
from graphc.viz.view import Picture

LETTER = 7.0  # width of a letter of a title
_GAPS = Gaps(side=14.0, layer=30.0)
_PIN = (6.0, 0.0)
_FRAME = 12.0


@dataclass
class Unit:
    """What the lanes place: one card, or a box with its cards at ``places`` (corners, relative to
    the unit's ``corner``).  ``inner`` has the waypoints of wires between cards; ``entries`` those
    of a wire (source, target) from its pin on, the pin first; ``exits`` those of a card's value to
    its pin, the pin last."""

    cards: list[int]
    places: list[Point]
    width: float
    height: float
    lane: str
    box: int | None = None
    corner: Point = (0.0, 0.0)
    inner: dict[tuple[int, int], list[Point]] = field(default_factory=dict)
    entries: dict[tuple[int, int], list[Point]] = field(default_factory=dict)
    exits: dict[int, list[Point]] = field(default_factory=dict)

    def moved(self, points: Sequence[Point]) -> list[Point]:
        """Points of the unit's own coordinates, where the unit stands."""
        return [(x + self.corner[0], y + self.corner[1]) for x, y in points]


def inside(picture: Picture, box: int, cards: list[int], sizes: Sequence[Point]) -> Unit:
    """The unit of one box."""
    here = set(cards)
    inner = [(w.source, w.target) for w in picture.wires if {w.source, w.target} <= here]
    entering = [
        (w.source, w.target) for w in picture.wires if w.target in here and w.source not in here
    ]
    sources = sorted({source for source, _ in entering})
    leaving = sorted({w.source for w in picture.wires if w.source in here and w.target not in here})
    number = {card: i for i, card in enumerate(cards)}
    pin_in = {source: len(cards) + i for i, source in enumerate(sources)}
    pin_out = {card: len(cards) + len(sources) + i for i, card in enumerate(leaving)}
    edges = [(number[a], number[b]) for a, b in inner]
    edges += [(pin_in[a], number[b]) for a, b in entering]
    edges += [(number[card], pin) for card, pin in pin_out.items()]
    drawn = draw(
        [sizes[card] for card in cards] + [_PIN] * (len(pin_in) + len(pin_out)),
        edges,
        _GAPS,
        first=set(pin_in.values()),
        last=set(pin_out.values()),
    )
    lane = picture.cards[cards[0]].lane
    drawn = drawn.turned() if lane == BACKWARD else drawn
    width = max(drawn.width + 2 * _FRAME, LETTER * len(picture.boxes[box]) + 2 * _FRAME)
    left = (width - drawn.width) / 2
    centres = [(x + left, y) for x, y in drawn.centres]
    ways = {edge: [(x + left, y) for x, y in way] for edge, way in drawn.waypoints.items()}
    return Unit(
        cards,
        [
            (x - sizes[card][0] / 2, y - sizes[card][1] / 2)
            for card, (x, y) in zip(cards, centres, strict=False)
        ],
        width,
        drawn.height,
        lane,
        box,
        inner={(a, b): ways[number[a], number[b]] for a, b in inner},
        entries={(a, b): [centres[pin_in[a]], *ways[pin_in[a], number[b]]] for a, b in entering},
        exits={card: [*ways[number[card], pin], centres[pin]] for card, pin in pin_out.items()},
    )
