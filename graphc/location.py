"""The user's source lines: where a value was declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A line of the user's file (as shown, e.g. ``train.py``) and its text where it is known."""

    file: str
    line: int

    def __str__(self) -> str:
        return f'"{self.file}":{self.line}'
