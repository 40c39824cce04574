"""What stands in graphc/docs is made from the code: the table of singular points, the pictures."""

from __future__ import annotations

import pytest

import graphc.api
import graphc.autodiff
from graphc.compiler import compile_graphs
from graphc.ir.printer import text
from graphc.loops.printer import text as loops_text
from runtime.target import AVX512
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


def up_to_date(name: str, made: str, rewrite: bool) -> None:
    path = ROOT / "graphc" / "docs" / name
    if rewrite:
        path.write_text(made, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == made, f"graphc/docs/{name}: run with --update-golden"


def test_singular_points(request: pytest.FixtureRequest) -> None:
    up_to_date(
        "singular_points.md", singular_points(), request.config.getoption("--update-golden")
    )


def test_picture_of_the_first_network(request: pytest.FixtureRequest) -> None:
    picture = example("first_network").step.svg()
    up_to_date("first_network.svg", picture, request.config.getoption("--update-golden"))


_STAGES = """# A training step at every stage

The training step of `examples/first_network.py`, as `Executable.text(stage)` shows it for a
processor with AVX-512. Each text but the assembly reads back. `%grad.h` is a gradient that belongs
to `%h`; the last two stages, LLVM IR and assembly, are some thousands of lines:
`python -m graphc dump examples/first_network.py:step --stage asm`.
"""


def stages() -> str:
    """The texts of the stages that don't depend on the version of LLVM."""
    step = example("first_network").step
    (made,) = compile_graphs([step.ir], AVX512, name="step").entries
    loops = "\n".join(loops_text(call.kernel) for call in made.plan.calls)
    texts = {
        "graph": text(made.graph),
        "optimized": text(made.optimized),
        "fused": text(made.fused),
        "loops": loops,
    }
    return _STAGES + "".join(
        f"\n## {stage}\n\n```\n{shown.rstrip()}\n```\n" for stage, shown in texts.items()
    )


def test_stages_of_the_first_network(request: pytest.FixtureRequest) -> None:
    up_to_date("stages.md", stages(), request.config.getoption("--update-golden"))


def test_fused_picture_of_the_first_network(request: pytest.FixtureRequest) -> None:
    step = example("first_network").step
    (made,) = compile_graphs([step.ir], AVX512, name="step").entries
    picture = graphc.api.Graph.of(made.fused).svg()
    rewrite = request.config.getoption("--update-golden")
    up_to_date("first_network.fused.svg", picture, rewrite)
