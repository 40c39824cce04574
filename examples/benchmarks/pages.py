"""The pages that hold what was measured: each table between two markers of its name."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README, DOCS = "README.md", "graphc/docs"
BENCHMARKS, KERAS = f"{DOCS}/benchmarks.md", f"{DOCS}/keras.md"


def write(root: Path, page: str, name: str, text: str) -> None:
    """Replaces what stands between the markers of ``name`` in ``page`` below ``root``."""
    path = root / page
    start, end = f"<!-- {name} -->", f"<!-- end of the {name} -->"
    old = path.read_text(encoding="utf-8")
    before, _, rest = old.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path} has nothing between {start} and {end}")
    path.write_text(f"{before}{start}\n{text}{end}{after}", encoding="utf-8")
