"""What a graph demands of its named dims is part of the graph, and checked at each call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.errors import DimError
from runtime.errors import InputError


def _refused(graph: graphc.Graph, **inputs: Any) -> None:
    """Interpreter and native code refuse ``inputs``."""
    with pytest.raises(DimError):
        graphc.evaluate(graph, **inputs)
    for fuse in (True, False):
        with pytest.raises(InputError):
            graphc.compile(graph, fuse=fuse)(**inputs)


def test_a_slice_that_needs_elements() -> None:
    x = graphc.input("x", ("N",))
    graph = graphc.Graph("tail", {"y": x[5:] * 2})
    assert "N >= 5" in graph.text()
    assert graphc.parse(graph.text()) == graph
    np.testing.assert_array_equal(graphc.compile(graph)(x=np.ones(7, "f"))["y"], [2, 2])
    _refused(graph, x=np.ones(3, "f"))
    _refused(graphc.Graph("first", {"y": x[0] + x}), x=np.ones(0, "f"))


def test_a_reshape_that_needs_equal_sizes() -> None:
    x, y = graphc.input("x", ("N",)), graphc.input("y", ("M", 1))
    graph = graphc.Graph("rows", {"y": graphc.reshape(x, ("M", 3)) * 2 + y})
    given = {"x": np.ones(6, "f"), "y": np.ones((2, 1), "f")}
    assert graphc.compile(graph)(**given)["y"].shape == (2, 3)
    _refused(graph, **given | {"y": np.ones((3, 1), "f")})


def test_a_reshape_to_what_is_left() -> None:
    graph = graphc.Graph("pairs", {"y": graphc.reshape(graphc.input("x", ("N",)), (-1, 2)) + 1})
    assert graphc.compile(graph)(x=np.ones(6, "f"))["y"].shape == (3, 2)
    _refused(graph, x=np.ones(7, "f"))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_the_extreme_of_no_elements(name: str, dtype: str) -> None:
    x = graphc.input("x", ("N", 3), dtype)
    graph = graphc.Graph("extreme", {"y": getattr(graphc, name)(x, axis=0)})
    assert "N >= 1" in graph.text()
    assert graphc.parse(graph.text()) == graph
    given = np.zeros((2, 3), dtype)
    np.testing.assert_array_equal(graphc.compile(graph)(x=given)["y"], np.zeros(3))
    _refused(graph, x=given[:0])
    everything = graphc.Graph("everything", {"y": getattr(graphc, name)(x)})
    _refused(everything, x=given[:0])
    along = graphc.Graph("along", {"y": getattr(graphc, name)(x, axis=1)})
    assert graphc.compile(along)(x=given[:0])["y"].shape == (0,)


def test_what_has_a_value_of_no_elements() -> None:
    x = graphc.input("x", (2, "C"))
    nothing = np.zeros((2, 0), "f")
    for row in (graphc.sum, graphc.logsumexp, graphc.any, graphc.norm):
        assert graphc.compile(row(x, axis=1))(nothing).shape == (2,)
    assert np.isnan(graphc.compile(graphc.mean(x, axis=1))(nothing)).all()
    assert graphc.compile(graphc.softmax(x))(nothing).shape == (2, 0)


def test_a_refused_call_has_written_nothing() -> None:
    w = graphc.parameter("w", np.ones(3, "f"))
    x = graphc.input("x", ("N", 3))
    step = graphc.Graph("step", {"y": graphc.max(x, axis=0)}, updates={w: w * 2})
    exe = graphc.compile(step)
    with pytest.raises(InputError, match="max of %x"):
        exe(x=np.ones((0, 3), "f"))
    np.testing.assert_array_equal(exe.state["w"], np.ones(3))
