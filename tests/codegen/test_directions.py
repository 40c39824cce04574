"""Elementwise work whose memory lies along other axes than its vectors: turned, sorted, mixed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphc
from tests.levels import RUNNABLE

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")
SHAPES = ((3, 100), (17, 33), (2, 31), (100, 3))
Case = tuple[Any, np.ndarray]


def drawn(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    numbers = np.random.default_rng(sum(shape)).integers(0, 2 if dtype == "bool" else 100, shape)
    return numbers.astype(dtype)


def rearranged(x: Any, y: Any, a: np.ndarray, b: np.ndarray) -> Iterator[Case]:
    """Expressions of two inputs, ``y`` of the transposed shape, and what they are."""
    yield x.T, a.T
    yield graphc.where(y == x.T, x.T, y), np.where(b == a.T, a.T, b)
    yield graphc.stack([x.T, y], axis=-1), np.stack([a.T, b], -1)
    yield graphc.stack([x, x, x == x], axis=-1), np.stack([a, a, a == a], -1)
    yield graphc.stack([x.T, y, y, y], axis=1), np.stack([a.T, b, b, b], 1)
    for step, first in ((2, 0), (3, 1), (4, 0), (5, 1)):
        yield x[:, first::step], a[:, first::step]
        yield graphc.flip(x, axis=1)[:, first::step], a[:, ::-1][:, first::step]
        yield graphc.sum(x[:, first::step], axis=1), a[:, first::step].sum(1)


def named(x: Any, a: np.ndarray) -> Iterator[Case]:
    """Expressions that symbolic sizes allow."""
    yield x.T, a.T
    yield graphc.stack([x, x], axis=-1), np.stack([a, a], -1)
    yield graphc.flip(x, axis=1), a[:, ::-1]


def check(cases: Iterator[Case], target: str, **inputs: np.ndarray) -> None:
    pairs = dict(enumerate(cases))
    graph = graphc.Graph("moves", {f"y{n}": value for n, (value, _) in pairs.items()})
    for fuse, threads in ((True, 1), (False, 2)):
        found = graphc.compile(graph, fuse=fuse, target=target, threads=threads)(**inputs)
        for number, (_, expected) in pairs.items():
            np.testing.assert_array_equal(found[f"y{number}"], expected)


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_axes(dtype: str, target: str) -> None:
    for shape in SHAPES:
        a, b = drawn(shape, dtype), drawn(shape[::-1], dtype)
        x, y = graphc.input("x", shape, dtype), graphc.input("y", shape[::-1], dtype)
        check(rearranged(x, y, a, b), target, x=a, y=b)


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("declared", [("N", 33), (17, "M"), ("N", "M")])
def test_named_sizes(declared: tuple[Any, Any], target: str) -> None:
    a = drawn((17, 33), "float32")
    check(named(graphc.input("x", declared), a), target, x=a)


@pytest.mark.parametrize("target", RUNNABLE)
def test_three_axes(target: str) -> None:
    for shape in ((2, 3, 33), (20, 3, 21), (5, 16, 16)):
        a, x = drawn(shape, "float32"), graphc.input("x", shape)
        orders = list(itertools.permutations(range(3)))
        permuted = ((graphc.permute_dims(x, p), a.transpose(p)) for p in orders)
        check(permuted, target, x=a)


def test_reductions_of_transposed_operands() -> None:
    a, x = drawn((40, 7), "float32"), graphc.input("x", (40, 7))
    for op in ("sum", "max", "argmin", "mean", "all"):
        of = getattr(np, op)
        for axis in (0, 1):
            value = getattr(graphc, op)(x.T, axis=axis)
            np.testing.assert_allclose(graphc.compile(value)(a), of(a.T, axis=axis), rtol=1e-6)
    cube, c = drawn((4, 5, 6), "float32"), graphc.input("c", (4, 5, 6))
    moved = graphc.permute_dims(c, (2, 0, 1))
    for axes in ((0,), (1,), (2,), (0, 2), (1, 2)):
        expected = cube.transpose(2, 0, 1).sum(axes)
        np.testing.assert_allclose(graphc.compile(graphc.sum(moved, axes))(cube), expected)


def test_a_transpose_passes_by_the_caches_where_it_is_large() -> None:
    x = graphc.input("x", (4096, 4096))
    assert "stream" in graphc.compile(x.T).text("loops")


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("dtype", ("float64", "int64", "float32", "int32"))
@pytest.mark.parametrize("step", (-1, -2, 3))
def test_variances_of_elements_apart(target: str, dtype: str, step: int) -> None:
    # LLVM 22 narrowed the permutation of a short rest, two lanes long, to one of the first lane.
    graph, arrays, expected = {}, {}, {}
    for count in (2, 3, 5, 6, 9, 10, 18):
        array = drawn((1 + (count - 1) * abs(step),), dtype)
        name, chosen = f"x{count}", array[::step].astype("float64")
        x = graphc.input(name, array.shape, dtype)
        graph[f"y{count}"] = graphc.var(graphc.astype(x[::step], "float64"))
        arrays[name], expected[f"y{count}"] = array, chosen.var()
    found = graphc.compile(graphc.Graph("variances", graph), target=target)(**arrays)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, err_msg=name)
