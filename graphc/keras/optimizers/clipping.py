"""Gradients held within bounds, one by one or all together."""

from __future__ import annotations

import math
from typing import Any

import graphc


def clipped(
    grads: list[Any], norm: float | None, value: float | None, global_norm: float | None
) -> list[Any]:
    """``grads``, each of a norm of ``norm`` at most, or each element within ``value``, or all of
    them together of a norm of ``global_norm`` at most; of ``None`` and 0 there is no bound."""
    if norm:
        return [_within_norm(g, norm) for g in grads]
    if global_norm:
        return _within_global_norm(grads, global_norm)
    if value:
        return [graphc.clip(g, -value, value) for g in grads]
    return grads


def _within_norm(gradient: Any, most: float) -> Any:
    length = graphc.sqrt(graphc.sum(graphc.square(gradient)))
    return gradient * most / graphc.maximum(length, most)


def _within_global_norm(grads: list[Any], most: float) -> list[Any]:
    """A norm that is not finite makes all gradients NaN, so that it does not go unseen."""
    squares = [graphc.sum(graphc.square(g)) for g in grads]
    length = graphc.sqrt(sum(squares[1:], squares[0]))
    scale = most * graphc.minimum(1.0 / length, 1.0 / most)
    finite = graphc.where(graphc.abs(length) < math.inf, scale, math.nan)
    return [g * finite for g in grads]
