"""Identifiers of a kernel, each used once."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Names:
    """Hands out identifiers made from hints."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._next: dict[str, int] = dict.fromkeys(taken, 1)

    def new(self, hint: str) -> str:
        """An identifier like ``hint`` that was not handed out before."""
        base = re.sub(r"\W+", "_", hint).strip("_") or "t"
        base = f"t{base}" if base[0].isdigit() else base
        name = base
        while name in self._next:
            name = f"{base}_{self._next[base]}"
            self._next[base] += 1
        self._next[name] = 1
        return name
