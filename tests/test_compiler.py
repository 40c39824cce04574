"""Graphs that ways of compiling have got wrong, each compiled against the interpreter."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir import dtypes, interpreter
from graphc.loops.parser import parse
from graphc.loops.printer import text
from graphc.loops.verifier import verify
from runtime import jit
from runtime.errors import InputShapeError
from tests.levels import LEVELS


def compiled(graph: graphc.Graph, fuse: bool = True, **inputs: Any) -> dict[str, np.ndarray]:
    """The outputs, after they have been compared with the interpreter's; every kernel is legal and
    reads back from its text."""
    exe = graphc.compile(graph, fuse=fuse)
    for stages in exe.compilation.entries:
        for call in stages.plan.calls:
            verify(call.kernel)
            assert parse(text(call.kernel)) == call.kernel
    expected, _ = interpreter.evaluate(graph.ir, inputs)
    outputs: dict[str, np.ndarray] = exe.entries[graph.name](**inputs)
    for name, array in expected.items():
        assert outputs[name].dtype == array.dtype
        np.testing.assert_allclose(outputs[name], array, rtol=1e-5, atol=1e-6, err_msg=name)
    return outputs


@pytest.mark.parametrize("dtype", [d for d in dtypes.ALL if not d.is_float], ids=str)
def test_products_of_integers(dtype: dtypes.DType) -> None:
    x, y = graphc.input("x", ("N", 17), dtype), graphc.input("y", (17, 33), dtype)
    rng = np.random.default_rng(0)
    given = {
        "x": rng.integers(0, 100, (9, 17)).astype(dtype.numpy),
        "y": rng.integers(0, 100, (17, 33)).astype(dtype.numpy),
    }
    compiled(graphc.Graph("product", {"z": x @ y, "v": x @ y[:, 0]}), **given)


@pytest.mark.parametrize("fuse", [True, False])
def test_a_gather_by_an_index_over_collapsed_axes(fuse: bool) -> None:
    x = graphc.input("x", (1, 16, 2))
    index = graphc.input("index", (1, 16, 2), graphc.uint8)
    graph = graphc.Graph("gather", {"y": graphc.take_along_axis(x, index, 0) * 2})
    array = np.arange(32, dtype="f").reshape(1, 16, 2)
    compiled(graph, fuse, x=array, index=np.zeros((1, 16, 2), "u1"))


def test_a_reduction_stored_along_the_axis_it_folded() -> None:
    x = graphc.input("x", (3,))
    lowest = graphc.argmin(x, keepdims=True)
    graph = graphc.Graph("repeated", {"y": graphc.broadcast_to(lowest, (3,))})
    compiled(graph, x=np.array([2, 1, 3], "f"))


@pytest.mark.parametrize("fuse", [True, False])
def test_a_size_that_is_only_a_number(fuse: bool) -> None:
    x = graphc.input("x", ("N", "K"))
    count = graphc.astype(graphc.size_of(x.shape[0] * x.shape[1]), graphc.float32)
    labels = graphc.input("labels", ("M",), graphc.int32)
    taken = graphc.take_along_axis(graphc.sum(x, 1), labels, 0)
    graph = graphc.Graph("size", {"y": graphc.sum(x) / count, "count": count, "taken": taken})
    given = {"x": np.ones((3, 5), "f"), "labels": np.array([2, 0], "int32")}
    assert compiled(graph, fuse, **given)["count"] == 15


@pytest.mark.parametrize("columns", [3, 16, 33])
@pytest.mark.parametrize("rows", [1, 11, 40])
def test_batches_of_products_with_a_transposed_operand(rows: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    x, y = graphc.input("x", (4, "R", 11)), graphc.input("y", (4, columns, 11))
    s = graphc.input("s", (4, rows, 11))
    arrays = {
        "x": rng.standard_normal((4, rows, 11)).astype("f"),
        "y": rng.standard_normal((4, columns, 11)).astype("f"),
        "s": rng.standard_normal((4, rows, 11)).astype("f"),
    }
    compiled(graphc.Graph("products", {"symbolic": x @ y.mT, "static": s @ y.mT}), **arrays)


@pytest.mark.parametrize("shape", [(3, 3), (1, 3, 3), (3, 1, 3)])
def test_folds_of_different_axes_of_equal_size(shape: tuple[int, ...]) -> None:
    x = graphc.input("x", shape)
    rows = x * graphc.mean(x, axis=-1, keepdims=True)
    both = graphc.sum(x, axis=-1) + graphc.sum(x, axis=-3 % len(shape) if shape[1] == 1 else -2)
    outputs = {"y": graphc.max(rows, -1), "z": graphc.argmax(rows, 0), "b": both}
    graph = graphc.Graph("square", outputs)
    array = np.random.default_rng(0).standard_normal(shape).astype("f")
    compiled(graph, x=array)
    compiled(graphc.Graph("sums", {"a": graphc.sum(rows, -2), "c": graphc.max(rows, 0)}), x=array)


@pytest.mark.parametrize("part", (np.s_[:, :70], np.s_[:2], np.s_[:2, :71], np.s_[1:, :70]))
def test_a_part_of_a_product_is_written_and_nothing_behind_it(part: Any) -> None:
    x, w = graphc.input("x", (3, 64)), graphc.input("w", (64, 72))
    exe = graphc.compile(graphc.Graph("g", outputs={"y": (x @ w)[part]}))
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((3, 64), np.float32), draw.standard_normal((64, 72), np.float32)
    expected = (a @ b)[part]
    memory = np.full(expected.size + 100, 7, np.float32)
    out = memory[: expected.size].reshape(expected.shape)
    np.testing.assert_allclose(exe(x=a, w=b, out={"y": out})["y"], expected, 1e-4, 1e-4)
    assert np.all(memory[expected.size :] == 7)


@pytest.mark.parametrize("fuse", [True, False])
def test_a_view_of_a_product_beside_it(fuse: bool) -> None:
    x, y = graphc.input("x", (15, 2)), graphc.input("y", (2, 15))
    product = x @ y
    graph = graphc.Graph("views", {"z": product, "f": graphc.flip(product), "t": product.T})
    rng = np.random.default_rng(0)
    arrays = {"x": rng.standard_normal((15, 2)), "y": rng.standard_normal((2, 15))}
    compiled(graph, fuse, **{name: array.astype("f") for name, array in arrays.items()})


@pytest.mark.parametrize("axes", [(1, 2, 0), (2, 0, 1), (1, 0, 2), (0, 2, 1)])
def test_a_cube_and_its_turned_self(axes: tuple[int, ...]) -> None:
    x = graphc.input("x", (5, 5, 5))
    array = np.random.default_rng(0).standard_normal((5, 5, 5)).astype("f")
    turned = graphc.permute_dims(x, axes)
    compiled(graphc.Graph("cube", {"y": x + turned, "z": x[0, 0, 0] * turned}), x=array)


@pytest.mark.parametrize("size", [3, 17, 33])
def test_nothing_is_written_beyond_a_narrow_output(size: int) -> None:
    x = graphc.input("x", (size,), graphc.int32)
    exe = graphc.compile(graphc.Graph("narrow", {"y": graphc.astype(x, graphc.uint8)}))
    poisoned = graphc.api.Executable(exe.compilation, None, 1, poison=True)
    poisoned(x=np.arange(size, dtype="int32"))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "any", "all", "argmax", "argmin"])
def test_columns_of_a_product_folded_in_every_way(name: str) -> None:
    x, y = graphc.input("x", ("N", 3)), graphc.input("y", (3, 19))
    product = graphc.relu(x @ y)
    graph = graphc.Graph("columns", {"p": product, "c": getattr(graphc, name)(product, 0)})
    rng = np.random.default_rng(0)
    for n in (1, 7, 8, 9, 30):
        arrays = {"x": rng.standard_normal((n, 3)), "y": rng.standard_normal((3, 19))}
        compiled(graph, **{key: array.astype("f") for key, array in arrays.items()})


@pytest.mark.parametrize("fuse", [True, False])
def test_an_empty_axis_is_not_read(fuse: bool) -> None:
    x, index = graphc.input("x", ("K", 2)), graphc.input("index", (3, 2), graphc.int64)
    graph = graphc.Graph("empty", {"y": graphc.take_along_axis(x, index * 1, 0)})
    given = {"x": np.ones((0, 2), "f"), "index": np.zeros((3, 2), "int64")}
    np.testing.assert_array_equal(compiled(graph, fuse, **given)["y"], np.zeros((3, 2)))
    compiled(graph, fuse, x=np.arange(8, dtype="f").reshape(4, 2), index=np.full((3, 2), 5))


@pytest.mark.parametrize("shape", [(1, 17, 2), (17, 1), (3, 17)])
@pytest.mark.parametrize("axis", [0, 1])
def test_costly_values_used_before_and_after_a_fold(shape: tuple[int, ...], axis: int) -> None:
    x = graphc.input("x", shape)
    waves = graphc.sin(x)
    graph = graphc.Graph("waves", {"y": graphc.log_softmax(waves, axis), "z": waves})
    compiled(graph, x=np.random.default_rng(0).standard_normal(shape).astype("f"))


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("columns", [2, 40])
def test_a_softmax_along_a_single_row(columns: int, fuse: bool) -> None:
    """What is normalised does not vary along the axis of size 1 on which it is."""
    x = graphc.input("x", (1, 17, columns))
    normalised = graphc.log_softmax(graphc.sin(x), axis=0)
    graph = graphc.Graph("single", {"y": normalised, "z": graphc.softmax(graphc.exp(x), axis=0)})
    array = np.linspace(-3, 3, 17 * columns, dtype="f").reshape(1, 17, columns)
    compiled(graph, fuse, x=array)


@pytest.mark.parametrize("target", [jit.resolve(level) for level in LEVELS], ids=LEVELS)
def test_what_lies_beyond_a_row_has_no_part_in_its_sum(target: Any) -> None:
    """0 / 0 in the lanes beyond is NaN."""
    sizes = (1, 2, 3, 5, 6, 7, 9, 13, 15, 17, 31)
    inputs = {n: (graphc.input(f"x{n}", (n,)), graphc.input(f"y{n}", (n,))) for n in sizes}
    graph = graphc.Graph("rows", {f"s{n}": graphc.sum(x / y) for n, (x, y) in inputs.items()})
    exe = graphc.compile(graph, target=target)
    given = {str(t.name): np.ones(n, "f") for n, pair in inputs.items() for t in pair}
    assert [exe(**given)[f"s{n}"] for n in sizes] == list(sizes)


def test_a_constraint_may_compare_with_a_negative_number() -> None:
    shown = """graph @g<K>(%x: i32[K]) where K - 6 >= -1 {
  return y = %x
}
"""
    exe = graphc.compile(graphc.parse(shown))
    assert exe(np.arange(5, dtype=np.int32))["y"].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(InputShapeError, match="K - 6 >= -1"):
        exe(np.arange(4, dtype=np.int32))


def test_what_was_compiled_is_old_to_the_collector() -> None:
    """Else the next collection, of what is young, would look through all of it."""
    x = graphc.input("x", ("N",))
    made = graphc.compile(graphc.tanh(x + 1), cache=False).compilation
    young = {id(each) for generation in (0, 1) for each in gc.get_objects(generation)}
    assert young.isdisjoint(map(id, made.entries[0].optimized.nodes))
    assert not gc.get_freeze_count() and gc.isenabled()


@pytest.mark.parametrize("rows", (1, 2))
def test_a_sum_of_negative_zeros_below_a_product_is_zero(rows: int) -> None:
    x, y = graphc.input("x", (3, rows, 1)), graphc.input("y", (3, 1, 8))
    graph = graphc.Graph("zeros", {"s": graphc.sum(graphc.ceil(x @ y), axis=1)})
    given = {"x": np.ones((3, rows, 1), "f"), "y": np.full((3, 1, 8), -0.5, "f")}
    for fuse in (True, False):
        assert not np.signbit(compiled(graph, fuse, **given)["s"]).any()
