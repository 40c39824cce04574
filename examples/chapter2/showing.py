"""What the chapter's scripts and its notebook show things with: pictures, times, small settings.

In a notebook a picture appears below its cell; a script writes it into ``pictures`` and says where.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def quick() -> bool:
    """Whether to do less of everything, as the tests do."""
    return os.environ.get("CHAPTER_QUICK") == "1"


def show(svg: str, name: str) -> None:
    """Shows SVG text, or writes it to ``pictures/<name>.svg``."""
    if "ipykernel" in sys.modules:
        from IPython.display import SVG, display

        display(SVG(data=svg))
        return
    folder = Path(os.environ.get("CHAPTER_PICTURES", "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")
    print(f"picture: {path}")


def seconds(work: Callable[..., Any], *arguments: Any, times: int = 20) -> float:
    """The shortest of several runs."""
    best = float("inf")
    for _ in range(2 if quick() else times):
        start = time.perf_counter()
        work(*arguments)
        best = min(best, time.perf_counter() - start)
    return best


def readable(span: float) -> str:
    """
    >>> readable(0.25), readable(2e-5)
    ('250 ms', '20 us')
    """
    return f"{span * 1e3:.0f} ms" if span >= 1e-3 else f"{span * 1e6:.0f} us"
