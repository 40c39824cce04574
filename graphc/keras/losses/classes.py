"""The losses as objects: a function of the package with its settings, a reduction and a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from graphc.keras.losses import hinges, probabilities, regression
from graphc.keras.losses.base import Loss, LossFunctionWrapper
from graphc.keras.naming import snake_case

MEAN = "sum_over_batch_size"


class OfFunction(LossFunctionWrapper):
    """A loss that is one function of the package, its settings being arguments of the class."""

    function: ClassVar[Callable[..., Any]]

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = None, dtype: Any = None,
        **settings: Any,
    ) -> None:  # fmt: skip
        own = name or snake_case(type(self).__name__)
        super().__init__(type(self).function, reduction, own, dtype, **settings)

    def get_config(self) -> dict[str, Any]:
        """``name``, ``reduction`` and the settings."""
        return {**Loss.get_config(self), **self.settings}


class MeanSquaredError(OfFunction):
    """``mean_squared_error``, averaged over the batch.

    >>> float(MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]]))
    5.0
    """

    function = staticmethod(regression.mean_squared_error)


class MeanAbsoluteError(OfFunction):
    """``mean_absolute_error``, averaged over the batch."""

    function = staticmethod(regression.mean_absolute_error)


class MeanAbsolutePercentageError(OfFunction):
    """``mean_absolute_percentage_error``, averaged over the batch."""

    function = staticmethod(regression.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(OfFunction):
    """``mean_squared_logarithmic_error``, averaged over the batch."""

    function = staticmethod(regression.mean_squared_logarithmic_error)


class LogCosh(OfFunction):
    """``log_cosh``, averaged over the batch."""

    function = staticmethod(regression.log_cosh)


class Poisson(OfFunction):
    """``poisson``, averaged over the batch."""

    function = staticmethod(regression.poisson)


class KLDivergence(OfFunction):
    """``kl_divergence``, averaged over the batch."""

    function = staticmethod(probabilities.kl_divergence)


class Hinge(OfFunction):
    """``hinge``, averaged over the batch."""

    function = staticmethod(hinges.hinge)


class SquaredHinge(OfFunction):
    """``squared_hinge``, averaged over the batch."""

    function = staticmethod(hinges.squared_hinge)


class CategoricalHinge(OfFunction):
    """``categorical_hinge``, averaged over the batch."""

    function = staticmethod(hinges.categorical_hinge)


class Huber(OfFunction):
    """``huber``, averaged over the batch.

    >>> float(Huber(delta=2.0)([[0.0]], [[4.0]]))
    6.0
    """

    function = staticmethod(regression.huber)

    def __init__(
        self, delta: float = 1.0, reduction: str | None = MEAN, name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(reduction, name, dtype, delta=delta)


class CosineSimilarity(OfFunction):
    """``cosine_similarity`` along ``axis``, averaged over the batch."""

    function = staticmethod(regression.cosine_similarity)

    def __init__(
        self, axis: int = -1, reduction: str | None = MEAN, name: str | None = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(reduction, name, dtype, axis=axis)


class BinaryCrossentropy(OfFunction):
    """``binary_crossentropy``, averaged over the batch.

    >>> round(float(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])), 4)
    0.6931
    """

    function = staticmethod(probabilities.binary_crossentropy)

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = MEAN, name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(reduction, name, dtype, **settings)


class BinaryFocalCrossentropy(OfFunction):
    """``binary_focal_crossentropy``, averaged over the batch."""

    function = staticmethod(probabilities.binary_focal_crossentropy)

    def __init__(
        self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
        from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = MEAN, name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            reduction, name, dtype, apply_class_balancing=apply_class_balancing, alpha=alpha,
            gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalCrossentropy(OfFunction):
    """``categorical_crossentropy``, averaged over the batch.

    >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    function = staticmethod(probabilities.categorical_crossentropy)

    def __init__(
        self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
        reduction: str | None = MEAN, name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(reduction, name, dtype, **settings)


class CategoricalFocalCrossentropy(OfFunction):
    """``categorical_focal_crossentropy``, averaged over the batch."""

    function = staticmethod(probabilities.categorical_focal_crossentropy)

    def __init__(
        self, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
        label_smoothing: float = 0.0, axis: int = -1, reduction: str | None = MEAN,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            reduction, name, dtype, alpha=alpha, gamma=gamma, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(OfFunction):
    """``sparse_categorical_crossentropy``, averaged over the batch; samples of ``ignore_class`` do
    not count.

    >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
    0.6931
    """

    function = staticmethod(probabilities.sparse_categorical_crossentropy)
    takes_class_numbers = True

    def __init__(
        self, from_logits: bool = False, ignore_class: int | None = None,
        reduction: str | None = MEAN, axis: int = -1, name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        settings = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(reduction, name, dtype, **settings)

    def mask(self, y_true: Any) -> Any:
        """Where the label is another class than ``ignore_class``."""
        ignored = self.settings["ignore_class"]
        return None if ignored is None else y_true != ignored


class CategoricalGeneralizedCrossEntropy(OfFunction):
    """``categorical_generalized_cross_entropy``, averaged over the batch."""

    function = staticmethod(probabilities.categorical_generalized_cross_entropy)
    takes_class_numbers = True

    def __init__(
        self, q: float = 0.5, reduction: str | None = MEAN, name: str | None = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(reduction, name, dtype, q=q)


class Dice(OfFunction):
    """``dice`` of the whole batch, or over ``axis``."""

    function = staticmethod(hinges.dice)

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = None, axis: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(reduction, name, dtype, axis=axis)


class Tversky(OfFunction):
    """``tversky`` of the whole batch, or over ``axis``."""

    function = staticmethod(hinges.tversky)

    def __init__(
        self, alpha: float = 0.5, beta: float = 0.5, reduction: str | None = MEAN,
        name: str | None = None, axis: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
