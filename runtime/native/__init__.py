"""Fixed LLVM text that programs run with; see ``runtime.pool``."""

from __future__ import annotations

import os


def text(name: str) -> str:
    """What the file ``name`` of this package says.  By the package's own loader, which may be one
    of an archive; ``importlib.resources`` takes as long to import as a program to start."""
    place = os.path.join(os.path.dirname(__file__), name)
    content: bytes = __loader__.get_data(place)  # type: ignore[name-defined]
    return content.decode()
