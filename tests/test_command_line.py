"""``python -m graphc``: what it prints and writes, and each error as one message."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from graphc.__main__ import main

MODEL = """
import graphc
x = graphc.input("x", ("N", 4))
w = graphc.parameter("w", graphc.initializers.ones((4, 3)))
y = graphc.relu(x @ w)
model = graphc.Graph("model", outputs={"y": y})
program = graphc.compile(model, graphc.Graph("twice", outputs={"y": 2 * y}))
number = 3
"""


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return str(path)


@pytest.mark.parametrize(
    ("stage", "part"),
    [
        ("graph", "graph @model<N>"),
        ("optimized", "matmul"),
        ("fused", "fusion"),
        ("loops", "kernel"),
        ("llvm", "define"),
        ("asm", "ret"),
    ],
)
def test_dump(file: str, stage: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", f"{file}:model", "--stage", stage]) == 0
    assert part in capsys.readouterr().out


def test_dump_of_a_tensor_and_of_an_executable(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dump", f"{file}:y"]) == 0
    assert "graph @y<N>" in capsys.readouterr().out
    assert main(["dump", f"{file}:program", "--stage", "graph"]) == 0
    shown = capsys.readouterr().out
    assert "@model" in shown and "@twice" in shown


def test_dump_of_the_unfused_program(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["dump", f"{file}:model", "--stage", "loops", "--no-fuse"])
    unfused = capsys.readouterr().out
    main(["dump", f"{file}:model", "--stage", "loops"])
    assert unfused.count("kernel ") > capsys.readouterr().out.count("kernel ")


@pytest.mark.parametrize("stage", ["graph", "optimized", "fused"])
def test_draw(file: str, stage: str, tmp_path: Path) -> None:
    for suffix in ("svg", "dot", "html"):
        out = tmp_path / f"out.{suffix}"
        assert main(["draw", f"{file}:model", "-o", str(out), "--stage", stage]) == 0
        assert "matmul" in out.read_text()
    ElementTree.parse(tmp_path / "out.svg")


def test_draw_of_several_entries(file: str, tmp_path: Path) -> None:
    assert main(["draw", f"{file}:program", "-o", str(tmp_path / "out.svg")]) == 0
    assert sorted(p.name for p in tmp_path.glob("*.svg")) == ["out.model.svg", "out.twice.svg"]


def test_bench(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, chart = tmp_path / "report.json", tmp_path / "report.svg"
    options = ["--sizes", "N=8,16", "--seconds", "0.02", "--json", str(report)]
    assert main(["bench", f"{file}:model", *options, "--svg", str(chart)]) == 0
    assert "unfused" in capsys.readouterr().out
    assert [r["sizes"] for r in json.loads(report.read_text())["results"]] == [{"N": 8}, {"N": 16}]
    ElementTree.parse(chart)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dump", "model"], "expected FILE.py:NAME"),
        (["dump", "no_such_file.py:model"], "there is no file no_such_file.py"),
        (["dump", "{file}:modle"], "defines no modle; it has: y, model, program, x, w"),
        (["dump", "{file}:number"], "is no Graph, Tensor or Executable but of type int"),
        (["draw", "{file}:model", "-o", "out.png"], "must end in .svg, .dot, .html"),
        (["draw", "{file}:model", "-o", "no/such/place/out.svg"], "cannot write"),
        (["bench", "{file}:model"], "model has named dims: say how large, as in --sizes N=32,128"),
        (["bench", "{file}:model", "--sizes", "M=3"], "has named dims: say how large"),
        (["bench", "{file}:model", "--sizes", "N=3", "M=3"], "no dim M"),
        (["bench", "{file}:model", "--sizes", "N=x"], "expected DIM=SIZE"),
        (["bench", "{file}:program"], "give it a Graph"),
    ],
)
def test_errors(
    arguments: list[str], message: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.format(file=file) for argument in arguments]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("graphc: ")
    wanted = message.partition("it has: ")
    assert wanted[0] in shown, shown


def test_an_error_of_the_file_is_told_at_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        "import graphc\na = graphc.input('a', (3,))\nb = graphc.input('b', (4,))\nc = a + b\n"
    )
    assert main(["dump", f"{path}:c"]) == 1
    assert "wrong.py:4" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["dump"], ["dump", "x.py:y", "--stage", "soup"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
