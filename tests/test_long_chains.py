"""Graphs of very many nodes: nothing recurses, and the work grows with the number of nodes.

Work is counted in calls of functions, which do not depend on the machine.
"""

from __future__ import annotations

import cProfile
import itertools
import pstats
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.codegen.module import emit_module
from graphc.ir import parser, printer
from graphc.ir.graphs import Graph
from graphc.loops.planning import plan
from graphc.passes import manager
from graphc.passes.fuse import Fuse
from graphc.passes.pipelines import OPTIMIZE
from runtime import jit


def chain(length: int) -> tuple[graphc.Tensor, graphc.Tensor]:
    """x and a chain of ``length`` additions and products of x."""
    x = y = graphc.input("x", ("N",))
    for i in range(length):
        y = y * x if i % 2 else y + x
    return x, y


def norms(length: int) -> dict[str, graphc.Tensor]:
    x = y = graphc.input("x", ("N", 16))
    for _ in range(length // 4):
        y = (y - graphc.mean(y, -1, keepdims=True)) * 0.5 + x
    return {"y": y}


def layers(length: int) -> dict[str, graphc.Tensor]:
    x = y = graphc.input("x", ("N", 16))
    w = graphc.input("w", (16, 16))
    for _ in range(length // 3):
        y = graphc.relu(y @ w) + x
    return {"y": y}


def wide(length: int) -> dict[str, graphc.Tensor]:
    x = graphc.input("x", ("N", 16))
    return {f"y{i}": graphc.sum(x * float(i), i % 2) for i in range(length // 2)}


def updates(length: int) -> tuple[dict[str, graphc.Tensor], dict[graphc.Tensor, Any]]:
    """Many small parameters, which are updated from their old values."""
    x = graphc.input("x", (5,))
    zeros = np.zeros(5, np.float32)
    parameters = [graphc.parameter(f"p{i}", zeros) for i in range(length // 2)]
    return {"y": x + parameters[0]}, {p: p * 0.9 + x for p in parameters}


def training(length: int) -> tuple[dict[str, graphc.Tensor], dict[graphc.Tensor, Any]]:
    """A step of a network of many equal layers."""
    x = y = graphc.input("x", ("N", 16))
    weights = [
        graphc.parameter(f"w{i}", np.zeros((16, 16), np.float32)) for i in range(length // 20)
    ]
    for w in weights:
        y = graphc.tanh(y @ w)
    loss = graphc.mean(graphc.square(y - x))
    gradients = graphc.grad(loss, weights)
    return {"loss": loss}, {w: w - 0.1 * g for w, g in zip(weights, gradients, strict=True)}


def biased(length: int) -> tuple[dict[str, graphc.Tensor], dict[graphc.Tensor, Any]]:
    """A step of a residual network with biases, whose small updates share kernels."""
    y = graphc.input("x", ("N", 16))
    weights = []
    for i in range(length // 30):
        w = graphc.parameter(f"w{i}", np.zeros((16, 16), np.float32))
        b = graphc.parameter(f"b{i}", np.zeros(16, np.float32))
        y = y + graphc.relu(y @ w + b)
        weights += [w, b]
    gradients = graphc.grad(graphc.mean(graphc.square(y)), weights)
    return {"y": y}, {w: w - 0.1 * g for w, g in zip(weights, gradients, strict=True)}


def narrowing(length: int) -> tuple[dict[str, graphc.Tensor], dict[graphc.Tensor, Any]]:
    """A step of a network whose layers all differ: no kernel is like another."""
    y = graphc.input("x", ("N", 16))
    widths = [16 + i % 13 + i // 13 for i in range(length // 30 + 1)]
    weights = [
        graphc.parameter(f"w{i}", np.zeros(pair, np.float32))
        for i, pair in enumerate(itertools.pairwise(widths))
    ]
    for w in weights:
        y = graphc.tanh(y @ w)
    gradients = graphc.grad(graphc.mean(graphc.square(y)), weights)
    return {"y": y}, {w: w - 0.1 * g for w, g in zip(weights, gradients, strict=True)}


def sized(length: int) -> dict[str, graphc.Tensor]:
    """A value of every size, all of them named."""
    names = [f"A{i}" for i in range(length // 10)]
    return {f"y{n}": graphc.sum(graphc.tanh(graphc.input(n, (n, 4))), 0) for n in names}


def shifted(length: int) -> dict[str, graphc.Tensor]:
    """A register whose elements move on by one in each step."""
    x = y = graphc.input("x", (16, 4))
    for i in range(length // 6):
        y = graphc.concat([y[:, 1:], x[:, :1] * float(i)], 1)
    return {"y": y}


def turned(length: int) -> dict[str, graphc.Tensor]:
    """A row turned again and again: each element is found two ways each time."""
    y = graphc.input("x", (16, 7))
    for i in range(length // 6):
        y = graphc.concat([y[:, 3:], y[:, :3]], 1) + float(i % 2)
    return {"y": y}


def windows(length: int) -> dict[str, graphc.Tensor]:
    """Values of a row made of neighbours, which share theirs."""
    y = graphc.input("x", (16, length))
    for _ in range(length // 6):
        y = y[:, 1:] * 0.5 + y[:, :-1]
    return {"y": y}


def parts(length: int) -> dict[str, graphc.Tensor]:
    """Many parts put together."""
    x = graphc.input("x", ("N", 4))
    return {"y": graphc.concat([graphc.tanh(x * float(i)) for i in range(length // 6)], 1)}


def calls(function: Callable[[], Any]) -> int:
    """How many calls of functions ``function`` needs."""
    profile = cProfile.Profile()
    profile.runcall(function)
    counted: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    return counted


def _optimized(graph: Graph) -> Graph:
    return manager.run(graph, OPTIMIZE).graph


def test_a_hundred_thousand_nodes_are_declared_and_evaluated() -> None:
    _, y = chain(100_000)
    result = graphc.evaluate(y, x=np.float32([0.5, 0.25]))
    assert np.isfinite(result).all()


def _everything(length: int) -> None:
    x, y = chain(length)
    graph = graphc.Graph("long", {"y": y, "dx": graphc.grad(graphc.sum(y), [x])[0]})
    shown = printer.text(graph.ir)
    assert parser.parse(shown) == graph.ir
    result = graphc.evaluate(graph, x=np.float32([0.5, 0.25]))
    assert np.isfinite(result["dx"]).all()


def test_a_long_chain_is_printed_parsed_and_differentiated() -> None:
    _everything(10_000)


@pytest.mark.slow
def test_a_very_long_chain_is_printed_parsed_and_differentiated() -> None:
    _everything(100_000)


def test_a_long_chain_compiles_to_the_bits_of_the_reference() -> None:
    _, y = chain(10_000)
    x = np.float32([0.5, -0.25, 0.125])
    np.testing.assert_array_equal(graphc.compile(y)(x), graphc.evaluate(y, x=x))


@pytest.mark.slow
def test_a_hundred_thousand_nodes_are_compiled() -> None:
    _, y = chain(100_000)
    x = np.float32([0.5, -0.25, 0.125])
    np.testing.assert_array_equal(graphc.compile(y)(x), graphc.evaluate(y, x=x))


MAKERS: dict[str, Callable[[int], tuple[Any, Any]]] = {
    "chain": lambda n: ({"y": chain(n)[1]}, ()),
    "norms": lambda n: (norms(n), ()),
    "layers": lambda n: (layers(n), ()),
    "wide": lambda n: (wide(n), ()),
    "updates": updates,
    "training": training,
    "biased": biased,
    "narrowing": narrowing,
    "sized": lambda n: (sized(n), ()),
    "shifted": lambda n: (shifted(n), ()),
    "turned": lambda n: (turned(n), ()),
    "windows": lambda n: (windows(n), ()),
    "parts": lambda n: (parts(n), ()),
}


@pytest.mark.parametrize("name", MAKERS)
def test_work_grows_with_the_number_of_nodes(name: str) -> None:
    """Twice the nodes need little more than twice the calls, in every stage."""
    counts: dict[str, list[int]] = {}
    for length in (300, 600):
        graph = graphc.Graph("long", *MAKERS[name](length)).ir
        optimized = _optimized(graph)
        fused = Fuse().run(optimized)
        entry = plan(fused, jit.host_target())
        stages = {
            "text": lambda graph=graph: parser.parse(printer.text(graph)),
            "passes": lambda graph=graph: _optimized(graph),
            "fuse": lambda optimized=optimized: Fuse().run(optimized),
            "plan": lambda fused=fused: plan(fused, jit.host_target()),
            "llvm": lambda entry=entry: emit_module([entry], jit.host_target()),
        }
        for stage, work in stages.items():
            counts.setdefault(stage, []).append(calls(work))
    for stage, (half, whole) in counts.items():
        assert whole < 2.4 * half, f"{stage}: {half} calls, then {whole}"


@pytest.mark.parametrize("make", [shifted, turned, windows, parts])
def test_views_of_views_without_end_are_compiled(make: Callable[[int], Any]) -> None:
    y = make(900)
    (x,) = graphc.Graph("long", y).ir.inputs
    shape = [size if isinstance(size, int) else 3 for size in x.type.shape]
    data = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
    graph = graphc.Graph("long", y)
    expected = graphc.compile(graph, fuse=False)(x=data)["y"]
    np.testing.assert_array_equal(graphc.compile(graph)(x=data)["y"], expected)


def test_what_a_node_of_a_long_chain_costs() -> None:
    """Calls of functions a declared node, in all: a whole walk more in some stage shows here."""
    graph = graphc.Graph("long", {"y": chain(2000)[1]}).ir
    optimized = _optimized(graph)
    fused = Fuse().run(optimized)
    entry = plan(fused, jit.host_target())
    counts = {
        "passes": calls(lambda: _optimized(graph)),
        "fuse": calls(lambda: Fuse().run(optimized)),
        "plan": calls(lambda: plan(fused, jit.host_target())),
        "llvm": calls(lambda: emit_module([entry], jit.host_target())),
    }
    most = {"passes": 110, "fuse": 260, "plan": 190, "llvm": 45}
    for stage, count in counts.items():
        assert count < most[stage] * 2000, f"{stage}: {count / 2000:.0f} calls a node"
