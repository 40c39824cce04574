"""Counts of right and wrong decisions at thresholds, and what they say: precision, recall.

Responsible for the four counts of a batch, which ``AUC`` and its kind use too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import graphc
from graphc.errors import ArgumentError, ShapeError
from graphc.keras import ops
from graphc.keras.calling import tensor, universal
from graphc.keras.config import epsilon
from graphc.keras.metrics.base import Metric
from graphc.keras.pairs import pair
from graphc.keras.registry import fail

_BELOW_ALL = -1e10


def is_even(thresholds: Sequence[float]) -> bool:
    """Whether thresholds go from 0 to 1 in equal steps, of which there are two or more."""
    count = len(thresholds)
    even = np.arange(count, dtype=np.float32) / max(count - 1, 1)
    return count >= 3 and np.allclose(thresholds, even, atol=epsilon())


@universal
def decisions(
    y_true: Any, y_pred: Any, thresholds: Any, sample_weight: Any = None, *, dtype: str,
    even: bool = False, top_k: int | None = None, class_id: int | None = None,
    multi_label: bool = False, label_weights: Any = None,
) -> Any:  # fmt: skip
    """True positives, false positives, true negatives and false negatives at each threshold (and,
    with ``multi_label``, for each label), weighted.

    ``even`` thresholds 0, 1/n, ..., 1 are told apart as Keras does it, by multiplying with n.
    """
    true, found = (tensor(x, dtype) for x in pair("decisions", y_true, y_pred))
    weight = _weights(sample_weight, found, dtype)
    if top_k is not None:
        found = _of_largest(found, top_k)
    if class_id is not None:
        if found.ndim < 2:
            raise fail(ShapeError(f"class_id needs one prediction a class, not {found.shape}"))
        one = (..., slice(class_id, class_id + 1))
        true, found, weight = true[one], found[one], weight if weight is None else weight[one]
    if label_weights is not None:
        own = graphc.broadcast_to(tensor(label_weights, dtype), found.shape)
        weight = own if weight is None else weight * own
    if not multi_label:
        true, found = true.flatten(), found.flatten()
        weight = None if weight is None else weight.flatten()
    above = _above(found, thresholds, even)
    is_true = graphc.expand_dims(true != 0, 0)
    share = 1.0 if weight is None else graphc.expand_dims(weight, 0)
    pairs = ((is_true, above), (~is_true, above), (~is_true, ~above), (is_true, ~above))
    return tuple(
        graphc.sum(graphc.astype(label & choice, dtype) * share, axis=1) for label, choice in pairs
    )


def _above(found: Any, thresholds: Any, even: bool) -> Any:
    """Which predictions are above which threshold, the thresholds along the first axis."""
    limits = np.asarray(thresholds, found.dtype.numpy)
    along = (len(limits),) + (1,) * found.ndim
    if not even:
        return graphc.expand_dims(found, 0) > graphc.constant(limits.reshape(along))
    with_margin = bool(limits[0] < 0.0 or limits[-1] > 1.0)
    bucket = graphc.ceil(graphc.clip(found, 0.0, 1.0) * (len(limits) - 1)) - 1
    bucket = graphc.relu(bucket) if with_margin else bucket
    numbers = np.arange(len(limits), dtype=limits.dtype).reshape(along)
    return graphc.expand_dims(bucket, 0) >= graphc.constant(numbers)


def _weights(sample_weight: Any, found: Any, dtype: str) -> Any:
    """Sample weights for every prediction."""
    if sample_weight is None:
        return None
    weight = tensor(sample_weight, dtype)
    while weight.ndim < found.ndim:
        weight = graphc.expand_dims(weight, -1)
    return graphc.broadcast_to(weight, found.shape)


def _of_largest(x: Any, k: int) -> Any:
    """The ``k`` largest elements of each row, the first of equal ones; all others far below."""
    own, other = graphc.expand_dims(x, -1), graphc.expand_dims(x, -2)
    place = graphc.iota((*x.shape, x.shape[-1]), x.ndim)
    before = graphc.iota(place.shape, x.ndim - 1) > place
    rank = graphc.sum(graphc.astype((other > own) | ((other == own) & before), "int32"), axis=-1)
    return graphc.where(rank < k, x, _BELOW_ALL)


def listed(thresholds: Any, default: float = 0.5) -> list[float]:
    """Thresholds as a list; ``ArgumentError`` for one that is not in [0, 1]."""
    if thresholds is None:
        return [default]
    many = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    if any(t is None or not 0 <= t <= 1 for t in many):
        raise fail(ArgumentError(f"thresholds are from 0 to 1, not {many}"))
    return many


class _Count(Metric):
    """How many decisions are of one of the four kinds."""

    kind: int

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.init_thresholds, self.thresholds = thresholds, listed(thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        even = is_even(self.thresholds)
        counts = decisions(
            y_true, y_pred, self.thresholds, sample_weight, dtype=self.dtype, even=even
        )
        self.accumulator.assign_add(counts[self.kind])

    def result(self) -> Any:
        """The count by now, or that for each threshold."""
        found = self.accumulator.value
        return found[0] if len(self.thresholds) == 1 else found

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many labels of 1 are predicted.

    >>> float(TruePositives()([0, 1, 1], [0.9, 0.9, 0.1]))
    1.0
    """

    kind = 0


class FalsePositives(_Count):
    """How many labels of 0 are predicted as 1."""

    kind = 1


class TrueNegatives(_Count):
    """How many labels of 0 are predicted."""

    kind = 2


class FalseNegatives(_Count):
    """How many labels of 1 are predicted as 0."""

    kind = 3


class _Ratio(Metric):
    """True positives as a share of them and one other kind."""

    other: int
    other_name: str

    def __init__(
        self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = listed(thresholds, 0.5 if top_k is None else _BELOW_ALL)
        size = (len(self.thresholds),)
        self.true_positives = self.add_variable(size, name="true_positives")
        self._others = self.add_variable(size, name=self.other_name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        counts = decisions(
            y_true, y_pred, self.thresholds, sample_weight, dtype=self.dtype, top_k=self.top_k,
            class_id=self.class_id, even=is_even(self.thresholds),
        )  # fmt: skip
        self.true_positives.assign_add(counts[0])
        self._others.assign_add(counts[self.other])

    def result(self) -> Any:
        """The share by now, or that for each threshold; 0 of none."""
        share = ops.divide_no_nan(self.true_positives, self.true_positives + self._others)
        return share[0] if len(self.thresholds) == 1 else share

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k,
            "class_id": self.class_id,
        }  # fmt: skip


class Precision(_Ratio):
    """How many of those predicted as 1 are 1.

    >>> float(Precision()([0, 1, 1, 1], [0.9, 0.9, 0.1, 0.8]) * 3)
    2.0
    """

    other, other_name = 1, "false_positives"


class Recall(_Ratio):
    """How many of those that are 1 are predicted.

    >>> float(Recall()([0, 1, 1, 1], [0.9, 0.9, 0.1, 0.8]) * 3)
    2.0
    """

    other, other_name = 3, "false_negatives"
