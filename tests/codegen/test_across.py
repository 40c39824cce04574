"""Short rows, a row in each lane, against the interpreter of loop IR, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.ir import dtypes
from graphc.ir.dims import named
from graphc.loops.ir import Argument, Axis, AxisIndex, For, Kernel, Let, Reduce
from graphc.loops.scheduling import lanes_of, schedule
from runtime import jit
from tests.codegen.kernels import at, op, put, softmax, var
from tests.codegen.test_against_interpreter import check
from tests.codegen.test_reductions import KINDS, dtypes_of, sample
from tests.levels import LEVELS, RUNNABLE


def folded(kinds: tuple[str, str], dtype, rows, columns: int) -> Kernel:
    """Two folds of each row; what they give, a bool and a number for each element, and again."""
    x, bool_ = at("x", "i", "j", dtype=dtype), dtypes.bool_
    axis, y = Axis("j", columns), at("y", "i", "j", dtype=dtype)
    types = [dtypes.int64 if kind.startswith("arg") else dtype for kind in kinds]
    first, second = (var(name, held) for name, held in zip("rs", types, strict=True))
    body = (
        Reduce(("r", "s"), kinds, axis, "lanes", (Let("t", x),), (var("t", dtype),) * 2),
        put("r_out", ("i",), first),
        put("s_out", ("i",), second),
        For(
            (axis,),
            (
                put("equal", ("i", "j"), op("equal", x, y, dtype=bool_)),
                put("y", ("i", "j"), op("maximum", x, at("w", "j", dtype=dtype))),
                put("index", ("i", "j"), op("add", AxisIndex("j"), AxisIndex("i"))),
            ),
        ),
        Reduce(("u",), ("all",), axis, "lanes", (), (at("equal", "i", "j", dtype=bool_),)),
        put("u_out", ("i",), var("u", bool_)),
    )
    arguments = (
        Argument("x", dtype, (rows, columns)),
        Argument("w", dtype, (columns,)),
        Argument("y", dtype, (rows, columns), "inout"),
        Argument("equal", bool_, (rows, columns), "out"),
        Argument("index", dtypes.int64, (rows, columns), "out"),
        Argument("r_out", types[0], (rows,), "out"),
        Argument("s_out", types[1], (rows,), "out"),
        Argument("u_out", bool_, (rows,), "out"),
    )
    return Kernel("folded", arguments, (For((Axis("i", rows),), body),), ("N",))


@st.composite
def cases(draw):
    dtype = draw(st.sampled_from(dtypes.ALL))
    kinds = tuple(draw(st.sampled_from([k for k in KINDS if dtype in dtypes_of(k)])) for _ in "ab")
    return kinds, dtype, draw(st.integers(0, 40)), draw(st.integers(2, 33)), draw(st.booleans())


@pytest.mark.parametrize("target", LEVELS)
@settings(max_examples=25, deadline=None)
@given(case=cases(), seed=st.integers(0, 99))
def test_folds_of_short_rows(target, case, seed):
    kinds, dtype, rows, columns, static = case
    kernel = folded(kinds, dtype, rows if static else named("N"), columns)
    kernel = schedule(kernel, jit.resolve(target))
    rng = np.random.default_rng(seed)
    shapes = {a.name: (rows, columns)[: len(a.shape)] for a in kernel.arguments}
    shapes["w"] = (columns,)
    arrays = {a.name: sample(rng, shapes[a.name], a.dtype) for a in kernel.arguments}
    check(kernel, arrays, {"N": rows}, target)


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("columns", (2, 3, 8, 10, 16, 17))
def test_softmax_of_short_rows(target, columns):
    kernel = softmax(columns, 0)
    kernel = schedule(kernel, jit.resolve(target))
    for rows in (0, 1, 7, 16, 35):
        rng = np.random.default_rng(rows)
        x = rng.standard_normal((rows, columns)).astype(np.float32)
        x[rng.random(x.shape) < 0.03] = np.inf
        check(kernel, {"x": x, "y": np.zeros_like(x)}, {"N": rows}, target)


def test_rows_lie_across_where_that_pays():
    target = jit.resolve("avx512")

    def vectors(kernel: Kernel) -> int:
        return schedule(kernel, target).body[0].axes[0].vector

    assert vectors(softmax(10, 0)) == lanes_of(softmax(10, 0), target) == 16
    assert vectors(softmax(1024, 0)) == 0
    few = folded(("add", "maximum"), dtypes.float32, 5, 10)
    assert vectors(few) == 0  # rows that would leave most lanes empty


def test_rows_with_a_loop_around_them():
    x = graphc.input("x", (17, "M", 3))
    turned = graphc.permute_dims(x, (1, 0, 2))
    y = turned - graphc.mean(turned, axis=2, keepdims=True)
    exe = graphc.compile(y)
    assert "vector" in exe.text("loops") and "tile(3)" in exe.text("loops")
    value = np.random.default_rng(0).standard_normal((17, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(exe(value), graphc.evaluate(y, x=value), atol=1e-6)


@pytest.mark.parametrize("columns", (10, 13))
def test_zeros_keep_their_signs(columns):
    x = graphc.input("x", ("N", columns))
    rows = np.full((20, columns), -0.0, np.float32)
    entries = graphc.compile(
        graphc.Graph("f", outputs={"s": graphc.sum(x, axis=1), "m": graphc.max(x, axis=1)})
    )
    found = entries(x=rows)
    assert not np.signbit(found["s"]).any()
    assert np.signbit(found["m"]).all()


def test_a_turned_mask_is_a_bool():
    mask, x = graphc.input("mask", (16, 32), "bool"), graphc.input("x", (32, 24))
    w = graphc.input("w", (24, 16))
    y = graphc.where(mask.T, x @ w, 0.0)
    rng = np.random.default_rng(0)
    arrays = {
        "mask": rng.random((16, 32)) < 0.5,
        "x": rng.standard_normal((32, 24)).astype(np.float32),
        "w": rng.standard_normal((24, 16)).astype(np.float32),
    }
    got = graphc.compile(y)(**arrays)
    np.testing.assert_array_equal(got, graphc.evaluate(y, **arrays))


@pytest.mark.parametrize("rows", (0, 1, 8, 33))
def test_what_was_read_of_a_row_stays_when_its_place_is_written_again(rows):
    """An output serves as the memory of something else before its own elements are known."""
    x = graphc.input("x", ("N", 2), dtype="float64")
    above, logs = graphc.elu(x), graphc.log_softmax(x, axis=1)
    fallen = graphc.expm1(x) - graphc.min(graphc.expm1(x), axis=1, keepdims=True)
    outputs = {"e": above, "m": graphc.maximum(logs, above), "l": logs, "f": fallen}
    graph = graphc.Graph("g", outputs=outputs)
    draw = np.random.default_rng(0).standard_normal((rows, 2))
    fused, plain = (graphc.compile(graph, fuse=fuse)(x=draw) for fuse in (True, False))
    for name in outputs:
        assert fused[name].tobytes() == plain[name].tobytes(), name


@pytest.mark.parametrize("columns", [1, 3, 15, 16, 17, 40, 63, 64, 65, 200])
def test_rows_of_a_named_length(columns: int) -> None:
    numbers = np.random.default_rng(columns).standard_normal((21, columns)).astype("f")
    numbers[3, columns // 2] = np.nan
    numbers[4] = -0.0
    x = graphc.input("x", ("N", "C"))
    names = ("sum", "max", "min", "prod", "argmax", "argmin")
    outputs = {name: getattr(graphc, name)(x, axis=1) for name in names}
    outputs["softmax"] = graphc.softmax(x)
    graph = graphc.Graph("rows", outputs)
    expected = graphc.evaluate(graph, x=numbers)
    for fuse in (True, False):
        found = graphc.compile(graph, fuse=fuse)(x=numbers)
        for name in outputs:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
@pytest.mark.parametrize("columns", [5, 30, 33])
def test_short_rows_fold_together(columns: int, dtype: str) -> None:
    numbers = np.random.default_rng(columns).integers(0, 9, (21, columns)).astype(dtype)
    if dtype.startswith("float"):
        numbers[3, columns // 2] = np.nan
    for rows in (21, "N"):
        x = graphc.input("x", (rows, columns), dtype)
        for name in ("sum", "max", "min"):
            value = getattr(graphc, name)(x, axis=1)
            for target in RUNNABLE:
                found = graphc.compile(value, target=target)(numbers)
                np.testing.assert_array_equal(found, getattr(np, name)(numbers, axis=1))
