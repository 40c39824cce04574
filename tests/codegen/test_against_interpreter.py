"""Native code against the interpreter of loop IR, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.loops.records  # noqa: F401
from graphc.codegen import blocking, staging
from graphc.ir.dims import named
from graphc.loops import interpreter
from graphc.loops.ir import TREE, Argument, Axis, AxisIndex, Column, For, Kernel
from graphc.loops.parser import parse
from tests.codegen.kernels import (
    Native,
    at,
    dense,
    f32,
    hidden_gradient,
    hidden_update,
    shape_of,
    softmax,
)
from tests.levels import ENDS, LEVELS
from tests.loops import kinds as random_kernels
from tests.loops.compare import assert_same_bits


def check(kernel, arrays, bindings, target) -> None:
    native = Native(kernel, target)
    expected = {name: array.copy() for name, array in arrays.items()}
    got = {name: np.array(array, order="C") for name, array in arrays.items()}
    with np.errstate(all="ignore"):
        interpreter.run(kernel, expected, bindings, fused=native.target.has_fma)
    pieces = {name: array.copy() for name, array in got.items()}
    native(*(got[argument.name] for argument in kernel.arguments), **bindings)
    native.by_units(*(pieces[argument.name] for argument in kernel.arguments), **bindings)
    for argument in kernel.arguments:
        what = f"{argument.name} on {target}"
        assert_same_bits(got[argument.name], expected[argument.name], what)
        assert_same_bits(pieces[argument.name], expected[argument.name], f"{what}, by units")


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("make", (softmax, hidden_update, hidden_gradient))
def test_the_three_kernels(make, target):
    kernel = make()
    for n in (0, 1, 13, 14, 15, 128, 300):
        rng = np.random.default_rng(n)
        arrays = {
            a.name: rng.standard_normal(shape_of(a, {"N": n})).astype(np.float32)
            for a in kernel.arguments
        }
        if "v" in arrays:
            arrays["v"] = np.abs(arrays["v"])
        check(kernel, arrays, {"N": n}, target)


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("shape", ((1, 1, 1), (13, 7, 17), (15, 33, 40), (28, 64, 31)))
def test_products_of_odd_sizes(shape, target):
    m, k, n = shape
    kernel = dense(m, k, n)
    rng = np.random.default_rng(m)
    arrays = {
        a.name: rng.standard_normal(shape_of(a, {})).astype(np.float32) for a in kernel.arguments
    }
    check(kernel, arrays, {}, target)


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("columns", (15, 257, 700, 1024))
def test_columns_beside_streaming_rows(columns, target):
    axes = (Axis("j", columns, 16, 16), Axis("n", named("N"), TREE))
    column = Column("s", (AxisIndex("j"),), "add", "n", at("x", "n", "j"))
    arguments = (Argument("x", f32, (named("N"), columns)), Argument("s", f32, (columns,), "out"))
    kernel = Kernel("sums", arguments, (For(axes, (column,), True),), ("N",))
    for n in (0, 1, 8, 21):
        rng = np.random.default_rng(n)
        arrays = {"x": rng.standard_normal((n, columns), np.float32), "s": np.zeros(columns, "f4")}
        check(kernel, arrays, {"N": n}, target)


@pytest.mark.parametrize("kind", sorted(random_kernels.KINDS))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_random_kernels(kind, data):
    case, kernel = data.draw(random_kernels.KINDS[kind])
    target = data.draw(st.sampled_from(LEVELS))
    check(kernel, case.arrays(data.draw(st.integers(0, 1000))), case.bindings, target)


@pytest.mark.parametrize("target", ENDS)
@pytest.mark.parametrize("crowded", (0.0, 1.0))
@pytest.mark.parametrize("mode", ("out", "inout"))
@pytest.mark.parametrize("left", ("i, k", "k, i"))
@pytest.mark.parametrize("right", ("k, j", "j, k"))
def test_products_in_blocks(left, right, mode, crowded, target, monkeypatch):
    """Results wait in the output or on the stack; operands are copied, or read in place."""
    monkeypatch.setattr(staging, "reach", lambda stride, cache: crowded)
    monkeypatch.setattr(staging, "ROWS_BYTES", 1 << 10)
    monkeypatch.setattr(blocking, "_COLUMNS", 16)
    sizes = {"i": "N", "j": "53", "k": "37"}
    x, w = (", ".join(sizes[axis] for axis in axes.split(", ")) for axes in (left, right))
    kernel = parse(
        f"""
        kernel product<N>(x: f32[2, {x}], w: f32[2, {w}], {mode} y: f32[2, N, 53],
                          out s: f32[2, 53]) {{
          for b < 2, i < N tile(8), j < 53 tile(32) vector(16) parallel {{
            d = reduce fma k < 37 tile(16) order(ascending) unroll(2) {{
              x[b, {left}], w[b, {right}]
            }}
            r = {"d" if mode == "out" else "d * y[b, i, j]"}
            y[b, i, j] = r
            s[b, j] = reduce add i order(tree) {{ r }}
          }}
        }}
        """
    )
    for n in (1, 29, 77):
        rng = np.random.default_rng(n)
        arrays = {
            a.name: rng.standard_normal(shape_of(a, {"N": n})).astype(np.float32)
            for a in kernel.arguments
        }
        check(kernel, arrays, {"N": n}, target)


@pytest.mark.parametrize("target", LEVELS)
def test_a_load_across_the_tile_in_two_statements(target):
    """It is turned in registers once, however many want it."""
    kernel = parse(
        """
        kernel product(x: f32[1, 28], w: f32[1, 7], t: f32[7, 28], out y: f32[28, 7],
                       out z: f32[28, 7]) {
          for i < 28 tile(7), j < 7 tile(4) vector(4) parallel {
            d = reduce fma k < 1 order(ascending) { x[k, i], w[k, j] }
            y[i, j] = d + t[j, i]
            z[i, j] = t[j, i]
          }
        }
        """
    )
    rng = np.random.default_rng(0)
    arrays = {
        a.name: rng.standard_normal(shape_of(a, {})).astype(np.float32) for a in kernel.arguments
    }
    check(kernel, arrays, {}, target)
