"""What a training has measured so far: averages of the running epoch, the epochs done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from runtime.errors import UnknownMetricError
from runtime.naming import suggestion


class Average:
    """Means over samples of numbers known by batch: a batch counts once for each sample."""

    def __init__(self, totals: Mapping[str, float] | None = None, samples: int = 0) -> None:
        self.totals = dict(totals or {})
        self.samples = samples

    def add(self, outputs: Mapping[str, np.ndarray], count: int) -> None:
        """Adds the rank-0 outputs of a batch of ``count`` samples."""
        for name, value in outputs.items():
            if value.ndim == 0:
                self.totals[name] = self.totals.get(name, 0.0) + float(value) * count
        self.samples += count

    def means(self) -> dict[str, float]:
        return {name: total / self.samples for name, total in self.totals.items()}


@dataclass
class History:
    """The metrics of each epoch done: ``history["loss"]`` is the list of losses.

    ``seconds`` and ``samples`` are those of each epoch's steps, without validation;
    ``interrupted`` says that Ctrl-C ended the last training.
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    interrupted: bool = False

    def __getitem__(self, metric: str) -> list[float]:
        if not any(metric in epoch for epoch in self.epochs):
            known = sorted({name for epoch in self.epochs for name in epoch})
            raise UnknownMetricError(f"no metric is named {metric!r}{suggestion(metric, known)}")
        return [epoch.get(metric, float("nan")) for epoch in self.epochs]

    @property
    def samples_per_second(self) -> float:
        """Over all epochs done; 0.0 before the first."""
        seconds = sum(self.seconds)
        return sum(self.samples) / seconds if seconds > 0 else 0.0
