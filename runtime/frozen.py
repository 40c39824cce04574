"""Classes of values that do not change, as ``dataclasses`` makes them, in a third of the time.

``dataclass(frozen=True)`` writes and compiles six functions for each class, which for the classes
of a compiler takes as long as compiling a small program.  Here three are written, as one text, and
what is alike for all classes is there once.
"""

from __future__ import annotations

import dataclasses
from dataclasses import FrozenInstanceError, field
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
_NEWLINE = "\n"


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """``dataclasses.dataclass(frozen=True)(cls)``; ``fields``, ``replace`` and ``match`` know it.

    >>> @frozen
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(1, 0), len({Point(2), Point(2)})
    (Point(x=1, y=0), True, 1)
    """
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    fields = dataclasses.fields(made)
    own = vars(cls)
    for name, method in {**_METHODS, **_written(made, fields)}.items():
        if own.get(name) is None:  # a class with its own __eq__ has a __hash__ that is None
            setattr(made, name, method)
    return cls


def _written(cls: type, fields: tuple[dataclasses.Field[Any], ...]) -> dict[str, Any]:
    """The methods that name the fields, of one text."""
    given: dict[str, Any] = {"_set": object.__setattr__, "_missing": dataclasses.MISSING}
    parameters, lines = ["self"], []
    for each in fields:
        name, value = each.name, each.name
        if not (each.init and each.repr) or each.kw_only or each.hash is not None:
            raise TypeError(f"{name}: of a field only its default and compare can be said here")
        if each.default is not dataclasses.MISSING:
            given[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        elif each.default_factory is not dataclasses.MISSING:
            given[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        else:
            parameters.append(name)
        lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    compared = [each.name for each in fields if each.compare]
    first, second = ("".join(f"{x}.{name}, " for name in compared) for x in ("self", "other"))
    text = f"""\
def __init__({", ".join(parameters)}):
{_NEWLINE.join(lines) or " pass"}
def __eq__(self, other):
 if other.__class__ is not self.__class__:
  return NotImplemented
 return ({first}) == ({second})
def __hash__(self):
 return hash(({first}))
"""
    exec(text, given)
    return {name: given[name] for name in ("__init__", "__eq__", "__hash__")}


def _repr(self: Any) -> str:
    parts = (f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({', '.join(parts)})"


def _refuse_setting(self: Any, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS = {
    "__repr__": _repr,
    "__setattr__": _refuse_setting,
    "__delattr__": _refuse_deleting,
}
