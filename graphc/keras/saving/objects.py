"""Layers, losses, optimizers and the like as plain data, in Keras 3's form, and back.

Nothing that is read is executed: a class is one of this package's, one that the user registered,
or one given in ``custom_objects``; anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np

from graphc.keras.registry import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from runtime.naming import suggestion

__all__ = [
    "CustomObjectScope", "UnknownObjectError", "custom_object_scope", "deserialize_keras_object",
    "get_custom_objects", "get_registered_name", "get_registered_object",
    "register_keras_serializable", "serialize_keras_object",
]  # fmt: skip

CustomObjectScope = custom_object_scope

_NAMESPACES = (
    "layers", "models", "optimizers", "optimizers.schedules", "losses", "metrics", "initializers",
    "regularizers", "constraints", "activations", "random",
)  # fmt: skip
_FUNCTIONS = ("activations", "losses", "metrics")


class UnknownObjectError(ValueError):
    """A saved object of a class that is neither there nor given in ``custom_objects``."""


def serialize_keras_object(value: Any) -> Any:
    """``value`` as JSON has it: objects become a dict of module, class_name and config.

    Raises ``TypeError`` for what has no such form, as a lambda.

    >>> serialize_keras_object((1, None, "relu"))
    [1, None, 'relu']
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [serialize_keras_object(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): serialize_keras_object(item) for key, item in value.items()}
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    if isinstance(value, np.ndarray):
        config = {"value": value.tolist(), "dtype": value.dtype.name}
        return {"class_name": "__numpy__", "config": config}
    if isinstance(value, type):
        config = {"class_name": value.__name__, "registered_name": get_registered_name(value)}
        return {"module": value.__module__, "class_name": "__typespec__", "config": config}
    if hasattr(value, "get_config"):
        return _object(value)
    if callable(value):
        return _function(value)
    raise TypeError(f"{value!r:.60} cannot be saved")


def _object(value: Any) -> dict[str, Any]:
    kind = type(value)
    module = kind.__module__
    own = module.startswith("graphc.keras.")
    saved = {
        "module": "keras." + module.split(".")[2] if own else module,
        "class_name": kind.__name__,
        "config": value.get_config(),
        "registered_name": None if own else get_registered_name(kind),
    }
    if kind.__name__ == "Functional" and own:
        saved |= {"module": "keras.src.models.functional", "registered_name": "Functional"}
    if kind.__name__ == "Sequential" and own:
        saved["module"] = "keras"
    built = getattr(value, "get_build_config", None)
    shapes = built() if built is not None else None
    return saved if shapes is None else {**saved, "build_config": serialize_keras_object(shapes)}


def _function(value: Any) -> Any:
    name = getattr(value, "__name__", type(value).__name__)
    if getattr(value, "__module__", "").startswith("graphc."):
        return name
    if name == "<lambda>" or not isinstance(value, FunctionType):
        raise TypeError(f"{name} cannot be saved: use a named function, registered or given again")
    registered = get_registered_name(value)
    return {
        "module": value.__module__,
        "class_name": "function",
        "config": name,
        "registered_name": registered,
    }


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    **_: Any,
) -> Any:
    """What ``serialize_keras_object`` gave ``config`` for.

    Raises ``UnknownObjectError`` for a class that is not known, and for a saved lambda.

    >>> deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}}).get_config()
    {'l2': 0.5}
    """
    if isinstance(config, (list, tuple)):
        return [deserialize_keras_object(item, custom_objects) for item in config]
    if not isinstance(config, Mapping):
        return config
    name = config.get("class_name")
    if not isinstance(name, str) or "config" not in config:
        return {k: deserialize_keras_object(v, custom_objects) for k, v in config.items()}
    inner = config["config"]
    if name.startswith("__"):
        return _special(name, inner, custom_objects)
    found = find(config, custom_objects)
    if name == "function":
        return found
    if custom_objects:
        with custom_object_scope(dict(custom_objects)):
            made = _made(found, inner)
    else:
        made = _made(found, inner)
    shapes = config.get("build_config")
    if shapes and hasattr(made, "build_from_config"):
        made.build_from_config(shapes)
    return made


def _made(found: Any, inner: Any) -> Any:
    if not hasattr(found, "from_config"):
        return found(**(inner or {}))
    return found.from_config(dict(inner or {}))


def _special(name: str, inner: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    if name == "__numpy__" or name == "__tensor__":
        return np.array(inner["value"], inner["dtype"])
    if name == "__tuple__":
        return tuple(deserialize_keras_object(x, custom_objects) for x in inner.get("items", inner))
    if name == "__slice__":
        return slice(inner["start"], inner["stop"], inner["step"])
    if name == "__ellipsis__":
        return ...
    what = "a lambda, which is code" if name == "__lambda__" else f"{name}"
    raise UnknownObjectError(f"the saved object is {what}: it is not read; name it and save again")


def find(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The class or function that a saved object names; ``UnknownObjectError`` otherwise."""
    name = config["config"] if config["class_name"] == "function" else config["class_name"]
    given = {**get_custom_objects(), **(custom_objects or {})}
    for wanted in (config.get("registered_name"), name):
        if isinstance(wanted, str) and wanted in given:
            return given[wanted]
    by_name = {key.rsplit(">", 1)[-1]: value for key, value in given.items()}
    if name in by_name:
        return by_name[name]
    module = str(config.get("module") or "keras")
    if isinstance(name, str) and (module.split(".")[0] in ("keras", "builtins", "graphc")):
        wants_function = config["class_name"] == "function"
        for namespace in _FUNCTIONS if wants_function else _NAMESPACES:
            found = _member(namespace, name)
            # Not every function is harmless: "load_model" would open what a file names.
            if found is not None and isinstance(found, type) is not wants_function:
                return found
    raise UnknownObjectError(_unknown(config, name, given))


def _member(namespace: str, name: str) -> Any:
    if not name.isidentifier() or name.startswith("_"):
        return None
    try:
        module = import_module(f"graphc.keras.{namespace}")
    except ModuleNotFoundError:
        return None
    known = getattr(module, "__all__", None) or vars(module)
    return getattr(module, name, None) if name in known else None


def _unknown(config: Mapping[str, Any], name: Any, given: Mapping[str, Any]) -> str:
    from graphc.keras import layers

    module = config.get("module") or "keras"
    hint = suggestion(name, [*layers.__all__, *given])
    return (
        f"the saved model has {name!r} of {module}, which is not known here{hint}; if it is your "
        f"own, give it as custom_objects={{{name!r}: ...}} or register it with "
        f"keras.saving.register_keras_serializable"
    )
