"""Frozen dataclasses to and from the plain values JSON has, checked against their annotations.

Knows the annotations a ``Program`` uses: str, int, bool, unions of these, tuples, mappings, arrays
and dataclasses of them.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from runtime.errors import ProgramError


def to_plain(value: Any) -> Any:
    """``value`` as dicts, lists, strings and numbers; arrays stay arrays."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {field.name: to_plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(annotation: Any, value: Any, where: str = "program") -> Any:
    """The inverse of ``to_plain`` for a value annotated ``annotation``.

    Raises ``ProgramError`` that names ``where`` the value does not fit.
    """
    if dataclasses.is_dataclass(annotation):
        return _record(annotation, value, where)
    origin, arguments = _parts(annotation)
    if origin is tuple:
        return _sequence(arguments, value, where)
    if origin is not None and issubclass(origin, Mapping):
        _expect(isinstance(value, dict), "an object", value, where)
        return {
            _key(arguments[0], key, where): from_plain(arguments[1], item, f"{where}[{key!r}]")
            for key, item in value.items()
        }
    if annotation is np.ndarray:
        _expect(isinstance(value, np.ndarray), "an array", value, where)
        return value
    allowed = arguments if origin in (types.UnionType, typing.Union) else (annotation,)
    # JSON keeps true apart from 1, Python's isinstance does not.
    _expect(type(value) in allowed, " or ".join(kind.__name__ for kind in allowed), value, where)
    return value


def _record(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), "an object", value, where)
    annotations = _annotations(kind)
    unknown = value.keys() - annotations.keys()
    if unknown:
        raise ProgramError(f"{where} has unknown fields: {', '.join(sorted(unknown))}")
    required = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    missing = required - value.keys()
    if missing:
        raise ProgramError(f"{where} lacks {', '.join(sorted(missing))}")
    return kind(
        **{
            name: from_plain(annotations[name], item, f"{where}.{name}")
            for name, item in value.items()
        }
    )


def _sequence(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _expect(isinstance(value, list), "a list", value, where)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = arguments[:1] * len(value)
    _expect(len(arguments) == len(value), f"{len(arguments)} items", value, where)
    return tuple(
        from_plain(annotation, item, f"{where}[{number}]")
        for number, (annotation, item) in enumerate(zip(arguments, value, strict=True))
    )


def _key(annotation: Any, key: str, where: str) -> Any:
    if annotation is str:
        return key
    try:
        return int(key)
    except ValueError as error:
        raise ProgramError(f"{where}: {key!r} is not a number") from error


def _expect(fits: bool, wanted: str, value: Any, where: str) -> None:
    if not fits:
        raise ProgramError(f"{where} should be {wanted}, not {value!r:.60}")


@functools.cache
def _parts(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Of ``tuple[int, ...]``: ``tuple`` and ``(int, ...)``."""
    return typing.get_origin(annotation), typing.get_args(annotation)


@functools.cache
def _annotations(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
