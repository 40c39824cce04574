"""Steps that apply elementwise ops: every record of the registry, with operands that broadcast."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import graphc
from graphc.ir import dims, dtypes
from graphc.ir.op import Elementwise
from graphc.tensor import Tensor, functions
from tests.random_graphs.builder import Builder

# Ops with arguments of their own kinds have steps of their own.
_APART = ("where", "clip", "astype", "philox", "random_fraction", "stop_gradient")
_ATTRIBUTES: dict[str, tuple[Any, ...]] = {
    "negative_slope": (0.2, 0.0, 1.5), "alpha": (1.0, 0.5), "approximate": (False, True),
}  # fmt: skip
_GROWING = ("exp", "expm1", "sinh", "cosh", "square", "power", "multiply")
_POSITIVE = ("log", "log2", "log1p", "sqrt", "rsqrt", "power")


def operand_count(name: str) -> int:
    """How many operands the public function called ``name`` takes."""
    parameters = inspect.signature(functions[name]).parameters.values()
    return sum(p.kind != p.KEYWORD_ONLY for p in parameters)


@cache
def names(count: int) -> tuple[str, ...]:
    """The public functions of elementwise records of our own with so many operands."""
    found = []
    for name, function in functions.items():
        op = getattr(function, "op", None)
        if not isinstance(op, Elementwise) or op.name != name or name in _APART:
            continue
        if op.lower.__module__.startswith("graphc.ops") and operand_count(name) == count:
            found.append(name)
    return tuple(sorted(found))


def _attributes(build: Builder, name: str) -> dict[str, Any]:
    parameters = inspect.signature(functions[name]).parameters.values()
    return {
        p.name: build.random.choice(_ATTRIBUTES[p.name])
        for p in parameters
        if p.kind == p.KEYWORD_ONLY and p.name in _ATTRIBUTES and build.chance(0.7)
    }


def _prepared(build: Builder, name: str, x: Tensor) -> Tensor:
    """``x``, mostly brought to where ``name`` is neither infinite nor NaN."""
    if x.dtype.is_bool or build.chance(0.25):
        return x
    if name in _POSITIVE:
        return graphc.abs(x) + (0.5 if x.dtype.is_float else 1)
    if name in _GROWING and x.dtype.is_float and build.chance(0.6):
        return x / (1.0 + graphc.abs(x))
    return x


def unary(build: Builder) -> Tensor:
    name = build.random.choice(names(1))
    x = _prepared(build, name, build.tensor())
    result: Tensor = functions[name](x, **_attributes(build, name))
    return result


def partner(build: Builder, x: Tensor) -> Any:
    """A second operand for ``x``: a tensor that broadcasts with it, itself, or a number."""
    kind = build.random.random()
    if kind < 0.15:
        return build.random.choice((2, 1, -1, 3, 0.5, 2.0, -1.5) if x.dtype.is_float else (2, 1, 3))
    if kind < 0.22:
        return x
    if kind < 0.75:
        fitting = [y for y in build.pool if y is not x and _broadcasts(x, y)]
        if fitting:
            return build.random.choice(fitting[-5:])
    kept = x.shape[build.random.randrange(x.ndim + 1) :]
    shape = tuple(1 if build.chance(0.15) else size for size in kept)
    if all(isinstance(size, int) for size in shape) and build.chance(0.4):
        return build.parameter([int(str(s)) for s in shape], x.dtype)
    return build.input(shape, x.dtype if build.chance(0.8) else build.dtype())


def _broadcasts(x: Tensor, y: Tensor) -> bool:
    pairs = zip(reversed(x.shape), reversed(y.shape), strict=False)
    return all(a == b or a == 1 or b == 1 for a, b in pairs)


def binary(build: Builder) -> Tensor:
    name = build.random.choice(names(2))
    if build.chance(0.6):
        name = build.random.choice(("add", "subtract", "multiply", "maximum", "divide"))
    x = build.tensor()
    y = partner(build, x)
    operands = [_prepared(build, name, x), y]
    if build.chance(0.3):
        operands.reverse()
    result: Tensor = functions[name](*operands, **_attributes(build, name))
    return result


def ternary(build: Builder) -> Tensor:
    """``where``, ``clip``, and whatever else takes three operands."""
    name = build.random.choice(["where", "where", "clip", *names(3)])
    x = build.tensor()
    if name == "clip":
        low, high = build.random.choice(((-1, 1), (None, 2), (0, None), (0, 3)))
        return graphc.clip(x, low, high) if not x.dtype.is_bool else graphc.clip(x, 0, 1)
    if name == "where":
        condition = x > partner(build, x) if build.chance(0.6) else build.tensor()
        condition = condition if _broadcasts(condition, x) else x != 0
        return graphc.where(condition, x, partner(build, x))
    result: Tensor = functions[name](x, partner(build, x), partner(build, x))
    return result


def cast(build: Builder) -> Tensor:
    x = build.tensor()
    if build.chance(0.1):
        return graphc.stop_gradient(x)
    return graphc.astype(x, build.random.choice(dtypes.ALL))


def chain(build: Builder) -> Tensor:
    """Several unary and binary ops in a row, which fuse."""
    x = build.tensor()
    for _ in range(build.random.randrange(2, 7)):
        two = ("add", "multiply", "minimum")
        name = build.random.choice(names(1) if build.chance(0.5) else two)
        x = _prepared(build, name, x)
        others = [] if operand_count(name) == 1 else [partner(build, x)]
        x = functions[name](x, *others)
    return x


def index_arithmetic(build: Builder) -> Tensor:
    """A value computed from places and sizes."""
    x = build.tensor(lambda t: t.ndim > 0)
    place = graphc.iota(x.shape, build.random.randrange(x.ndim))
    size = x.shape[build.random.randrange(x.ndim)]
    count = graphc.size_of(size) if isinstance(size, dims.Dim) else size
    return graphc.where(place * 2 < count, x, place)
