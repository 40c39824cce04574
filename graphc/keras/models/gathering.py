"""Predictions of many batches as one array for each output, written where they belong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class Gathered:
    """The outputs of an entry over batches of ``total`` samples; ``None`` where the number is not
    known before."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._done = 0
        self._whole: dict[str, np.ndarray] | None = None
        self._parts: list[dict[str, np.ndarray]] = []

    def add(
        self, run: Callable[..., dict[str, np.ndarray]], arrays: list[np.ndarray]
    ) -> list[np.ndarray]:
        """The outputs for a batch, which ``run(arrays)`` gives, or writes to ``out``."""
        count = len(arrays[0])
        if self._whole is None:
            outputs = run(arrays)
            self._begin(outputs, count)
            return list(outputs.values())
        to = slice(self._done, self._done + count)
        views = {name: array[to] for name, array in self._whole.items()}
        run(arrays, out=views)
        self._done += count
        return list(views.values())

    def _begin(self, outputs: dict[str, np.ndarray], count: int) -> None:
        """Decides by the first batch whether the outputs fit into whole arrays."""
        by_row = all(a.ndim > 0 and len(a) == count for a in outputs.values())
        if self.total is None or not by_row or self._parts:
            self._parts.append(outputs)
            return
        self._whole = {
            name: np.empty((self.total, *array.shape[1:]), array.dtype)
            for name, array in outputs.items()
        }
        for name, array in outputs.items():
            self._whole[name][:count] = array
        self._done = count

    def arrays(self) -> list[np.ndarray]:
        """All rows of each output; ``ValueError`` where there was no batch."""
        if self._whole is not None:
            return list(self._whole.values())
        if not self._parts:
            raise ValueError("the data gave no batches")
        return [
            np.concatenate([np.atleast_1d(part[name]) for part in self._parts])
            for name in self._parts[0]
        ]
