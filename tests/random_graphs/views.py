"""Steps that move elements: slices with any step, flips, pads, concatenations, reshapes, ..."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.ir import dims
from graphc.tensor import Tensor
from tests.random_graphs.builder import Builder

_STEPS = (1, 1, 2, -1, -2, 3, -3)


def permuted(build: Builder) -> Tensor:
    x = build.tensor(lambda t: t.ndim >= 2)
    return graphc.permute_dims(x, build.random.sample(range(x.ndim), x.ndim))


def sliced(build: Builder) -> Tensor:
    """Ints, slices with any step, ``None`` and ``...``."""
    x = build.tensor(lambda t: t.ndim >= 1)
    entries: list[Any] = [_entry(build, x, axis) for axis in range(x.ndim)]
    if build.chance(0.15):
        entries.insert(build.random.randrange(len(entries) + 1), None)
    elif build.chance(0.15):
        axis = build.random.randrange(len(entries))
        entries[axis] = ...
    return x[tuple(entries)]


def _entry(build: Builder, x: Tensor, axis: int) -> Any:
    least = min(build.values(x.shape[axis]))
    if build.chance(0.45) or least == 0:
        return slice(None)
    if build.chance(0.2):
        return build.random.randrange(-least, least)
    step = build.random.choice(_STEPS)
    if build.chance(0.4):
        return slice(None, None, step)
    low, high = sorted((build.random.randrange(least), build.random.randrange(least)))
    if step < 0:
        return slice(high, low - 1 if low else None, step)
    return slice(low, high + 1, step) if build.chance(0.6) else slice(low, None, step)


def flipped(build: Builder) -> Tensor:
    x = build.tensor(lambda t: t.ndim >= 1)
    return graphc.flip(x, build.axes(x.ndim) if build.chance(0.8) else None)


def padded(build: Builder) -> Tensor:
    x = build.tensor(lambda t: t.ndim >= 1)
    widths = [(build.random.randrange(3), build.random.randrange(3)) for _ in x.shape]
    axis = build.random.randrange(x.ndim)
    widths = [w if i == axis or build.chance(0.2) else (0, 0) for i, w in enumerate(widths)]
    fill = build.random.choice((0, 0, 1, -2 if x.dtype.kind != "u" else 7))
    return graphc.pad(x, widths, constant_values=bool(fill) if x.dtype.is_bool else fill)


def joined(build: Builder) -> Tensor:
    """Two or three tensors that differ along one axis at most."""
    x = build.tensor(lambda t: t.ndim >= 1)
    axis = build.random.randrange(x.ndim)
    rest = x.shape[:axis] + x.shape[axis + 1 :]
    fitting = [
        y for y in build.pool if y.ndim == x.ndim and y.shape[:axis] + y.shape[axis + 1 :] == rest
    ]
    parts = [x] + [build.random.choice(fitting) for _ in range(build.random.choice((1, 1, 2)))]
    if build.chance(0.3):
        parts.append(build.input((*x.shape[:axis], build.size(), *x.shape[axis + 1 :]), x.dtype))
    return graphc.concat(parts, axis)


def stacked(build: Builder) -> Tensor:
    x = build.tensor()
    fitting = [y for y in build.pool if y.shape == x.shape]
    parts = [x, *build.random.choices(fitting, k=build.random.choice((1, 2)))]
    return graphc.stack(parts, build.random.randrange(-x.ndim - 1, x.ndim + 1))


def reshaped(build: Builder) -> Tensor:
    """Axes merged, split, or all of them flattened."""
    x = build.tensor()
    kind = build.random.random()
    if kind < 0.25 or x.ndim == 0:
        return graphc.reshape(x, build.random.choice(((-1,), (1, -1), (-1, 1))))
    axis = build.random.randrange(x.ndim)
    size = x.shape[axis]
    if kind < 0.6 and x.ndim >= 2:
        axis = min(axis, x.ndim - 2)
        merged = x.shape[axis] * x.shape[axis + 1]
        return graphc.reshape(x, (*x.shape[:axis], merged, *x.shape[axis + 2 :]))
    for factor in build.random.sample((2, 3, 4, 5, 7, 8), 6):
        quotient = dims.divide_exactly(size, factor)
        if quotient is not None and build.elements(x.shape):
            parts = (factor, quotient) if build.chance(0.5) else (quotient, factor)
            return graphc.reshape(x, (*x.shape[:axis], *parts, *x.shape[axis + 1 :]))
    return graphc.reshape(x, tuple(reversed(x.shape)))


def broadcasted(build: Builder) -> Tensor:
    x = build.tensor(lambda t: t.ndim <= 3)
    if build.chance(0.5):
        return graphc.broadcast_to(x, (build.random.choice((2, 3, 8)), *x.shape))
    axis = build.random.randrange(x.ndim + 1)
    wide = graphc.expand_dims(x, axis)
    return graphc.broadcast_to(wide, (*x.shape[:axis], build.size(), *x.shape[axis:]))


def units(build: Builder) -> Tensor:
    """Axes of size 1 come and go."""
    x = build.tensor(lambda t: t.ndim <= 3)
    if any(size == 1 for size in x.shape) and build.chance(0.6):
        return graphc.squeeze(x)
    return graphc.expand_dims(x, build.random.randrange(-x.ndim - 1, x.ndim + 1))
