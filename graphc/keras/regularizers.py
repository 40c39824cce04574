"""Keras' regularizers: a penalty, as a scalar, of a weight."""

from __future__ import annotations

import math
import sys
from typing import Any

import graphc
from graphc.errors import ArgumentError, ShapeError
from graphc.keras.calling import evaluated, is_symbolic, tensor
from graphc.keras.config import epsilon
from graphc.keras.naming import missing
from graphc.keras.registry import Configured, Registry, fail, with_snake_case
from graphc.tensor import Tensor


class Regularizer(Configured):
    """Base of all regularizers; a user's own has ``__call__(self, x)``, giving a scalar."""

    def __call__(self, x: Any) -> Any:
        """The penalty of ``x``: of a Tensor a Tensor, of an array a number."""
        penalty = self._penalty(tensor(x))
        return penalty if is_symbolic(x) else evaluated(penalty)

    def _penalty(self, x: Tensor) -> Any:
        return graphc.zeros((), x.dtype)


class L1L2(Regularizer):
    """``l1 * sum(abs(x)) + l2 * sum(x**2)``.

    >>> import numpy as np
    >>> float(L1L2(l1=1.0, l2=10.0)(np.array([1.0, -2.0])))
    53.0
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1, self.l2 = _checked("l1", l1, 0.0), _checked("l2", l2, 0.0)

    def _penalty(self, x: Tensor) -> Any:
        parts = []
        if self.l1 != 0.0:
            parts.append(self.l1 * graphc.sum(graphc.abs(x)))
        if self.l2 != 0.0:
            parts.append(self.l2 * graphc.sum(graphc.square(x)))
        return sum(parts[1:], parts[0]) if parts else graphc.zeros((), x.dtype)

    def get_config(self) -> dict[str, Any]:
        """``l1`` and ``l2``."""
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """``l1 * sum(abs(x))``."""

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = _checked("l1", l1, 0.01)

    def _penalty(self, x: Tensor) -> Any:
        return self.l1 * graphc.sum(graphc.abs(x))

    def get_config(self) -> dict[str, Any]:
        """``l1``."""
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(x**2)``.

    >>> import numpy as np
    >>> float(L2(0.5)(np.array([1.0, 3.0])))
    5.0
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _checked("l2", l2, 0.01)

    def _penalty(self, x: Tensor) -> Any:
        return self.l2 * graphc.sum(graphc.square(x))

    def get_config(self) -> dict[str, Any]:
        """``l2``."""
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """``factor`` times the mean absolute cosine between any two rows (or columns) of a matrix.

    ``ShapeError`` where ``x`` is no matrix.

    >>> import numpy as np
    >>> float(OrthogonalRegularizer(1.0)(np.eye(3)))
    0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise fail(ArgumentError(f"mode is rows or columns, not {mode!r}"))
        self.factor, self.mode = factor, mode

    def _penalty(self, x: Tensor) -> Any:
        if x.ndim != 2:
            raise fail(ShapeError(f"OrthogonalRegularizer takes a matrix, not shape {x.shape}"))
        rows = x if self.mode == "rows" else x.T
        length = graphc.sqrt(graphc.sum(graphc.square(rows), axis=1, keepdims=True))
        unit = rows / graphc.maximum(length, epsilon())
        count = rows.shape[0]
        other = graphc.iota((count, count), 0) != graphc.iota((count, count), 1)
        cosines = graphc.where(other, graphc.abs(unit @ unit.T), 0)
        size = graphc.astype(graphc.size_of(count), x.dtype)
        return self.factor * graphc.sum(cosines) / (size * (size - 1))

    def get_config(self) -> dict[str, Any]:
        """``factor`` and ``mode``."""
        return {"factor": float(self.factor), "mode": self.mode}


def _checked(name: str, value: Any, default: float) -> float:
    value = default if value is None else value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise fail(ArgumentError(f"{name} is a number of 0 or more, not {value!r}"))
    return float(value)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_REGISTRY = Registry(
    "regularizer",
    "keras.regularizers",
    with_snake_case(L1, L2, L1L2, OrthogonalRegularizer) | {"l1_l2": L1L2, "l1l2": L1L2},
)
serialize, deserialize = _REGISTRY.serialize, _REGISTRY.deserialize

__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1",
    "l1_l2", "l2", "orthogonal_regularizer", "serialize",
]  # fmt: skip


def get(identifier: Any) -> Any:
    """What gives the penalty of a weight: by name, class, config, or itself.  ``None`` stays.

    >>> get("l1").get_config()
    {'l1': 0.01}
    """
    return _REGISTRY.called(identifier)


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
