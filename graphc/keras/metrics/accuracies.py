"""How often predictions are right: accuracies of numbers, of decisions and of classes."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.keras.calling import tensor, universal
from graphc.keras.config import floatx
from graphc.keras.metrics.means import OfFunction
from graphc.keras.ops import in_top_k
from graphc.keras.pairs import classes, pair, predicted


def _share(right: Any) -> Any:
    return graphc.astype(right, floatx())


@universal
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where a prediction equals its label, else 0.

    >>> accuracy([[1.0], [2.0]], [[1.0], [3.0]])[:, 0]
    array([1., 0.], dtype=float32)
    """
    true, found = pair("accuracy", y_true, y_pred)
    return _share(true == found)


@universal
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where a prediction is on its label's side of ``threshold``, else 0.

    >>> binary_accuracy([[1.0], [0.0]], [[0.7], [0.6]])[:, 0]
    array([1., 0.], dtype=float32)
    """
    true, found = pair("binary_accuracy", y_true, y_pred)
    return _share(true == graphc.astype(found > threshold, true.dtype))


@universal
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction of a row is that of its one-hot label, else 0.

    >>> categorical_accuracy([[0.0, 1.0]], [[0.1, 0.9]])
    array([1.], dtype=float32)
    """
    true, found = pair("categorical_accuracy", y_true, y_pred)
    return _share(graphc.argmax(true, axis=-1) == graphc.argmax(found, axis=-1))


@universal
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction of a row is that of its class number, else 0.

    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    array([1., 0.], dtype=float32)
    """
    found = predicted(y_pred)
    labels = classes("sparse_categorical_accuracy", y_true, found)
    return _share(graphc.argmax(found, axis=-1) == labels)


@universal
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the one-hot label is among the ``k`` largest predictions of its row, else 0.

    >>> top_k_categorical_accuracy([[0.0, 0.0, 1.0]], [[0.1, 0.5, 0.4]], k=2)
    array([1.], dtype=float32)
    """
    true, found = pair("top_k_categorical_accuracy", y_true, y_pred)
    return _share(in_top_k(graphc.argmax(true, axis=-1), found, k))


@universal
def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """1 where the class number is among the ``k`` largest predictions of its row, else 0; with
    ``from_sorted_ids`` predictions are class numbers themselves, the best first.

    >>> sparse_top_k_categorical_accuracy([2], [[0.1, 0.5, 0.4]], k=1)
    array([0.], dtype=float32)
    """
    found = tensor(y_pred) if from_sorted_ids else predicted(y_pred)
    labels = classes("sparse_top_k_categorical_accuracy", y_true, found)
    if not from_sorted_ids:
        return _share(in_top_k(labels, found, k))
    best = found[..., :k]
    same = best == graphc.astype(graphc.expand_dims(labels, -1), best.dtype)
    return _share(graphc.any(same, axis=-1))


class Accuracy(OfFunction):
    """How many predictions equal their labels.

    >>> float(Accuracy()([[1.0], [2.0]], [[1.0], [3.0]]))
    0.5
    """

    function = staticmethod(accuracy)


class BinaryAccuracy(OfFunction):
    """How many predictions are on their label's side of ``threshold``.

    >>> float(BinaryAccuracy()([[1.0], [0.0]], [[0.7], [0.6]]))
    0.5
    """

    function = staticmethod(binary_accuracy)

    def __init__(self, name: str | None = None, dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype, threshold=threshold)


class CategoricalAccuracy(OfFunction):
    """How many rows have their largest prediction at their one-hot label."""

    function = staticmethod(categorical_accuracy)


class SparseCategoricalAccuracy(OfFunction):
    """How many rows have their largest prediction at their class number.

    >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
    0.5
    """

    function = staticmethod(sparse_categorical_accuracy)


class TopKCategoricalAccuracy(OfFunction):
    """How many rows have their one-hot label among the ``k`` largest predictions."""

    function = staticmethod(top_k_categorical_accuracy)

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype, k=k)


class SparseTopKCategoricalAccuracy(OfFunction):
    """How many rows have their class number among the ``k`` largest predictions."""

    function = staticmethod(sparse_top_k_categorical_accuracy)

    def __init__(
        self, k: int = 5, name: str | None = None, dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype, k=k, from_sorted_ids=from_sorted_ids)
