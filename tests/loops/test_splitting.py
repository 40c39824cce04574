"""Loops in parts, one for each place that elements come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.loops import ir
from graphc.loops.interpreter import run
from graphc.loops.parser import parse
from graphc.loops.splitting import split
from graphc.loops.verifier import verify
from graphc.loops.walk import statements

X = np.arange(70 * 300, dtype="float32").reshape(70, 300)
Y = -X[:, :200]
CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "concat": (lambda x, y: graphc.concat([x, y, x], 1), lambda x, y: np.concatenate([x, y, x], 1)),
    "twice": (
        lambda x, y: graphc.concat([graphc.concat([x, y], 1)] * 2, 0),
        lambda x, y: np.tile(np.concatenate([x, y], 1), (2, 1)),
    ),
    "pad": (
        lambda x, y: graphc.pad(x, ((3, 2), (17, 5))),
        lambda x, y: np.pad(x, ((3, 2), (17, 5))),
    ),
    "roll": (
        lambda x, y: graphc.concat([x[:, -7:], x[:, :-7]], 1) * 2,
        lambda x, y: np.roll(x, 7, 1) * np.float32(2),
    ),
    "flipped": (
        lambda x, y: graphc.concat([x[:, ::-1], y[:, ::2]], 1),
        lambda x, y: np.concatenate([x[:, ::-1], y[:, ::2]], 1),
    ),
    "flat": (
        lambda x, y: graphc.concat([x[0], y[0] + 1]),
        lambda x, y: np.concatenate([x[0], y[0] + 1]),
    ),
    "used": (
        lambda x, y: graphc.exp(graphc.concat([x, y], 1) * 0) + graphc.pad(y, ((0, 0), (300, 0))),
        lambda x, y: np.pad(y, ((0, 0), (300, 0))) + np.float32(1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_elements_are_the_same_ones(name: str) -> None:
    ours, numpy = CASES[name]
    result = ours(graphc.input("x", X.shape), graphc.input("y", Y.shape))
    graph = graphc.Graph("parts", {"r": result})
    for fuse, threads in ((True, 1), (False, 2)):
        exe = graphc.compile(graph, fuse=fuse, threads=threads)
        given = {"x": X, "y": Y}
        found = exe(**{n: given[n] for n in (v.name for v in graph.ir.inputs) if n in given})["r"]
        assert found.tobytes() == numpy(X, Y).tobytes()
    for kernel in exe.compilation.entries[0].plan.calls:
        verify(kernel.kernel)


KERNEL = """
kernel padded(x: f32[5, 200], out y: f32[5, 410]) {
  for i < 5 {
    for j < 410 {
      y[i, j] = where(@, x[i, j + -7] if (@), 2.0)
    }
  }
}
""".replace("@", "logical_and(j >= 7, j < 207)")


def test_nothing_is_left_to_ask() -> None:
    kernel = parse(KERNEL)
    parts = split(kernel)
    verify(parts)
    inner = [s for s in statements(parts.body) if isinstance(s, ir.For)][1:]
    assert [loop.axes[0].extent for loop in inner] == [7, 200, 203]
    assert inner[1].body == (
        ir.Store(
            "y",
            (ir.AxisIndex("i"), _moved(7)),
            ir.Load("x", (ir.AxisIndex("i"), ir.AxisIndex("j")), graphc.float32),
        ),
    )
    x, found, wanted = X[:5, :200].copy(), *np.zeros((2, 5, 410), "float32")
    run(kernel, {"x": x, "y": wanted})
    run(parts, {"x": x, "y": found})
    assert found.tobytes() == wanted.tobytes()


def _moved(number: int) -> ir.Expr:
    more = ir.Literal(number, graphc.int64)
    return ir.Apply("add", (ir.AxisIndex("j"), more), graphc.int64)


@pytest.mark.parametrize("extent", ["41", "N"])
def test_short_and_named_rows_stay_whole(extent: str) -> None:
    named = "padded<N>" if extent == "N" else "padded"
    kernel = parse(KERNEL.replace("410", extent).replace("padded", named))
    assert split(kernel) is kernel
