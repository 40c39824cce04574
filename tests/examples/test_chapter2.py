"""Chapter 2: its scripts run, its notebooks have the scripts' cells, and their cells run."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.structure import ROOT

FOLDER = ROOT / "examples" / "chapter2"


def maker() -> ModuleType:
    """The program that makes the notebooks."""
    spec = importlib.util.spec_from_file_location("make_notebooks", FOLDER / "make_notebooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = maker()
LANGUAGES = list(MAKER.NOTEBOOKS)
EXPECTED = {
    "s1_first_look": ["test accuracy: 0.", "Trainable params: 407,050"],
    "s2_data": ["rank 5  (samples, frames, 16, 16, 3)", "equal to NumPy's: True"],
    "s3_operations": ["cannot broadcast (N, 10) with (12)", "relu(x[i] + y[i])", "wide[j, i]"],
    "s4_gradients": ["loss_val  +3.0", "grad_w    +2.0", "9.8", "10 of 10 derivatives agree"],
    "s5_from_scratch": ["epoch 2: loss", "accuracy: 0.", "kernel step."],
}


def environment(**more: str) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "CHAPTER_QUICK": "1", **more}


@pytest.mark.parametrize("script", MAKER.SCRIPTS)
def test_a_script_runs(script: str, tmp_path: Path) -> None:
    pytest.importorskip("mlxtend")
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{script}.py")],
        cwd=tmp_path,
        env=environment(CHAPTER_PICTURES=str(tmp_path / "pictures")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for part in EXPECTED[script]:
        assert part in done.stdout, done.stdout
    shown = len(re.findall(r"^ *show\(", (FOLDER / f"{script}.py").read_text(), re.MULTILINE))
    assert len(list((tmp_path / "pictures").glob("*.svg"))) == shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_is_up_to_date(language: str) -> None:
    assert MAKER.is_up_to_date(language), "run examples/chapter2/make_notebooks.py --execute"


def test_prose_is_the_same_in_every_language() -> None:
    english = [name for name, _ in MAKER.prose("en")]
    headings = [text.count("\n##") + text.startswith("##") for _, text in MAKER.prose("en")]
    for language in LANGUAGES:
        texts = MAKER.prose(language)
        assert [name for name, _ in texts] == english
        assert [t.count("\n##") + t.startswith("##") for _, t in texts] == headings
        assert all(text for _, text in texts)
        cells = [(kind, identity) for kind, identity, _ in MAKER.layout(language)]
        assert cells == [(kind, identity) for kind, identity, _ in MAKER.layout("en")]
        assert len({identity for _, identity in cells}) == len(cells)


def test_the_korean_prose_is_korean() -> None:
    for name, text in MAKER.prose("ko"):
        assert re.search("[가-힣]", text), name


def results(stored: dict) -> Iterator[tuple[str, dict]]:
    for cell in stored["cells"]:
        for output in cell.get("outputs", []):
            yield cell["id"], output


@pytest.mark.parametrize("language", LANGUAGES)
def test_stored_results(language: str) -> None:
    """They are those of a run without errors, and say nothing of the machine it was on."""
    stored = json.loads((FOLDER / MAKER.NOTEBOOKS[language]).read_text(encoding="utf-8"))
    shown = dict(results(stored))
    assert all(output["output_type"] != "error" for output in shown.values())
    pictures = [o for _, o in results(stored) if "image/svg+xml" in o.get("data", {})]
    assert len(pictures) >= 6
    text = json.dumps(stored, ensure_ascii=False)
    assert not re.findall(r"(?<![\w.])/(?:home|root|work|Users|tmp)/\w+", text)
    for parts in EXPECTED.values():
        for part in parts:
            assert json.dumps(part)[1:-1] in text.replace("epoch 5", "epoch 2"), part


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_runs(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlxtend")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("CHAPTER_QUICK", "1")
    shown = json.dumps(MAKER.executed(language), ensure_ascii=False)
    for parts in EXPECTED.values():
        for part in parts:
            assert json.dumps(part)[1:-1] in shown, part


def test_prose_that_belongs_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MAKER, "prose", lambda language: [("title", "# A"), ("nowhere", "text")])
    with pytest.raises(ValueError, match="'nowhere' belongs to no cell"):
        MAKER.notebook("en")
