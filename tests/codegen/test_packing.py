"""Packing and blocks change no bit: products packed in panels of any width, in blocks of any depth,
against the same ones read in place and in one go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.codegen import blocking, staging
from graphc.compiler import compile_graphs
from graphc.loops import packing, parser, printer, tiling, verifier
from runtime import jit
from tests.levels import LEVELS
from tests.loops.compare import assert_same_bits

SIZES = (1, 3, 8, 16, 17, 33, 48, 65, 100)


def product(draw, dtype):
    """A product of two inputs, transposed or not, with or without a batch and an epilogue."""
    m, k, n = (draw(st.sampled_from(SIZES)) for _ in range(3))
    rows = draw(st.sampled_from((m, "M")))
    depth = draw(st.sampled_from((k, "K")))
    left_turned = draw(st.booleans())
    batch = draw(st.sampled_from(((), (3,), (2, 2))))
    turned = draw(st.booleans())
    shared = draw(st.booleans())  # one right operand for the whole batch
    right = (n, depth) if turned else (depth, n)
    left = (depth, rows) if left_turned else (rows, depth)
    x = graphc.input("x", (*batch, *left), dtype=dtype)
    w = graphc.input("w", right if shared else (*batch, *right), dtype=dtype)
    y = (x.mT if left_turned else x) @ (w.mT if turned else w)
    if draw(st.booleans()):
        y = graphc.relu(y + graphc.input("b", (n,), dtype=dtype))
    outputs = {"y": y}
    if draw(st.booleans()):
        outputs["s"] = graphc.sum(y, axis=-2)
    return graphc.Graph("g", outputs=outputs), {"M": m, "K": k}


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_packed_and_blocked_products_have_the_same_bits(level, data):
    dtype = data.draw(st.sampled_from(("float32", "float64", "int32")))
    graph, bound = product(data.draw, dtype)
    seed = np.random.default_rng(data.draw(st.integers(0, 99)))
    arrays = {}
    for value in graph.ir.inputs:
        shape = tuple(bound.get(str(size), size) for size in value.type.shape)
        arrays[value.name] = (10 * seed.standard_normal(shape)).astype(dtype)
    plain = graphc.compile(graph, target=jit.resolve(level))(**arrays)
    crowded = data.draw(st.sampled_from((0.0, 1.0)))
    width, block = data.draw(st.sampled_from((None, 1, 2, 3))), data.draw(st.sampled_from((4, 16)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHC_CACHE_PROGRAMS", "0")  # or the plain one would come back
        patch.setattr(packing, "packed_width", lambda product, target: width)
        patch.setattr(tiling, "BLOCK", block)
        patch.setattr(tiling, "BLOCK_OF_ROWS", block)
        patch.setattr(blocking, "_COLUMNS", data.draw(st.sampled_from((16, 64))))
        patch.setattr(blocking, "_WAITING_BYTES", 4096)
        patch.setattr(staging, "ROWS_BYTES", data.draw(st.sampled_from((1024, 4096))))
        patch.setattr(staging, "reach", lambda stride, cache: crowded)
        made = graphc.compile(graph, target=jit.resolve(level))
    packed = made(**arrays)
    for name, expected in plain.items():
        assert_same_bits(packed[name], expected, name)


@pytest.mark.parametrize("fuse", (False, True))
def test_a_product_repeated_along_an_axis_of_neither_operand_waits_for_its_blocks(fuse):
    x, w = graphc.input("x", (18, "M")), graphc.input("w", ("M", 20))
    y = graphc.reshape(graphc.broadcast_to(x, (3, 18, x.shape[1])), (54, x.shape[1])) @ w
    graph = graphc.Graph("g", outputs={"y": graphc.reshape(y, (3, 18, 20))})
    draw = np.random.default_rng(0)
    for m in (0, 33, 700):
        a, b = draw.standard_normal((18, m), np.float32), draw.standard_normal((m, 20), np.float32)
        found = graphc.compile(graph, fuse=fuse)(x=a, w=b)["y"]
        np.testing.assert_allclose(found, np.broadcast_to(a @ b, (3, 18, 20)), 1e-3, 1e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_a_batch_is_packed_panel_by_panel(level):
    x, w = graphc.input("x", (3, "M", "K")), graphc.input("w", (3, 40, "K"))
    graph = graphc.Graph("g", outputs={"y": x @ w.mT})
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((3, 2, 5), np.float32), draw.standard_normal((3, 40, 5), np.float32)
    target = jit.resolve(level)
    plain = graphc.compile(graph, target=target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAPHC_CACHE_PROGRAMS", "0")
        patch.setattr(packing, "packed_width", lambda product, target: 1)
        packed = graphc.compile(graph, target=target)
    assert_same_bits(packed(x=a, w=b)["y"], plain(x=a, w=b)["y"])


@pytest.mark.parametrize("turned", (False, True))
def test_packing_is_a_kernel_that_reads_back(turned):
    x = graphc.input("x", (2048, 2048))
    w = graphc.input("w", (512, 2048) if turned else (2048, 512))
    graph = graphc.Graph("g", outputs={"y": x @ (w.T if turned else w)})
    made = compile_graphs([graph.ir], jit.resolve("avx512"), name="g")
    kernels = [call.kernel for call in made.entries[0].plan.calls]
    assert [kernel.name.split(".")[-1] for kernel in kernels] == ["pack", "matmul"]
    for kernel in kernels:
        assert "packed: f32[2048, 512] panels(" in printer.text(kernel)
        assert parser.parse(printer.text(kernel)) == kernel
        verifier.verify(kernel)


def test_rows_are_not_the_lanes_where_the_right_operand_is_in_panels(monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_PROGRAMS", "0")
    x, w = graphc.input("x", ("M", 16)), graphc.input("w", (16, 17))
    rng = np.random.default_rng(0)
    arrays = {"x": rng.standard_normal((1, 16)), "w": rng.standard_normal((16, 17))}
    arrays = {name: array.astype("f") for name, array in arrays.items()}
    expected = graphc.compile(x @ w)(**arrays)
    monkeypatch.setattr(packing, "packed_width", lambda product, target: 1)
    assert_same_bits(graphc.compile(x @ w)(**arrays), expected, "y")
