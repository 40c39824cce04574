"""Folds along axes: sum, prod, max, min, any, all, and where the extremes are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import AxisError, Mark, ShapeError
from graphc.ir import dims, dtypes
from graphc.ir.dims import Size
from graphc.ir.dtypes import DType
from graphc.operands import as_tensor, build, cast, fail, single, supported_dtype
from graphc.ops.declare import OpFunction, call, public, reduction
from graphc.ops.shapes import normal_axes
from graphc.tensor import Tensor

# NumPy's sums of integers are of the widest integer; uint64, which graphc lacks, is int64.
_SUMMED_AS: dict[DType, DType] = {
    dtypes.int32: dtypes.int64,
    dtypes.uint8: dtypes.int64,
    dtypes.bool_: dtypes.int64,
}

# Up to this many factors the gradient of a product multiplies all but one of them directly.
_FEW_FACTORS = 32


def restore(reduced: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """What was reduced along ``axes``, repeated to the shape of ``x``."""
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    if not axes:
        return reduced
    attributes = {"shape": x.shape, "axes": kept}
    return single(build(call.broadcast_to.op, (reduced.value,), attributes))  # type: ignore[attr-defined]


def kept_dims(reduced: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """With ``keepdims`` the axes come back with size 1."""
    return call.expand_dims(reduced, axes) if keepdims and axes else reduced


def _fold(
    record: OpFunction, x: Any, axis: Any, keepdims: bool, as_dtype: Callable[[DType], DType]
) -> Tensor:
    tensor = as_tensor(x, name=record.__name__)
    axes = normal_axes(record.__name__, axis, tensor.ndim, tensor)
    tensor = cast(tensor, as_dtype(tensor.dtype))
    if not axes:
        return tensor
    return kept_dims(record(tensor, axes=axes), axes, keepdims)


def _demanded(tensor: Tensor, axes: tuple[int, ...]) -> dict[str, Any]:
    """The attribute of a fold that has no value of no elements, where it may meet none."""
    symbolic = [axis for axis in axes if not isinstance(tensor.shape[axis], int)]
    return {"nonempty": True} if symbolic else {}


def _refuse_empty(name: str, tensor: Tensor, axes: tuple[int, ...]) -> None:
    for axis in axes:
        if tensor.shape[axis] == 0:
            error = ShapeError("of no elements at all does not exist", mark=Mark(0, axis))
            raise fail(error, name, [tensor])


# -- sums and products -------------------------------------------------------------------------


def _sum_grad(cotangents: Any, outputs: Any, x: Tensor, *, axes: Any, order: Any = None) -> Any:
    return (restore(cotangents[0], x, axes),)


_sum = reduction(
    "sum",
    combine="add",
    numpy=lambda x, axes: np.sum(x, axis=axes, dtype=x.dtype),
    grad=_sum_grad,
    domain="signed",
    doc="The sum along axes; 0 of none.",
)


@public(_sum)
def sum(x: Any, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum along ``axis`` (one, several, or all); 0 of no elements.

    Integers and booleans are summed as int64.  Raises ``AxisError``.

    >>> import graphc
    >>> graphc.sum(graphc.input("x", ("N", 3)), axis=0)
    Tensor sum: f32[3]
    """
    wanted = None if dtype is None else supported_dtype(dtype, "sum")
    return _fold(_sum, x, axis, keepdims, lambda d: wanted or _SUMMED_AS.get(d, d))


def _prod_grad(cotangents: Any, outputs: Any, x: Tensor, *, axes: Any, order: Any = None) -> Any:
    g = restore(cotangents[0], x, axes)
    count = dims.product(x.shape[axis] for axis in axes)
    if isinstance(count, int) and count <= _FEW_FACTORS:
        return (g * _others(x, axes, count),)
    is_zero = x == 0
    factors = call.where(is_zero, 1, x)
    product = restore(prod(factors, axes), x, axes)
    zeros = restore(sum(is_zero, axes), x, axes)
    # With one zero only that element has a gradient, the product of the others; with two, none has.
    alone = call.where(is_zero & (zeros == 1), product, 0)
    return (g * call.where(zeros == 0, product / factors, alone),)


def _others(x: Tensor, axes: tuple[int, ...], count: int) -> Tensor:
    """For each element the product of all others along ``axes``: no division, so right with zeros
    and for the second derivative too."""
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    order = (*kept, *axes)
    rows = call.permute_dims(x, order)
    shape = rows.shape
    flat = call.reshape(rows, (*shape[: len(kept)], count))
    square = (*flat.shape, count)
    diagonal = call.iota(square, len(square) - 2) == call.iota(square, len(square) - 1)
    others = prod(call.where(diagonal, 1, call.expand_dims(flat, -2)), -1)
    back = tuple(order.index(axis) for axis in range(x.ndim))
    return call.permute_dims(call.reshape(others, shape), back)  # type: ignore[no-any-return]


_prod = reduction(
    "prod",
    combine="multiply",
    numpy=lambda x, axes: np.prod(x, axis=axes, dtype=x.dtype),
    grad=_prod_grad,
    domain="signed",
    doc="The product along axes; 1 of none.",
)


@public(_prod)
def prod(x: Any, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product along ``axis`` (one, several, or all); 1 of no elements.

    Integers and booleans are multiplied as int64.  The gradient is right where elements are 0.

    >>> import graphc
    >>> graphc.prod(graphc.input("x", ("N", 3)), axis=-1, keepdims=True)
    Tensor expand_dims: f32[N, 1]
    """
    wanted = None if dtype is None else supported_dtype(dtype, "prod")
    return _fold(_prod, x, axis, keepdims, lambda d: wanted or _SUMMED_AS.get(d, d))


# -- extremes ----------------------------------------------------------------------------------


def _extreme_grad(cotangents: Any, outputs: Any, x: Tensor, *, axes: Any, **_: Any) -> Any:
    """Shared equally among all elements that are the extreme."""
    chosen = x == restore(outputs[0], x, axes)
    share = cotangents[0] / sum(chosen, axes).astype(x.dtype)
    return (call.where(chosen, restore(share, x, axes), 0),)


def _lowest(x: np.ndarray) -> Any:
    return -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min


def _highest(x: np.ndarray) -> Any:
    return np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).max


_max = reduction(
    "max",
    combine="maximum",
    numpy=lambda x, axes: np.max(x, axis=axes, initial=_lowest(x)),
    grad=_extreme_grad,
    domain="signed",
    doc="The largest element along axes; NaN where one is, the lowest number of none.",
)
_min = reduction(
    "min",
    combine="minimum",
    numpy=lambda x, axes: np.min(x, axis=axes, initial=_highest(x)),
    grad=_extreme_grad,
    domain="signed",
    doc="The smallest element along axes; NaN where one is, the highest number of none.",
)


@public(_max)
def max(x: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The largest element along ``axis`` (one, several, or all); NaN where one is.

    Equal elements share the gradient.  ``ShapeError`` for an axis of size 0; a call where a
    symbolic size turns out to be 0 is refused.

    >>> import graphc
    >>> graphc.max(graphc.input("x", ("N", 3)), axis=1)
    Tensor max: f32[N]
    """
    return _extreme(_max, _any, x, axis, keepdims)


@public(_min)
def min(x: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """The smallest element along ``axis`` (one, several, or all); NaN where one is.

    Equal elements share the gradient.  ``ShapeError`` for an axis of size 0; a call where a
    symbolic size turns out to be 0 is refused.

    >>> import graphc
    >>> graphc.min(graphc.input("x", ("N", 3)), axis=1)
    Tensor min: f32[N]
    """
    return _extreme(_min, _all, x, axis, keepdims)


def supremum(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The maximum along ``axes``, which stay with size 1; the lowest number of nothing."""
    return kept_dims(_max(x, axes=axes), axes, True)


def _extreme(
    record: OpFunction, of_bools: OpFunction, x: Any, axis: Any, keepdims: bool
) -> Tensor:
    tensor = as_tensor(x, name=record.__name__)
    axes = normal_axes(record.__name__, axis, tensor.ndim, tensor)
    _refuse_empty(record.__name__, tensor, axes)
    if not axes:
        return tensor
    fold = of_bools if tensor.dtype.is_bool else record
    return kept_dims(fold(tensor, axes=axes, **_demanded(tensor, axes)), axes, keepdims)


def _where_extreme(name: str, reference: Callable[..., Any], combine: str, doc: str) -> OpFunction:
    return reduction(
        name,
        combine=combine,
        numpy=lambda x, axes: _first_index(reference, x, axes[0]),
        grad=lambda cotangents, outputs, x, **attributes: (None,),
        result=dtypes.int64,
        domain="signed",
        doc=doc,
    )


def _first_index(reference: Callable[..., Any], x: np.ndarray, axis: int) -> Any:
    if x.shape[axis] == 0:
        return np.zeros((*x.shape[:axis], *x.shape[axis + 1 :]), np.int64)
    return reference(x, axis=axis).astype(np.int64)


_argmax = _where_extreme(
    "argmax", np.argmax, "argmax", "The first index of the largest element; a NaN is the largest."
)
_argmin = _where_extreme(
    "argmin",
    np.argmin,
    "argmin",
    "The first index of the smallest element; a NaN is the smallest.",
)


@public(_argmax)
def argmax(x: Any, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The first index (int64) of the largest element along ``axis``, or among all elements; of a
    NaN where there is one.

    >>> import graphc
    >>> graphc.argmax(graphc.input("x", ("N", 3)), axis=-1)
    Tensor argmax: i64[N]
    """
    return _index_of(_argmax, x, axis, keepdims)


@public(_argmin)
def argmin(x: Any, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """The first index (int64) of the smallest element along ``axis``, or among all elements; of a
    NaN where there is one.

    >>> import graphc
    >>> graphc.argmin(graphc.input("x", ("N", 3)), axis=-1)
    Tensor argmin: i64[N]
    """
    return _index_of(_argmin, x, axis, keepdims)


def _index_of(record: OpFunction, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    name = record.__name__
    tensor = as_tensor(x, name=name)
    if isinstance(axis, (tuple, list)):
        raise fail(AxisError("takes one axis, or None for all elements"), name, [tensor])
    if tensor.dtype.is_bool:
        tensor = cast(tensor, dtypes.uint8)
    if axis is None:
        found = _index_of(record, tensor.flatten(), 0, False)
        return call.reshape(found, (1,) * tensor.ndim) if keepdims else found
    axes = normal_axes(name, axis, tensor.ndim, tensor)
    _refuse_empty(name, tensor, axes)
    return kept_dims(record(tensor, axes=axes, **_demanded(tensor, axes)), axes, keepdims)


# -- truth -------------------------------------------------------------------------------------


def _truth(name: str, reference: Callable[..., Any], doc: str) -> OpFunction:
    return reduction(
        name,
        combine=name,
        numpy=lambda x, axes: reference(x, axis=axes),
        grad=lambda cotangents, outputs, x, **attributes: (None,),
        result=dtypes.bool_,
        domain="bool",
        doc=doc,
    )


_any = _truth("any", np.any, "Whether any element along axes is true; false of none.")
_all = _truth("all", np.all, "Whether all elements along axes are true; true of none.")


@public(_any)
def any(x: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Whether any element along ``axis`` (one, several, or all) is not zero; false of none.

    >>> import graphc
    >>> graphc.any(graphc.input("x", ("N", 3)) > 0, axis=0)
    Tensor any: bool[3]
    """
    return _fold(_any, x, axis, keepdims, lambda d: dtypes.bool_)


@public(_all)
def all(x: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """Whether all elements along ``axis`` (one, several, or all) are not zero; true of none.

    >>> import graphc
    >>> graphc.all(graphc.input("x", ("N", 3)) > 0, axis=0)
    Tensor all: bool[3]
    """
    return _fold(_all, x, axis, keepdims, lambda d: dtypes.bool_)


def count_of(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """How many elements are reduced along ``axes``, as a number of the dtype of ``x``."""
    count: Size = dims.product(x.shape[axis] for axis in axes)
    return as_tensor(count, x.dtype)
