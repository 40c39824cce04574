"""Losses of numbers: how far predictions are from what they should be, one value a sample.

``y_true`` comes first.  The last axis is averaged; the arithmetic is Keras 3's.
"""

from __future__ import annotations

import math
from typing import Any

import graphc
from graphc.keras.calling import universal
from graphc.keras.config import epsilon
from graphc.keras.pairs import pair


@universal
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """``mean((y_true - y_pred)**2, axis=-1)``.

    >>> mean_squared_error([[0.0, 0.0]], [[1.0, 3.0]])
    array([5.], dtype=float32)
    """
    return graphc.mse(*pair("mean_squared_error", y_true, y_pred))


@universal
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """``mean(abs(y_true - y_pred), axis=-1)``.

    >>> mean_absolute_error([[0.0, 0.0]], [[1.0, -3.0]])
    array([2.], dtype=float32)
    """
    return graphc.mae(*pair("mean_absolute_error", y_true, y_pred))


@universal
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """``100 * mean(abs((y_true - y_pred) / y_true), axis=-1)``, divided by ``epsilon`` at least.

    >>> mean_absolute_percentage_error([[1.0, 2.0]], [[2.0, 2.0]])
    array([50.], dtype=float32)
    """
    true, found = pair("mean_absolute_percentage_error", y_true, y_pred)
    share = graphc.abs((true - found) / graphc.maximum(graphc.abs(true), epsilon()))
    return 100.0 * graphc.mean(share, axis=-1)


@universal
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """``mean((log(y_true + 1) - log(y_pred + 1))**2, axis=-1)``, negative numbers being 0.

    >>> mean_squared_logarithmic_error([[0.0]], [[0.0]])
    array([0.], dtype=float32)
    """
    true, found = pair("mean_squared_logarithmic_error", y_true, y_pred)
    logarithms = [graphc.log(graphc.maximum(x, epsilon()) + 1.0) for x in (found, true)]
    return graphc.mean(graphc.square(logarithms[0] - logarithms[1]), axis=-1)


@universal
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """The mean of ``error**2 / 2`` up to ``delta``, and of the line that goes on from there.

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
    array([1.5], dtype=float32)
    """
    true, found = pair("huber", y_true, y_pred)
    error = found - true
    size = graphc.abs(error)
    line = delta * size - 0.5 * delta * delta
    return graphc.mean(graphc.where(size <= delta, 0.5 * graphc.square(error), line), axis=-1)


@universal
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """``mean(log(cosh(y_pred - y_true)), axis=-1)``, computed without its overflow.

    >>> log_cosh([[0.0]], [[0.0]])
    array([0.], dtype=float32)
    """
    true, found = pair("log_cosh", y_true, y_pred)
    error = found - true
    return graphc.mean(error + graphc.softplus(-2.0 * error) - math.log(2.0), axis=-1)


@universal
def poisson(y_true: Any, y_pred: Any) -> Any:
    """``mean(y_pred - y_true * log(y_pred), axis=-1)``, with ``epsilon`` in the logarithm.

    >>> poisson([[1.0]], [[1.0]])
    array([0.9999999], dtype=float32)
    """
    true, found = pair("poisson", y_true, y_pred)
    return graphc.mean(found - true * graphc.log(found + epsilon()), axis=-1)


@universal
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between the two along ``axis``: -1 where they agree.

    >>> cosine_similarity([[3.0, 4.0]], [[6.0, 8.0]])
    array([-1.], dtype=float32)
    """
    true, found = pair("cosine_similarity", y_true, y_pred)
    return -graphc.sum(_unit(true, axis) * _unit(found, axis), axis=axis)


def _unit(x: Any, axis: int) -> Any:
    square = graphc.sum(graphc.square(x), axis=axis, keepdims=True)
    return x * graphc.minimum(graphc.rsqrt(square), 1.0 / epsilon())
