"""NumPy helpers for labels and features."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """One-hot rows for class numbers, in float64 as Keras gives them.

    ``x`` are integers of any shape (a last dim of 1 is dropped); the classes are the last axis of
    the result, ``num_classes`` of them or as many as the largest number needs.  Raises
    ``ValueError`` for numbers that are no classes.

    >>> to_categorical([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    classes = np.asarray(x)
    whole = classes.astype(np.int64)
    if classes.dtype.kind not in "biu" and not np.array_equal(whole, classes):
        raise ValueError(f"to_categorical: class numbers should be integers, not {classes.dtype}")
    if whole.ndim > 1 and whole.shape[-1] == 1:
        whole = whole[..., 0]
    if whole.size == 0 and not num_classes:
        raise ValueError("to_categorical: no class numbers at all; give num_classes")
    count = num_classes or int(whole.max()) + 1
    if whole.size and (whole.min() < 0 or whole.max() >= count):
        raise ValueError(
            f"to_categorical: class numbers run from {whole.min()} to {whole.max()}, but with "
            f"{count} classes they should be from 0 to {count - 1}"
        )
    result = np.zeros((*whole.shape, count))
    np.put_along_axis(result, whole[..., None], 1.0, axis=-1)
    return result


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """``x`` divided by its norm of ``order`` along ``axis``; what is zero stays zero.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    array = np.asarray(x)
    norm = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norm == 0, 1, norm)
