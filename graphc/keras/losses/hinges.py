"""Losses of margins, and of overlap: hinge and its kind, dice, Tversky."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.keras.calling import universal
from graphc.keras.config import epsilon
from graphc.keras.pairs import pair


def _signs(true: Any) -> Any:
    """Labels as -1 and 1: those of 0 and 1, where all are, are taken for them."""
    binary = graphc.all((true == 0) | (true == 1))
    return graphc.where(binary, 2.0 * true - 1.0, true)


@universal
def hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(max(1 - y_true * y_pred, 0), axis=-1)``; labels are -1 and 1, or 0 and 1.

    >>> hinge([[1.0, -1.0]], [[0.5, 0.5]])
    array([1.], dtype=float32)
    """
    true, found = pair("hinge", y_true, y_pred)
    return graphc.mean(graphc.maximum(1.0 - _signs(true) * found, 0), axis=-1)


@universal
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """``mean(max(1 - y_true * y_pred, 0)**2, axis=-1)``; labels are -1 and 1, or 0 and 1.

    >>> squared_hinge([[1.0, -1.0]], [[0.5, 0.5]])
    array([1.25], dtype=float32)
    """
    true, found = pair("squared_hinge", y_true, y_pred)
    return graphc.mean(graphc.square(graphc.maximum(1.0 - _signs(true) * found, 0)), axis=-1)


@universal
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """``max(neg - pos + 1, 0)``: ``pos`` is the prediction of the true class, ``neg`` the largest
    of the others.

    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]])
    array([0.75], dtype=float32)
    """
    true, found = pair("categorical_hinge", y_true, y_pred)
    positive = graphc.sum(true * found, axis=-1)
    negative = graphc.max((1.0 - true) * found, axis=-1)
    return graphc.maximum(negative - positive + 1.0, 0)


@universal
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """``1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))``, over ``axis`` or all.

    >>> float(dice([[1.0, 1.0]], [[1.0, 1.0]]).round(5))
    0.0
    """
    true, found = pair("dice", y_true, y_pred)
    axis = tuple(axis) if isinstance(axis, list) else axis
    common = graphc.sum(true * found, axis=axis)
    whole = graphc.sum(true, axis=axis) + graphc.sum(found, axis=axis) + epsilon()
    return 1 - 2.0 * common / whole


@universal
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """``dice`` with weights: ``alpha`` for what was missed, ``beta`` for what was found in vain
    (Salehi et al., 2017; the names are Keras').

    >>> float(tversky([[1.0, 0.0]], [[1.0, 0.0]]).round(5))
    0.0
    """
    true, found = pair("tversky", y_true, y_pred)
    axis = tuple(axis) if isinstance(axis, list) else axis
    common = graphc.sum(true * found, axis=axis)
    missed = graphc.sum((1 - found) * true, axis=axis)
    in_vain = graphc.sum(found * (1 - true), axis=axis)
    return 1 - common / (common + missed * alpha + in_vain * beta + epsilon())
