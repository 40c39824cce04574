"""Indices out of range are refused by compiled programs exactly where the interpreter refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc

Build = Callable[[Any], Any]

# How an index reaches the place where it is used, and the shape in which the caller gives it.
WAYS: dict[str, tuple[Build, tuple[int | str, ...], tuple[int, ...]]] = {
    "as it is": (lambda i: i, ("N", 2), (3, 2)),
    "transposed": (lambda i: i.T, (2, "N"), (2, 3)),
    "sliced": (lambda i: i[1:, ::2], (4, 3), (4, 3)),
    "flipped": (lambda i: graphc.flip(i, axis=0), ("N", 2), (3, 2)),
    "reshaped": (lambda i: graphc.reshape(i, (3, 2)), (6,), (6,)),
    "widened": (lambda i: graphc.expand_dims(i, 1), ("N",), (3,)),
    "converted and transposed": (lambda i: i.astype(graphc.int64).T, (2, "N"), (2, 3)),
    "transposed, converted, transposed": (
        lambda i: i.T.astype(graphc.int64).T,
        ("N", 2),
        (3, 2),
    ),
}


@pytest.mark.parametrize("dtype", [graphc.int32, graphc.int64, graphc.uint8], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_take_along_axis_checks_every_index_it_reads(way: str, dtype: Any) -> None:
    build, declared, shape = WAYS[way]
    x = graphc.input("x", (3, 4) if way in ("reshaped", "sliced") else ("N", 4))
    i = graphc.input("i", declared, dtype)
    taken = graphc.take_along_axis(x, build(i), axis=1)
    exe, unfused = graphc.compile(taken), graphc.compile(taken, fuse=False)
    data = np.arange(12, dtype="float32").reshape(3, 4)
    lowest = 0 if dtype is graphc.uint8 else -4
    if way == "sliced":
        taken_places = np.zeros(shape, bool)
        taken_places[1:, ::2] = True
    else:
        taken_places = np.ones(shape, bool)
    for position in range(int(np.prod(shape))):
        for value in (lowest, 3, 4, lowest - 1, 77):
            if dtype is graphc.uint8 and value < 0:
                continue
            given = np.zeros(shape, dtype.numpy)
            given.flat[position] = value
            wrong = taken_places.flat[position] and not lowest <= value < 4
            if not wrong:
                expected = graphc.evaluate(taken, x=data, i=given)
                np.testing.assert_array_equal(exe(x=data, i=given), expected)
                continue
            with pytest.raises(IndexError, match=rf"index {value} .*outside .* to 3"):
                graphc.evaluate(taken, x=data, i=given)
            for compiled in (exe, unfused):
                with pytest.raises(IndexError, match=rf"i: index {value} at position {position} "):
                    compiled(x=data, i=given)


def test_one_element_picked_out_is_checked() -> None:
    x, i = graphc.input("x", (4,)), graphc.input("i", (5,), graphc.int64)
    exe = graphc.compile(graphc.take_along_axis(x, i[3:4], axis=0))
    data = np.arange(4, dtype="float32")
    assert exe(data, np.array([9, 9, 9, 2, 9])).tolist() == [2.0]
    with pytest.raises(IndexError, match=r"index 9 at position 3"):
        exe(data, np.array([0, 0, 0, 9, 0]))


def test_nan_labels_are_refused_and_nothing_changes() -> None:
    w, labels = graphc.parameter("w", np.ones((2, 4), "float32")), graphc.input("labels", ("N",))
    x = graphc.input("x", ("N", 2))
    kinds = labels.astype(graphc.int32)
    loss = graphc.mean(graphc.sparse_categorical_crossentropy(kinds, x @ w, from_logits=True))
    step = graphc.Graph("step", {"loss": loss}, {w: w - 0.1 * graphc.grad(loss, [w])[0]})
    exe = graphc.compile(step)
    data = np.ones((3, 2), "float32")
    for wrong, said in (
        (np.nan, "labels: NaN at position 1 is no index"),
        (4.0, "labels: index 4 at position 1 is out of range for 4"),
        (-1.5, "labels: index -1 at position 1"),
        (np.inf, "labels: index 9223372036854775807 at position 1"),
    ):
        with pytest.raises(IndexError, match=said):
            exe.step(x=data, labels=np.array([0, wrong, 3], "float32"))
        np.testing.assert_array_equal(exe.state["w"], np.ones((2, 4), "float32"))
    exe.step(x=data, labels=np.array([0, 1, 3], "float32"))
    assert not (exe.state["w"] == 1).all()


def test_two_uses_of_one_index_have_limits_of_their_own() -> None:
    x, y = graphc.input("x", (4,)), graphc.input("y", (6,))
    i = graphc.input("i", ("N",), graphc.int32)
    both = graphc.take_along_axis(x, i, axis=0) + graphc.take_along_axis(y, i, axis=0)
    exe = graphc.compile(both)
    small, large = np.arange(4, dtype="float32"), np.arange(6, dtype="float32")
    assert exe(x=small, y=large, i=np.array([-4], "int32")).tolist() == [2.0]
    for value in (4, -5, 6):
        with pytest.raises(IndexError, match=rf"index {value} .*4 classes or elements"):
            exe(x=small, y=large, i=np.array([value], "int32"))


def test_a_constant_index_out_of_range_is_refused_where_it_is_declared() -> None:
    x = graphc.input("x", (3, 4))
    assert graphc.take_along_axis(x, np.full((3, 1), -4), axis=1).shape == (3, 1)
    for value in (4, -5):
        with pytest.raises(graphc.errors.IndexRangeError, match=rf"index {value} at \(0, 0\)"):
            graphc.take_along_axis(x, np.full((3, 1), value), axis=1)
    with pytest.raises(graphc.errors.IndexRangeError, match=r"index 4 at \(1\)"):
        graphc.check_index(np.array([0, 4]), 4)


def test_a_symbolic_limit_counts_from_the_end_too() -> None:
    x, i = graphc.input("x", ("N",)), graphc.input("i", ("M",), graphc.int32)
    taken = graphc.take_along_axis(x, i, axis=0)
    exe = graphc.compile(taken)
    assert graphc.parse(graphc.Graph("g", taken).text()) == graphc.Graph("g", taken)
    for size in (1, 2, 17):
        data = np.arange(size, dtype="float32")
        assert exe(data, np.array([-size, size - 1], "int32")).tolist() == [0.0, size - 1]
        for value in (-size - 1, size):
            with pytest.raises(IndexError, match=f"index {value} at position 1"):
                exe(data, np.array([0, value], "int32"))
