"""Losses, one value a sample, as Keras' functions give them.

``y_true`` comes first and ``y_pred`` second.  Their shapes must be equal: nothing broadcasts,
because a loss that silently broadcasts is the classical error.  The class axis is reduced and the
batch is not: ``graphc.mean`` of the result is the loss to differentiate.  From probabilities the
arithmetic is Keras' (rows divided by their sums, clipped to [1e-7, 1 - 1e-7], logarithm); from
logits it is exact.

The sparse loss picks a row's element by comparing labels with class numbers, not by a gather, so
that it fuses with the softmax around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import DTypeError, Mark, ShapeError, shape_text
from graphc.ir import dtypes
from graphc.ir.dims import Size
from graphc.ir.op import Attributes
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, cast, convert, fail
from graphc.ops.declare import call, composite, public
from graphc.ops.gathering import CHECK_INDEX
from graphc.ops.softmax import one_axis, shifted
from graphc.tensor import Tensor

EPSILON = 1e-7


def _reduced(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    y_pred = types[1]
    axis = attributes.get("axis", y_pred.rank - 1)
    return (y_pred.with_shape(y_pred.shape[:axis] + y_pred.shape[axis + 1 :]),)


def _operands(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as floats of the dtype of ``y_pred``, of equal shapes of rank 1 or more."""
    (predicted,) = convert(name, [y_pred], "float")
    true = cast(as_tensor(y_true, name=name), predicted.dtype)
    if true.shape != predicted.shape:
        reason = (
            f"y_true {shape_text(true.shape)} and y_pred {shape_text(predicted.shape)} must have "
            "equal shapes; a loss does not broadcast"
        )
        raise fail(ShapeError(reason), name, [true, predicted])
    if predicted.ndim == 0:
        raise fail(ShapeError("takes rank 1 or more; the last axis is averaged"), name, [predicted])
    return true, predicted


def _clipped(x: Tensor) -> Tensor:
    return call.clip(x, EPSILON, 1.0 - EPSILON)  # type: ignore[no-any-return]


def _numpy_clipped(x: np.ndarray) -> np.ndarray:
    return np.clip(x, x.dtype.type(EPSILON), x.dtype.type(1.0 - EPSILON))  # type: ignore[no-any-return]


def _numpy_mean(x: np.ndarray) -> Any:
    """The mean of the last axis; NaN of no elements, for which NumPy's own warns."""
    with np.errstate(all="ignore"):
        return np.sum(x, axis=-1) / x.dtype.type(x.shape[-1])


def _share(x: Tensor, axis: int) -> Tensor:
    """Rows divided by their sums."""
    return x / call.sum(x, axis=axis, keepdims=True)  # type: ignore[no-any-return]


# -- mean squared and absolute errors ----------------------------------------------------------


_mse = composite(
    "mse",
    numpy=lambda y_true, y_pred: _numpy_mean(np.square(y_true - y_pred)),
    expand=lambda y_true, y_pred: call.mean(call.square(y_true - y_pred), axis=-1),
    infer=_reduced,
    doc="Mean squared error over the last axis.",
)
_mae = composite(
    "mae",
    numpy=lambda y_true, y_pred: _numpy_mean(np.abs(y_true - y_pred)),
    expand=lambda y_true, y_pred: call.mean(call.abs(y_true - y_pred), axis=-1),
    infer=_reduced,
    doc="Mean absolute error over the last axis.",
)


@public(_mse)
def mse(y_true: Any, y_pred: Any) -> Tensor:
    """``mean((y_true - y_pred)**2, axis=-1)``: the mean squared error of each sample.

    Equal shapes ``(..., D)`` give ``(...)``, in the dtype of ``y_pred``.  Raises ``ShapeError``.

    >>> import graphc
    >>> x, y = graphc.input("x", ("N", 4)), graphc.input("y", ("N", 4))
    >>> graphc.mse(x, y)
    Tensor mse: f32[N]
    """
    return _mse(*_operands("mse", y_true, y_pred))  # type: ignore[no-any-return]


@public(_mae)
def mae(y_true: Any, y_pred: Any) -> Tensor:
    """``mean(abs(y_true - y_pred), axis=-1)``: the mean absolute error of each sample.

    Types and errors as for ``mse``; the gradient at equal values is 0.

    >>> import graphc
    >>> x, y = graphc.input("x", ("N", 4)), graphc.input("y", ("N", 4))
    >>> graphc.mae(x, y)
    Tensor mae: f32[N]
    """
    return _mae(*_operands("mae", y_true, y_pred))  # type: ignore[no-any-return]


# -- binary ------------------------------------------------------------------------------------


def _numpy_binary(y_true: np.ndarray, y_pred: np.ndarray, *, from_logits: bool) -> Any:
    with np.errstate(all="ignore"):
        if from_logits:
            ramp = np.maximum(y_pred, 0) - y_pred * y_true
            return _numpy_mean(ramp + np.log1p(np.exp(-np.abs(y_pred))))
        p = _numpy_clipped(y_pred)
        return _numpy_mean(-(y_true * np.log(p) + (1 - y_true) * np.log(1 - p)))


def _binary_expansion(y_true: Tensor, y_pred: Tensor, *, from_logits: bool = False) -> Tensor:
    if from_logits:
        ramp = call.relu(y_pred) - y_pred * y_true
        each = ramp + call.softplus(-call.abs(y_pred))
    else:
        p = _clipped(y_pred)
        each = -(y_true * call.log(p) + (1 - y_true) * call.log(1 - p))
    return call.mean(each, axis=-1)  # type: ignore[no-any-return]


def _binary_gradient(
    cotangents: Any, outputs: Any, y_true: Tensor, y_pred: Tensor, *, from_logits: bool = False
) -> Any:
    size = call.astype(call.size_of(y_pred.shape[-1]), y_pred.dtype)
    g = call.expand_dims(cotangents[0] / size, -1)
    if from_logits:
        return [-g * y_pred, g * (call.sigmoid(y_pred) - y_true)]
    p = _clipped(y_pred)
    inside = call.equal(p, y_pred)
    slope = (1 - y_true) / (1 - p) - y_true / p
    return [g * (call.log(1 - p) - call.log(p)), call.where(inside, g * slope, 0)]


_binary = composite(
    "binary_crossentropy",
    numpy=_numpy_binary,
    expand=_binary_expansion,
    grad=_binary_gradient,
    infer=_reduced,
    doc="Cross-entropy of independent yes-no decisions, averaged over the last axis.",
)


@public(_binary)
def binary_crossentropy(y_true: Any, y_pred: Any, *, from_logits: bool = False) -> Tensor:
    """``mean(-(y_true*log(p) + (1 - y_true)*log(1 - p)), axis=-1)``, ``p`` being ``y_pred`` or,
    from logits, its sigmoid.

    Equal shapes ``(..., D)`` give ``(...)``, in the dtype of ``y_pred``.  Raises ``ShapeError``.

    >>> import graphc
    >>> z, y = graphc.input("z", ("N", 1)), graphc.input("y", ("N", 1))
    >>> graphc.binary_crossentropy(y, z, from_logits=True)
    Tensor binary_crossentropy: f32[N]
    """
    true, predicted = _operands("binary_crossentropy", y_true, y_pred)
    return _binary(true, predicted, from_logits=bool(from_logits))  # type: ignore[no-any-return]


# -- categorical -------------------------------------------------------------------------------


def _numpy_categorical(
    y_true: np.ndarray, y_pred: np.ndarray, *, axis: int, from_logits: bool
) -> Any:
    with np.errstate(all="ignore"):
        return -np.sum(y_true * _numpy_log_shares(y_pred, axis, from_logits), axis=axis)


def _numpy_log_shares(y_pred: np.ndarray, axis: int, from_logits: bool) -> np.ndarray:
    if not from_logits:
        return np.log(_numpy_clipped(y_pred / np.sum(y_pred, axis=axis, keepdims=True)))  # type: ignore[no-any-return]
    moved = y_pred - np.max(y_pred, axis=axis, keepdims=True, initial=-np.inf)
    return np.asarray(moved - np.log(np.sum(np.exp(moved), axis=axis, keepdims=True)))


def _categorical_expansion(
    y_true: Tensor, y_pred: Tensor, *, axis: int, from_logits: bool = False
) -> Tensor:
    if from_logits:
        logarithm = call.log_softmax(y_pred, axis)
    else:
        logarithm = call.log(_clipped(_share(y_pred, axis)))
    return -call.sum(y_true * logarithm, axis=axis)  # type: ignore[no-any-return]


_categorical = composite(
    "categorical_crossentropy",
    numpy=_numpy_categorical,
    expand=_categorical_expansion,
    infer=_reduced,
    doc="Cross-entropy of a distribution over classes.",
)


@public(_categorical)
def categorical_crossentropy(
    y_true: Any, y_pred: Any, *, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """``-sum(y_true * log(p), axis)``, ``p`` being ``y_pred`` with rows divided by their sums or,
    from logits, its softmax; ``y_true`` is a distribution over classes, such as a one-hot row.

    Equal shapes ``(..., C)`` give ``(...)``, in the dtype of ``y_pred``.  Raises ``ShapeError``,
    ``AxisError``.

    >>> import graphc
    >>> z, y = graphc.input("z", ("N", 10)), graphc.input("y", ("N", 10))
    >>> graphc.categorical_crossentropy(y, z, from_logits=True)
    Tensor categorical_crossentropy: f32[N]
    """
    name = "categorical_crossentropy"
    true, predicted = _operands(name, y_true, y_pred)
    axis = one_axis(name, axis, predicted)
    return _categorical(true, predicted, axis=axis, from_logits=bool(from_logits))  # type: ignore[no-any-return]


# -- sparse categorical ------------------------------------------------------------------------


def _numpy_sparse(labels: np.ndarray, y_pred: np.ndarray, *, axis: int, from_logits: bool) -> Any:
    with np.errstate(all="ignore"):
        logarithm = _numpy_log_shares(y_pred, axis, from_logits)
    checked = CHECK_INDEX.numpy(labels, limit=y_pred.shape[axis]).astype(np.int64)
    picked = np.take_along_axis(logarithm, np.expand_dims(checked, axis), axis)
    return -np.squeeze(picked, axis)


def _is_label(labels: Tensor, like: Tensor, axis: int) -> Tensor:
    """Where ``like`` belongs to the class that its row's label names."""
    count = like.shape[axis]
    checked = call.check_index(labels, count)
    # Checked numbers below 2**31 are compared as int32, of which twice as many fit into a vector.
    narrow = isinstance(count, int) and count < 1 << 31
    numbers = call.iota(like.shape, axis, dtypes.int32 if narrow else dtypes.int64)
    return call.equal(numbers, call.expand_dims(cast(checked, numbers.dtype), axis))  # type: ignore[no-any-return]


def _sparse_expansion(
    labels: Tensor, y_pred: Tensor, *, axis: int, from_logits: bool = False
) -> Tensor:
    chosen = _is_label(labels, y_pred, axis)
    if from_logits:
        moved = shifted(y_pred, axis)
        picked = call.sum(call.where(chosen, moved, 0), axis=axis)
        return call.log(call.sum(call.exp(moved), axis=axis)) - picked  # type: ignore[no-any-return]
    picked = call.sum(call.where(chosen, _share(y_pred, axis), 0), axis=axis)
    return -call.log(_clipped(picked))  # type: ignore[no-any-return]


def _sparse_gradient(
    cotangents: Any,
    outputs: Any,
    labels: Tensor,
    y_pred: Tensor,
    *,
    axis: int,
    from_logits: bool = False,
) -> Any:
    chosen = _is_label(labels, y_pred, axis)
    g = call.expand_dims(cotangents[0], axis)
    if from_logits:
        p = call.softmax(y_pred, axis)
        return [None, call.where(chosen, p - 1, p) * g]
    total = call.sum(y_pred, axis=axis, keepdims=True)
    picked = call.sum(call.where(chosen, y_pred / total, 0), axis=axis, keepdims=True)
    inside = call.equal(_clipped(picked), picked)
    # -log(y[label] / total): the label's element loses 1 / y[label], all gain 1 / total.
    slope = call.where(inside, g / total, 0)
    return [None, call.where(chosen, slope - slope / _clipped(picked), slope)]


_sparse = composite(
    "sparse_categorical_crossentropy",
    numpy=_numpy_sparse,
    expand=_sparse_expansion,
    grad=_sparse_gradient,
    infer=_reduced,
    doc="Cross-entropy of a class given by its number.",
)


@public(_sparse)
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, *, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """``-log(p[label])`` for each row of ``y_pred`` along ``axis``, ``p`` being the row divided by
    its sum or, from logits, its softmax; ``y_true`` holds the labels, integers in ``[0, C)``.

    Labels ``(...)`` and predictions ``(..., C)`` give ``(...)``, in the dtype of ``y_pred``.
    Raises ``ShapeError``, ``AxisError``; ``DTypeError`` where labels are no integers; and, when it
    runs, ``IndexRangeError`` for a label outside its range.

    >>> import graphc
    >>> z, y = graphc.input("z", ("N", 10)), graphc.input("y", ("N",), graphc.int32)
    >>> graphc.sparse_categorical_crossentropy(y, z, from_logits=True)
    Tensor sparse_categorical_crossentropy: f32[N]
    """
    name = "sparse_categorical_crossentropy"
    (predicted,) = convert(name, [y_pred], "float")
    labels = as_tensor(y_true, name=name)
    axis = one_axis(name, axis, predicted)
    _check_labels(name, labels, predicted, axis)
    return _sparse(labels, predicted, axis=axis, from_logits=bool(from_logits))  # type: ignore[no-any-return]


def _check_labels(name: str, labels: Tensor, predicted: Tensor, axis: int) -> None:
    if not labels.dtype.is_integer:
        reason = f"labels are class numbers, so integers, not {labels.dtype}"
        advice = "convert them with graphc.astype(labels, graphc.int32)"
        error = DTypeError(reason, mark=Mark(0, None), advice=advice)
        raise fail(error, name, [labels, predicted])
    wanted: tuple[Size, ...] = predicted.shape[:axis] + predicted.shape[axis + 1 :]
    if labels.shape != wanted:
        reason = (
            f"labels {shape_text(labels.shape)} must have the shape of y_pred "
            f"{shape_text(predicted.shape)} without axis {axis}, {shape_text(wanted)}"
        )
        raise fail(ShapeError(reason), name, [labels, predicted])
