"""Mean, variance and standard deviation: composites of sums."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from graphc.errors import ArgumentError
from graphc.operands import as_tensor, convert, fail
from graphc.ops.declare import OpFunction, call, composite, public
from graphc.ops.reductions import count_of, kept_dims, restore
from graphc.ops.reductions import sum as sum_of
from graphc.ops.shapes import normal_axes
from graphc.tensor import Tensor


def _mean_grad(cotangents: Any, outputs: Any, x: Tensor, *, axes: Any) -> Any:
    return (restore(cotangents[0] / count_of(x, axes), x, axes),)


_mean = composite(
    "mean",
    numpy=lambda x, *, axes: _quietly(np.mean, x, axes),
    expand=lambda x, *, axes: sum_of(x, axes) / count_of(x, axes),
    grad=_mean_grad,
    doc="The sum along axes divided by the number of elements; NaN of none.",
)


def _quietly(reference: Any, x: np.ndarray, axes: tuple[int, ...], **options: Any) -> np.ndarray:
    """NumPy's answer without its warnings; of an empty array too, which NumPy gives as NaN."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(reference(x, axis=axes, **options), dtype=x.dtype)


def _freedom(x: Tensor, axes: tuple[int, ...], correction: float) -> Tensor:
    count = count_of(x, axes)
    return call.maximum(count - correction, 0) if correction else count


def _centred(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x - restore(_mean(x, axes=axes), x, axes)


def _var_expand(x: Tensor, *, axes: tuple[int, ...], correction: float) -> Tensor:
    return sum_of(call.square(_centred(x, axes)), axes) / _freedom(x, axes, correction)


def _var_grad(cotangents: Any, outputs: Any, x: Tensor, *, axes: Any, correction: float) -> Any:
    # The mean's own share sums to zero, so only the squares' derivative is left.
    scale = 2 * cotangents[0] / _freedom(x, axes, correction)
    return (restore(scale, x, axes) * _centred(x, axes),)


_var = composite(
    "var",
    numpy=lambda x, *, axes, correction: _quietly(np.var, x, axes, ddof=correction),
    expand=_var_expand,
    grad=_var_grad,
    doc="The mean square distance from the mean along axes.",
)


def _std_grad(cotangents: Any, outputs: Any, x: Tensor, *, axes: Any, correction: float) -> Any:
    deviation = outputs[0]
    # Where all elements are equal the root has no derivative; 0 is the least of its slopes.
    safe = call.where(deviation == 0, 1, deviation)
    scale = cotangents[0] / (_freedom(x, axes, correction) * safe)
    return (restore(scale, x, axes) * _centred(x, axes),)


_std = composite(
    "std",
    numpy=lambda x, *, axes, correction: _quietly(np.std, x, axes, ddof=correction),
    expand=lambda x, *, axes, correction: call.sqrt(_var(x, axes=axes, correction=correction)),
    grad=_std_grad,
    doc="The square root of the variance along axes.",
)


def _along(record: OpFunction, x: Any, axis: Any, keepdims: bool, **attributes: Any) -> Tensor:
    name = record.__name__
    (tensor,) = convert(name, [as_tensor(x, name=name)], "quotient")
    axes = normal_axes(name, axis, tensor.ndim, tensor)
    return kept_dims(record(tensor, axes=axes, **attributes), axes, keepdims)


def _checked(correction: Any, ddof: Any, name: str) -> float:
    given = correction if ddof is None else ddof
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise fail(ArgumentError(f"the correction must be a number, not {given!r}"), name)
    return float(given)


@public(_mean)
def mean(x: Any, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The mean along ``axis`` (one, several, or all); NaN of no elements.

    Integers and booleans are averaged as float64.

    >>> import graphc
    >>> graphc.mean(graphc.input("x", ("N", 3)), axis=0)
    Tensor mean: f32[3]
    """
    return _along(_mean, x if dtype is None else call.astype(x, dtype), axis, keepdims)


@public(_var)
def var(
    x: Any, axis: Any = None, *, correction: float = 0, keepdims: bool = False, ddof: Any = None
) -> Tensor:
    """The variance along ``axis`` (one, several, or all): squares are divided by the number of
    elements less ``correction`` (NumPy's name for it, ``ddof``, is taken too).

    >>> import graphc
    >>> graphc.var(graphc.input("x", ("N", 3)), axis=0, correction=1)
    Tensor var: f32[3]
    """
    return _along(_var, x, axis, keepdims, correction=_checked(correction, ddof, "var"))


@public(_std)
def std(
    x: Any, axis: Any = None, *, correction: float = 0, keepdims: bool = False, ddof: Any = None
) -> Tensor:
    """The standard deviation along ``axis``: the square root of ``var``.  Where all elements are
    equal its gradient is 0.

    >>> import graphc
    >>> graphc.std(graphc.input("x", ("N", 3)), axis=0)
    Tensor std: f32[3]
    """
    return _along(_std, x, axis, keepdims, correction=_checked(correction, ddof, "std"))
