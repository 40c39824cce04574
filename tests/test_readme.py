"""The README's Python runs, its errors read as printed, and its links lead somewhere."""

from __future__ import annotations

import linecache
import re
from pathlib import Path

import numpy as np
import pytest

import graphc
from tests.structure import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"(<!-- raises -->\n)?```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", README, re.S
)


def run(code: str, names: dict[str, object]) -> None:
    """``code`` as the file train.py, whose lines errors can show."""
    linecache.cache["train.py"] = (len(code), None, code.splitlines(keepends=True), "train.py")
    exec(compile(code, "train.py", "exec"), names)


def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    tour = [code for raises, code, _ in BLOCKS if not raises]
    assert len(tour) >= 4
    for code in tour:
        run(code, names)
    assert names["after"] != names["before"]
    assert (tmp_path / "step.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(("code", "text"), [(c, t) for raises, c, t in BLOCKS if raises])
def test_errors_read_as_printed(code: str, text: str) -> None:
    with pytest.raises(Exception) as caught:
        run(code, {"graphc": graphc, "np": np})
    assert f"{type(caught.value).__name__}: {caught.value}".strip() == text.strip()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert "://" in target or (ROOT / target).exists(), target


def test_there_is_one_test_command() -> None:
    marked = re.findall(r"<!-- test command -->\n```sh\n(.*?)\n```", README, re.S)
    assert len(marked) == 1 and "pytest" in marked[0]
