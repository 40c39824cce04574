"""``keras.ops`` that make tensors, or tell what one is."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc
from graphc.keras import tensor as keras_tensor
from graphc.keras.calling import evaluated, tensor, universal
from graphc.keras.config import floatx, standard_dtype
from graphc.keras.ops.operands import as_keras
from graphc.keras.tensor import KerasTensor
from graphc.keras.variables import Variable, plain
from graphc.tensor import Tensor

__all__ = [
    "arange", "array", "cast", "cond", "convert_to_numpy", "convert_to_tensor", "copy", "dtype",
    "empty", "empty_like", "eye", "full", "full_like", "identity", "is_tensor", "linspace", "ndim",
    "ones", "ones_like", "saturate_cast", "shape", "size", "stop_gradient", "tri", "zeros",
    "zeros_like",
]  # fmt: skip


@universal
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """``x`` as a tensor: within a graph a Tensor, elsewhere an array.

    >>> convert_to_tensor([1, 2]).dtype
    dtype('int32')
    """
    return cast_to(x, dtype)


@universal
def array(x: Any, dtype: Any = None) -> Any:
    """``convert_to_tensor``."""
    return cast_to(x, dtype)


def cast_to(x: Any, dtype: Any) -> Any:
    """``x`` as a Tensor of ``dtype``, or of its own."""
    return as_keras(x) if dtype is None else tensor(x, standard_dtype(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """The elements of ``x``, which must be known.

    >>> convert_to_numpy([1.0])
    array([1.], dtype=float32)
    """
    given = plain(x)
    return np.asarray(evaluated(as_keras(given)) if isinstance(given, (list, tuple)) else given)


@universal
def cast(x: Any, dtype: Any) -> Any:
    """``x`` as ``dtype``; floats are cut off to integers.

    >>> cast([1.9], "int32")
    array([1], dtype=int32)
    """
    return cast_to(x, dtype)


saturate_cast = cast


@universal
def copy(x: Any) -> Any:
    """``x``."""
    return as_keras(x)


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a Tensor, a layer's symbolic result, or an array.

    >>> is_tensor(3.0)
    False
    """
    return isinstance(x, (Tensor, KerasTensor, Variable, np.ndarray))


def shape(x: Any) -> tuple[Any, ...]:
    """The sizes; those not known yet are sizes by name in a graph, ``None`` in a model.

    >>> shape(np.ones((2, 3)))
    (2, 3)
    """
    given = plain(x)
    if isinstance(given, (Tensor, KerasTensor)):
        return tuple(given.shape)
    return np.shape(given)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(shape(x))


@universal
def size(x: Any) -> Any:
    """The number of elements."""
    return graphc.size_of(as_keras(x).size)


def dtype(x: Any) -> str:
    """The dtype's name.

    >>> dtype([1.0])
    'float32'
    """
    given = plain(x)
    if isinstance(given, KerasTensor):
        return given.dtype
    return as_keras(given).dtype.name if isinstance(given, Tensor) else _name(given)


def _name(given: Any) -> str:
    known = getattr(given, "dtype", None)
    return standard_dtype(known) if known is not None else as_keras(given).dtype.name


@universal
def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros.

    >>> zeros((2,))
    array([0., 0.], dtype=float32)
    """
    return graphc.zeros(shape, standard_dtype(dtype))


@universal
def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones."""
    return graphc.ones(shape, standard_dtype(dtype))


@universal
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """``fill_value`` everywhere."""
    return graphc.broadcast_to(cast_to(fill_value, dtype or floatx()), shape)


empty = zeros


@universal
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the shape of ``x``."""
    return graphc.zeros_like(as_keras(x), dtype)


@universal
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones of the shape of ``x``."""
    return graphc.ones_like(as_keras(x), dtype)


empty_like = zeros_like


@universal
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """``fill_value`` in the shape of ``x``."""
    like = as_keras(x)
    return graphc.broadcast_to(cast_to(fill_value, dtype or like.dtype), like.shape)


@universal
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """``start``, ``start + step``, ... before ``stop``; with one argument from 0 up to it.

    >>> arange(3)
    array([0, 1, 2], dtype=int32)
    """
    given = (start, stop, step)
    if any(isinstance(x, (float, np.floating)) for x in given):
        bounds = (0.0, start, 1.0) if stop is None else (start, stop, 1.0 if step is None else step)
        return graphc.constant(np.arange(*bounds), dtype=standard_dtype(dtype))
    made = graphc.arange(start, stop, 1 if step is None else step)
    return graphc.astype(made, standard_dtype(dtype or "int32"))


@universal
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """``num`` numbers from ``start`` to ``stop``, equally far apart.

    >>> linspace(0.0, 1.0, 3)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    made = np.linspace(start, stop, num, endpoint=endpoint, axis=axis)
    numbers = graphc.constant(made, dtype=standard_dtype(dtype))
    parts = num - 1 if endpoint else num
    return (numbers, (stop - start) / parts) if retstep else numbers


@universal
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on diagonal ``k`` of an ``(N, M)`` matrix, zeros elsewhere.

    >>> eye(2)
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    sizes = (N, N if M is None else M)
    on = graphc.iota(sizes, 1) - graphc.iota(sizes, 0) == k
    return graphc.astype(on, standard_dtype(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    """The identity matrix."""
    return eye(n, dtype=dtype)


@universal
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on diagonal ``k`` and below it, zeros above."""
    sizes = (N, N if M is None else M)
    below = graphc.iota(sizes, 1) - graphc.iota(sizes, 0) <= k
    return graphc.astype(below, standard_dtype(dtype))


@universal
def stop_gradient(variable: Any) -> Any:
    """The value itself, which passes no gradient on."""
    return graphc.stop_gradient(as_keras(variable))


def cond(pred: Any, true_fn: Any, false_fn: Any) -> Any:
    """What ``true_fn()`` gives where ``pred`` holds, else what ``false_fn()`` gives.

    Of a condition that is known one of them is called; of a Tensor both, and each result is chosen
    from, so both must give the same structure of values.

    >>> cond(True, lambda: 1.0, lambda: 2.0)
    1.0
    """
    from graphc.keras import tree
    from graphc.keras.ops.elementwise import where

    given = plain(pred)
    if not isinstance(given, Tensor) and not keras_tensor.is_symbolic(given):
        return true_fn() if bool(given) else false_fn()
    taken, other = true_fn(), false_fn()
    pairs = zip(tree.flatten(taken), tree.flatten(other), strict=True)
    return tree.pack_as(taken, [where(given, x, y) for x, y in pairs])
