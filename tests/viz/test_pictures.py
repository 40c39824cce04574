"""Pictures: what they show, that nothing overlaps, and the golden files."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.ir.graphs import Graph, collect
from graphc.viz.dot import to_dot
from graphc.viz.html import html
from graphc.viz.layers import Gaps, draw
from graphc.viz.layout import Rectangle, layout
from graphc.viz.routes import scene
from graphc.viz.svg import svg
from graphc.viz.view import picture
from tests.viz import samples

SAMPLES = {
    "small": samples.small,
    "training_step": samples.training_step,
    "fused_training_step": samples.fused_training_step,
}


@pytest.fixture(params=SAMPLES, name="graph")
def _graph(request: pytest.FixtureRequest) -> Graph:
    return SAMPLES[request.param]()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(("kind", "write"), [("svg", svg), ("dot", to_dot)])
def test_golden(
    name: str, kind: str, write: Callable[[Graph], str], golden: Callable[[str, str], None]
) -> None:
    golden(f"viz/{name}.{kind}", write(SAMPLES[name]()))


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return (
        min(a.x + a.width, b.x + b.width) - max(a.x, b.x) > 1e-6
        and min(a.y + a.height, b.y + b.height) - max(a.y, b.y) > 1e-6
    )


def contains(outer: Rectangle, inner: Rectangle) -> bool:
    return (
        outer.x <= inner.x + 1e-6
        and outer.y <= inner.y + 1e-6
        and inner.x + inner.width <= outer.x + outer.width + 1e-6
        and inner.y + inner.height <= outer.y + outer.height + 1e-6
    )


def test_nothing_overlaps(graph: Graph) -> None:
    shown = picture(graph)
    placed = scene(shown, layout(shown))
    for a, b in combinations(placed.cards, 2):
        assert not overlap(a, b)
    for a, b in combinations(placed.boxes, 2):
        assert not overlap(a, b)
    for card, place in zip(shown.cards, placed.cards, strict=True):
        assert any(contains(ground, place) for _, ground in placed.lanes)
        for box, frame in enumerate(placed.boxes):
            assert contains(frame, place) if card.box == box else not overlap(frame, place)


def test_wires_begin_and_end_at_their_cards(graph: Graph) -> None:
    shown = picture(graph)
    placed = scene(shown, layout(shown))
    for wire, route in zip(shown.wires, placed.routes, strict=True):
        points = [*route.before, *route.across, *route.after]
        for card, (x, y) in ((wire.source, points[0]), (wire.target, points[-1])):
            place = placed.cards[card]
            assert place.x <= x <= place.x + place.width
            assert min(abs(place.y - y), abs(place.y + place.height - y)) < 1e-6


def test_svg_is_well_formed_and_has_a_card_for_every_node(graph: Graph) -> None:
    root = ElementTree.fromstring(svg(graph))
    names = [e.text for e in root.iter() if e.get("class") == "name"]
    for name in graph.outputs:
        assert f"return {name}" in names
    for parameter, _ in graph.updates:
        assert f"update {parameter.name}" in names
    assert names.count("matmul") >= sum(node.op.name == "matmul" for node in graph.nodes)


def test_phases_of_a_training_step() -> None:
    shown = picture(samples.training_step())
    found = {
        phase: [c.title for c in shown.cards if c.phase == phase and c.kind == "op"]
        for phase in ("forward", "backward", "update")
    }
    assert found["forward"].count("matmul") == 2
    assert found["backward"].count("matmul") == 3
    assert "matmul" not in found["update"]
    assert found["update"].count("sqrt") == 4
    assert "where(·, ·, 0)" in found["backward"]


def test_phases_of_a_step_that_returns_nothing() -> None:
    """It keeps its loss in a parameter, as a model's step does."""
    x = graphc.input("x", ("N", 3))
    w = graphc.parameter("w", np.ones((3, 2), np.float32))
    total = graphc.parameter("total", np.float32(0))
    hidden = graphc.relu(x @ w)
    loss = graphc.mean(hidden * hidden)
    (dw,) = graphc.grad(loss, [w])
    step = graphc.Graph("step", outputs={}, updates={total: total + loss, w: w - 0.1 * dw})
    shown = picture(step.ir)
    found = {
        phase: [c.title for c in shown.cards if c.phase == phase and c.kind == "op"]
        for phase in ("forward", "backward", "update")
    }
    assert found["forward"] == ["matmul", "relu", "multiply", "mean"]
    assert found["backward"].count("matmul") == 1
    assert "subtract" in found["update"] and "add" in found["update"]


def test_a_graph_without_updates_has_one_lane() -> None:
    shown = picture(samples.small())
    assert {card.phase for card in shown.cards} == {"forward"}
    assert ">backward<" not in svg(samples.small())


def test_scalar_constants_are_written_into_their_readers() -> None:
    shown = picture(samples.small())
    assert "multiply(·, 0.5)" in [card.title for card in shown.cards]
    assert not [card for card in shown.cards if card.kind == "constant"]


def test_names_are_escaped() -> None:
    n = samples.Lines()
    x = n("input", "3", name="a<b>&\"c\"")
    graph = collect("<&>", {"<y>": n("exp", "3", x, name="</svg>")})
    ElementTree.fromstring(svg(graph))
    assert "</svg>" not in svg(graph)[:-8]
    assert "</svg>" not in html(graph).split("<svg")[0]
    assert '\\"c\\"' in to_dot(graph)


def test_edge_cases_of_graphs() -> None:
    n = samples.Lines()
    x = n("input", "3", name="x")
    for graph in (
        collect("nothing", {}),
        collect("identity", {"y": x}),
        collect("number", {"y": n.number(2.0)}),
        collect("twice", {"y": x, "z": x}),
        collect("only_update", {}, [(n("parameter", "3", name="w"), n("exp", "3", x))]),
    ):
        ElementTree.fromstring(svg(graph))
        to_dot(graph)


def test_page_links_lines_and_cards() -> None:
    page = html(samples.small())
    assert page.count("data-cards=") >= 6
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_long_chain() -> None:
    n = samples.Lines()
    value = n("input", "N", name="x")
    for _ in range(3000):
        value = n("exp", "N", value)
    ElementTree.fromstring(svg(collect("chain", {"y": value})))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_layers(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 24))
    sizes = [(20.0 + 7 * (i % 5), 10.0 + 9 * (i % 3)) for i in range(count)]
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = [(min(p), max(p)) for p in data.draw(st.lists(pairs, max_size=50)) if p[0] != p[1]]
    drawing = draw(sizes, edges, Gaps())
    places = [
        Rectangle(x - w / 2, y - h / 2, w, h)
        for (x, y), (w, h) in zip(drawing.centres, sizes, strict=True)
    ]
    whole = Rectangle(0, 0, drawing.width, drawing.height)
    assert all(contains(whole, place) for place in places)
    assert not any(overlap(a, b) for a, b in combinations(places, 2))
    for a, b in edges:
        ys = [drawing.centres[a][1], *(y for _, y in drawing.waypoints[a, b])]
        ys.append(drawing.centres[b][1])
        assert ys == sorted(ys) and len(set(ys)) == len(ys)


def test_a_group_of_constants_has_no_box() -> None:
    x = graphc.input("x", ("N", 3))
    outputs = {"zeros": graphc.zeros((4, 3)), "y": graphc.sum(x * 2, 1)}
    exe = graphc.compile(graphc.Graph("g", outputs))
    shown = picture(exe.graph("fused").ir)
    assert len(shown.boxes) == 1
    ElementTree.fromstring(exe.graph("fused").svg())
