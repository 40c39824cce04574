"""Objects that a user may give by name, and how they become plain data and come back.

Responsible for finding a loss, an optimizer, an initializer, ... by its name, for telling the
nearest name where there is none such, and for Keras 3's form of a serialized object: a dict of
``module``, ``class_name``, ``config`` and ``registered_name``.  Nothing read here is ever executed:
a class is found among those that are known, or the user has registered, or not at all.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from graphc import location
from graphc.errors import ArgumentError, GraphcError
from graphc.keras.naming import snake_case
from runtime.naming import suggestion

Object = TypeVar("Object")

_custom_objects: dict[str, Any] = {}
_registered_names: dict[Any, str] = {}


def fail(error: GraphcError) -> GraphcError:
    """``error`` at the user's line, to be raised."""
    return error.at(location.capture())


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Object], Object]:
    """A decorator that makes a class or function of the user's known to loading.

    >>> @register_keras_serializable(package="docs")
    ... def doubled(x):
    ...     return 2 * x
    >>> get_registered_name(doubled)
    'docs>doubled'
    """

    def register(thing: Object) -> Object:
        own = name if name is not None else thing.__name__  # type: ignore[attr-defined]
        full = f"{package}>{own}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise fail(ArgumentError(f"{own} must have get_config() to be registered"))
        _custom_objects[full] = thing
        _registered_names[thing] = full
        return thing

    return register


def get_registered_name(thing: Any) -> str:
    """The name under which ``thing`` is registered, or else its own."""
    return _registered_names.get(thing, getattr(thing, "__name__", type(thing).__name__))


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What is registered as ``name``, or given by it in ``custom_objects``; else ``None``."""
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    return _custom_objects.get(name)


def get_custom_objects() -> dict[str, Any]:
    """All of the user's objects by name; the dict may be changed."""
    return _custom_objects


@contextmanager
def custom_object_scope(objects: Mapping[str, Any]) -> Iterator[None]:
    """Within it the names of ``objects`` are known to loading."""
    before = dict(_custom_objects)
    _custom_objects.update(objects)
    try:
        yield
    finally:
        _custom_objects.clear()
        _custom_objects.update(before)


def serialize_object(thing: Any, module: str) -> dict[str, Any]:
    """A class's instance as plain data; ``module`` is where Keras has classes of this kind."""
    kind = type(thing)
    own = kind.__module__.startswith("graphc.")
    return {
        "module": module if own else kind.__module__,
        "class_name": kind.__name__,
        "config": thing.get_config(),
        "registered_name": None if own else get_registered_name(kind),
    }


def with_snake_case(*classes: type) -> dict[str, type]:
    """Classes by their own names and by those in snake case."""
    return {name: one for one in classes for name in (one.__name__, snake_case(one.__name__))}


class Configured:
    """What is made again from its ``get_config``, as most small objects of Keras are."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this object again."""
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object that ``get_config`` describes."""
        return cls(**config)


class Registry:
    """The members of one kind, such as the losses: classes and functions by all their names.

    ``kind`` is what an error calls one of them, ``module`` where Keras has them.

    >>> from graphc.keras import regularizers
    >>> regularizers.get("L2").get_config()
    {'l2': 0.01}
    """

    def __init__(self, kind: str, module: str, members: Mapping[str, Any]) -> None:
        self.kind = kind
        self.module = module
        self.members = dict(members)

    def find(self, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The class or function called ``name``; ``ArgumentError`` with the nearest name."""
        own = get_registered_object(name, custom_objects)
        if own is not None:
            return own
        if name in self.members:
            return self.members[name]
        known = sorted({*self.members, *_custom_objects, *(custom_objects or ())})
        raise fail(ArgumentError(f"unknown {self.kind} {name!r}{suggestion(name, known)}"))

    def made(self, identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """What ``identifier`` (a name, a config, a class or the thing itself) stands for.  Classes
        are called without arguments."""
        if isinstance(identifier, str):
            identifier = self.find(identifier, custom_objects)
        elif isinstance(identifier, Mapping):
            return self.deserialize(identifier, custom_objects)
        return identifier() if inspect.isclass(identifier) else identifier

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The object that ``config``, as ``serialize`` gives it, or a name describes."""
        if not isinstance(config, Mapping):
            return self.made(config, custom_objects)
        name = config.get("registered_name") or config.get("class_name")
        if not isinstance(name, str):
            reason = f"a serialized {self.kind} is a dict with class_name and config, not {config}"
            raise fail(ArgumentError(reason))
        if config.get("class_name") == "function":
            return self.find(config["config"], custom_objects)
        if get_registered_object(name, custom_objects) is None:
            name = config["class_name"]
        found = self.find(name, custom_objects)
        made = getattr(found, "from_config", None)
        settings = config.get("config") or {}
        return made(dict(settings)) if made is not None else found(**settings)

    def serialize(self, thing: Any) -> Any:
        """``thing`` as plain data: functions of Keras' own by name, objects as a dict."""
        if hasattr(thing, "get_config"):
            return serialize_object(thing, self.module)
        name = getattr(thing, "__name__", "")
        if self.members.get(name) is thing:
            return name
        if not callable(thing):
            raise fail(ArgumentError(f"{thing!r} is no {self.kind} that can be serialized"))
        name = get_registered_name(thing)
        return {
            "module": "builtins",
            "class_name": "function",
            "config": name,
            "registered_name": name if thing in _registered_names else "function",
        }

    def called(self, identifier: Any) -> Any:
        """``made``, but ``None`` stays, and what cannot be called is an ``ArgumentError``."""
        found = None if identifier is None else self.made(identifier)
        if found is not None and not callable(found):
            raise self.unknown(identifier)
        return found

    def unknown(self, identifier: Any) -> GraphcError:
        """The error for something that is no member of this kind at all."""
        reason = f"{identifier!r} is no {self.kind}"
        return fail(ArgumentError(reason, advice="give a name, an object, or its config"))
