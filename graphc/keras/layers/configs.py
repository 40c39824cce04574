"""What layers take as arguments, and how it becomes a configuration.

Names of initializers, regularizers and the like are looked up here, so that layers need not know
where they live; ``None`` costs no import.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphc.keras.entries import identifier
from runtime.naming import suggestion

if TYPE_CHECKING:
    from graphc.keras.layers.layer import Layer


def checked_name(name: Any) -> str | None:
    """A layer's name as given; ``ValueError`` for what is none."""
    if name is None or (isinstance(name, str) and name and "/" not in name):
        return name
    raise ValueError(f"a layer's name is a text without '/', not {name!r}")


def node_name(name: str) -> str:
    """The name of a layer's nodes."""
    return identifier(name)


def dtype_of(dtype: Any) -> Any:
    """The dtype of an argument ``dtype``: a policy's, where that is what was given."""
    if isinstance(dtype, Mapping):
        dtype = dtype.get("config", {}).get("name")
    named = getattr(dtype, "name", dtype)
    if isinstance(named, str) and named.startswith("mixed_"):
        raise ValueError(f"dtype policy {named!r} is not there: use 'float32' or 'float64'")
    return dtype


def activation(given: Any) -> Any:
    """The function of an argument ``activation``."""
    from graphc.keras import activations

    return activations.get(given)


def initializer(given: Any) -> Any:
    """The initializer of an argument."""
    from graphc.keras import initializers

    return initializers.get(given)


def regularizer(given: Any) -> Any:
    """The regularizer of an argument; ``None`` for none."""
    if given is None:
        return None
    from graphc.keras import regularizers

    return regularizers.get(given)


def constraint(given: Any) -> Any:
    """The constraint of an argument; ``None`` for none."""
    if given is None:
        return None
    from graphc.keras import constraints

    return constraints.get(given)


def first_shape(layer: Layer, keywords: dict[str, Any]) -> tuple[Any, ...] | None:
    """The shape a first layer may be given (``input_shape``, ``input_dim``, ``batch_size``).

    ``TypeError`` for arguments that are not a layer's.
    """
    shape = keywords.pop("input_shape", None)
    size = keywords.pop("input_dim", None)
    batch = keywords.pop("batch_size", None)
    for name in keywords:
        kind = type(layer).__name__
        known = [n for n in inspect.signature(type(layer).__init__).parameters if n != "self"]
        raise TypeError(f"{kind} takes no argument {name!r}{suggestion(name, known)}")
    if size is not None:
        shape = (size,)
    return None if shape is None else (batch, *shape)


def understood(kind: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """``config`` without settings that ``kind`` does not know and that are off anyway."""
    known = {
        name
        for base in kind.__mro__
        if "__init__" in base.__dict__
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    return {name: value for name, value in config.items() if value or name in known}


def accepted(kind: type, config: dict[str, Any]) -> dict[str, Any]:
    """``config``, which ``kind`` is made of; ``ValueError`` where its ``__init__`` cannot be."""
    own = next(base for base in kind.__mro__ if "__init__" in base.__dict__)
    try:
        inspect.signature(vars(own)["__init__"]).bind(None, **config)
    except TypeError as error:
        raise ValueError(
            f"{kind.__name__}.__init__ does not take its configuration, {', '.join(config)} "
            f"({error}): let it have **keywords that go to super().__init__, or a get_config"
        ) from error
    return config


def config_of(layer: Layer) -> dict[str, Any]:
    """The configuration of a layer: what all have, and the arguments of its class.

    A class that says nothing of its own arguments gets those with which it was called.
    """
    from graphc.keras.saving.objects import serialize_keras_object

    kind = type(layer)
    config: dict[str, Any] = {
        "name": layer.name,
        "trainable": layer.trainable,
        "dtype": layer.dtype,
    }
    if layer.activity_regularizer is not None:
        config["activity_regularizer"] = serialize_keras_object(layer.activity_regularizer)
    for name in kind._arguments:
        config[name] = serialize_keras_object(getattr(layer, name))
    own = next(base for base in kind.__mro__ if "__init__" in base.__dict__)
    says = "_arguments" in own.__dict__ or "get_config" in _overrides(kind, own)
    return config if says else {**config, **_given(layer)}


def _overrides(kind: type, base: type) -> set[str]:
    """What the classes from ``kind`` down to ``base`` define."""
    classes = kind.__mro__[: kind.__mro__.index(base) + 1]
    return {name for one in classes for name in one.__dict__}


def _given(layer: Layer) -> dict[str, Any]:
    """The arguments with which the layer was made."""
    from graphc.keras.saving.objects import serialize_keras_object

    arguments, keywords = layer.__dict__["_given"]
    kind = type(layer)
    bound = inspect.signature(kind.__init__).bind(layer, *arguments, **keywords)
    bound.apply_defaults()
    given: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        variety = bound.signature.parameters[name].kind
        if variety is inspect.Parameter.VAR_KEYWORD:
            given.update(value)
        elif variety is not inspect.Parameter.VAR_POSITIONAL:
            given[name] = value
    try:
        plain = {name: serialize_keras_object(value) for name, value in given.items()}
    except (TypeError, ValueError) as error:
        raise NotImplementedError(
            f"{kind.__name__} takes arguments that cannot be saved ({error}): give it a method "
            f"get_config"
        ) from error
    return {name: value for name, value in plain.items() if name not in ("name", "dtype")} | (
        {"name": layer.name, "dtype": layer.dtype} if "name" in given or "dtype" in given else {}
    )
