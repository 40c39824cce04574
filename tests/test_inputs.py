"""Which inputs a graph has, and in which order a call gives them."""

from __future__ import annotations

import numpy as np
import pytest

import graphc

X, Y = np.full((2, 3), 5, "f"), np.full((2, 3), 3, "f")


def test_positions_are_those_of_the_declarations() -> None:
    x, y = graphc.input("x", ("N", 3)), graphc.input("y", ("N", 3))
    for difference, expected in ((x - y, 2), (y - x, -2), (-(y - x), 2)):
        for fuse in (True, False):
            f = graphc.compile(graphc.Graph("f", difference), fuse=fuse)
            assert (f(X, Y) == expected).all() and (f(y=Y, x=X) == expected).all()


def test_inputs_may_be_put_in_another_order() -> None:
    x, y = graphc.input("x", ("N", 3)), graphc.input("y", ("N", 3))
    graph = graphc.Graph("f", x - y, inputs=[y])
    assert [v.name for v in graph.ir.inputs] == ["y", "x"]
    assert (graphc.compile(graph)(Y, X) == 2).all()
    again = graphc.parse(graph.text())
    assert again == graph and (graphc.compile(again)(Y, X) == 2).all()


@pytest.mark.parametrize("fuse", (True, False))
def test_an_input_may_be_there_for_its_sizes_alone(fuse: bool) -> None:
    x = graphc.input("x", ("N", 3))
    (dx,) = graphc.grad(graphc.sum(x), [x])
    outputs = {"dx": dx, "rows": graphc.arange(x.shape[0])}
    with pytest.raises(graphc.errors.DimError, match=r"inputs=\[x\]"):
        graphc.Graph("f", outputs)
    graph = graphc.Graph("f", outputs, inputs=[x])
    exe = graphc.compile(graph, fuse=fuse)
    for n in (2, 0, 17):
        array = np.zeros((n, 3), "f")
        for found in (exe(array), graphc.evaluate(graph, x=array)):
            np.testing.assert_array_equal(found["dx"], np.ones((n, 3)))
            np.testing.assert_array_equal(found["rows"], np.arange(n))


def test_only_inputs_are_inputs() -> None:
    x = graphc.input("x", ("N",))
    with pytest.raises(graphc.errors.ArgumentError, match="is no input"):
        graphc.Graph("f", x, inputs=[x * 2])
    with pytest.raises(graphc.errors.ArgumentError, match="list of Tensors"):
        graphc.Graph("f", x, inputs=x)
    other = graphc.input("x", ("M",))
    with pytest.raises(graphc.errors.UnsupportedError, match="named 'x'"):
        graphc.Graph("f", x, inputs=[other])
