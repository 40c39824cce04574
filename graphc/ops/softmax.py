"""softmax, log_softmax and logsumexp: exponentials of a row against their sum.

All subtract the row's maximum first, so that nothing overflows; the result does not depend on what
is subtracted, hence the maximum is a constant for the gradient.  Formulas: Blanchard, Higham,
Higham, "Accurately computing the log-sum-exp and softmax functions" (2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import AxisError
from graphc.ir.op import Attributes
from graphc.ir.types import TensorType
from graphc.operands import convert, fail
from graphc.ops.declare import call, composite, public
from graphc.ops.reductions import supremum
from graphc.ops.shapes import normal_axes
from graphc.tensor import Tensor


def shifted(x: Tensor, axis: int) -> Tensor:
    """``x`` less the maximum of its row."""
    return x - call.stop_gradient(supremum(x, (axis,)))  # type: ignore[no-any-return]


def one_axis(name: str, axis: Any, x: Tensor) -> int:
    """``axis`` as a non-negative int; ``AxisError`` where ``x`` has no such axis."""
    axes = normal_axes(name, axis, x.ndim, x)
    if axis is None or len(axes) != 1:
        raise fail(AxisError(f"takes one axis, not {axis!r}"), name, [x])
    return axes[0]


def _same(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (types[0],)


def _without_axes(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    kept = (size for axis, size in enumerate(x.shape) if axis not in attributes["axes"])
    return (x.with_shape(tuple(kept)),)


def _numpy_shifted(x: np.ndarray, axis: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        highest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        return np.asarray(x - highest)


def _numpy_softmax(x: np.ndarray, *, axis: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        e = np.exp(_numpy_shifted(x, axis))
        return np.asarray(e / np.sum(e, axis=axis, keepdims=True))


def _softmax_expansion(x: Tensor, *, axis: int) -> Tensor:
    e = call.exp(shifted(x, axis))
    # One division a row: the sum lies between 1 and the row's length, so its inverse is exact to
    # half a unit in the last place, and no division of every element bounds the speed.
    return e * (1 / call.sum(e, axis=axis, keepdims=True))  # type: ignore[no-any-return]


def _softmax_gradient(cotangents: Any, outputs: Any, x: Tensor, *, axis: int) -> Any:
    (g,), (out,) = cotangents, outputs
    return [(g - call.sum(g * out, axis=axis, keepdims=True)) * out]


_softmax = composite(
    "softmax",
    numpy=_numpy_softmax,
    expand=_softmax_expansion,
    grad=_softmax_gradient,
    infer=_same,
    doc="Exponentials divided by their sum along an axis.",
)


@public(_softmax)
def softmax(x: Any, axis: int = -1) -> Tensor:
    """``exp(x) / sum(exp(x))`` along ``axis``, without overflow; positive, and each row sums to 1.

    Floating point of any rank from 1; integers become floats.  A row that holds NaN or +inf, or
    nothing but -inf, is NaN.  Raises ``AxisError``.

    >>> import graphc
    >>> graphc.softmax(graphc.input("scores", ("N", 10)))
    Tensor softmax: f32[N, 10]
    """
    (tensor,) = convert("softmax", [x], "float")
    return _softmax(tensor, axis=one_axis("softmax", axis, tensor))  # type: ignore[no-any-return]


def _numpy_log_softmax(x: np.ndarray, *, axis: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        moved = _numpy_shifted(x, axis)
        return np.asarray(moved - np.log(np.sum(np.exp(moved), axis=axis, keepdims=True)))


def _log_softmax_expansion(x: Tensor, *, axis: int) -> Tensor:
    moved = shifted(x, axis)
    return moved - call.log(call.sum(call.exp(moved), axis=axis, keepdims=True))  # type: ignore[no-any-return]


def _log_softmax_gradient(cotangents: Any, outputs: Any, x: Tensor, *, axis: int) -> Any:
    (g,), (out,) = cotangents, outputs
    return [g - call.exp(out) * call.sum(g, axis=axis, keepdims=True)]


_log_softmax = composite(
    "log_softmax",
    numpy=_numpy_log_softmax,
    expand=_log_softmax_expansion,
    grad=_log_softmax_gradient,
    infer=_same,
    doc="The logarithm of softmax, without overflow or cancellation.",
)


@public(_log_softmax)
def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """``log(softmax(x))`` along ``axis``, exact also where softmax itself underflows.

    Types, special values and errors as for ``softmax``.

    >>> import graphc
    >>> graphc.log_softmax(graphc.input("scores", ("N", 10)), axis=0)
    Tensor log_softmax: f32[N, 10]
    """
    (tensor,) = convert("log_softmax", [x], "float")
    axis = one_axis("log_softmax", axis, tensor)
    return _log_softmax(tensor, axis=axis)  # type: ignore[no-any-return]


def _numpy_logsumexp(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    with np.errstate(all="ignore"):
        highest = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
        pivot = np.where(np.isfinite(highest), highest, 0).astype(x.dtype)
        total = np.log(np.sum(np.exp(x - pivot), axis=axes))
        return np.asarray(total + pivot.reshape(total.shape), x.dtype)


def _logsumexp_expansion(x: Tensor, *, axes: tuple[int, ...]) -> Tensor:
    highest = supremum(x, axes)
    pivot = call.stop_gradient(call.where(call.isfinite(highest), highest, 0))
    total = call.log(call.sum(call.exp(x - pivot), axis=axes))
    return total + call.squeeze(pivot, axes)  # type: ignore[no-any-return]


def _logsumexp_gradient(cotangents: Any, outputs: Any, x: Tensor, *, axes: tuple[int, ...]) -> Any:
    (g,), (out,) = cotangents, outputs
    # Nothing but -inf: the shares are 0, not exp(-inf + inf).
    total = call.where(call.equal(out, -np.inf), 0, out)
    shares = call.exp(x - call.expand_dims(total, axes))
    return [call.expand_dims(g, axes) * shares]


_logsumexp = composite(
    "logsumexp",
    numpy=_numpy_logsumexp,
    expand=_logsumexp_expansion,
    grad=_logsumexp_gradient,
    infer=_without_axes,
    doc="The logarithm of a sum of exponentials, without overflow.",
)


@public(_logsumexp)
def logsumexp(x: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """``log(sum(exp(x)))`` over ``axis`` (one, several, or ``None`` for all), without overflow.

    Of nothing, or of nothing but -inf, it is -inf; with +inf it is +inf.  The gradient is
    ``softmax(x)``, and 0 where the result is -inf.  Integers become floats.  Raises ``AxisError``.

    >>> import graphc
    >>> graphc.logsumexp(graphc.input("scores", ("N", 10)), axis=1)
    Tensor logsumexp: f32[N]
    """
    (tensor,) = convert("logsumexp", [x], "float")
    axes = normal_axes("logsumexp", axis, tensor.ndim, tensor)
    total = _logsumexp(tensor, axes=axes)
    return call.expand_dims(total, axes) if keepdims else total  # type: ignore[no-any-return]
