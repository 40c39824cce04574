"""A picture of a graph as SVG text, complete in itself.

Responsible for how things look: colours by phase, shapes by kind, the type beside each wire, the
legend.  Decides neither what is shown (``view``) nor where (``layout``, ``routes``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from graphc.ir.graphs import Graph
from graphc.viz.boxes import LETTER
from graphc.viz.layers import Point
from graphc.viz.layout import Rectangle, layout
from graphc.viz.phases import BACKWARD, FORWARD, UPDATE
from graphc.viz.routes import Route, Scene, scene
from graphc.viz.view import Card, Picture, picture

INK = {FORWARD: "#1d4ed8", BACKWARD: "#c2410c", UPDATE: "#15803d"}
TINT = {FORWARD: "#e6eeff", BACKWARD: "#ffeadb", UPDATE: "#e2f5e8"}
GROUND = {FORWARD: "#f7f9ff", BACKWARD: "#fff9f4", UPDATE: "#f5fbf7"}
SOURCE_STYLE = {
    "input": ("#ffffff", "#111827"),
    "parameter": ("#f1e9ff", "#6d28d9"),
    "constant": ("#eeeeee", "#6b7280"),
}
_HEAD = 62.0
_EDGE = 16.0

_STYLE = """
text { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2937 }
.title { font-size: 16px; font-weight: 700 }
.name { font-size: 11.5px; font-weight: 600; text-anchor: middle }
.detail { font-size: 10px; fill: #4b5563; text-anchor: middle }
.type { font-size: 9px; fill: #4b5563; paint-order: stroke; stroke: #ffffff; stroke-width: 2.5px }
.boxname { font-size: 11px; fill: #854d0e; font-weight: 600 }
.lane { font-size: 12px; font-weight: 700; letter-spacing: 1px }
.key { font-size: 11px }
.wire { fill: none; stroke-width: 1.3 }
.far { stroke-width: 1.1; stroke-dasharray: 5 3; opacity: .7 }
.card:hover > .shape, .card.lit > .shape { stroke-width: 3 }
.wire.lit { stroke-width: 3; opacity: 1 }
"""


def svg(graph: Graph) -> str:
    """The picture of ``graph``: SVG text that a browser or an editor opens as it is.

    Forward, backward and update have a column and a colour each; inputs, parameters and constants
    have shapes of their own; fused groups are boxes; each wire carries its value's type.
    """
    shown = picture(graph)
    return draw(shown, scene(shown, layout(shown)))


def draw(shown: Picture, placed: Scene) -> str:
    """The SVG text of a picture whose parts have their places."""
    legend = list(_legend(shown))
    width = max(placed.width + 2 * _EDGE, _legend_width(shown), LETTER * 1.6 * len(shown.title))
    height = placed.height + _HEAD + _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}">',
        f"<style>{_STYLE}</style>",
        *_markers(),
        f'<rect width="{_n(width)}" height="{_n(height)}" fill="#ffffff"/>',
        f'<text class="title" x="{_n(_EDGE)}" y="24">{escape(shown.title)}</text>',
        *legend,
        f'<g transform="translate({_n(_EDGE)} {_n(_HEAD)})">',
        *(_lane(phase, ground, len(placed.lanes) > 1) for phase, ground in placed.lanes),
        *(_box(title, frame) for title, frame in zip(shown.boxes, placed.boxes, strict=True)),
        *_wires(shown, placed),
        *_types(shown, placed),
        *(_card(i, card, placed.cards[i]) for i, card in enumerate(shown.cards)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _markers() -> Iterator[str]:
    yield "<defs>"
    for phase, ink in INK.items():
        yield (
            f'<marker id="to-{phase}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
            f'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="{ink}"/></marker>'
        )
    yield "</defs>"


def _lane(phase: str, ground: Rectangle, named: bool) -> str:
    area = f'{_area(ground)} rx="10" fill="{GROUND[phase]}" stroke="{TINT[phase]}"'
    if not named:
        return f"<rect {area}/>"
    return (
        f'<rect {area}/><text class="lane" x="{_n(ground.x + 10)}" y="{_n(ground.y + 16)}" '
        f'style="fill:{INK[phase]}">{phase}</text>'
    )


def _area(r: Rectangle) -> str:
    return f'x="{_n(r.x)}" y="{_n(r.y)}" width="{_n(r.width)}" height="{_n(r.height)}"'


def _box(title: str, frame: Rectangle) -> str:
    return (
        f'<rect {_area(frame)} rx="8" fill="#fefce8" fill-opacity=".8" stroke="#ca8a04" '
        f'stroke-dasharray="6 3"/><text class="boxname" x="{_n(frame.x + 10)}" '
        f'y="{_n(frame.y + 16)}">{escape(title)}</text>'
    )


def _wires(shown: Picture, placed: Scene) -> Iterator[str]:
    for wire, route in zip(shown.wires, placed.routes, strict=True):
        phase = shown.cards[wire.target].phase
        yield (
            f'<path class="wire{" far" if route.across else ""}" data-from="{wire.source}" '
            f'data-to="{wire.target}" d="{_path(route)}" stroke="{INK[phase]}" '
            f'marker-end="url(#to-{phase})"><title>{escape(wire.type)}</title></path>'
        )


def _path(route: Route) -> str:
    text = f"M{_p(route.before[0])}{_curve(route.before)}"
    if route.across:
        text += f"{_across(route.across)}{_curve(route.after)}"
    return text


def _curve(points: Sequence[Point]) -> str:
    text = ""
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        middle = (y + to_y) / 2
        text += f"C{_p((x, middle))} {_p((to_x, middle))} {_p((to_x, to_y))}"
    return text


def _across(points: Sequence[Point]) -> str:
    """Right angles with round corners, and one soft step where the wire changes lanes."""
    down, corner, (left, from_y), (right, to_y), back, end = points
    middle = (left + right) / 2
    return (
        f"{_corner(down, corner, (left, from_y))}L{_p((left, from_y))}"
        f"C{_p((middle, from_y))} {_p((middle, to_y))} {_p((right, to_y))}"
        f"{_corner((right, to_y), back, end)}L{_p(end)}"
    )


def _corner(before: Point, corner: Point, after: Point) -> str:
    """To just before ``corner``, and around it."""
    return f"L{_p(_near(corner, before))}Q{_p(corner)} {_p(_near(corner, after))}"


def _near(corner: Point, other: Point) -> Point:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx) + abs(dy), 1e-9)
    part = min(7.0, length / 2) / length
    return corner[0] + dx * part, corner[1] + dy * part


def _p(point: Point) -> str:
    return f"{_n(point[0])},{_n(point[1])}"


def _types(shown: Picture, placed: Scene) -> Iterator[str]:
    """The type of each card's result, once, where its wires leave."""
    leaving = {wire.source for wire in shown.wires}
    for i, (card, place) in enumerate(zip(shown.cards, placed.cards, strict=True)):
        if i in leaving and card.type:
            y = place.y - 5 if placed.upward[i] else place.y + place.height + 11
            yield (
                f'<text class="type" x="{_n(place.x + place.width / 2 + 5)}" y="{_n(y)}">'
                f"{escape(card.type)}</text>"
            )


def _card(index: int, card: Card, place: Rectangle) -> str:
    middle = place.x + place.width / 2
    baseline = place.y + (16 if card.detail else place.height / 2 + 4)
    hint = "\n".join(part for part in (card.title, card.type, card.place) if part)
    lines = [
        f'<g class="card" id="card{index}"><title>{escape(hint)}</title>',
        _shape(card, place),
        f'<text class="name" x="{_n(middle)}" y="{_n(baseline)}">{escape(card.title)}</text>',
    ]
    if card.detail:
        lines.append(
            f'<text class="detail" x="{_n(middle)}" y="{_n(place.y + 30)}">'
            f"{escape(card.detail)}</text>"
        )
    return "".join(lines) + "</g>"


def _shape(card: Card, place: Rectangle) -> str:
    fill, ink = SOURCE_STYLE.get(card.kind, (TINT[card.phase], INK[card.phase]))
    dashes = ' stroke-dasharray="3 2"' if card.reference else ""
    style = f'class="shape" fill="{fill}" stroke="{ink}"{dashes}'
    if card.kind == "parameter":
        return f'<path {style} d="{_hexagon(place)}"/>'
    if card.kind in ("output", "update"):
        style = f'class="shape" fill="{ink}" fill-opacity=".18" stroke="{ink}" stroke-width="2"'
    round_ends = card.kind in ("input", "output", "update")
    return f'<rect {style} {_area(place)} rx="{_n(place.height / 2 if round_ends else 5)}"/>'


def _hexagon(r: Rectangle) -> str:
    cut, middle = 9.0, r.y + r.height / 2
    corners = [
        (r.x + cut, r.y),
        (r.x + r.width - cut, r.y),
        (r.x + r.width, middle),
        (r.x + r.width - cut, r.y + r.height),
        (r.x + cut, r.y + r.height),
        (r.x, middle),
    ]
    return "M" + "L".join(map(_p, corners)) + "Z"


def _legend_items(shown: Picture) -> Sequence[tuple[str, Card | None]]:
    kinds = {card.kind for card in shown.cards}
    items: list[tuple[str, Card | None]] = [
        (phase, Card("", "op", phase, phase)) for phase in shown.phases
    ]
    items += [(kind, Card("", kind, FORWARD, FORWARD)) for kind in SOURCE_STYLE if kind in kinds]
    if any(card.reference for card in shown.cards):
        items.append(("shown again", Card("", "input", FORWARD, FORWARD, reference=True)))
    if shown.boxes:
        items.append((shown.box_meaning, None))
    return items


def _legend(shown: Picture) -> Iterator[str]:
    x = _EDGE
    for text, card in _legend_items(shown):
        place = Rectangle(x, 36, 24, 14)
        yield _shape(card, place) if card else _box("", place)
        yield f'<text class="key" x="{_n(x + 30)}" y="47">{text}</text>'
        x += 48 + LETTER * len(text)


def _legend_width(shown: Picture) -> float:
    items = _legend_items(shown)
    return 2 * _EDGE + sum(48 + LETTER * len(text) for text, _ in items)
