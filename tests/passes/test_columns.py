"""Long columns, folded while rows stream past; products that take the shape of what is around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.loops.ir import Column
from graphc.loops.walk import statements


def _arrays(graph: graphc.Graph, **sizes: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {v.name: [sizes.get(str(s), s) for s in v.type.shape] for v in graph.ir.inputs}
    return {n: rng.standard_normal(s).astype("f4") for n, s in shapes.items()}


def _same(graph: graphc.Graph, **sizes: int) -> graphc.Executable:
    """Compile fused and not; both must give the same bits, for several sizes of the tail."""
    fused = graphc.compile(graph)
    arrays = _arrays(graph, **sizes)
    one, other = fused(**arrays), graphc.compile(graph, fuse=False)(**arrays)
    for name in graph.ir.outputs:
        assert np.array_equal(one[name], other[name], equal_nan=True), name
    return fused


def _columns(exe: graphc.Executable) -> list[str]:
    kernels = [call.kernel for s in exe.compilation.entries for call in s.plan.calls]
    return [s.order for k in kernels for s in statements(k.body) if isinstance(s, Column)]


def _normalized(x: Any, scale: Any, shift: Any) -> Any:
    centred = x - graphc.mean(x, axis=-1, keepdims=True)
    spread = graphc.sqrt(graphc.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)
    return centred / spread * scale + shift


@pytest.mark.parametrize("rows", [64, 65, 71, "N"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layer_normalization_backward_is_one_pass_over_the_rows(rows: Any, dtype: str) -> None:
    x, g = graphc.input("x", (rows, 150), dtype), graphc.input("g", (rows, 150), dtype)
    scale, shift = graphc.input("scale", (150,), dtype), graphc.input("shift", (150,), dtype)
    y = _normalized(x, scale, shift)
    dx, ds, db = graphc.grad(graphc.sum(y * g), [x, scale, shift])
    graph = graphc.Graph("norm", outputs={"y": y, "dx": dx, "ds": ds, "db": db})
    fused, plain = graphc.compile(graph), graphc.compile(graph, fuse=False)
    assert _columns(fused) == ["block", "block"]
    for count in (rows,) if isinstance(rows, int) else (0, 1, 7, 8, 9, 77):
        arrays = {n: a.astype(dtype) for n, a in _arrays(graph, N=count).items()}
        one, other = fused(**arrays), plain(**arrays)
        assert all(np.array_equal(one[n], other[n], equal_nan=True) for n in one)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "prod"])
@pytest.mark.parametrize("shape", [(64, 129), (70, 3, 50), (2, 67, 200), ("N", "M")])
def test_long_columns_stream(name: str, shape: Any) -> None:
    x = graphc.input("x", shape)
    axis = len(shape) - 2 if len(shape) != 3 or shape[1] != 3 else 0
    graph = graphc.Graph("fold", outputs={"y": getattr(graphc, name)(x, axis)})
    exe = _same(graph, N=33, M=21)
    assert set(_columns(exe)) == {"tree"}
    if name in ("max", "min"):
        (array,) = _arrays(graph, N=33, M=21).values()
        assert np.array_equal(exe(x=array)["y"], getattr(np, name)(array, axis))


def test_several_columns_of_one_value_are_one_pass_with_what_is_stored() -> None:
    x, g = graphc.input("x", ("N", 300)), graphc.input("g", ("N", 300))
    d = graphc.where(x > 0, g, 0)
    outputs = {"d": d, "sum": graphc.sum(d, 0), "most": graphc.max(d, 0), "x": graphc.sum(x, 0)}
    exe = _same(graphc.Graph("many", outputs=outputs), N=41)
    assert _columns(exe) == ["tree"] * 3
    assert len(exe.compilation.entries[0].plan.calls) == 1


def test_why_what_reads_a_column_is_another_kernel() -> None:
    x = graphc.input("x", (100, 300))
    exe = graphc.compile(x - graphc.max(x, axis=0))
    assert "complete only after the last row" in exe.why_not_fused("max", "subtract")


def test_short_columns_stay_one_kernel() -> None:
    x = graphc.input("x", (32, 300))
    exe = graphc.compile(graphc.softmax(x, axis=0))
    assert len(exe.compilation.entries[0].plan.calls) == 1


@pytest.mark.parametrize("time", [16, 20, "T"])
def test_a_product_with_batch_axes_keeps_its_epilogue(time: Any) -> None:
    x, r = graphc.input("x", ("N", time, 24)), graphc.input("r", ("N", time, 40))
    w, b = graphc.input("w", (24, 40)), graphc.input("b", (40,))
    y = graphc.relu(x @ w + b) + r
    (dw, db, dx) = graphc.grad(graphc.sum(y * r), [w, b, x])
    exe = _same(graphc.Graph("dense", outputs={"y": y}), N=3, T=18)
    assert len(exe.compilation.entries[0].plan.calls) == 1
    _same(graphc.Graph("both", outputs={"y": y, "dw": dw, "db": db, "dx": dx}), N=3, T=18)


def test_axes_of_a_product_merge_where_memory_allows() -> None:
    x, w = graphc.input("x", (4, 20, 24)), graphc.input("w", (24, 40))
    b = graphc.input("b", (40,))
    assert "i < 80" in graphc.compile(x @ w + b).text("loops")


def test_products_of_few_rows_stay_tall() -> None:
    x, w, b = graphc.input("x", (40, 3, 24)), graphc.input("w", (24, 40)), graphc.input("b", (40,))
    assert "i < 120" in graphc.compile(x @ w + b).text("loops")


def test_a_product_is_stored_in_the_layout_that_is_asked_for() -> None:
    p, v = graphc.input("p", (2, 3, 17, 19)), graphc.input("v", (2, 3, 19, 20))
    heads = graphc.permute_dims(p @ v, (0, 2, 1, 3))
    exe = _same(graphc.Graph("heads", outputs={"y": graphc.reshape(heads, (2, 17, 60))}))
    assert len(exe.compilation.entries[0].plan.calls) == 1
    turned = graphc.permute_dims(p @ v, (0, 3, 1, 2))
    exe = _same(graphc.Graph("turned", outputs={"y": graphc.reshape(turned, (2, 20, 51))}))
    assert len(exe.compilation.entries[0].plan.calls) == 1


def test_another_layout_of_a_product_is_not_used_by_its_tiles() -> None:
    p, v = graphc.input("p", (4, 4, 16, 19)), graphc.input("v", (4, 4, 19, 16))
    d = p @ v
    turned = graphc.permute_dims(d, (1, 0, 2, 3))
    _same(graphc.Graph("square", outputs={"y": d + turned, "t": turned}))
    zeros = graphc.zeros((4, 4, 16, 16))
    _same(graphc.Graph("zeros", outputs={"y": graphc.where(d > 0, d, zeros), "z": zeros}))
