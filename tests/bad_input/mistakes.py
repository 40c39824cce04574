"""Mistakes as data: small programs that are wrong, and what a user is told of each.

A file of mistakes has ``### title`` before each program.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import graphc
import runtime
from graphc.errors import GraphcError
from runtime.errors import RunError

FOLDER = Path(__file__).parent


def mistakes(area: str) -> dict[str, str]:
    """The programs of ``<area>.txt`` by their titles."""
    text = (FOLDER / f"{area}.txt").read_text(encoding="utf-8")
    parts = [part.partition("\n") for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]]
    found = {title: program for title, _, program in parts}
    assert len(found) == len(parts), "two mistakes have one title"
    return found


def told(program: str, folder: Path) -> str:
    """Class and text of the error that ``program`` raises as ``train.py`` of ``folder``."""
    path = folder / "train.py"
    path.write_text(program, encoding="utf-8")
    names = {"graphc": graphc, "np": np, "runtime": runtime, "__name__": "train"}
    try:
        exec(compile(program, str(path), "exec"), names)
    except (GraphcError, RunError) as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError(f"no error from\n{program}")
