"""What a picture shows, before anything has a place: cards, wires and boxes.

A graph becomes one card a node; constants of one element are written into the cards that use them;
a source that is read in several places far apart is shown again at each, as a reference; fused
groups become boxes around the cards of their bodies.  Knows nothing of coordinates or of SVG.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graphc.ir.dtypes import DType
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Source
from graphc.viz.phases import BACKWARD, FORWARD, PHASES, UPDATE, phases

_NEAR = 5  # a source is drawn again for readers this many steps further down
_LONGEST_DETAIL = 34
_SAME_ELEMENT = frozenset({"broadcast", "squeeze", "expand_dims", "reshape", "astype"})


@dataclass(frozen=True)
class Card:
    """One node as shown.  ``kind`` is input, parameter, constant, op, output, update, or port: a
    value of another lane where several cards read it.  ``phase`` is what it belongs to, ``lane``
    the phase in whose column it stands; ``reference`` marks what is shown again; ``box`` is the
    index of its fused group."""

    title: str
    kind: str
    phase: str
    lane: str
    detail: str = ""
    type: str = ""
    place: str = ""
    box: int | None = None
    reference: bool = False
    node: Node | None = None


@dataclass(frozen=True)
class Wire:
    """``source`` and ``target`` index the cards; ``type`` is the value's, as printed."""

    source: int
    target: int
    type: str


@dataclass(frozen=True)
class Picture:
    """Everything to be drawn; ``boxes`` are the titles of the fused groups, or of whatever
    ``box_meaning`` says in the legend."""

    title: str
    cards: tuple[Card, ...]
    wires: tuple[Wire, ...]
    boxes: tuple[str, ...] = ()
    phases: tuple[str, ...] = (FORWARD,)
    box_meaning: str = "fused group: one kernel"


@dataclass
class Flat:
    """A graph with the bodies of its fused groups in the open."""

    nodes: list[Node] = field(default_factory=list)
    operands: dict[Node, tuple[Value, ...]] = field(default_factory=dict)
    box_of: dict[Node, int] = field(default_factory=dict)
    boxes: list[Node] = field(default_factory=list)
    stands_for: dict[Value, Value] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        self.nodes.append(node)
        self.operands[node] = tuple(self.stands_for.get(v, v) for v in node.operands)


def flatten(graph: Graph) -> Flat:
    """All nodes of ``graph``, those inside fused groups included, operands first."""
    flat = Flat()
    for value in (*graph.inputs, *graph.parameters):
        flat.add(value.node)
    for node in graph.nodes:
        if node.body is None:
            flat.add(node)
            continue
        box = len(flat.boxes)
        flat.boxes.append(node)
        outer = (flat.stands_for.get(v, v) for v in node.operands)
        flat.stands_for.update(zip(node.body.inputs, outer, strict=True))
        for inner in node.body.nodes:
            flat.add(inner)
            flat.box_of[inner] = box
        for result, value in zip(node.results, node.body.outputs.values(), strict=True):
            flat.stands_for[result] = flat.stands_for.get(value, value)
    return flat


def picture(graph: Graph) -> Picture:
    """What to draw of ``graph``."""
    flat = flatten(graph)
    outputs = {name: flat.stands_for.get(v, v) for name, v in graph.outputs.items()}
    updates = [(p, flat.stands_for.get(v, v)) for p, v in graph.updates]
    phase = phases(flat.nodes, flat.operands, outputs.values(), (v for _, v in updates))
    table = _Table(flat, phase)
    for node in flat.nodes:
        if not isinstance(node.op, Source) and node not in table.inline:
            table.add_op(node)
    for name, value in outputs.items():
        table.add_end(f"return {name}", "output", phase[value.node], value)
    for parameter, value in updates:
        table.add_end(f"update {parameter.name}", "update", UPDATE, value)
    shown = (FORWARD, BACKWARD, UPDATE) if updates else (FORWARD,)
    cards, wires = _with_ports(table.cards, table.wires)
    # A group of constants alone is shown where they are read, and has no box.
    kept = sorted({card.box for card in cards if card.box is not None})
    number = {box: i for i, box in enumerate(kept)}
    cards = [card if card.box is None else replace(card, box=number[card.box]) for card in cards]
    titles = tuple(flat.boxes[box].name or f"fused group {box}" for box in kept)
    return Picture(graph.name, tuple(cards), tuple(wires), titles, shown)


def _lanes(flat: Flat, phase: Mapping[Node, str], inline: Collection[Node]) -> dict[Node, str]:
    """The column of each node: its phase, or the first phase of the fused group that it is in."""
    first: dict[int, str] = {}
    for node, box in flat.box_of.items():
        if node not in inline and not isinstance(node.op, Source):
            first[box] = min(first.get(box, UPDATE), phase[node], key=PHASES.index)
    return {
        node: first.get(flat.box_of[node], phase[node]) if node in flat.box_of else phase[node]
        for node in flat.nodes
    }


def _with_ports(cards: list[Card], wires: list[Wire]) -> tuple[list[Card], list[Wire]]:
    """A value that several cards of another lane read arrives there once, at a port."""
    readers: dict[tuple[int, str, int | None], list[int]] = {}
    for i, wire in enumerate(wires):
        source, target = cards[wire.source], cards[wire.target]
        if source.lane != target.lane:
            key = wire.source, target.lane, target.box
            readers.setdefault(key, []).append(i)
    cards, wires = list(cards), list(wires)
    for (origin, lane, _), reading in readers.items():
        if len(reading) < 2:
            continue
        port = len(cards)
        cards.append(replace(cards[origin], kind="port", lane=lane, box=None, reference=True))
        wires.append(Wire(origin, port, wires[reading[0]].type))
        for i in reading:
            wires[i] = replace(wires[i], source=port)
    return cards, wires


class _Table:
    """Collects cards and wires; sources are added where they are first read."""

    def __init__(self, flat: Flat, phase: Mapping[Node, str]) -> None:
        self.cards: list[Card] = []
        self.wires: list[Wire] = []
        self.inline = inline_texts(flat)
        self._lane = _lanes(flat, phase, self.inline)
        self._flat = flat
        self._phase = phase
        self._card_of: dict[Node, int] = {}
        self._depth: dict[Node, int] = {}
        self._shown: dict[tuple[Node, str], tuple[int, int]] = {}

    def add_op(self, node: Node) -> None:
        operands = self._flat.operands[node]
        depths = [self._depth.get(v.node, 0) for v in operands]
        self._depth[node] = depth = 1 + max(depths, default=0)
        sources = [self._source(v.node, self._lane[node], depth) for v in operands]
        self._card_of[node] = target = len(self.cards)
        self.cards.append(
            Card(
                _call(node, [self.inline.get(v.node) for v in operands]),
                "op",
                self._phase[node],
                self._lane[node],
                _detail(node),
                ", ".join(str(v.type) for v in node.results),
                node.location.short if node.location else "",
                self._flat.box_of.get(node),
                node=node,
            )
        )
        self._connect(zip(sources, operands, strict=True), target)

    def add_end(self, title: str, kind: str, phase: str, value: Value) -> None:
        """An output or an update: beside the fused group that computes it, or in its own lane."""
        depth = self._depth.get(value.node, 0) + 1
        lane = self._lane[value.node] if value.node in self._flat.box_of else phase
        source = self._source(value.node, lane, depth)
        self.cards.append(Card(title, kind, phase, lane))
        self._connect([(source, value)], len(self.cards) - 1)

    def _connect(self, pairs: Iterable[tuple[int | None, Value]], target: int) -> None:
        for source, value in pairs:
            wire = Wire(source, target, str(value.type)) if source is not None else None
            if wire is not None and wire not in self.wires[-8:]:
                self.wires.append(wire)

    def _source(self, node: Node, lane: str, depth: int) -> int | None:
        """The card to draw a wire from; ``None`` for what is written into the reader."""
        if node in self._card_of:
            return self._card_of[node]
        if node in self.inline:
            return None
        found = self._shown.get((node, lane))
        if found is not None and depth - found[1] <= _NEAR:
            return found[0]
        again = any(shown is node for shown, _ in self._shown)
        kind = node.op.name if node.op.name in ("input", "parameter", "constant") else "constant"
        title = str(node.name or _source_text(node))
        place = node.location.short if node.location else ""
        self.cards.append(
            Card(title, kind, lane, lane, "", str(node.result.type), place, None, again, node)
        )
        self._shown[node, lane] = len(self.cards) - 1, depth
        return len(self.cards) - 1


def inline_texts(flat: Flat) -> dict[Node, str]:
    """How each constant of one element, each size, and each of them in another shape or dtype is
    written into its readers."""
    texts: dict[Node, str] = {}
    for node in flat.nodes:
        before = [value.node for value in flat.operands[node]]
        if node.op.name == "constant" and np.size(node.attributes["value"]) == 1:
            texts[node] = scalar_text(np.asarray(node.attributes["value"]).item())
        elif node.op.name in _SAME_ELEMENT and before[0] in texts:
            texts[node] = texts[before[0]]
        else:
            size = size_text(node, before)
            texts.update({node: size} if size is not None else {})
    return texts


def size_text(node: Node, before: Sequence[Node]) -> str | None:
    """The size that ``node`` is, where it takes one element of an ``iota``: the way in which a
    graph says a size as a number."""
    if node.op.name != "slice" or before[0].op.name != "iota" or node.result.type.size != 1:
        return None
    return str(node.attributes["start"][0])


def scalar_text(value: float | int | bool) -> str:
    """A number in few characters.

    >>> scalar_text(0.1), scalar_text(3.0), scalar_text(0.10000000149011612)
    ('0.1', '3', '0.1')
    """
    return str(value) if isinstance(value, bool | int) else f"{value:.6g}"


def _source_text(node: Node) -> str:
    return f"{node.op.name} {node.result.type}" if node.op.name != "constant" else "constant"


def _call(node: Node, written: Sequence[str | None]) -> str:
    """The op's name, with the constants among its operands written in: ``power(·, 2)``."""
    if not any(written):
        return node.op.name
    return f"{node.op.name}({', '.join(text or '·' for text in written)})"


_LEFT_OUT = frozenset({"shape", "order", "value", "initial"})


def _detail(node: Node) -> str:
    attributes = ", ".join(_attributes(node))
    text = f"{node.name}  {attributes}".strip() if node.name else attributes
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"


def _attributes(node: Node) -> Iterator[str]:
    for key, value in node.attributes.items():
        if key in _LEFT_OUT or isinstance(value, np.ndarray) or value == ():
            continue
        if isinstance(value, tuple):
            yield f"{key} {', '.join(map(str, value))}"
        else:
            yield f"{key} {value.short if isinstance(value, DType) else value}"
