"""Loss: from labels and predictions to the one number that training makes small.

Responsible for the reduction of the samples' values to a scalar and for sample weights.  What a
sample's value is, is the affair of ``call``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graphc
from graphc.errors import ArgumentError
from graphc.keras import tensor as keras_tensor
from graphc.keras.calling import evaluated, is_symbolic, tensor
from graphc.keras.naming import auto_name, snake_case
from graphc.keras.pairs import predicted, same_rank
from graphc.keras.registry import Configured, fail
from graphc.tensor import Tensor

REDUCTIONS = ("sum_over_batch_size", "sum", "none", None, "mean", "mean_with_sample_weight")


class Loss(Configured):
    """Base of all losses; a user's own has ``call(self, y_true, y_pred)``, one value a sample.

    ``reduction`` is ``sum_over_batch_size`` (the mean), ``sum``, ``none``, ``mean``, or
    ``mean_with_sample_weight``, which divides by the weights' sum.  ``dtype`` is that of the
    predictions unless it is given.  ``ArgumentError`` for another reduction.

    >>> class Squares(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return (y_true - y_pred) ** 2
    >>> float(Squares()([1.0, 1.0], [0.0, 2.0]))
    1.0
    """

    takes_class_numbers = False

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if reduction not in REDUCTIONS:
            raise fail(ArgumentError(f"reduction is one of {REDUCTIONS}, not {reduction!r}"))
        self.name = name or auto_name(snake_case(type(self).__name__))
        self.reduction = reduction
        self.dtype = dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch: a Tensor within a graph, of arrays a number."""
        given = (y_true, y_pred, sample_weight)
        if keras_tensor.is_symbolic(given):
            return keras_tensor.record(self, given, {})
        found = predicted(y_pred, self.dtype)
        true = tensor(y_true) if self.takes_class_numbers else tensor(y_true, found.dtype)
        values = tensor(self.call(true, found))
        mask = self.mask(true)
        result = reduced(values, sample_weight, mask, self.reduction)
        return result if is_symbolic(given) else evaluated(result)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value a sample."""
        raise NotImplementedError(f"{type(self).__name__} must have call(y_true, y_pred)")

    def mask(self, y_true: Any) -> Any:
        """Which samples count at all; ``None`` for all of them."""
        return None

    def get_config(self) -> dict[str, Any]:
        """``name`` and ``reduction``."""
        return {"name": self.name, "reduction": self.reduction}


def reduced(values: Tensor, sample_weight: Any, mask: Any, reduction: str | None) -> Any:
    """The values, weighted, as ``reduction`` says.

    What the mask leaves out counts neither in a sum nor in the number of samples of a mean.
    """
    weights = None if sample_weight is None else tensor(sample_weight, values.dtype)
    if mask is not None:
        kept = tensor(mask, values.dtype)
        if reduction in ("mean", "sum_over_batch_size"):
            kept = kept * (_count(kept) / graphc.maximum(graphc.sum(kept), 1))
        if weights is None:
            weights = kept
        else:
            kept, weights = same_rank(kept, weights)
            weights = weights * kept
    if weights is not None:
        values, weights = same_rank(values, weights)
        values = values * weights
    if reduction in (None, "none") or values.ndim == 0:
        return values
    if reduction == "sum":
        return graphc.sum(values)
    if reduction == "mean_with_sample_weight" and weights is not None:
        total = graphc.sum(weights)
        safe = graphc.where(total == 0, 1, total)
        return graphc.where(total == 0, 0, graphc.sum(values) / safe)
    return graphc.mean(values)


def _count(x: Tensor) -> Any:
    return tensor(graphc.size_of(x.size), x.dtype)


class LossFunctionWrapper(Loss):
    """The loss that a function of ``(y_true, y_pred, **settings)`` gives."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **settings: Any,
    ) -> None:
        own = name or getattr(fn, "__name__", None)
        super().__init__(own, reduction, dtype)
        self.fn = fn
        self.settings = settings

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value a sample."""
        true, found = y_true, y_pred
        if not self.takes_class_numbers:
            true, found = same_rank(true, found)
        return self.fn(true, found, **self.settings)

    def get_config(self) -> dict[str, Any]:
        """``name``, ``reduction``, the function and its settings."""
        from graphc.keras.losses import serialize

        return {**super().get_config(), "fn": serialize(self.fn), **self.settings}

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """The loss that ``get_config`` describes."""
        from graphc.keras.losses import find_function

        given = dict(config)
        if "fn" in given:
            given["fn"] = find_function(given["fn"])
        return cls(**given)
