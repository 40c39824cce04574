"""Keras' activation functions: functions of a Tensor, element by element unless said otherwise.

Each is arithmetic of graphc's ops, from which gradients follow; constants and corner cases are
Keras 3's.  An array instead of a Tensor is computed at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import graphc
from graphc.errors import ShapeError
from graphc.keras.calling import of_tensor
from graphc.keras.naming import missing
from graphc.keras.registry import Registry, fail
from graphc.tensor import Tensor

# Klambauer et al., "Self-Normalizing Neural Networks", 2017.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@of_tensor
def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """``x`` above ``threshold``, ``negative_slope * (x - threshold)`` below it, ``max_value`` at
    most.

    >>> import numpy as np
    >>> relu(np.array([-2.0, 1.0, 9.0]), negative_slope=0.5, max_value=6.0)
    array([-1.,  1.,  6.])
    """
    if negative_slope != 0.0 and max_value is None and threshold == 0:
        return graphc.leaky_relu(x, negative_slope=negative_slope)
    below = threshold - x if threshold != 0 else -x
    kept = graphc.where(x > threshold, x, 0) if threshold != 0 else graphc.relu(x)
    if max_value is not None:
        kept = graphc.clip(kept, 0, max_value)
    return kept - negative_slope * graphc.relu(below) if negative_slope != 0.0 else kept


@of_tensor
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """``x`` where it is positive, else ``negative_slope * x``."""
    return graphc.leaky_relu(x, negative_slope=negative_slope)


@of_tensor
def relu6(x: Any) -> Any:
    """``min(max(x, 0), 6)``."""
    return graphc.clip(x, 0, 6)


@of_tensor
def softmax(x: Any, axis: Any = -1) -> Any:
    """``exp(x) / sum(exp(x), axis)``; over several axes taken together where ``axis`` is a tuple.

    >>> import numpy as np
    >>> softmax(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    return _along(graphc.softmax, x, axis)


@of_tensor
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """``log(softmax(x, axis))``, computed without its overflow."""
    return _along(graphc.log_softmax, x, axis)


def _along(function: Callable[..., Tensor], x: Tensor, axis: Any) -> Any:
    """``function`` along one axis, or along several as if they were one."""
    if not isinstance(axis, (tuple, list)):
        return function(x, axis)
    axes = [a % x.ndim for a in axis]
    rest = [a for a in range(x.ndim) if a not in axes]
    order = (*rest, *axes)
    moved = graphc.permute_dims(x, order)
    flat = graphc.reshape(moved, (*moved.shape[: len(rest)], -1)) if len(axes) > 1 else moved
    back = tuple(order.index(a) for a in range(x.ndim))
    return graphc.permute_dims(graphc.reshape(function(flat, -1), moved.shape), back)


@of_tensor
def elu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``."""
    return graphc.elu(x, alpha=alpha)


@of_tensor
def selu(x: Any) -> Any:
    """The scaled ``elu`` that keeps mean 0 and variance 1."""
    return _SELU_SCALE * graphc.elu(x, alpha=_SELU_ALPHA)


@of_tensor
def celu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``."""
    return alpha * graphc.elu(x / alpha)


@of_tensor
def softplus(x: Any) -> Any:
    """``log(exp(x) + 1)``."""
    return graphc.softplus(x)


@of_tensor
def softsign(x: Any) -> Any:
    """``x / (abs(x) + 1)``."""
    return x / (graphc.abs(x) + 1)


@of_tensor
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """``x`` moved towards 0 by ``threshold``, and 0 within it."""
    return graphc.where(
        x > threshold, x - threshold, graphc.where(x < -threshold, x + threshold, 0)
    )


@of_tensor
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """``x`` where ``abs(x) > threshold``, else 0."""
    return graphc.where(graphc.abs(x) > threshold, x, 0)


@of_tensor
def tanh_shrink(x: Any) -> Any:
    """``x - tanh(x)``."""
    return x - graphc.tanh(x)


@of_tensor
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """``x`` where it is above ``threshold``, else ``default_value``."""
    return graphc.where(x > threshold, x, default_value)


@of_tensor
def sparse_plus(x: Any) -> Any:
    """0 up to -1, ``(x + 1)**2 / 4`` up to 1, ``x`` from there on."""
    return graphc.where(x <= -1, 0, graphc.where(x < 1, 0.25 * graphc.square(x + 1), x))


@of_tensor
def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, ``(x + 1) / 2`` up to 1, 1 from there on."""
    return graphc.clip(0.5 * (x + 1), 0, 1)


@of_tensor
def squareplus(x: Any, b: float = 4) -> Any:
    """``(x + sqrt(x**2 + b)) / 2``."""
    return 0.5 * (x + graphc.sqrt(graphc.square(x) + b))


@of_tensor
def silu(x: Any) -> Any:
    """``x * sigmoid(x)``, also called swish."""
    return graphc.silu(x)


@of_tensor
def gelu(x: Any, approximate: bool = False) -> Any:
    """``x * P(X <= x)`` of a standard normal ``X``; with ``approximate`` by a tanh."""
    return graphc.gelu(x, approximate=bool(approximate))


@of_tensor
def glu(x: Any, axis: int = -1) -> Any:
    """The first half of ``x`` along ``axis`` times the sigmoid of the second.

    Raises ``ShapeError`` where the size of the axis is odd or unknown.
    """
    axis %= x.ndim
    size = x.shape[axis]
    if not isinstance(size, int) or size % 2:
        raise fail(ShapeError(f"glu halves axis {axis}, whose size {size} is not even"))
    before = (slice(None),) * axis
    value, gate = x[(*before, slice(0, size // 2))], x[(*before, slice(size // 2, size))]
    return value * graphc.sigmoid(gate)


@of_tensor
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return graphc.tanh(x)


@of_tensor
def hard_tanh(x: Any) -> Any:
    """``x`` held between -1 and 1."""
    return graphc.clip(x, -1, 1)


@of_tensor
def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return graphc.sigmoid(x)


@of_tensor
def hard_sigmoid(x: Any) -> Any:
    """``x / 6 + 1 / 2`` held between 0 and 1."""
    return graphc.clip(x + 3, 0, 6) / 6


@of_tensor
def hard_silu(x: Any) -> Any:
    """``x * hard_sigmoid(x)``."""
    return x * (graphc.clip(x + 3, 0, 6) / 6)


@of_tensor
def log_sigmoid(x: Any) -> Any:
    """``log(sigmoid(x))``, computed without its overflow."""
    return -graphc.softplus(-x)


@of_tensor
def exponential(x: Any) -> Any:
    """``exp(x)``."""
    return graphc.exp(x)


@of_tensor
def linear(x: Any) -> Any:
    """``x`` itself."""
    return x


@of_tensor
def mish(x: Any) -> Any:
    """``x * tanh(softplus(x))``."""
    return x * graphc.tanh(graphc.softplus(x))


@of_tensor
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the simplex nearest to ``x`` (Martins and Astudillo, 2016): rows that sum to 1
    and are 0 where a softmax would be small.

    Not by sorting, as the paper, but by comparing all pairs of a row: an element belongs to the
    support where one plus its rank times itself exceeds the sum of all that are at least as large.

    >>> import numpy as np
    >>> sparsemax(np.array([[1.0, 0.5, -2.0]]))
    array([[0.75, 0.25, 0.  ]])
    """
    moved = graphc.swapaxes(x, axis, -1)
    own, other = graphc.expand_dims(moved, -1), graphc.expand_dims(moved, -2)
    at_least = other >= own
    rank = graphc.sum(graphc.astype(at_least, x.dtype), axis=-1)
    above = graphc.sum(graphc.where(at_least, other, 0), axis=-1)
    support = 1 + rank * moved > above
    count = graphc.sum(graphc.astype(support, x.dtype), axis=-1, keepdims=True)
    total = graphc.sum(graphc.where(support, moved, 0), axis=-1, keepdims=True)
    return graphc.swapaxes(graphc.relu(moved - (total - 1) / count), axis, -1)


swish, hard_swish = silu, hard_silu

_FUNCTIONS = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu,
    linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax,
    softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink,
    threshold,
)  # fmt: skip
_REGISTRY = Registry(
    "activation function",
    "keras.activations",
    {f.__name__: f for f in _FUNCTIONS} | {"swish": silu, "hard_swish": hard_silu},
)
serialize, deserialize = _REGISTRY.serialize, _REGISTRY.deserialize

__all__ = [
    *(f.__name__ for f in _FUNCTIONS),
    "deserialize",
    "get",
    "hard_swish",
    "serialize",
    "swish",
]


def get(identifier: Any) -> Callable[..., Any]:
    """The activation function that ``identifier`` names or is; ``linear`` for ``None``.

    Raises ``ArgumentError`` with the nearest name for an unknown one.

    >>> get("relu") is relu
    True
    """
    found = linear if identifier is None else _REGISTRY.made(identifier)
    if not callable(found):
        raise _REGISTRY.unknown(identifier)
    return found


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
