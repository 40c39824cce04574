"""Shapes as Keras says them (``None`` for the batch), found in the arguments of calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import graphc
from graphc.keras import tree
from graphc.keras.tensor import KerasTensor, known_shape
from graphc.tensor import Tensor

__all__ = ["known_shape", "map_shapes", "of_arguments", "single", "size_of"]


def of_arguments(
    arguments: tuple[Any, ...], keywords: Mapping[str, Any], call: Callable[..., Any]
) -> dict[str, Any]:
    """The shapes of the tensors among the arguments of ``call``, by the arguments' names."""
    try:
        bound = inspect.signature(call).bind(*arguments, **keywords).arguments
    except TypeError:
        bound = {**{f"argument{i}": value for i, value in enumerate(arguments)}, **keywords}
    found = {}
    for name, value in bound.items():
        leaves = tree.flatten(value)
        if leaves and all(isinstance(leaf, (Tensor, KerasTensor)) for leaf in leaves):
            found[name] = tree.map_leaves(_shape, value)
    return found


def _shape(leaf: Any) -> Any:
    return leaf.shape if isinstance(leaf, KerasTensor) else known_shape(leaf.shape)


def map_shapes(function: Callable[[Any], Any], structure: Any) -> Any:
    """``structure`` with ``function`` of each shape in it: a tuple or list of sizes.

    >>> map_shapes(len, [(None, 3), (None,)])
    [2, 1]
    """
    if isinstance(structure, Mapping):
        return {key: map_shapes(function, value) for key, value in structure.items()}
    if all(size is None or isinstance(size, int) for size in structure):
        return function(tuple(structure))
    return type(structure)(map_shapes(function, value) for value in structure)


def single(values: list[Any]) -> Any:
    """The only one of ``values``, or all of them."""
    return values[0] if len(values) == 1 else list(values)


def size_of(x: Tensor, axis: int) -> Any:
    """The size of an axis as a number that may divide ``x``."""
    size = x.shape[axis]
    return size if isinstance(size, int) else graphc.size_of(size).astype(x.dtype)
