"""Charts of time against batch, width and depth, and of fused against unfused by a chain's length.

Drawn by matplotlib as SVG, one file each, both axes logarithmic, on a white ground: they are read
on light pages and dark ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue import LISTS
from compare import OURS, Row, compare
from table import duration

_ROUNDS = 5
_PEERS = ("numpy", "jax", "torch")  # torch.compile takes minutes for a hundred layers
_COLOURS = {
    "graphc": "#15803d",
    "graphc unfused": "#86c79d",
    "numpy": "#64748b",
    "jax": "#7c3aed",
    "torch": "#ea580c",
}


@dataclass(frozen=True)
class Chart:
    """The list of works to measure, what is varied and where, and what the chart says it shows."""

    listed: str
    title: str
    axis: str
    places: tuple[int, ...]

    @property
    def file(self) -> str:
        return f"times_by_{self.axis}.svg"


CHARTS = (
    Chart("batches", "Training step 784-512-10", "batch", tuple(4**p for p in range(7))),
    Chart(
        "widths",
        "Training step 784-width-10, batch 128",
        "width",
        tuple(2**p for p in range(5, 13)),
    ),
    Chart("depths", "Training step, hidden layers of 128, batch 128", "depth", (1, 3, 10, 30, 100)),
    Chart("chains", "x * a + b and relu in turn, 4e6 elements", "length", (1, 2, 4, 8, 16, 32, 64)),
)


def report(
    folder: Path | None,
    peers: Sequence[str],
    threads: int,
    peers_python: str | None,
    *,
    quick: bool = False,
) -> Iterator[list[Row]]:
    """Measures what each chart shows, of which ``quick`` is the least; writes it into ``folder``
    where one is given."""
    for chart in CHARTS:
        count = 2 if quick else len(LISTS[chart.listed]())
        timing = {"rounds": 1, "seconds": 0.0} if quick else {"rounds": _ROUNDS}
        forms = (*OURS, *(peer for peer in peers if peer in _PEERS))
        rows = list(
            compare(chart.listed, range(count), forms, threads, peers_python=peers_python, **timing)
        )
        if folder is not None:
            draw(folder / chart.file, chart, threads, rows)
        yield rows


def draw(path: Path, chart: Chart, threads: int, rows: Sequence[Row]) -> None:
    """The rows' least times."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot, ticker

    style = {"svg.fonttype": "none", "svg.hashsalt": "graphc", "font.size": 11}
    with matplotlib.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(7.2, 4.6), layout="constrained", facecolor="white")
        for name, colour in _COLOURS.items():
            _line(axes, name, colour, chart.places, rows)
        number = f"{threads} thread" + "s" * (threads > 1)
        axes.set(xscale="log", yscale="log", xlabel=chart.axis, ylabel="time of a call")
        axes.set_title(f"{chart.title}, {number}", loc="left", fontsize=12)
        axes.xaxis.set_major_locator(ticker.FixedLocator(chart.places))
        axes.xaxis.set_minor_locator(ticker.NullLocator())
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda place, _: f"{place:.0f}"))
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda time, _: duration(time)))
        axes.yaxis.set_minor_formatter(ticker.NullFormatter())
        axes.grid(color="#e2e8f0", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=10)
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def _line(axes: Any, name: str, colour: str, places: Sequence[int], rows: Sequence[Row]) -> None:
    known = [(place, row.minimum.get(name)) for place, row in zip(places, rows, strict=False)]
    times = [(place, seconds) for place, seconds in known if seconds is not None]
    if not times:
        return
    ours = name in OURS
    axes.plot(
        *zip(*times, strict=True),
        color=colour,
        label=name,
        marker="o" if ours else "s",
        markersize=5 if name == "graphc" else 3.5,
        linewidth=2.6 if name == "graphc" else 1.4,
        zorder=3 if ours else 2,
    )
