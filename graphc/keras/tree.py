"""Structures of values: nested lists, tuples and dicts, walked in one order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def flatten(structure: Any) -> list[Any]:
    """The leaves from left to right; a dict's in the order of its sorted keys.

    >>> flatten({"b": [1, (2,)], "a": 0})
    [0, 1, 2]
    """
    leaves: list[Any] = []
    map_leaves(leaves.append, structure)
    return leaves


def map_leaves(function: Callable[[Any], Any], structure: Any) -> Any:
    """The same structure with ``function`` of each leaf.

    >>> map_leaves(lambda x: 2 * x, {"b": [1, (2,)]})
    {'b': [2, (4,)]}
    """
    if isinstance(structure, Mapping):
        done = {key: map_leaves(function, structure[key]) for key in _sorted(structure)}
        return {key: done[key] for key in structure}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(map_leaves(function, item) for item in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(map_leaves(function, item) for item in structure)
    return function(structure)


def pack_as(structure: Any, leaves: list[Any]) -> Any:
    """``structure`` with ``leaves`` in place of its own.

    >>> pack_as({"b": 0, "a": [0]}, [1, 2])
    {'b': 2, 'a': [1]}
    """
    following = iter(leaves)
    return map_leaves(lambda _: next(following), structure)


def _sorted(structure: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(structure)
    except TypeError:
        return list(structure)
