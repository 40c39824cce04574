"""Charts of time against batch, width and depth, and of fused against unfused by a chain's length.

Drawn by matplotlib as SVG, one file each, both axes logarithmic.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compare import OURS, Row, compare

_CHARTS = {
    "batches": ("the first network's training step", "batch", [4**p for p in range(7)]),
    "widths": ("a training step by its hidden layer", "units", [2**p for p in range(5, 13)]),
    "depths": ("a training step by its hidden layers", "layers", [1, 3, 10, 30, 100]),
    "chains": ("elementwise ops, a million elements", "ops", [1, 2, 4, 8, 16, 32, 64]),
}


def write(
    folder: Path,
    peers: Sequence[str],
    threads: int,
    peers_python: str | None,
    *,
    names: Sequence[str] = tuple(_CHARTS),
    rounds: int = 3,
    seconds: float = 0.1,
) -> list[Path]:
    """Measures and writes ``<name>.svg`` into ``folder``; gives the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names:
        title, label, places = _CHARTS[name]
        rows = list(
            compare(
                name,
                range(len(places)),
                (*OURS, *peers),
                threads,
                rounds=rounds,
                seconds=seconds,
                peers_python=peers_python,
            )
        )
        path = folder / f"{name}.svg"
        draw(path, f"{title}, {threads} threads", label, places, rows)
        written.append(path)
    return written


def draw(path: Path, title: str, label: str, places: Sequence[int], rows: Sequence[Row]) -> None:
    """One chart of the rows' minimum times."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name in dict.fromkeys(name for row in rows for name in row.minimum):
        times = zip(places, (row.minimum.get(name) for row in rows), strict=True)
        known = [(place, seconds) for place, seconds in times if seconds is not None]
        width = 2.5 if name == "graphc" else 1.2
        axes.plot(*zip(*known, strict=True), marker="o", markersize=3, linewidth=width, label=name)
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel="seconds a call", title=title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(path)
    pyplot.close(figure)
