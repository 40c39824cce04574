"""Sums at computed places: kernels against the loop IR's interpreter, programs against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.loops.interpreter import run
from graphc.loops.parser import parse
from graphc.loops.printer import text
from graphc.loops.verifier import verify

RNG = np.random.default_rng(11)
SHAPES = [  # of what is added, of the places, the axis and how many there are
    ((40, 33), (40, 1), 0, 10),
    ((40, 33), (40, 33), 0, 10),
    ((40, 33), (40, 33), 1, 10),
    ((40, 33), (40, 1), 0, 1),
    ((3000, 5), (3000, 1), 0, 700),
    ((1500, 200), (1500, 1), 0, 70),
    ((7, 40, 33), (1, 40, 1), 1, 10),
    ((7, 40, 33), (7, 40, 1), 1, 50),
    ((5, 6, 7, 8), (5, 6, 7, 8), 2, 3),
    ((300,), (300,), 0, 10),
    ((40, 1), (40, 1), 0, 10),
    ((3, 70), (3, 1), 0, 5),
    ((0, 30), (0, 1), 0, 4),
    ((40, 0), (40, 1), 0, 4),
]


def _numpy(x: np.ndarray, index: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Element by element, in the order of the axis."""
    result = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
    index = np.broadcast_to(index, x.shape)
    for place in np.ndindex(*x.shape):
        to = (*place[:axis], index[place], *place[axis + 1 :])
        with np.errstate(all="ignore"):
            result[to] += x[place]
    return result


def _names(shape: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(size if size == 1 else "ABCD"[axis] for axis, size in enumerate(shape))


@pytest.mark.parametrize("named", [False, True], ids=["literal", "named"])
@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_sums_are_in_turn_for_any_number_of_threads(case: Any, named: bool) -> None:
    shape, places, axis, size = case
    dtype = "float32" if named else "float64"
    x = graphc.input("x", _names(shape) if named else shape, dtype)
    index = graphc.input("index", _names(places) if named else places, "int32")
    y = graphc.scatter_add(x * 3, index, "V" if named else size, axis)
    given = {
        "x": RNG.standard_normal(shape).astype(dtype),
        "index": RNG.integers(-size, size, places).astype("int32"),
    }
    reader = graphc.input("reader", ("V",)) if named else None
    outputs = {"y": y} if reader is None else {"y": y, "size": graphc.sum(reader)}
    if reader is not None:
        given["reader"] = np.zeros(size, "float32")
    wanted = _numpy(given["x"] * np.array(3, dtype), given["index"] % size, axis, size)
    for fuse, threads in ((True, 1), (False, 1), (True, 2), (False, 4)):
        graph = graphc.Graph("scattered", outputs)
        found = graphc.compile(graph, fuse=fuse, threads=threads)(**given)["y"]
        assert found.dtype == wanted.dtype
        assert found.tobytes() == wanted.tobytes(), (fuse, threads)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_every_dtype(dtype: str) -> None:
    x, index = graphc.input("x", (50, 20), dtype), graphc.input("index", (50, 1), "uint8")
    exe = graphc.compile(graphc.scatter_add(x, index, 6, axis=0))
    array, places = RNG.integers(0, 200, (50, 20)).astype(dtype), RNG.integers(0, 6, (50, 1))
    wanted = _numpy(array.astype("int64") if dtype == "bool" else array, places, 0, 6)
    found = exe(array, places.astype("uint8"))
    assert found.dtype == wanted.dtype and (found == wanted).all()


@pytest.mark.parametrize("size", [0, 1, 9])
def test_computed_places_are_those_that_a_gather_reads(size: int) -> None:
    x, index = graphc.input("x", (20, 7)), graphc.input("index", (20, 1), "int64")
    far = index * 3 - 20  # below -size: the first; beyond: the last
    y = graphc.scatter_add(x, graphc.maximum(far, 0), graphc.input("t", ("V",)).shape[0], axis=0)
    exe = graphc.compile(graphc.Graph("g", {"y": y, "t": graphc.input("t", ("V",)) + 1}))
    array, places = RNG.standard_normal((20, 7)).astype("float32"), np.arange(20)[:, None]
    found = exe(x=array, index=places, t=np.zeros(size, "float32"))["y"]
    taken = np.clip(places * 3 - 20, 0, max(size - 1, 0))
    wanted = _numpy(array, taken, 0, max(size, 1))[:size]
    assert found.shape == (size, 7) and found.tobytes() == wanted.tobytes()


def test_a_place_out_of_range_fails_before_anything_is_written() -> None:
    w = graphc.parameter("w", np.ones((5, 3), "float32"))
    x, index = graphc.input("x", ("N", 3)), graphc.input("index", ("N", 1), "int32")
    step = graphc.Graph("step", {}, updates={w: w + graphc.scatter_add(x, index, 5, axis=0)})
    exe = graphc.compile(step)
    with pytest.raises(IndexError, match="index 5 at position 1"):
        exe(x=np.ones((2, 3), "float32"), index=np.array([[0], [5]], "int32"))
    assert (exe.state["w"] == 1).all()
    exe(x=np.ones((2, 3), "float32"), index=np.array([[0], [-1]], "int32"))
    assert exe.state["w"][:, 0].tolist() == [2, 1, 1, 1, 2]


def test_the_gradient_of_rows_by_index_reads_each_row_once() -> None:
    table = graphc.parameter("table", RNG.standard_normal((200, 40)).astype("float32"))
    index, g = graphc.input("index", ("N", 1), "int32"), graphc.input("g", ("N", 40))
    rows = graphc.take_along_axis(table, index, axis=0)
    (gradient,) = graphc.grad(graphc.sum(rows * g), [table])
    step = graphc.Graph("step", {"rows": rows}, updates={table: table - 0.5 * gradient})
    exe = graphc.compile(step)
    array, places = RNG.standard_normal((90, 40)).astype("float32"), RNG.integers(0, 200, (90, 1))
    before = exe.state["table"].copy()
    exe(index=places.astype("int32"), g=array)
    wanted = before - np.float32(0.5) * _numpy(array, places, 0, 200)
    assert (exe.state["table"] == wanted).all()
    assert exe.text("loops").count("order(ascending)") == 1


KERNEL = """
kernel histogram<N>(x: f32[N, 20], at: i32[N], out y: f32[9, 20]) {
  for j < 20 tile(16) vector(16), i < N parallel {
    y[minimum(astype(at[i]){dtype = i64}, 8), j] = reduce add i order(ascending) { x[i, j] }
  }
}
"""


def test_loop_ir_says_it() -> None:
    kernel = parse(KERNEL)
    verify(kernel)
    assert parse(text(kernel)) == kernel
    x, at = RNG.standard_normal((30, 20)).astype("float32"), RNG.integers(0, 12, 30)
    y = np.full((9, 20), np.nan, "float32")
    run(kernel, {"x": x, "at": at.astype("int32"), "y": y}, {"N": 30})
    assert y.tobytes() == _numpy(x, np.minimum(at, 8)[:, None], 0, 9).tobytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("order(ascending)", "order(tree)"),
        (", j] = ", ", 2 * j] = "),
        (", j] = ", ", i] = "),
        (", j] = ", ", 0] = "),
    ],
)
def test_loop_ir_refuses(old: str, new: str) -> None:
    with pytest.raises(graphc.errors.VerifyError):
        verify(parse(KERNEL.replace(old, new)))


def test_a_few_elements_are_compared_and_share_a_loop() -> None:
    x, labels = graphc.input("x", ("N", 10)), graphc.input("labels", ("N", 1), "int32")
    picked = graphc.take_along_axis(x * 2, labels, axis=1)
    (gradient,) = graphc.grad(graphc.sum(picked), [x])
    exe = graphc.compile(graphc.Graph("picked", {"g": gradient + x}))
    assert "reduce" not in exe.text("loops")
    array, places = RNG.standard_normal((6, 10)).astype("float32"), RNG.integers(0, 10, (6, 1))
    wanted = array.copy()
    wanted[np.arange(6), places[:, 0]] += 2
    assert (exe(array, places.astype("int32"))["g"] == wanted).all()
