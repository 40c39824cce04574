"""What the programs of chapters 3 to 5 share: options, curves, and texts as vectors."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np


def options(description: str | None, arguments: Sequence[str] | None, epochs: int):
    """The options that all of them have."""
    summary = (description or "").splitlines()[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--samples", type=int, default=0, help="fewer samples, to be quick")
    parser.add_argument("--pictures", type=Path, default=Path("pictures"), help="a directory")
    parser.add_argument("--verbose", type=int, default=2)
    return parser.parse_args(arguments)


def plot_curves(
    path: Path, curves: Mapping[str, Sequence[float]], title: str, ylabel: str = "loss"
) -> None:
    """Curves over epochs, the first epoch being 1; needs matplotlib, and says so without it."""
    if find_spec("matplotlib") is None:
        print(f"no picture of {title!r}: matplotlib is not installed (the extra 'examples' has it)")
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel="epoch", ylabel=ylabel)
    for label, values in curves.items():
        style = "o" if label.startswith("training") else "-"
        axes.plot(range(1, len(values) + 1), values, style, label=label, markersize=4)
    axes.legend()
    axes.grid(alpha=0.3)
    save(figure, path)


def save(figure, path: Path) -> None:
    """Writes a matplotlib figure and says where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"picture: {path}")


def multi_hot(texts: Sequence[Sequence[int]], dimension: int) -> np.ndarray:
    """A row a text, with 1 for each word that occurs in it: float32 (texts, dimension).

    >>> multi_hot([[1, 3, 3], [0]], 4).tolist()
    [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]]
    """
    rows = np.zeros((len(texts), dimension), np.float32)
    for row, words in zip(rows, texts, strict=True):
        row[np.asarray(words, int)] = 1
    return rows


def batch_size(samples: int) -> int:
    """512, or less where there are few samples, so that an epoch has some 30 steps.

    >>> batch_size(25000), batch_size(2400)
    (512, 80)
    """
    return max(16, min(512, samples // 30))


def best_epoch(losses: Sequence[float]) -> int:
    """The epoch, from 1, with the smallest loss."""
    return int(np.argmin(losses)) + 1
