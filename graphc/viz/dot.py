"""A graph in the DOT language, for programs that read it.  Nothing here runs one."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.ir.graphs import Graph
from graphc.viz.svg import INK, SOURCE_STYLE, TINT
from graphc.viz.view import Card, Picture, picture

_SHAPES = {"input": "oval", "parameter": "hexagon", "output": "oval", "update": "oval"}


def to_dot(graph: Graph) -> str:
    """``graph`` as DOT text: the same cards, wires, fused groups and colours as its SVG picture,
    with the value's type on each edge."""
    return "\n".join(_lines(picture(graph))) + "\n"


def _lines(shown: Picture) -> Iterator[str]:
    yield f"digraph {_quoted(shown.title)} {{"
    yield '  rankdir = TB; node [shape = box, style = "rounded,filled", fontname = monospace,'
    yield "    fontsize = 11]; edge [fontname = monospace, fontsize = 9];"
    for i, card in enumerate(shown.cards):
        if card.box is None:
            yield f"  {_card(i, card)}"
    for box, title in enumerate(shown.boxes):
        yield f"  subgraph cluster_{box} {{"
        yield f"    label = {_quoted(title)}; style = dashed; color = goldenrod;"
        for i, card in enumerate(shown.cards):
            if card.box == box:
                yield f"    {_card(i, card)}"
        yield "  }"
    for wire in shown.wires:
        ink = INK[shown.cards[wire.target].phase]
        yield (
            f'  n{wire.source} -> n{wire.target} [label = {_quoted(wire.type)}, color = "{ink}"];'
        )
    yield "}"


def _card(index: int, card: Card) -> str:
    fill, ink = SOURCE_STYLE.get(card.kind, (TINT[card.phase], INK[card.phase]))
    label = f"{card.title}\n{card.detail}" if card.detail else card.title
    dashed = ', style = "filled,dashed"' if card.reference else ""
    return (
        f"n{index} [label = {_quoted(label)}, shape = {_SHAPES.get(card.kind, 'box')}, "
        f'fillcolor = "{fill}", color = "{ink}", tooltip = {_quoted(card.place or card.title)}'
        f"{dashed}];"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
