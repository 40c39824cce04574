"""The order of a sum is part of the program: the same bits fused, unfused, and for any width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir import dtypes
from runtime.target import AVX2, AVX512

KINDS = ("sum", "mean", "prod", "max", "min", "var", "std", "argmax", "argmin", "all", "any",
         "logsumexp", "norm")  # fmt: skip
# Along the last axis, along another, along both; within and beyond one block of lanes.
SHAPES = (((3, 37), 1), ((9, 5), 0), ((2, 3, 17), 1), ((4, 70), (0, 1)), ((2, 8200), 1))


def data(shape: tuple[int, ...], dtype: dtypes.DType) -> np.ndarray:
    rng = np.random.default_rng(7)
    if dtype.is_bool:
        return rng.random(shape) < 0.5
    if dtype.is_float:
        return rng.normal(1, 0.5, shape).astype(dtype.numpy)
    return rng.integers(0, 100, shape).astype(dtype.numpy)


def graph(
    shape: tuple[int, ...], axis: int | tuple[int, ...], dtype: dtypes.DType, named: bool
) -> graphc.Graph:
    """Every kind of reduction of a computed value, and what is computed from its result."""
    sizes = tuple(f"D{i}" for i in range(len(shape))) if named else shape
    x = graphc.input("x", sizes, dtype)
    source = x * 1.25 - 0.5 if dtype.is_float else graphc.where(x > 0, x, x)
    found = {}
    for kind in KINDS:
        if kind in ("argmax", "argmin") and isinstance(axis, tuple):
            continue
        result = getattr(graphc, kind)(source, axis=axis, keepdims=True)
        found[kind] = result
        found[f"{kind}_used"] = graphc.where(source == result, result, 1)
    a, b = source.reshape(-1), graphc.flip(source).reshape(-1)
    found["dot"] = a @ b
    if len(shape) == 2:
        found["product"] = source @ source.T
        found["vector"] = source @ source[0]
        found["batch"] = graphc.stack([source, source]) @ source.T
    return graphc.Graph("g", found)


def cases() -> Iterator[Any]:
    """All combinations; the ordinary run takes every value of each in turn."""
    for place, (shape, axis) in enumerate(SHAPES):
        for other, dtype in enumerate((graphc.float32, graphc.float64, graphc.int32)):
            for named in (False, True):
                often = (place + other + named) % 3 == 0
                marks = () if often else (pytest.mark.slow,)
                name = f"{shape} along {axis} {dtype} {'named' if named else 'literal'}"
                yield pytest.param(shape, axis, dtype, named, id=name, marks=marks)


@pytest.mark.parametrize(("shape", "axis", "dtype", "named"), list(cases()))
def test_every_reduction_has_one_order(
    shape: tuple[int, ...], axis: int | tuple[int, ...], dtype: dtypes.DType, named: bool
) -> None:
    reductions, x = graph(shape, axis, dtype, named), data(shape, dtype)
    expected = graphc.compile(reductions)(x=x)
    reference = graphc.evaluate(reductions, x=x)
    tolerance = 1e-4 if dtype == graphc.float32 else 1e-11
    for name, value in expected.items():
        assert value.dtype == reference[name].dtype and value.shape == reference[name].shape
        if not name.endswith("_used"):
            np.testing.assert_allclose(value, reference[name], tolerance, tolerance, err_msg=name)
    ways = [{"fuse": False}, {"target": AVX2}]
    if not named:
        ways.append({"target": AVX2, "fuse": False})
    for way in ways:
        for name, value in graphc.compile(reductions, **way)(x=x).items():
            assert value.tobytes() == expected[name].tobytes(), (name, way)


def test_targets_differ_in_width() -> None:
    """Else the bits would be the same for no reason."""
    assert AVX2.lanes(4) == 8 and AVX512.lanes(4) == 16
