"""Means of losses as metrics, and what is made of mean squared errors."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.keras import losses, ops
from graphc.keras.calling import tensor, universal
from graphc.keras.metrics.base import Metric
from graphc.keras.metrics.means import Mean, OfFunction
from graphc.keras.pairs import pair


class MeanSquaredError(OfFunction):
    """The mean of ``mean_squared_error``.

    >>> float(MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]]))
    5.0
    """

    function = staticmethod(losses.mean_squared_error)


class MeanAbsoluteError(OfFunction):
    """The mean of ``mean_absolute_error``."""

    function = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(OfFunction):
    """The mean of ``mean_absolute_percentage_error``."""

    function = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(OfFunction):
    """The mean of ``mean_squared_logarithmic_error``."""

    function = staticmethod(losses.mean_squared_logarithmic_error)


class LogCoshError(OfFunction):
    """The mean of ``log_cosh``."""

    function = staticmethod(losses.log_cosh)
    default_name = "logcosh"


class Poisson(OfFunction):
    """The mean of ``poisson``."""

    function = staticmethod(losses.poisson)


class KLDivergence(OfFunction):
    """The mean of ``kl_divergence``."""

    function = staticmethod(losses.kl_divergence)


class Hinge(OfFunction):
    """The mean of ``hinge``."""

    function = staticmethod(losses.hinge)


class SquaredHinge(OfFunction):
    """The mean of ``squared_hinge``."""

    function = staticmethod(losses.squared_hinge)


class CategoricalHinge(OfFunction):
    """The mean of ``categorical_hinge``."""

    function = staticmethod(losses.categorical_hinge)


class BinaryCrossentropy(OfFunction):
    """The mean of ``binary_crossentropy``."""

    function = staticmethod(losses.binary_crossentropy)

    def __init__(
        self, name: str | None = None, dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(OfFunction):
    """The mean of ``categorical_crossentropy``."""

    function = staticmethod(losses.categorical_crossentropy)

    def __init__(
        self, name: str | None = None, dtype: Any = None, from_logits: bool = False,
        label_smoothing: float = 0, axis: int = -1,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(name, dtype, **settings)


class SparseCategoricalCrossentropy(OfFunction):
    """The mean of ``sparse_categorical_crossentropy``."""

    function = staticmethod(losses.sparse_categorical_crossentropy)

    def __init__(
        self, name: str | None = None, dtype: Any = None, from_logits: bool = False,
        ignore_class: int | None = None, axis: int = -1,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(name, dtype, **settings)


@universal
def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(OfFunction):
    """The mean cosine of the angle between label and prediction: 1 where they agree.

    >>> float(CosineSimilarity()([[3.0, 4.0]], [[6.0, 8.0]]))
    1.0
    """

    function = staticmethod(_cosine)
    default_name = "cosine_similarity"

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype, axis=axis)


@universal
def _squares(y_true: Any, y_pred: Any) -> Any:
    true, found = pair("root_mean_squared_error", y_true, y_pred)
    return graphc.square(found - true)


class RootMeanSquaredError(Mean):
    """The root of the mean squared error.

    >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [3.0]]))
    3.0
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Adds a batch."""
        super().update_state(_squares(y_true, y_pred), sample_weight)

    def result(self) -> Any:
        """The root by now."""
        return ops.sqrt(super().result())


@universal
def _regression_sums(y_true: Any, y_pred: Any, sample_weight: Any, dtype: str) -> Any:
    """Sums over the batch, for each output: of labels, of their squares, of squared errors, and of
    the weights."""
    true, found = (tensor(x, dtype) for x in pair("r2_score", y_true, y_pred))
    true, found = ((x if x.ndim > 1 else graphc.expand_dims(x, -1)) for x in (true, found))
    weight: Any = graphc.ones((true.shape[0], 1), dtype)
    if sample_weight is not None:
        given = tensor(sample_weight, dtype)
        weight = given if given.ndim > 1 else graphc.expand_dims(given, -1)
    squares = (graphc.square(true), graphc.square(true - found))
    sums = [graphc.sum(x * weight, axis=0) for x in (true, *squares)]
    return *sums, graphc.sum(graphc.broadcast_to(weight, true.shape), axis=0)


class R2Score(Metric):
    """The share of the labels' variance that predictions explain; 1 is all of it.

    ``class_aggregation`` is ``uniform_average``, ``variance_weighted_average``, or ``None`` for one
    number an output; ``num_regressors`` adjusts for so many features.

    >>> float(R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [3.0]]))
    1.0
    """

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
        name: str | None = "r2_score", dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(dtype, name)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self._sums: list[Any] = []

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch."""
        outputs = ops.shape(y_pred)[1] if ops.ndim(y_pred) > 1 else 1
        if not self._sums:
            names = ("sum", "squared_sum", "residual")
            self._sums = [self.add_variable((outputs,), name=name) for name in names]
            self.count = self.add_variable((outputs,), name="count")
            self.samples = self.add_variable((), name="num_samples")
        found = _regression_sums(y_true, y_pred, sample_weight, self.dtype)
        for variable, added in zip([*self._sums, self.count], found, strict=True):
            variable.assign_add(added)
        self.samples.assign_add(ops.cast(ops.size(y_true), self.dtype))

    def result(self) -> Any:
        """The share by now."""
        total, squares, residual = (v.value for v in self._sums)
        spread = squares - total * (total / self.count)
        raw = 1 - ops.where(spread == 0, 0.0, ops.divide_no_nan(residual, spread))
        raw = ops.where((spread == 0) & (residual != 0), 0.0, raw)
        if self.class_aggregation == "uniform_average":
            raw = ops.mean(raw)
        elif self.class_aggregation == "variance_weighted_average":
            raw = ops.sum(raw * spread) / ops.sum(spread)
        if not self.num_regressors:
            return raw
        samples = self.samples.value
        return 1 - (1 - raw) * (samples - 1.0) / (samples - self.num_regressors - 1.0)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(), "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }  # fmt: skip
