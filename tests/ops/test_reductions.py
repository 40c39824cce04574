"""Reductions and statistics: values against NumPy over axes, dtypes and empty arrays; rules."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir import dtypes
from tests.ops.values import random, run, run_expanded, stand_in

AXES: list[tuple[tuple[int, ...], Any]] = [
    ((), None),
    ((), ()),
    ((4,), None),
    ((3, 4), 0),
    ((3, 4), -1),
    ((3, 4), ()),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (-1, -3)),
    ((2, 1, 3, 2, 1, 2), (1, 3, 5)),
    ((0, 3), 1),
    ((2, 0, 3), (0, 2)),
]
EMPTY: list[tuple[tuple[int, ...], Any]] = [((0,), None), ((0, 3), 0), ((2, 0, 3), (1, 2))]
TWINS: list[tuple[str, Callable[..., Any]]] = [
    ("sum", np.sum), ("prod", np.prod), ("max", np.max), ("min", np.min), ("any", np.any),
    ("all", np.all), ("mean", np.mean), ("var", np.var), ("std", np.std),
]  # fmt: skip


def close(actual: np.ndarray, expected: Any) -> None:
    expected = np.asarray(expected)
    kind = {"uint64": "int64", "float16": "float32"}.get(expected.dtype.name, expected.dtype.name)
    assert actual.dtype.name == kind
    assert actual.shape == expected.shape
    tolerance = {"float32": 2e-5, "float64": 1e-12}.get(kind, 0)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("name,reference", TWINS, ids=lambda x: getattr(x, "__name__", x))
def test_values(name: str, reference: Any, dtype: dtypes.DType, keepdims: bool) -> None:
    rng = np.random.default_rng(5)
    without_elements = EMPTY if name not in ("max", "min") else []
    for shape, axis in AXES + without_elements:
        array = random(rng, shape, dtype)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = reference(array, axis=axis, keepdims=keepdims)
        for symbolic in (True, False):
            if symbolic and name in ("max", "min") and 0 in shape:
                continue
            x = stand_in("x", array, symbolic=symbolic)
            result = getattr(graphc, name)(x, axis, keepdims=keepdims)
            close(run(result, x=array), expected)
            if result.value.node.op.name == name and name in ("mean", "var", "std"):
                close(run_expanded(result, x=array), expected)


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_argmax(name: str, dtype: dtypes.DType) -> None:
    rng = np.random.default_rng(6)
    for shape, axis in [((), None), ((5,), 0), ((3, 4), None), ((3, 4), -2), ((2, 0, 3), 2)]:
        array = random(rng, shape, dtype)
        if array.dtype.kind == "f" and array.size > 5:
            array.flat[3] = np.nan
        for keepdims in (False, True):
            x = stand_in("x", array)
            result = getattr(graphc, name)(x, axis, keepdims=keepdims)
            expected = getattr(np, name)(array, axis=axis, keepdims=keepdims)
            close(run(result, x=array), expected)


def test_nan_is_the_extreme() -> None:
    array = np.array([[1, np.nan], [2, 3]], np.float32)
    x = stand_in("x", array)
    assert np.isnan(run(graphc.max(x, 1), x=array)).tolist() == [True, False]
    assert np.isnan(run(graphc.min(x, 1), x=array)).tolist() == [True, False]


def test_correction_and_ddof() -> None:
    array = np.random.default_rng(0).standard_normal((5, 3))
    x = stand_in("x", array)
    close(run(graphc.var(x, 0, correction=1), x=array), np.var(array, 0, ddof=1))
    close(run(np.std(x, axis=0, ddof=1), x=array), np.std(array, 0, ddof=1))
    one = stand_in("x", array[:1])
    assert np.isnan(run(graphc.var(one, 0, correction=1), x=array[:1])).all()


def test_sum_as_another_dtype() -> None:
    array = np.arange(5, dtype=np.int32)
    x = stand_in("x", array)
    assert graphc.sum(x).dtype is graphc.int64
    assert graphc.sum(x, dtype=graphc.int32).dtype is graphc.int32
    assert graphc.mean(x, dtype=graphc.float32).dtype is graphc.float32


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_extremes_of_nothing(name: str) -> None:
    x = graphc.input("x", (2, 0))
    with pytest.raises(graphc.errors.ShapeError, match="no elements"):
        getattr(graphc, name)(x, 1)


@pytest.mark.parametrize("axis", [2, -3, (0, 0), (0, -2), 1.0, "a", True])
def test_wrong_axes(axis: Any) -> None:
    x = graphc.input("x", (2, 3))
    with pytest.raises(graphc.errors.AxisError, match="axis"):
        graphc.sum(x, axis)
