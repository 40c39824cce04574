"""Graphs as formulas."""

from __future__ import annotations

from xml.etree import ElementTree

import graphc
from graphc.viz.mathematics import mathematics


def step() -> graphc.Graph:
    x = graphc.input("x", ("N", 8))
    w = graphc.parameter("w", graphc.initializers.ones((8, 3)))
    y = graphc.relu(x @ w)
    loss = graphc.mean(y * y)
    (dw,) = graphc.grad(loss, [w])
    return graphc.Graph("step", outputs={"loss": loss}, updates={w: w - 0.1 * dw})


def test_formulas_of_a_training_step() -> None:
    texts = {f.name: f.text.partition(" = ")[2] for f in mathematics(step().ir)}
    assert any(text == "Max(0, matmul(x, w))" for text in texts.values()), texts
    assert "mean(" in texts["loss"]
    assert texts["new_w"].startswith("w - 0.1*")
    assert any("Piecewise" in text for text in texts.values())


def test_mathml_is_well_formed() -> None:
    for formula in mathematics(step().ir):
        ElementTree.fromstring(formula.mathml.replace("&InvisibleTimes;", "*"))
        assert formula.latex.count("{") == formula.latex.count("}")


def test_a_deep_chain_is_cut_short() -> None:
    x = graphc.input("x", ("N",))
    chain = [x]
    for _ in range(400):
        chain.append(graphc.sqrt(chain[-1]))
    (last,) = mathematics(graphc.Graph("deep", outputs={"y": chain[-1]}).ir)
    assert last.text == "y = sqrt(...)"


def test_a_page_with_formulas() -> None:
    page = step().html(formulas=True)
    assert "<math" in page and "<math" not in step().html()
