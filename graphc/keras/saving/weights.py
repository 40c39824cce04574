"""Where each variable stands in a file of weights, in the layout of Keras 3.

A layer's variables are ``<path>/vars/0``, ``1``, ...; layers are addressed by attribute and class,
never by name, so that equal models find each other's weights whatever their layers are called.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from graphc.keras.layers.layer import Layer
from graphc.keras.naming import snake_case
from graphc.keras.variables import Variable

# Attributes that hold layers for a model's own bookkeeping.
_OWN = {"_own_layers", "_functional", "_nodes", "_given", "network", "_steps", "_objectives"}


def places(model: Layer, *, optimizer: bool) -> dict[str, tuple[Any, list[Variable]]]:
    """The variables at each path, with the layer (or optimizer) that they belong to."""
    found: dict[str, tuple[Any, list[Variable]]] = {}
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [("", model)]
    while stack:
        path, owner = stack.pop()
        if id(owner) in seen:
            continue
        seen.add(id(owner))
        found[path] = (owner, owner._weights_in_order())
        stack.extend(reversed(list(_children(path, owner))))
    held = getattr(model, "optimizer", None)
    if optimizer and held is not None and held.built:
        found["optimizer"] = (held, list(held.variables))
    return found


def _children(path: str, owner: Any) -> Iterator[tuple[str, Layer]]:
    """The layers directly below ``owner``, with their paths."""
    if hasattr(owner, "_own_layers"):
        yield from _numbered(_joined(path, "layers"), owner.layers)
    for name in sorted(owner.__dict__):
        value = owner.__dict__[name]
        if name in _OWN or name.startswith("__"):
            continue
        if isinstance(value, Layer):
            yield _joined(path, name), value
        elif isinstance(value, Mapping):
            yield from _numbered(_joined(path, name), value.values())
        elif isinstance(value, (list, tuple)):
            yield from _numbered(_joined(path, name), value)


def _numbered(path: str, layers: Iterable[Any]) -> Iterator[tuple[str, Layer]]:
    """Layers of a list by their class, with numbers where it repeats."""
    used: dict[str, int] = {}
    for layer in layers:
        if isinstance(layer, Layer):
            name = snake_case(type(layer).__name__)
            number = used[name] = used.get(name, -1) + 1
            yield f"{path}/{name}_{number}" if number else f"{path}/{name}", layer


def _joined(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def collected(model: Layer) -> dict[str, np.ndarray]:
    """The arrays of a file, by path: ``layers/dense/vars/0``."""
    return {
        _joined(path, f"vars/{number}"): variable.numpy()
        for path, (_, variables) in places(model, optimizer=True).items()
        for number, variable in enumerate(variables)
    }


def restore(model: Layer, arrays: Mapping[str, np.ndarray], where: str, skip: bool) -> None:
    """Writes the arrays of a file into the model, all or none.

    ``skip`` leaves layers alone whose arrays do not fit.  Raises ``ValueError`` that names the
    layer otherwise.
    """
    found: list[tuple[Variable, np.ndarray]] = []
    known: set[str] = set()
    for path, (owner, variables) in places(model, optimizer=True).items():
        stored = _stored(arrays, path)
        known.update(stored)
        problem = _problem(owner, variables, list(stored.values()))
        if problem is None:
            found.extend(zip(variables, stored.values(), strict=True))
        elif path == "optimizer":
            if stored:  # else it had not begun
                warnings.warn(f"{where}: the optimizer starts anew: {problem}", stacklevel=4)
        elif not skip:
            raise ValueError(f"{where}: {problem}")
    foreign = [p for p in arrays if p not in known and not p.startswith("optimizer/")]
    if foreign and not skip:
        raise ValueError(
            f"{where}: has weights at {foreign[0]!r} (and {len(foreign) - 1} more) for which the "
            f"model has no layer: it was saved by a model of other layers"
        )
    for variable, value in found:
        variable.assign(value)


def _stored(arrays: Mapping[str, np.ndarray], path: str) -> dict[str, np.ndarray]:
    start = _joined(path, "vars/")
    own = {p: a for p, a in arrays.items() if p.startswith(start) and p[len(start) :].isdigit()}
    return dict(sorted(own.items(), key=lambda item: int(item[0][len(start) :])))


def _problem(owner: Any, variables: list[Variable], stored: list[np.ndarray]) -> str | None:
    """Why the arrays are not those of the variables."""
    if len(stored) != len(variables):
        built = "" if getattr(owner, "built", True) else " (it is not built: call it on data first)"
        return (
            f"{owner.name!r} has {len(variables)} variables{built}, the file has {len(stored)} "
            f"for it"
        )
    for variable, array in zip(variables, stored, strict=True):
        if array.shape != variable.shape:
            return (
                f"{owner.name!r}: variable {variable.path!r} has shape {variable.shape}, the "
                f"file's {array.shape}"
            )
    return None
