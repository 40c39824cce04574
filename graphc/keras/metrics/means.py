"""Sums and means over all samples of all batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import graphc
from graphc.keras import ops
from graphc.keras.calling import tensor, universal
from graphc.keras.metrics.base import Metric
from graphc.keras.pairs import same_rank


@universal
def samplewise(values: Any, sample_weight: Any, dtype: str, by_sum: bool) -> tuple[Any, Any]:
    """The sum over samples of their values, weighted, and the sum of the weights.

    A sample's value is the mean (or the sum) over all axes but the first.
    """
    reduce = graphc.sum if by_sum else graphc.mean
    values = tensor(values, dtype)
    if sample_weight is None:
        count = values.shape[0] if values.ndim else 1
        each = reduce(values, tuple(range(1, values.ndim))) if values.ndim > 1 else values
        return graphc.sum(each), tensor(graphc.size_of(count), dtype)
    values, weights = same_rank(values, tensor(sample_weight, dtype))
    if values.ndim > weights.ndim:
        values = reduce(values, tuple(range(weights.ndim, values.ndim)))
    weights = graphc.broadcast_to(weights, values.shape)
    values = values * weights
    if values.ndim > 1:
        inner = tuple(range(1, values.ndim))
        values, weights = reduce(values, inner), reduce(weights, inner)
    return graphc.sum(values), graphc.sum(weights)


class Sum(Metric):
    """The sum of all values, weighted.

    >>> float(Sum()([1.0, 3.0]))
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds ``values``."""
        self.total.assign_add(samplewise(values, sample_weight, self.dtype, True)[0])

    def result(self) -> Any:
        """The sum by now."""
        return self.total.value


class Mean(Metric):
    """The mean of all values, weighted; 0 of none.

    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0])
    >>> float(mean([5.0, 7.0]))
    4.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds ``values``."""
        total, count = samplewise(values, sample_weight, self.dtype, False)
        self.total.assign_add(total)
        self.count.assign_add(count)

    def result(self) -> Any:
        """The mean by now."""
        total, count = self.total.value, self.count.value
        if isinstance(count, np.ndarray):  # read after every batch, so not by way of a graph
            return np.divide(total, count, out=np.zeros_like(total), where=count != 0)
        return ops.divide_no_nan(total, count)


class MeanMetricWrapper(Mean):
    """The mean of what a function of ``(y_true, y_pred, **settings)`` gives.

    >>> def gap(y_true, y_pred):
    ...     return ops.abs(y_true - y_pred)
    >>> float(MeanMetricWrapper(gap)(ops.array([1.0]), ops.array([3.0])))
    2.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **settings: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self.fn, self.settings = fn, settings

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Adds a batch."""
        super().update_state(self.fn(y_true, y_pred, **self.settings), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """``name``, ``dtype``, the function and its settings."""
        from graphc.keras.losses import serialize

        return {**super().get_config(), "fn": serialize(self.fn), **self.settings}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The metric that ``get_config`` describes."""
        from graphc.keras.losses import find_function

        given = dict(config)
        if "fn" in given:
            given["fn"] = find_function(given["fn"])
        return cls(**given)


class OfFunction(MeanMetricWrapper):
    """A mean of one function of the package, its settings being arguments of the class."""

    function: Callable[..., Any]
    default_name: str | None = None

    def __init__(self, name: str | None = None, dtype: Any = None, **settings: Any) -> None:
        own = type(self)
        super().__init__(own.function, name or own.default_name, dtype, **settings)

    def get_config(self) -> dict[str, Any]:
        """``name``, ``dtype`` and the settings."""
        return {**Metric.get_config(self), **self.settings}
