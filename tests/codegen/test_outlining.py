"""Repeated arithmetic and rare branches as functions of their own: fewer lines, the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import graphc
from graphc.loops.repetition import OFTEN, repeated
from tests.levels import LEVELS

SIZES = (0, 1, 15, 16, 17, 63, 64, 67, 130)
VALUES = np.array([0.3, -0.7, 2.5, 0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 3e4, 1e20, 5e8])

Build = Callable[[graphc.Tensor], graphc.Tensor]


def tanh_chain(x: graphc.Tensor) -> graphc.Tensor:
    for number in range(3 * OFTEN):
        x = graphc.tanh(x * (1 + number / 8) - 0.25)
    return x


def angles(x: graphc.Tensor) -> graphc.Tensor:
    """Common and rare arguments in one vector."""
    return sum((graphc.sin(x * (3.0**k)) + graphc.cos(x - k) for k in range(OFTEN)), start=x)


def two_operands(x: graphc.Tensor) -> graphc.Tensor:
    return sum((graphc.power(x + k, x * 0.5 - k) for k in range(OFTEN)), start=x)


def a_few(x: graphc.Tensor) -> graphc.Tensor:
    """Too few to be called, but with branches apart."""
    return graphc.log(x) + graphc.tan(x) - graphc.log1p(graphc.power(x, 1.5))


def attributes(x: graphc.Tensor) -> graphc.Tensor:
    """One op with two meanings."""
    return sum((graphc.elu(x + k, alpha=0.5 + k % 2) for k in range(2 * OFTEN)), start=x)


def same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    nans = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), nans)
    bits = f"u{expected.dtype.itemsize}"
    np.testing.assert_array_equal(got[~nans].view(bits), expected[~nans].view(bits))


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("build", [tanh_chain, angles, two_operands, a_few, attributes])
def test_the_bits_are_those_of_each_op_alone(build: Build, dtype: str, target: str) -> None:
    y = build(graphc.input("x", ("N",), dtype=dtype))
    fused = graphc.compile(y, target=target)
    alone = graphc.compile(y, target=target, fuse=False)
    with np.errstate(over="ignore"):
        values = np.resize(VALUES, max(SIZES)).astype(dtype)
    values *= np.linspace(1, 1.5, values.size, dtype=dtype)
    for size in SIZES:
        same_bits(fused(values[:size]), alone(values[:size]))


@pytest.mark.parametrize("shape", [(3, 67), (5, 64), (2, 3, 7)])
def test_rows_and_static_sizes(shape: tuple[int, ...]) -> None:
    y = tanh_chain(graphc.softmax(graphc.input("x", shape)))
    x = np.linspace(-3, 3, int(np.prod(shape)), dtype="float32").reshape(shape)
    same_bits(graphc.compile(y)(x), graphc.compile(y, fuse=False)(x))


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 5, 3), (29, 7, 33), ("M", 8, 70), (6, 9, 200)])
def test_a_tile_calls_for_wide_vectors(shape: tuple, dtype: str, target: str) -> None:
    """After a product, whatever the tile leaves of rows and columns."""
    rows, depth, columns = shape
    x, w = graphc.input("x", (rows, depth), dtype), graphc.input("w", (depth, columns), dtype)
    z = x @ w + graphc.input("b", (columns,), dtype)
    gate = graphc.sigmoid(graphc.mean(x, axis=1, keepdims=True))
    graph = graphc.Graph("gated", {"y": graphc.gelu(z) * gate, "t": graphc.power(z * z, z) - gate})
    rng = np.random.default_rng(3)
    sizes = (13 if rows == "M" else rows, depth), (depth, columns), (columns,)
    arrays = [rng.standard_normal(size).astype(dtype) for size in sizes]
    fused = graphc.compile(graph, target=target)(*arrays)
    alone = graphc.compile(graph, target=target, fuse=False)(*arrays)
    for name in ("y", "t"):
        same_bits(fused[name], alone[name])


def test_a_tile_writes_a_function_once() -> None:
    z = graphc.input("x", (56, 64)) @ graphc.input("w", (64, 64))
    text = graphc.compile(graphc.gelu(z)).text("llvm")
    assert sum("@.gelu" in line for line in text.splitlines() if "define" in line) == 1


def test_a_function_is_written_once() -> None:
    exe = graphc.compile(tanh_chain(graphc.input("x", (640,))))
    text = exe.text("llvm")
    written = [line for line in text.splitlines() if line.startswith("define") and "tanh" in line]
    assert len(written) == 1 and text.count("call") > 3 * OFTEN
    assert "; " in exe.text("llvm", locations=True)


def test_equal_rare_branches_are_one_function() -> None:
    x = graphc.input("x", (640,))
    text = graphc.compile(graphc.sin(x) + graphc.sin(x * 2)).text("llvm")
    assert text.count("define internal") - text.count("@main") <= 3
    assert sum("@.rare" in line for line in text.splitlines() if line.startswith("define")) == 1


def test_a_long_body_is_written_once() -> None:
    """Whatever the size, a long body is there once, with masks for its rest."""
    for shape in (("N",), (1003,), (64,)):
        text = graphc.compile(tanh_chain(graphc.input("x", shape))).text("llvm")
        calls = [line for line in text.splitlines() if "call" in line and "@.tanh" in line]
        assert len(calls) == 3 * OFTEN


def test_a_body_of_few_costly_ops_is_written_once() -> None:
    """Masks cost it little; a plain one has a body without."""
    x = graphc.input("x", (1003,))
    for y, masks in ((graphc.tanh(graphc.sinh(graphc.exp(x))), "%"), (graphc.exp(x), "<")):
        text = graphc.compile(y).text("llvm")
        (load,) = [line for line in text.splitlines() if "call" in line and "masked.load" in line]
        assert f"i1> {masks}" in load


def test_what_is_repeated() -> None:
    x = graphc.input("x", (8,))
    (stages,) = graphc.compile(tanh_chain(x)).compilation.entries
    assert repeated(stages.plan.calls[0].kernel.body) == {"tanh"}
    (stages,) = graphc.compile(a_few(x)).compilation.entries
    assert not repeated(stages.plan.calls[0].kernel.body)
