"""What a user feeds: arrays, lists and dicts of them, generators; as named arrays for an entry.

Knows the forms that data may have; what labels a loss wants is the business of ``checking``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.keras import config
from graphc.keras.entries import identifier, supported
from graphc.tensor import Tensor
from runtime.batches import Batches, common_length


@dataclass
class Feed:
    """Named arrays, and how ``x``, ``y`` and ``weights`` are made of them: structures whose leaves
    are names, or ``None`` where nothing was given."""

    arrays: dict[str, np.ndarray]
    x: Any
    y: Any = None
    weights: Any = None
    _kind: Any = field(default=None, repr=False)

    @property
    def samples(self) -> int:
        """How many rows the arrays have."""
        return len(next(iter(self.arrays.values())))

    def kind(self) -> Any:
        """What decides which entry takes it: names, structure, dtypes, sizes of a row."""
        if self._kind is None:
            kinds = tuple((n, a.dtype.str, a.shape[1:]) for n, a in self.arrays.items())
            self._kind = (repr((self.x, self.y, self.weights)), kinds)
        return self._kind


def named_feed(x: Any, y: Any, weights: Any, input_names: list[str]) -> Feed:
    """The arrays of ``x``, ``y`` and ``weights``, checked for equal lengths.

    Raises ``ValueError`` in the words of the user.
    """
    arrays: dict[str, np.ndarray] = {}

    def added(what: str) -> Any:
        def add(leaf: Any) -> str | None:
            if leaf is None:
                return None
            name = identifier(what)
            while name in arrays:
                name += "_"
            arrays[name] = _array(leaf, what)
            return name

        return add

    x_names = _named(x, input_names, "x", added)
    y_names = _named(y, [], "y", added)
    weight_names = _named(weights, [], "sample_weight", added)
    common_length(arrays)
    return Feed(arrays, x_names, y_names, weight_names)


def _named(structure: Any, names: list[str], what: str, added: Any) -> Any:
    """``structure`` with names in place of arrays; lists of numbers are arrays."""
    if structure is None:
        return None
    structure = _of_arrays(structure, what)
    if isinstance(structure, Mapping):
        prefix = "" if what == "x" else f"{what}_"
        return {key: _named(structure[key], [], f"{prefix}{key}", added) for key in structure}
    if isinstance(structure, (list, tuple)):
        numbered = [f"{what}_{i}" for i in range(len(structure))]
        own = names if len(names) == len(structure) else numbered
        return [_named(s, [], n, added) for s, n in zip(structure, own, strict=True)]
    return added(names[0] if len(names) == 1 else what)(structure)


def _of_arrays(structure: Any, what: str) -> Any:
    """A list of numbers as an array; a list of arrays stays one."""
    if isinstance(structure, (list, tuple)):
        nested = any(
            (hasattr(leaf, "shape") and getattr(leaf, "shape", ()) != ()) or leaf is None
            for leaf in structure
        )
        holds_dicts = any(isinstance(leaf, Mapping) for leaf in structure)
        if nested or holds_dicts:
            return structure
        try:
            return np.asarray(structure)
        except ValueError as error:
            raise ValueError(f"{what} is a list of rows of different lengths") from error
    return structure


def _array(leaf: Any, what: str) -> np.ndarray:
    if isinstance(leaf, Tensor):
        raise ValueError(f"{what} is a Tensor, which has no elements: give an array")
    array = np.asarray(leaf)
    if array.ndim == 0:
        raise ValueError(
            f"{what} is a single number ({array!r}): give an array with a row a sample"
        )
    try:
        array = supported(array)
    except TypeError as error:
        kinds = {type(value).__name__ for value in array.ravel()[:20].tolist()}
        raise ValueError(
            f"{what} has dtype {array.dtype} ({', '.join(sorted(kinds))}): give an array of numbers"
        ) from error
    return array


def unpacked(batch: Any) -> tuple[Any, Any, Any]:
    """``(x, y, sample_weight)`` of what a generator gave: a tuple of up to three, or ``x``."""
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError(
            f"a generator gives x, (x, y) or (x, y, sample_weight); this one gave {len(batch)}"
        )
    return (*batch, None, None)[:3]


def is_arrays(x: Any) -> bool:
    """Whether ``x`` is data itself: an array, or a list, tuple or dict of them."""
    return isinstance(x, (np.ndarray, list, tuple, Mapping)) or (
        hasattr(x, "__array__") and hasattr(x, "shape")
    )


def split(feed: Feed, share: float) -> tuple[Feed, Feed]:
    """The first rows, and the last ``share`` of them; ``ValueError`` where one would be empty."""
    if not 0 < share < 1:
        raise ValueError(f"validation_split is between 0 and 1, not {share!r}")
    at = int(np.floor(feed.samples * (1.0 - share)))
    if at == 0 or at == feed.samples:
        raise ValueError(
            f"validation_split={share} of {feed.samples} samples leaves "
            f"{'none to train on' if at == 0 else 'none to validate on'}"
        )
    parts = (slice(None, at), slice(at, None))
    first, last = (
        Feed({n: a[part] for n, a in feed.arrays.items()}, feed.x, feed.y, feed.weights)
        for part in parts
    )
    return first, last


def class_weights(y: Any, weights: Mapping[int, float]) -> np.ndarray:
    """The weight of each sample by its class: of integers, or of the 1 of a one-hot row.

    >>> class_weights(np.array([0, 2]), {0: 1.0, 2: 5.0})
    array([1., 5.], dtype=float32)
    """
    if not isinstance(weights, Mapping):
        raise ValueError("class_weight is a dict of classes to weights, as {0: 1.0, 1: 5.0}")
    if isinstance(y, (Mapping, list, tuple)):
        raise ValueError("class_weight is for models with one output")
    classes = np.asarray(y)
    if classes.ndim > 1:
        last = classes.shape[-1]
        classes = classes.argmax(-1) if last > 1 else classes[..., 0]
    found = np.ones(classes.shape, np.float32)
    for number, weight in weights.items():
        found[classes == int(number)] = weight
    return found


class Rows:
    """The batches of a feed, shuffled anew each epoch where wanted."""

    def __init__(self, feed: Feed, batch_size: int | None, shuffle: bool, seed: int) -> None:
        size = 32 if batch_size is None else batch_size
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"batch_size is an int of at least 1, not {size!r}")
        self.feed = feed
        threads = config.threads()
        self.batches = Batches(feed.arrays, int(size), shuffle=shuffle, seed=seed, threads=threads)
        self.steps: int | None = len(self.batches)
        self.finite = True

    def epoch(self, number: int) -> Iterator[tuple[Feed, list[np.ndarray]]]:
        """The feed whose kind all batches have, and each batch's arrays in its order."""
        for batch in self.batches.epoch(number):
            yield self.feed, list(batch.arrays.values())


class Stream:
    """The batches that a generator gives, or an object that has them by number: ``__getitem__``,
    and ``__len__`` or ``num_batches``.

    ``feed`` makes a feed of ``(x, y, sample_weight, class_weight)``; with a ``seed`` batches that
    have numbers come in another order each epoch.
    """

    def __init__(
        self,
        source: Any,
        feed: Callable[..., Feed],
        class_weight: Any = None,
        seed: int | None = None,
    ) -> None:
        self.source, self.feed, self.class_weight = source, feed, class_weight
        self.seed = seed
        self.indexed = hasattr(source, "__getitem__") and (
            hasattr(source, "__len__") or hasattr(type(source), "num_batches")
        )
        self.steps: int | None = None
        if self.indexed:
            own = hasattr(type(source), "num_batches")
            self.steps = source.num_batches if own else len(source)
        elif not hasattr(source, "__iter__"):
            raise ValueError(f"cannot take data from {type(source).__name__}")
        endless = self.steps is None if self.indexed else iter(source) is source
        self.finite = not endless

    def epoch(self, number: int) -> Iterator[tuple[Feed, list[np.ndarray]]]:
        """Each batch as a feed of its own; a generator goes on where it was."""
        for batch in self._numbered(number) if self.indexed else self.source:
            feed = self.feed(*unpacked(batch), self.class_weight)
            yield feed, list(feed.arrays.values())

    def _numbered(self, epoch: int) -> Iterator[Any]:
        """The batches by their numbers, and what the source wants to be told."""
        if hasattr(self.source, "on_epoch_begin"):
            self.source.on_epoch_begin()
        order: Any = itertools.count() if self.steps is None else range(self.steps)
        if self.seed is not None and self.steps is not None:
            order = np.random.default_rng([self.seed, epoch]).permutation(self.steps).tolist()
        yield from (self.source[i] for i in order)
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()
