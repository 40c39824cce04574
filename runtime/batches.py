"""Mini-batches: seeded shuffling, the last partial batch, no new arrays on the way.

Which rows are in which batch is decided here; ``gathering`` fetches them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.conversion import as_array
from runtime.errors import InputError, InputNameError
from runtime.gathering import Cast, Rows
from runtime.naming import suggestion


@dataclass(frozen=True)
class Batch:
    """Some rows of the data.  ``arrays`` are valid until the next batch is taken."""

    count: int
    arrays: Mapping[str, np.ndarray]


class Batches:
    """Cuts arrays of equal length into batches of ``batch_size`` rows, the last one smaller.

    Epoch ``e`` is shuffled by ``seed`` and ``e`` alone, so any epoch can be had again without
    those before it.  Shuffled batches reuse one buffer for each array.  ``casts`` says which arrays
    are kept as they are but become floats in a batch; ``threads`` fetch the rows.

    >>> batches = Batches({"x": np.arange(5)}, 2, shuffle=False)
    >>> [batch.arrays["x"].tolist() for batch in batches.epoch(0)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        casts: Mapping[str, Cast] | None = None,
        threads: int = 1,
    ) -> None:
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size should be an int of at least 1, not {batch_size!r}")
        if not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed should be an int of at least 0, not {seed!r}")
        if not isinstance(data, Mapping):
            kind = type(data).__name__
            raise InputError(f"data should be a dict of arrays by the names of inputs, not {kind}")
        self.arrays = {name: _rows(value, name) for name, value in data.items()}
        self.samples = common_length(self.arrays)
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.seed = int(seed)
        self.casts = dict(casts or {})
        for name in self.casts:
            if name not in self.arrays:
                hint = suggestion(name, self.arrays)
                raise InputNameError(f"there is no data named {name!r} to scale{hint}")
        # Interned, as the names of inputs are: a call then knows them at once.
        self._gathered = {
            sys.intern(name): Rows(array, self.casts.get(name), threads)
            for name, array in self.arrays.items()
            if shuffle or name in self.casts
        }
        self._whole: Batch | None = None

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of epoch ``number``, from the batch ``first`` on."""
        order = self._order(number)
        for start in range(first * self.batch_size, self.samples, self.batch_size):
            count = min(self.batch_size, self.samples - start)
            batch = self._batch(count)
            numbers = order[start : start + count]
            for name, rows in self._gathered.items():
                rows.gather(numbers, batch.arrays[name])
            if len(self._gathered) == len(self.arrays):
                yield batch
                continue
            views = {name: array[start : start + count] for name, array in self.arrays.items()}
            yield Batch(count, {**views, **batch.arrays})

    def _order(self, epoch: int) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.samples)
        return np.random.default_rng([self.seed, epoch]).permutation(self.samples)

    def _batch(self, count: int) -> Batch:
        """The buffers of all arrays that are gathered, for ``count`` rows."""
        if self._whole is None:
            size = min(self.batch_size, self.samples)
            buffers = {name: rows.buffer(size) for name, rows in self._gathered.items()}
            self._whole = Batch(size, buffers)
        if count == self._whole.count:
            return self._whole
        return Batch(count, {name: whole[:count] for name, whole in self._whole.arrays.items()})


def _rows(value: Any, name: str) -> np.ndarray:
    array = as_array(value, f"data {name!r}")
    if array.ndim == 0:
        raise ValueError(f"data {name!r} is of rank 0: it has no rows; pass it as a fixed input")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def common_length(arrays: Mapping[str, np.ndarray]) -> int:
    """How many samples, which are rows, all arrays of a data set have.

    ``ValueError`` where there are none, or the arrays differ.

    >>> common_length({"x": np.zeros((3, 2)), "y": np.zeros(3)})
    3
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if not lengths:
        raise ValueError("no data was given: a data set is a dict of arrays by name")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"the data differ in their numbers of samples: {listed}")
    count = next(iter(lengths.values()))
    if count == 0:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"the data have no samples: {shapes}")
    return count
