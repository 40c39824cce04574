"""Keras' constraints: what a weight is put back to after every update."""

from __future__ import annotations

import sys
from typing import Any

import graphc
from graphc.keras.calling import evaluated, is_symbolic, tensor
from graphc.keras.config import epsilon
from graphc.keras.naming import missing
from graphc.keras.registry import Configured, Registry, with_snake_case
from graphc.tensor import Tensor


class Constraint(Configured):
    """Base of all constraints; a user's own has ``__call__(self, w)``, giving the new weight."""

    def __call__(self, w: Any) -> Any:
        """The weight that ``w`` becomes: of a Tensor a Tensor, of an array an array."""
        constrained = self._constrained(tensor(w))
        return constrained if is_symbolic(w) else evaluated(constrained)

    def _constrained(self, w: Tensor) -> Any:
        return w


class NonNeg(Constraint):
    """No element below 0.

    >>> import numpy as np
    >>> NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def _constrained(self, w: Tensor) -> Any:
        return graphc.maximum(w, 0)


class MinMaxNorm(Constraint):
    """Norms along ``axis`` between ``min_value`` and ``max_value``, reached by ``rate``.

    >>> import numpy as np
    >>> MinMaxNorm(2.0, 3.0)(np.array([[3.0, 0.6], [4.0, 0.8]])).round(2)
    array([[1.8, 1.2],
           [2.4, 1.6]])
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ) -> None:
        self.min_value, self.max_value = min_value, max_value
        self.rate, self.axis = rate, axis

    def _constrained(self, w: Tensor) -> Any:
        norms = _norms(w, self.axis)
        wanted = graphc.clip(norms, self.min_value, self.max_value)
        if self.rate != 1.0:
            wanted = self.rate * wanted + (1 - self.rate) * norms
        return w * (wanted / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            "min_value": self.min_value, "max_value": self.max_value, "rate": self.rate,
            "axis": self.axis,
        }  # fmt: skip


class MaxNorm(Constraint):
    """Norms along ``axis`` of ``max_value`` at most."""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def _constrained(self, w: Tensor) -> Any:
        norms = _norms(w, self.axis)
        return w * (graphc.clip(norms, 0, self.max_value) / (epsilon() + norms))

    def get_config(self) -> dict[str, Any]:
        """``max_value`` and ``axis``."""
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """Norms along ``axis`` of 1."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def _constrained(self, w: Tensor) -> Any:
        return w / (epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        """``axis``."""
        return {"axis": self.axis}


def _norms(w: Tensor, axis: Any) -> Any:
    along = tuple(axis) if isinstance(axis, list) else axis
    return graphc.sqrt(graphc.sum(graphc.square(w), axis=along, keepdims=True))


non_neg, min_max_norm, max_norm, unit_norm = NonNeg, MinMaxNorm, MaxNorm, UnitNorm
_REGISTRY = Registry(
    "constraint",
    "keras.constraints",
    with_snake_case(NonNeg, MinMaxNorm, MaxNorm, UnitNorm),
)
serialize, deserialize = _REGISTRY.serialize, _REGISTRY.deserialize

__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm",
    "min_max_norm", "non_neg", "serialize", "unit_norm",
]  # fmt: skip


def get(identifier: Any) -> Any:
    """What constrains a weight: by name, class, config, or itself.  ``None`` stays.

    >>> get("max_norm").get_config()
    {'max_value': 2, 'axis': 0}
    """
    return _REGISTRY.called(identifier)


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
