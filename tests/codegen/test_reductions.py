"""Every kind of reduction, in every order, on every target, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.ir import dtypes
from graphc.ir.dims import named
from graphc.loops.ir import Argument, Axis, For, Kernel, Reduce
from graphc.loops.orders import fold
from tests.codegen.kernels import Native, at, put, var
from tests.levels import LEVELS, RUNNABLE

KINDS = ("add", "multiply", "maximum", "minimum", "any", "all", "argmax", "argmin")


def sample(rng: np.random.Generator, shape, dtype: dtypes.DType) -> np.ndarray:
    if dtype.is_bool:
        return rng.random(shape) < 0.5
    if dtype.is_float:
        x = rng.standard_normal(shape).astype(dtype.numpy)
        special = rng.random(shape)
        x[special < 0.02] = -0.0
        x[special > 0.995] = rng.choice([np.nan, np.inf, -np.inf, 0.0])
        return x
    return rng.integers(0, 200, shape).astype(dtype.numpy)


def same(x: np.ndarray, y: np.ndarray) -> bool:
    """The same bits; NaNs are equal."""
    if x.dtype.kind == "f":
        both = np.isnan(x) & np.isnan(y)
        x, y = np.where(both, 0, x), np.where(both, 0, y)
        return bool(np.all((x == y) & (np.signbit(x) == np.signbit(y))))
    return bool(np.array_equal(x, y))


def result_of(kind: str, order: str, x: np.ndarray, static: bool) -> np.ndarray:
    extent = len(x) if static else named("N")
    return np.asarray(fold(kind, order, np.moveaxis(x, 0, -1), extent=extent))


def rows_kernel(kind, order, dtype, columns, width, tile, unroll) -> Kernel:
    """y[i] = the fold of x[i, :]."""
    out = dtypes.int64 if kind.startswith("arg") else dtype
    reduce = Reduce(
        ("r",), (kind,), Axis("j", columns, 1, width), order, (), (at("x", "i", "j", dtype=dtype),),
        unroll,
    )  # fmt: skip
    n = named("M")
    arguments = (Argument("x", dtype, (n, columns)), Argument("y", out, (n,), "out"))
    loop = For((Axis("i", n, tile),), (reduce, put("y", ("i",), var("r", out))), True)
    dims = ("M",) if isinstance(columns, int) else ("M", "N")
    return Kernel("rows", arguments, (loop,), dims)


def columns_kernel(kind, order, dtype, rows, columns, width, tile, unroll) -> Kernel:
    """y[j] = the fold of x[:, j]."""
    out = dtypes.int64 if kind.startswith("arg") else dtype
    reduce = Reduce(
        ("r",), (kind,), Axis("i", rows), order, (), (at("x", "i", "j", dtype=dtype),), unroll
    )
    arguments = (Argument("x", dtype, (rows, columns)), Argument("y", out, (columns,), "out"))
    loop = For((Axis("j", columns, tile, width),), (reduce, put("y", ("j",), var("r", out))), True)
    return Kernel("columns", arguments, (loop,), ("N", "M"))


def dtypes_of(kind: str) -> tuple[dtypes.DType, ...]:
    if kind in ("any", "all"):
        return (dtypes.bool_,)
    return tuple(d for d in dtypes.ALL if not d.is_bool or kind.startswith("arg"))


@st.composite
def cases(draw):
    kind = draw(st.sampled_from(KINDS))
    dtype = draw(st.sampled_from(dtypes_of(kind)))
    order = draw(st.sampled_from(("ascending", "lanes", "tree")))
    extent = draw(
        st.sampled_from((0, 1, 2, 7, 8, 9, 13, 31, 32, 33, 64, 65, 100, 300))
    )
    target = draw(st.sampled_from(LEVELS))
    width = draw(st.sampled_from((0, 4, 8, 16)))
    unroll = draw(st.sampled_from((1, 2, 3)))
    tile = draw(st.sampled_from((1, 3, 4)))
    static = draw(st.booleans())
    return kind, dtype, order, extent, target, width, unroll, tile, static, draw(st.integers(0, 99))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_rows(case):
    kind, dtype, order, extent, target, width, unroll, tile, static, seed = case
    columns = extent if static else named("N")
    kernel = rows_kernel(kind, order, dtype, columns, width, tile, unroll)
    x = sample(np.random.default_rng(seed), (5, extent), dtype)
    y = np.empty(5, np.int64 if kind.startswith("arg") else dtype.numpy)
    Native(kernel, target)(x, y, M=5, N=extent)
    assert same(y, result_of(kind, order, x.T, static)), (y, result_of(kind, order, x.T, static))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_columns(case):
    kind, dtype, order, extent, target, width, unroll, tile, static, seed = case
    rows = extent if static else named("N")
    columns = 21 if seed % 2 else named("M")
    kernel = columns_kernel(kind, order, dtype, rows, columns, width, tile * width, unroll)
    x = sample(np.random.default_rng(seed), (extent, 21), dtype)
    y = np.empty(21, np.int64 if kind.startswith("arg") else dtype.numpy)
    Native(kernel, target)(x, y, N=extent, M=21)
    assert same(y, result_of(kind, order, x, static)), (y, result_of(kind, order, x, static))


@pytest.mark.parametrize("extent", (8191, 8192, 8193, 20000))
@pytest.mark.parametrize("static", (True, False))
def test_blocks_of_lanes(extent, static):
    columns = extent if static else named("N")
    kernel = rows_kernel("add", "lanes", dtypes.float32, columns, 16, 1, 1)
    x = sample(np.random.default_rng(extent), (2, extent), dtypes.float32)
    x[~np.isfinite(x)] = 1
    y = np.empty(2, np.float32)
    Native(kernel)(x, y, M=2, N=extent)
    assert same(y, result_of("add", "lanes", x.T, static))


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("dtype", ("int32", "int64"))
@pytest.mark.parametrize("kind", ("float32", "float64"))
def test_quotients_of_no_elements_are_not_folded(target, dtype, kind):
    # LLVM 22 masked the converted operands of the rest's quotients instead of the quotients: 0 / 0.
    for extent in (3, 5, 9, 17):
        x, y = (graphc.input(name, (extent,), dtype) for name in "xy")
        ratio = graphc.astype(x, kind) / graphc.astype(y, kind)
        results = {"mean": graphc.mean(ratio), "greatest": graphc.max(ratio)}
        exe = graphc.compile(graphc.Graph("ratios", outputs=results), target=target)
        a = np.arange(1, extent + 1, dtype=dtype)
        mean, greatest = exe(a, a + 2).values()
        np.testing.assert_allclose(mean, (a / (a + 2)).mean(), rtol=1e-6)
        np.testing.assert_allclose(greatest, extent / (extent + 2), rtol=1e-6)
