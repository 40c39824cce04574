"""Mini-batches: seeded shuffling, the last partial batch, no new arrays on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.conversion import as_array
from runtime.errors import InputError


@dataclass(frozen=True)
class Batch:
    """Some rows of the data.  ``arrays`` are valid until the next batch is taken."""

    count: int
    arrays: Mapping[str, np.ndarray]


class Batches:
    """Cuts arrays of equal length into batches of ``batch_size`` rows, the last one smaller.

    Epoch ``e`` is shuffled by ``seed`` and ``e`` alone, so any epoch can be had again without
    those before it.  Shuffled batches reuse one buffer for each array.

    >>> batches = Batches({"x": np.arange(5)}, 2, shuffle=False)
    >>> [batch.arrays["x"].tolist() for batch in batches.epoch(0)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, data: Mapping[str, Any], batch_size: int, *, shuffle: bool = True, seed: int = 0
    ) -> None:
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size should be an int of at least 1, not {batch_size!r}")
        if not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed should be an int of at least 0, not {seed!r}")
        if not isinstance(data, Mapping):
            kind = type(data).__name__
            raise InputError(f"data should be a dict of arrays by the names of inputs, not {kind}")
        self.arrays = {name: _rows(value, name) for name, value in data.items()}
        self.samples = _common_length(self.arrays)
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.seed = int(seed)
        self._buffers: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of epoch ``number``, from the batch ``first`` on."""
        order = self._order(number) if self.shuffle else None
        for start in range(first * self.batch_size, self.samples, self.batch_size):
            count = min(self.batch_size, self.samples - start)
            if order is None:
                rows = {name: array[start : start + count] for name, array in self.arrays.items()}
            else:
                rows = self._taken(order[start : start + count])
            yield Batch(count, rows)

    def _order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(self.samples)

    def _taken(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        if not self._buffers:
            size = min(self.batch_size, self.samples)
            self._buffers = {
                name: np.empty((size, *array.shape[1:]), array.dtype)
                for name, array in self.arrays.items()
            }
        taken = {}
        for name, array in self.arrays.items():
            out = self._buffers[name][: len(rows)]
            # The rows are in range; every other mode than "clip" makes NumPy copy once more.
            taken[name] = np.take(array, rows, axis=0, out=out, mode="clip")
        return taken


def _rows(value: Any, name: str) -> np.ndarray:
    array = as_array(value, f"data {name!r}")
    if array.ndim == 0:
        raise ValueError(f"data {name!r} is of rank 0: it has no rows; pass it as a fixed input")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _common_length(arrays: Mapping[str, np.ndarray]) -> int:
    lengths = {name: len(array) for name, array in arrays.items()}
    if not lengths:
        raise ValueError("no data: pass a dict of arrays by the names of the inputs")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"the arrays of the data differ in length: {listed}")
    count = next(iter(lengths.values()))
    if count == 0:
        raise ValueError("the data has no rows")
    return count
