"""What is wrong with a user's data, in a Keras user's words, before and after a step."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.keras.models.feeding import Feed, Rows, Stream
from graphc.keras.random import make_default_seed
from runtime.entry_point import EntryPoint
from runtime.errors import CheckError
from runtime.naming import suggestion


def epochs(last: Any, first: Any, steps: Any) -> tuple[int, int]:
    """``initial_epoch`` and ``epochs``, checked."""
    for name, value, least in (("epochs", last, 0), ("initial_epoch", first, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} is an int of at least {least}, not {value!r}")
    if steps is not None and (not isinstance(steps, (int, np.integer)) or steps < 1):
        raise ValueError(f"steps_per_epoch is an int of at least 1, not {steps!r}")
    return int(first), int(last)


def steps(source: Rows | Stream, given: int | None, name: str) -> int | None:
    """How many batches a pass has, where that is known; ``name`` is the argument that says it."""
    found = given or source.steps
    if found is None and not isinstance(source, Rows) and source.indexed:
        raise ValueError(f"the data have no last batch (num_batches is None): give {name}")
    return found


def shuffling_seed() -> int:
    """A seed for the order of a ``fit``'s data, which ``set_random_seed`` makes repeat."""
    return make_default_seed()


def of_dict(given: Mapping[str, Any], name: str, names: list[str]) -> Any:
    """The array of a dict for the input ``name``."""
    if name not in given:
        got = ", ".join(map(repr, given)) or "nothing"
        raise ValueError(
            f"the model has the inputs {', '.join(map(repr, names))}, the dict has {got}: nothing "
            f"is given for {name!r}{suggestion(name, map(str, given))}"
        )
    return given[name]


def by_output(given: Any, predictions: Any, names: list[str], *, shared: bool = False) -> list[Any]:
    """What is given for each output, in their order; ``None`` where nothing is.

    ``shared`` lets a single array stand for all outputs, as sample weights do.
    """
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in names]
        if unknown and not (len(names) == 1 and len(given) == 1):
            raise ValueError(
                f"labels are given for {unknown[0]!r}, the model's outputs are "
                f"{', '.join(map(repr, names))}{suggestion(unknown[0], names)}"
            )
        return list(given.values()) if unknown else [given.get(name) for name in names]
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            raise ValueError(
                f"{len(given)} arrays of labels are given, the model has {len(names)} outputs: "
                f"{', '.join(map(repr, names))}"
            )
        return list(given)
    if len(names) == 1:
        return [given]
    if shared:
        return [given] * len(names)
    raise ValueError(
        f"one array of labels is given, the model has {len(names)} outputs "
        f"({', '.join(map(repr, names))}): give a list of arrays, or a dict by these names"
    )


def check(model: Any, mode: str, feed: Feed) -> None:
    """``ValueError`` where labels are missing."""
    if mode != "predict" and feed.y is None and model.loss is not None:
        raise ValueError(
            f"model {model.name!r} was compiled with a loss, but no labels were given: y is None"
        )


def labels_in_range(model: Any, feed: Feed) -> None:
    """``ValueError`` for labels that the loss cannot mean: a class that the model does not have, a
    probability beyond 0 and 1."""
    objectives = model._objectives
    if objectives is None or not objectives.resolved:
        return
    leaves = by_output(feed.y, None, objectives.names)
    outputs = getattr(model, "outputs", [None] * len(leaves))
    for name, loss, leaf, output in zip(
        objectives.names, objectives.losses, leaves, outputs, strict=False
    ):
        if leaf is None or loss is None or output is None or isinstance(leaf, (list, Mapping)):
            continue
        labels, kind = feed.arrays[leaf], type(loss).__name__
        if kind == "SparseCategoricalCrossentropy":
            count = output.shape[-1]
            ignored = getattr(loss, "ignore_class", None)
            _in_range(labels, 0, count - 1, name, f"classes are 0 to {count - 1}", ignored)
        elif kind == "BinaryCrossentropy":
            _in_range(labels, 0, 1, name, "labels of binary_crossentropy are 0 to 1", None)


def _in_range(
    labels: np.ndarray, low: int, high: int, name: str, rule: str, ignored: int | None
) -> None:
    if not labels.size:
        return
    wrong = ~((labels >= low) & (labels <= high))
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        shown = place[0] if len(place) == 1 else place
        raise ValueError(
            f"output {name!r}: the label of sample {shown} is {labels[place]}, but {rule}"
        )


def run(
    model: Any, entry: EntryPoint, arrays: list[np.ndarray], **options: Any
) -> dict[str, np.ndarray]:
    """One call of an entry; what it finds wrong in the data, in the user's words."""
    try:
        outputs: dict[str, np.ndarray] = entry(*arrays, **options)
    except CheckError as error:
        told = str(error).split(": ", 1)[-1]
        raise ValueError(
            f"model {model.name!r}: the data of a batch have {error.value}, which is no class or "
            f"index that the model has ({told}); no weight was changed"
        ) from error
    return outputs


def loss_is_number(model: Any, logs: Mapping[str, Any], source: Any) -> None:
    """Warns where the loss is NaN, and says where it came from if it was in the data."""
    if np.isfinite(logs.get("loss", 0.0)) or not isinstance(source, Rows):
        return
    if getattr(model, "_told_nan", False):
        return
    model._told_nan = True
    for name, array in source.feed.arrays.items():
        if array.dtype.kind != "f":
            continue
        bad = ~np.isfinite(array)
        if bad.any():
            place = tuple(int(i) for i in np.argwhere(bad)[0])
            more = int(bad.sum()) - 1
            warnings.warn(
                f"the loss is {logs['loss']}: the data have {array[place]} in {name!r} at {place}"
                f"{f' (and {more} more such values)' if more else ''}",
                stacklevel=4,
            )
            return
    warnings.warn(
        f"the loss is {logs['loss']}, though the data are finite: a smaller learning rate or "
        f"clipnorm may help",
        stacklevel=4,
    )
