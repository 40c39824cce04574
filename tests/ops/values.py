"""Operands that find bugs: special values of each dtype, and graphs evaluated in a line."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import graphc
from graphc.ir import dtypes, graphs, interpreter
from graphc.ir.dtypes import DType
from graphc.tensor import Tensor


def special(dtype: DType) -> np.ndarray:
    """Values at which operations change their mind."""
    if dtype.is_bool:
        return np.array([False, True])
    if dtype.is_integer:
        limits = np.iinfo(dtype.numpy)
        near = [limits.min, limits.min + 1, limits.max - 1, limits.max, 0, 1, 2, 3, 7, 31, 32, 100]
        negative = [] if dtype.kind == "u" else [-1, -2, -3, -7, -100]
        return np.array(near + negative, dtype.numpy)
    limits = np.finfo(dtype.numpy)
    positive = [
        0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 0.1, 1 / 3, 5.25, 7.0, 127.5, 255.9, 2.0**31, 2.0**63,
        1e6 + 0.5, 2.0**24 - 1, limits.tiny, limits.smallest_subnormal, limits.max, limits.eps,
        1 + limits.eps, 1e-20, 1e20, np.inf,
    ]  # fmt: skip
    values = np.array([*positive, *(-x for x in positive), np.nan])
    return values.astype(dtype.numpy)


def combinations(dtypes_: list[DType]) -> list[np.ndarray]:
    """All combinations of special values of the operands, and some random ones."""
    columns = list(zip(*itertools.product(*(special(d) for d in dtypes_)), strict=True))
    arrays = [np.array(c, d.numpy) for c, d in zip(columns, dtypes_, strict=True)]
    rng = np.random.default_rng(7)
    return [
        np.concatenate([a, random(rng, (300,), d)]) for a, d in zip(arrays, dtypes_, strict=True)
    ]


def random(rng: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    if dtype.is_bool:
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.is_integer:
        low = 0 if dtype.kind == "u" else -50
        return rng.integers(low, 100, shape).astype(dtype.numpy)
    return (rng.standard_normal(shape) * np.exp(rng.standard_normal(shape) * 3)).astype(
        dtype.numpy
    )


def same(actual: Any, expected: Any) -> None:
    """Equal dtypes, shapes and bits; NaNs count as equal."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    equal = actual == expected
    if actual.dtype.kind == "f":
        equal &= np.signbit(actual) == np.signbit(expected)
        equal |= np.isnan(actual) & np.isnan(expected)
    assert equal.all(), (actual[~equal][:5], expected[~equal][:5], np.argwhere(~equal)[:5])


def run(result: Tensor, **arrays: Any) -> np.ndarray:
    """The value of ``result`` by the reference interpreter."""
    graph = graphs.collect("test", {"out": result.value})
    outputs, _ = interpreter.evaluate(graph, arrays)
    return outputs["out"]


def run_expanded(result: Tensor, **arrays: Any) -> np.ndarray:
    """The value of a composite by its expansion."""
    node = result.value.node
    expanded = node.op.expand(*map(Tensor, node.operands), **node.attributes)
    return run(expanded, **arrays)


def stand_in(name: str, array: np.ndarray, *, symbolic: bool = True) -> Tensor:
    """An input for ``array``; its first size is a named dim where ``symbolic``."""
    shape = tuple(
        f"{name.upper()}{i}" if symbolic and i == 0 and size != 1 else size
        for i, size in enumerate(array.shape)
    )
    return graphc.input(name, shape, dtypes.as_dtype(array.dtype))
