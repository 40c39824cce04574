"""What stands in graphc/docs is made from the code: the table of singular points, the pictures."""

from __future__ import annotations

import pytest

import graphc.autodiff
from tests.examples.test_examples import example
from tests.structure import ROOT

_HEAD = """# Gradients at singular points

Where a function has a corner, a tie or a pole, its gradient is a matter of agreement. This is what
graphc agrees on; the tests in `tests/autodiff/test_singular.py` hold each line, in float32 and
float64.

| op | its gradient |
|---|---|
"""


def singular_points() -> str:
    """The table in the docstring of ``graphc.autodiff``, as Markdown."""
    text = graphc.autodiff.__doc__ or ""
    rule = next(line for line in text.splitlines() if line.startswith("==="))
    width = len(rule.split()[0])
    rows: list[list[str]] = []
    for line in text.split(rule)[1].strip("\n").splitlines():
        op, meaning = line[:width].strip(), line[width:].strip()
        if op or not rows:
            rows.append([op, meaning])
        else:
            rows[-1][1] += f"<br>{meaning}" if meaning.startswith("for ") else f" {meaning}"
    return _HEAD + "\n".join(f"| {_markdown(op)} | {_markdown(text)} |" for op, text in rows) + "\n"


def _markdown(text: str) -> str:
    """Code in backquotes stays as it is; elsewhere a star is a star."""
    parts = text.split("``")
    return "`".join(part if i % 2 else part.replace("*", r"\*") for i, part in enumerate(parts))


def up_to_date(name: str, text: str, rewrite: bool) -> None:
    path = ROOT / "graphc" / "docs" / name
    if rewrite:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"graphc/docs/{name}: run with --update-golden"


def test_singular_points(request: pytest.FixtureRequest) -> None:
    up_to_date(
        "singular_points.md", singular_points(), request.config.getoption("--update-golden")
    )


def test_picture_of_the_first_network(request: pytest.FixtureRequest) -> None:
    text = example("first_network").step.svg()
    up_to_date("first_network.svg", text, request.config.getoption("--update-golden"))
