"""Losses of probabilities: cross-entropies and divergences, one value a sample.

From probabilities the arithmetic is Keras' (rows divided by their sums, clipped by ``epsilon``);
from logits it is exact.
"""

from __future__ import annotations

from typing import Any

import graphc
from graphc.keras.calling import tensor, universal
from graphc.keras.config import epsilon
from graphc.keras.pairs import classes, pair, predicted


def _smoothed(true: Any, amount: float, share: Any) -> Any:
    """Labels moved by ``amount`` towards ``share`` of it each."""
    return true * (1.0 - amount) + share if amount else true


def _class_share(amount: float, rows: Any) -> Any:
    return amount / tensor(graphc.size_of(rows.shape[-1]), rows.dtype) if amount else 0.0


@universal
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """``mean(-(y_true*log(p) + (1 - y_true)*log(1 - p)), axis)``, ``p`` being ``y_pred`` or, from
    logits, its sigmoid.

    >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])
    array([0.6931472], dtype=float32)
    """
    true, found = pair("binary_crossentropy", y_true, y_pred)
    true = _smoothed(true, label_smoothing, 0.5 * label_smoothing)
    if axis in (-1, found.ndim - 1):
        return graphc.binary_crossentropy(true, found, from_logits=bool(from_logits))
    return graphc.mean(_each_binary(true, found, from_logits), axis=axis)


def _each_binary(true: Any, found: Any, from_logits: bool) -> Any:
    """The cross-entropy of every element by itself."""
    rows = graphc.expand_dims(true, -1), graphc.expand_dims(found, -1)
    return graphc.binary_crossentropy(*rows, from_logits=bool(from_logits))


@universal
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy times ``(1 - p_true)**gamma`` (Lin et al., "Focal loss", 2017).

    >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4)
    array([0.1733], dtype=float32)
    """
    true, found = pair("binary_focal_crossentropy", y_true, y_pred)
    true = _smoothed(true, label_smoothing, 0.5 * label_smoothing)
    p = graphc.sigmoid(found) if from_logits else found
    right = true * p + (1 - true) * (1 - p)
    focal = graphc.power(1.0 - right, gamma) * _each_binary(true, p, False)
    if apply_class_balancing:
        focal = (true * alpha + (1 - true) * (1 - alpha)) * focal
    return graphc.mean(focal, axis=axis)


@universal
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """``-sum(y_true * log(p), axis)``, ``p`` being ``y_pred`` with rows divided by their sums or,
    from logits, its softmax.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    array([0.6931472], dtype=float32)
    """
    true, found = pair("categorical_crossentropy", y_true, y_pred)
    true = _smoothed(true, label_smoothing, _class_share(label_smoothing, found))
    return graphc.categorical_crossentropy(true, found, from_logits=bool(from_logits), axis=axis)


@universal
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Categorical cross-entropy with ``alpha * (1 - p)**gamma`` for each class.

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.0433], dtype=float32)
    """
    true, found = pair("categorical_focal_crossentropy", y_true, y_pred)
    true = _smoothed(true, label_smoothing, _class_share(label_smoothing, found))
    p = graphc.softmax(found, axis) if from_logits else found
    p = graphc.clip(p / graphc.sum(p, axis=axis, keepdims=True), epsilon(), 1.0 - epsilon())
    weight = alpha * graphc.power(1.0 - p, gamma)
    return graphc.sum(weight * (-true * graphc.log(p)), axis=axis)


@universal
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """``-log(p[label])`` along ``axis``, for labels that are class numbers; 0 where the label is
    ``ignore_class``.  A label that is no class is an error when the data come.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
    array([0.6931472], dtype=float32)
    """
    name = "sparse_categorical_crossentropy"
    found = predicted(y_pred)
    labels = classes(name, y_true, found, axis)
    kept = None if ignore_class is None else labels != ignore_class
    if kept is not None:
        labels = graphc.where(kept, labels, 0)
    each = graphc.sparse_categorical_crossentropy(
        labels, found, from_logits=bool(from_logits), axis=axis
    )
    return each if kept is None else graphc.where(kept, each, 0)


@universal
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """``(1 - p[label]**q) / q`` for labels that are class numbers (Zhang and Sabuncu, 2018).

    >>> categorical_generalized_cross_entropy([1], [[0.5, 0.5]], 1.0)
    array([0.5], dtype=float32)
    """
    found = predicted(y_pred)
    labels = classes("categorical_generalized_cross_entropy", y_true, found)
    picked = graphc.take_along_axis(found, graphc.expand_dims(labels, -1), -1)
    return (1 - graphc.power(graphc.squeeze(picked, -1), q)) / q


@universal
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """``sum(y_true * log(y_true / y_pred), axis=-1)``, both held between ``epsilon`` and 1.

    >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]])
    array([0.], dtype=float32)
    """
    true, found = pair("kl_divergence", y_true, y_pred)
    true, found = (graphc.clip(x, epsilon(), 1.0) for x in (true, found))
    return graphc.sum(true * graphc.log(true / found), axis=-1)
