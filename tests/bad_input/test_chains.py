"""A chain of 100,000 nodes is an ordinary graph to everything that walks it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import graphc

LENGTH = 100_000


def _chain(length: int) -> tuple[Any, Any]:
    x = graphc.input("x", ("N",))
    y = x
    for _ in range(length // 2):
        y = graphc.maximum(y, x) - y
    return x, y


@pytest.fixture(scope="module")
def long_chain() -> tuple[Any, Any]:
    return _chain(LENGTH)


@pytest.mark.slow
def test_declared_printed_and_read(long_chain: tuple[Any, Any]) -> None:
    assert sys.getrecursionlimit() < LENGTH // 10
    graph = graphc.Graph("long", long_chain[1])
    assert len(graph.ir.nodes) == LENGTH
    again = graphc.parse(graph.text())
    assert again == graph and hash(again) == hash(graph)


@pytest.mark.slow
def test_evaluated_and_differentiated(long_chain: tuple[Any, Any]) -> None:
    x, y = long_chain
    given = np.array([0.5, -2.0], "float32")
    value = graphc.evaluate(y, x=given)
    assert np.isfinite(value).all()
    (dx,) = graphc.grad(graphc.sum(y), [x])
    assert np.isfinite(graphc.evaluate(dx, x=given)).all()


def test_a_chain_deeper_than_the_stack_is_declared_compiled_and_dropped() -> None:
    x, y = _chain(sys.getrecursionlimit() + 500)
    graph = graphc.Graph("long", y)
    assert graphc.parse(graph.text()) == graph
    given = np.array([0.5, -2.0], "float32")
    expected = graphc.evaluate(graph, x=given)
    del x, y
    exe = graphc.compile(graph)
    del graph
    np.testing.assert_allclose(exe(given), expected, rtol=1e-4)


@pytest.mark.slow
def test_20_000_nodes_compile() -> None:
    _, y = _chain(20_000)
    given = np.array([0.5, -2.0], "float32")
    np.testing.assert_allclose(graphc.compile(y)(given), graphc.evaluate(y, x=given), rtol=1e-3)
