"""``keras.ops`` that reduce axes."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.keras.calling import universal
from graphc.keras.ops.elementwise import isclose
from graphc.keras.ops.operands import as_float, as_keras, reduction

__all__ = [
    "allclose",
    "all", "amax", "amin", "any", "argmax", "argmin", "average", "count_nonzero", "logsumexp",
    "max", "mean", "min", "moments", "norm", "prod", "ptp", "std", "sum", "var",
]  # fmt: skip


mean = reduction("mean", "mean", "The mean along ``axis``, or of all elements.", floats=True)
var = reduction("var", "var", "The variance along ``axis``, or of all elements.", floats=True)
std = reduction("std", "std", "The standard deviation along ``axis``, or of all.", floats=True)
amax = reduction("amax", "max", "The largest element along ``axis``, or of all.")
amin = reduction("amin", "min", "The smallest element along ``axis``, or of all.")
any = reduction("any", "any", "Whether any element along ``axis`` is not 0.")
all = reduction("all", "all", "Whether all elements along ``axis`` are not 0.")
logsumexp = reduction(
    "logsumexp", "logsumexp", "``log(sum(exp(x)))`` along ``axis``, without overflow.", floats=True
)


def _bounded(record: Any, bound: Any, x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    along = tuple(axis) if isinstance(axis, list) else axis
    found = record(as_keras(x), along, keepdims=bool(keepdims))
    return found if initial is None else bound(found, initial)


@universal
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest element along ``axis``, or of all; ``initial`` at least.

    >>> float(max([1.0, 3.0]))
    3.0
    """
    return _bounded(graphc.max, graphc.maximum, x, axis, keepdims, initial)


@universal
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest element along ``axis``, or of all; ``initial`` at most.

    >>> float(min([1.0, 3.0]))
    1.0
    """
    return _bounded(graphc.min, graphc.minimum, x, axis, keepdims, initial)


def _own_dtype(made: Any, dtype: Any = None) -> Any:
    """Sums of integers keep their dtype; those of booleans are int32."""
    return dtype or ("int32" if made.dtype.is_bool else made.dtype)


@universal
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum along ``axis``, or of all elements.

    >>> float(sum([1.0, 3.0]))
    4.0
    """
    made, along = as_keras(x), tuple(axis) if isinstance(axis, list) else axis
    return graphc.sum(made, along, dtype=_own_dtype(made), keepdims=bool(keepdims))


@universal
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product along ``axis``, or of all elements."""
    made, along = as_keras(x), tuple(axis) if isinstance(axis, list) else axis
    return graphc.prod(made, along, dtype=_own_dtype(made, dtype), keepdims=bool(keepdims))


def _place(record: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return graphc.astype(record(as_keras(x), axis, keepdims=bool(keepdims)), "int32")


@universal
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The first place (int32) of the largest element along ``axis``, or of all.

    >>> int(argmax([1.0, 3.0]))
    1
    """
    return _place(graphc.argmax, x, axis, keepdims)


@universal
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The first place (int32) of the smallest element along ``axis``, or of all."""
    return _place(graphc.argmin, x, axis, keepdims)


@universal
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many elements (int32) along ``axis``, or of all, are not 0."""
    along = tuple(axis) if isinstance(axis, list) else axis
    return graphc.sum(graphc.astype(as_keras(x) != 0, "int32"), along, dtype="int32")


@universal
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether ``isclose`` holds of all elements."""
    return graphc.all(isclose(x1, x2, rtol, atol, equal_nan))


@universal
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest less the smallest element."""
    made = as_keras(x)
    high, low = (f(made, axis, keepdims=bool(keepdims)) for f in (graphc.max, graphc.min))
    return high - low


@universal
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The mean along ``axis``, weighted where weights are given."""
    made = as_float(x)
    if weights is None:
        return graphc.mean(made, axis)
    share = graphc.astype(as_keras(weights), made.dtype)
    if share.ndim == 1 and made.ndim > 1:
        sizes = [1] * made.ndim
        sizes[axis] = share.shape[0]
        share = graphc.reshape(share, tuple(sizes))
    total = graphc.sum(graphc.broadcast_to(share, made.shape), axis)
    return graphc.sum(made * share, axis) / total


@universal
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance along ``axes``.

    >>> [float(m) for m in moments([1.0, 3.0], axes=[0])]
    [2.0, 1.0]
    """
    made, along = as_float(x), tuple(axes) if isinstance(axes, (list, tuple)) else axes
    return (
        graphc.mean(made, along, keepdims=bool(keepdims)),
        graphc.var(made, along, keepdims=bool(keepdims)),
    )


@universal
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The length of vectors along ``axis``: of order 2, 1 or infinity."""
    made, along = as_float(x), tuple(axis) if isinstance(axis, list) else axis
    if ord in (None, 2, "fro"):
        return graphc.norm(made, along, keepdims=bool(keepdims))
    if ord == 1:
        return graphc.sum(graphc.abs(made), along, keepdims=bool(keepdims))
    if ord == float("inf"):
        return graphc.max(graphc.abs(made), along, keepdims=bool(keepdims))
    raise NotImplementedError(f"ops.norm has the orders 1, 2 and inf, not {ord!r}")
