"""A page with a graph's picture beside its text, complete in itself.

Pointing at a card lights the lines of its node and the wires at it, and the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from graphc.ir import printer
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.viz.layout import layout
from graphc.viz.routes import scene
from graphc.viz.svg import draw
from graphc.viz.view import Picture, picture

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ margin: 0; display: flex; height: 100vh; font-family: system-ui, sans-serif }}
#text {{ flex: 0 0 40%; overflow: auto; margin: 0; padding: 12px; background: #f8fafc;
  font: 12px/1.5 ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace }}
#text span {{ display: block; white-space: pre; border-radius: 3px }}
#text span.lit {{ background: #fde68a }}
#picture {{ flex: 1; overflow: auto; border-left: 1px solid #e2e8f0 }}
math {{ display: block; margin: 10px 24px; font-size: 15px }}
</style></head><body>
<pre id="text">{text}</pre>
<div id="picture">{picture}{formulas}</div>
<script>
const cards = [...document.querySelectorAll('.card')];
const wires = [...document.querySelectorAll('.wire')];
const lines = [...document.querySelectorAll('#text span[data-cards]')];
const numbers = line => line.dataset.cards.split(' ').map(Number);
const number = card => Number(card.id.slice(4));
function light(chosen, scroll) {{
  const at = new Set(chosen);
  cards.forEach(c => c.classList.toggle('lit', at.has(number(c))));
  wires.forEach(w => w.classList.toggle('lit', at.has(+w.dataset.from) || at.has(+w.dataset.to)));
  lines.forEach(l => {{
    const lit = numbers(l).some(n => at.has(n));
    l.classList.toggle('lit', lit);
    if (lit && scroll === 'text') l.scrollIntoView({{block: 'nearest'}});
  }});
  if (scroll === 'picture' && chosen.length)
    cards[chosen[0]].scrollIntoView({{block: 'center', inline: 'center', behavior: 'smooth'}});
}}
cards.forEach(c => {{
  c.addEventListener('mouseenter', () => light([number(c)], 'text'));
  c.addEventListener('mouseleave', () => light([], ''));
}});
lines.forEach(l => {{
  l.addEventListener('mouseenter', () => light(numbers(l), ''));
  l.addEventListener('click', () => light(numbers(l), 'picture'));
  l.addEventListener('mouseleave', () => light([], ''));
}});
</script></body></html>
"""


def html(graph: Graph, *, formulas: bool = False) -> str:
    """A page that shows ``graph`` as text and as a picture, linked; it loads nothing else.

    With ``formulas`` the graph's mathematics stands below the picture.
    """
    shown = picture(graph)
    return _PAGE.format(
        formulas="".join(_formulas(graph)) if formulas else "",
        title=escape(graph.name),
        text="".join(_lines(graph, shown)),
        picture=draw(shown, scene(shown, layout(shown))),
    )


def _formulas(graph: Graph) -> Iterator[str]:
    from graphc.viz.mathematics import mathematics

    for formula in mathematics(graph):
        yield formula.mathml


_DEFINED = re.compile(r'\s*(?:param\s+|update\s+)?(%(?:[\w.#]+|"(?:[^"\\]|\\.)*"))')


def _lines(graph: Graph, shown: Picture) -> Iterator[str]:
    """The text's lines; each that defines a node knows the cards of it.  Inside the body of a fused
    group the names are the body's."""
    scopes = [_cards_by_name(graph, shown)]
    bodies = iter([node.body for node in graph.nodes if node.body is not None])
    for line in printer.text(graph).splitlines():
        defined = _DEFINED.match(line)
        cards = scopes[-1].get(defined.group(1), ()) if defined else ()
        known = f' data-cards="{" ".join(map(str, cards))}"' if cards else ""
        yield f"<span{known}>{escape(line)}</span>"
        if defined and line.endswith("{") and " graph " in line:
            body = next(bodies, None)
            scopes.append(_cards_by_name(body, shown) if body is not None else {})
        elif line.strip() == "}" and len(scopes) > 1:
            scopes.pop()


def _cards_by_name(graph: Graph, shown: Picture) -> dict[str, list[int]]:
    cards: dict[Node, list[int]] = {}
    for i, card in enumerate(shown.cards):
        if card.node is not None:
            cards.setdefault(card.node, []).append(i)
    names: dict[Value, str] = printer.value_names(graph)
    return {
        name.partition(":")[0]: cards[value.node]
        for value, name in names.items()
        if value.node in cards
    }
