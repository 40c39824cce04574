"""Keras' losses: functions that give one value a sample, and objects that give one number a batch.

Responsible for their names.  ``circle`` and ``ctc`` are not there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from graphc.keras.losses.base import Loss, LossFunctionWrapper
from graphc.keras.losses.classes import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    OfFunction,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
from graphc.keras.losses.hinges import categorical_hinge, dice, hinge, squared_hinge, tversky
from graphc.keras.losses.probabilities import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    sparse_categorical_crossentropy,
)
from graphc.keras.losses.regression import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from graphc.keras.naming import missing
from graphc.keras.registry import Registry

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy", "CategoricalHinge",
    "CosineSimilarity", "Dice", "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge",
    "Tversky", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_generalized_cross_entropy", "categorical_hinge",
    "cosine_similarity", "deserialize", "dice", "get", "hinge", "huber", "kl_divergence",
    "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "poisson", "serialize", "sparse_categorical_crossentropy",
    "squared_hinge", "tversky",
]  # fmt: skip

ALIASES = {
    "bce": binary_crossentropy,
    "kld": kl_divergence,
    "kullback_leibler_divergence": kl_divergence,
    "logcosh": log_cosh,
    "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "mse": mean_squared_error,
    "msle": mean_squared_logarithmic_error,
}
_CAPITALS = {name.upper(): one for name, one in ALIASES.items() if len(name) <= 4}
_OBJECTS = {
    name: one
    for name in __all__
    if name not in ("Loss", "deserialize", "get", "serialize")
    for one in [globals()[name]]
}
_REGISTRY = Registry("loss", "keras.losses", _OBJECTS | ALIASES | _CAPITALS)
_CLASS_OF = {one.function: one for one in OfFunction.__subclasses__()}
serialize = _REGISTRY.serialize


def get(identifier: Any) -> Any:
    """The loss that ``identifier`` names, describes or is: an object with
    ``(y_true, y_pred, sample_weight=None)`` to a number, and ``call`` to one value a sample.
    ``None`` stays.

    A function, also a user's own, becomes such an object.  ``ArgumentError`` with the nearest name
    for an unknown one.

    >>> get("mse").name, get(lambda y_true, y_pred: abs(y_true - y_pred)).reduction
    ('mean_squared_error', 'sum_over_batch_size')
    """
    return _as_loss(_REGISTRY.called(identifier))


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss that ``serialize`` has written as ``name``, as ``get`` gives it.

    >>> deserialize(serialize(Huber(delta=2.0))).settings
    {'delta': 2.0}
    """
    return _as_loss(_REGISTRY.deserialize(name, custom_objects))


def find_function(described: Any) -> Any:
    """The function that a serialized function of ``(y_true, y_pred)`` names."""
    return described if callable(described) else _REGISTRY.deserialize(described)


def _as_loss(found: Any) -> Any:
    if found is None or isinstance(found, Loss):
        return found
    own = _CLASS_OF.get(found)
    return LossFunctionWrapper(found) if own is None else own()


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
