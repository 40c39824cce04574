"""What losses and metrics compare: labels beside predictions, of one dtype and one shape.

Responsible for Keras' rule that an axis of size 1 at the end may be missing on one side, and for
what to say where the two do not fit.  Nothing broadcasts beyond that rule.
"""

from __future__ import annotations

from typing import Any

import graphc
from graphc.errors import ShapeError, shape_text
from graphc.keras.calling import tensor
from graphc.keras.config import floatx
from graphc.keras.registry import fail
from graphc.tensor import Tensor


def same_rank(first: Tensor, second: Tensor) -> tuple[Any, Any]:
    """Both with equal ranks, where one has an axis of size 1 at the end and the other does not: of
    a vector beside a matrix it is added, elsewhere taken away."""
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        if second.ndim == 1:
            return first, graphc.expand_dims(second, -1)
        return graphc.squeeze(first, -1), second
    if second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        if first.ndim == 1:
            return graphc.expand_dims(first, -1), second
        return first, graphc.squeeze(second, -1)
    return first, second


def predicted(y_pred: Any, dtype: Any = None) -> Tensor:
    """Predictions as floats: their own dtype, or ``dtype``, or ``floatx`` where they are none."""
    made = tensor(y_pred)
    if dtype is not None:
        return tensor(made, dtype)
    return made if made.dtype.is_float else tensor(made, floatx())


def pair(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and predictions in the dtype of the predictions, of equal shapes.

    ``ShapeError`` where the shapes differ by more than an axis of size 1 at the end.
    """
    found = predicted(y_pred)
    true, found = same_rank(tensor(y_true, found.dtype), found)
    if true.shape == found.shape:
        return true, found
    shapes = f"y_true has shape {shape_text(true.shape)}, y_pred {shape_text(found.shape)}"
    raise fail(ShapeError(f"{name}: {shapes}", advice=_advice(name, true, found)))


def _advice(name: str, true: Tensor, found: Tensor) -> str:
    numbers = true.shape == found.shape[:-1] or (
        true.ndim == found.ndim and true.shape == (*found.shape[:-1], 1)
    )
    if numbers and name.startswith("categorical"):
        return (
            f"labels that are class numbers go with sparse_{name}; or make them one-hot, with "
            "keras.utils.to_categorical"
        )
    return "labels must have the shape of the model's output; a loss does not broadcast"


def classes(name: str, y_true: Any, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Labels that are class numbers, of the shape of ``y_pred`` without ``axis``, as integers.

    ``ShapeError`` where they are something else, one-hot rows for example.
    """
    labels = tensor(y_true)
    axis %= max(y_pred.ndim, 1)
    if labels.ndim == y_pred.ndim and labels.shape[axis] == 1:
        labels = graphc.squeeze(labels, axis)
    wanted = y_pred.shape[:axis] + y_pred.shape[axis + 1 :]
    if labels.shape != wanted:
        told = f"{name}: labels are class numbers of shape {shape_text(wanted)}"
        advice = None
        if labels.shape == y_pred.shape:
            advice = f"labels that are one-hot rows go with {name.removeprefix('sparse_')}"
        raise fail(ShapeError(f"{told}, not {shape_text(labels.shape)}", advice=advice))
    return labels if labels.dtype.is_integer else graphc.astype(labels, "int32")
