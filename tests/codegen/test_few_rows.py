"""Few rows and columns: products that stream, and those that are sums in lanes, in tiles of any
size, with the bits that their orders say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.codegen import few_rows
from graphc.loops import scheduling
from graphc.loops.orders import fold
from graphc.passes.order import FEW, NARROW, SHORT, SMALL, THIN, Order
from runtime import jit
from tests.loops.compare import assert_same_bits

LEVELS = ("host", "avx2", "baseline")
SIDES = (1, 2, 3, 5, 16, 17, 33, 70)


def dense(rows, depth, columns, dtype, left_turned=False, right_turned=False):
    """A product with what a dense layer has behind it."""
    x = graphc.input("x", (depth, rows) if left_turned else (rows, depth), dtype=dtype)
    w = graphc.input("w", (columns, depth) if right_turned else (depth, columns), dtype=dtype)
    y = (x.mT if left_turned else x) @ (w.mT if right_turned else w)
    return graphc.Graph("g", outputs={"y": y, "z": graphc.maximum(y + 1, 0)})


def drawn(graph, bound, seed=0):
    draw = np.random.default_rng(seed)
    return {
        value.name: (10 * draw.standard_normal([bound.get(str(n), n) for n in value.type.shape]))
        .astype(value.type.dtype.numpy)
        for value in graph.ir.inputs
    }  # fmt: skip


def order_of(graph):
    stamped = Order().run(graph.ir)
    return next(n.attributes["order"] for n in stamped.nodes if n.op.name == "matmul")


def expected(arrays, order, depth, left_turned=False, right_turned=False):
    x = arrays["x"].T if left_turned else arrays["x"]
    w = arrays["w"] if right_turned else arrays["w"].T
    return fold("fma", order, x[:, None], w[None], extent=depth)


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_products_of_few_rows_or_columns_have_the_bits_of_their_order(level, data):
    dtype = data.draw(st.sampled_from(("float32", "float64", "int32")))
    m, n = data.draw(st.sampled_from(SIDES)), data.draw(st.sampled_from(SIDES))
    k = data.draw(st.sampled_from((0, 1, 7, 16, 33, 64, 65, 150)))
    turned = data.draw(st.booleans()), data.draw(st.booleans())
    rows, depth = data.draw(st.sampled_from((m, "M"))), data.draw(st.sampled_from((k, "K")))
    graph = dense(rows, depth, n, dtype, *turned)
    arrays = drawn(graph, {"M": m, "K": k})
    if level == "baseline":  # has no fused multiply-adds, whose bits are the order's
        arrays = {name: np.rint(array).astype(dtype) for name, array in arrays.items()}
    tile = data.draw(st.sampled_from((None, (1, 1), (2, 2), (4, 1))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHC_CACHE_PROGRAMS", "0")
        if tile and isinstance(rows, int):
            patch.setattr(scheduling, "choose_streamed", lambda product, target: tile)
        patch.setattr(scheduling, "_TOGETHER", data.draw(st.sampled_from((1, 4, 6))))
        patch.setattr(few_rows, "MOST", data.draw(st.sampled_from((1, 3))))
        exe = graphc.compile(graph, target=jit.resolve(level), threads=2)
    extent = depth if isinstance(depth, int) else graph.ir.inputs[0].type.shape[turned[0] - 1]
    y = expected(arrays, order_of(graph), extent, *turned)
    found = exe(**arrays)
    assert_same_bits(found["y"], y, "y")
    assert_same_bits(found["z"], np.maximum(y + 1, 0), "z")


@pytest.mark.parametrize(
    "depth, columns, turned", [(37, 200, False), (37, 203, True), (1700, 70, True)]
)
@pytest.mark.parametrize("threads", (1, 2))
def test_a_named_number_of_rows_has_the_same_bits_with_few(threads, depth, columns, turned):
    graph = dense("M", depth, columns, "float32", right_turned=turned)
    exe = graphc.compile(graph, threads=threads)
    arrays = drawn(graph, {"M": 40})
    whole = exe(**arrays)["y"]
    for rows in (*range(6), 13, 14, 27, 40):
        few_rows = exe(x=arrays["x"][:rows], w=arrays["w"])["y"]
        assert_same_bits(few_rows, whole[:rows], str(rows))


def test_what_a_named_number_of_rows_reads_is_not_packed():
    text = graphc.compile(dense("M", 4000, 300, "float32", right_turned=True)).text("loops")
    assert "panels(" not in text


def test_large_operands_of_few_rows_stream():
    for rows in (1, 3, 8):
        text = graphc.compile(dense(rows, 2200, 1100, "float32")).text("loops")
        assert "tile(8) order(ascending) unroll" in text


@pytest.mark.parametrize(
    "rows, depth, columns, order",
    [
        (9, SHORT, 9, "ascending"),
        (9, SHORT + 1, 9, "lanes"),
        (FEW // 2, SHORT, 2, "lanes"),
        (FEW, SHORT, 2, "ascending"),
        (100, SHORT, 1, "lanes"),
        ("M", SHORT, 2, "lanes"),
    ],
)
def test_the_order_follows_from_the_length_of_the_sum(rows, depth, columns, order):
    assert order_of(dense(rows, depth, columns, "float32", right_turned=True)) == order


@pytest.mark.parametrize(
    "rows, columns, left_turned, right_turned, order",
    [
        (FEW // NARROW, NARROW, False, False, "lanes"),
        (FEW // NARROW + 1, NARROW, False, False, "ascending"),
        (1, 100, False, True, "lanes"),
        (1, 100, False, False, "ascending"),
        (100, 1, False, False, "lanes"),
        (100, 1, True, False, "ascending"),
        ("M", THIN, False, False, "lanes"),
        ("M", THIN + 1, False, True, "ascending"),
        (SMALL // 8, 8, False, True, "lanes"),
        (SMALL // 8, 9, False, True, "ascending"),
        (NARROW, 1, True, False, "lanes"),
        (NARROW + 1, 1, True, False, "ascending"),
        ("M", "N", False, True, "ascending"),
    ],
)
def test_the_order_follows_from_sides_and_from_what_lies_along_the_sum(
    rows, columns, left_turned, right_turned, order
):
    assert order_of(dense(rows, 64, columns, "float32", left_turned, right_turned)) == order


def test_a_column_beside_a_product_in_lanes() -> None:
    x = graphc.input("x", (9, 2), "int32")
    weights = graphc.parameter("weights", np.array([[19, -7], [8, 9]], np.int32))
    total = graphc.sum(graphc.astype(x @ weights, graphc.int64), axis=0)
    numbers = np.arange(18, dtype=np.int32).reshape(9, 2)
    expected = (numbers @ np.array([[19, -7], [8, 9]])).sum(0)
    np.testing.assert_array_equal(graphc.compile(total)(numbers), expected)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("rows", (1, 3, "M"))
def test_sums_wait_on_the_stack_where_no_result_can_hold_them(level, rows):
    x, w = graphc.input("x", (rows, 37)), graphc.input("w", (37, 150))
    graph = graphc.Graph("g", outputs={"positive": x @ w > 0})
    arrays = drawn(graph, {"M": 3})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHC_CACHE_PROGRAMS", "0")
        patch.setattr(scheduling, "choose_streamed", lambda product, target: (1, 2))
        exe = graphc.compile(graph, target=jit.resolve(level))
    expected_bits = arrays["x"].astype(np.float64) @ arrays["w"] > 0
    assert np.array_equal(exe(**arrays)["positive"], expected_bits)


@pytest.mark.parametrize("rows", (9, "M"))
@pytest.mark.parametrize("columns", (1, 2))
@pytest.mark.parametrize("dtype", ("float32", "int32"))
def test_columns_of_a_thin_product_are_summed(rows, columns, dtype):
    x = graphc.input("x", (rows, 20), dtype=dtype)
    w = graphc.input("w", (20, columns), dtype=dtype)
    y = x @ w
    graph = graphc.Graph("g", outputs={"y": y, "s": graphc.sum(y, axis=0)})
    arrays = drawn(graph, {"M": 9})
    fused, plain = (graphc.compile(graph, fuse=fuse)(**arrays) for fuse in (True, False))
    for name, expected_bits in plain.items():
        assert_same_bits(fused[name], expected_bits, name)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("left_turned", (False, True))
@pytest.mark.parametrize("columns", (3, 10))
def test_rows_whose_number_is_named_are_vectors_too(level, left_turned, columns):
    """Where there are few columns; with a column's sum beside them, and without."""
    x = graphc.input("x", (20, "M") if left_turned else ("M", 20), dtype="int32")
    w = graphc.input("w", (20, columns), dtype="int32")
    y = (x.mT if left_turned else x) @ w
    plain = graphc.Graph("plain", outputs={"y": y})
    summed = graphc.Graph("summed", outputs={"z": y + 1, "s": graphc.sum(y, axis=0)})
    exe = graphc.compile(plain, summed, target=jit.resolve(level), threads=2)
    for rows in (0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 100):
        arrays = drawn(summed, {"M": rows})
        left = arrays["x"].T if left_turned else arrays["x"]
        np.testing.assert_array_equal(exe.plain(**arrays)["y"], left @ arrays["w"])
        found = exe.summed(**arrays)
        np.testing.assert_array_equal(found["z"], left @ arrays["w"] + 1)
        np.testing.assert_array_equal(found["s"], (left @ arrays["w"]).sum(0))
