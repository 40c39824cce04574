"""What users are told of their mistakes, word for word; no bare error of Python reaches them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bad_input.mistakes import mistakes, told


@pytest.mark.parametrize("area", ["declarations", "faces", "calls", "definitions", "training"])
def test_texts(area: str, golden: Callable[[str, str], None], tmp_path: Path) -> None:
    parts = []
    for number, (title, program) in enumerate(mistakes(area).items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        parts.append(f"### {title}\n{told(program, folder)}\n")
    golden(f"errors/{area}.txt", "\n".join(parts))
