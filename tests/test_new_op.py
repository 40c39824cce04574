"""An op is added by one file: this one declares it, and every part of the compiler knows it."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import graphc
from graphc.ir.op import lookup

witch = graphc.elementwise(
    "witch",
    math=lambda sp, x: 1 / (1 + x**2),
    numpy=lambda x: (1 / (1 + x.astype("f8") * x)).astype(x.dtype),
    lower=lambda b, x: b.div(b.constant(1, b.dtype(x)), b.fma(x, x, b.constant(1, b.dtype(x)))),
    doc="The witch of Agnesi, 1 / (1 + x^2).",
    cost=3,
)
ULP = {"float32": 1.5, "float64": 1.5}  # half of one, and of the sum that may be twice as coarse


def points(dtype: str, count: int = 4001) -> np.ndarray:
    rng = np.random.default_rng(0)
    wide = rng.standard_normal(count) * np.exp2(rng.uniform(-20, 20, count))
    return np.concatenate([wide, [0.0, -0.0, 1.0, -1.0]]).astype(dtype)


@pytest.mark.parametrize("fuse", (True, False))
@pytest.mark.parametrize("dtype", ULP)
def test_native_code_keeps_the_bound(dtype: str, fuse: bool) -> None:
    x = graphc.input("x", ("N",), dtype)
    array = points(dtype)
    found = graphc.compile(witch(x), fuse=fuse)(array)
    with mpmath.workdps(30):
        truth = [1 / (1 + mpmath.mpf(float(v)) ** 2) for v in array]
        spacing = np.spacing(np.array([float(t) for t in truth], dtype))
        errors = [
            abs(mpmath.mpf(float(f)) - t) / mpmath.mpf(float(s))
            for f, t, s in zip(found, truth, spacing, strict=True)
        ]
    assert max(errors) <= ULP[dtype]
    np.testing.assert_allclose(found, graphc.evaluate(witch(x), x=array), rtol=3e-7)


@pytest.mark.parametrize("dtype", ULP)
def test_the_gradient_is_derived(dtype: str) -> None:
    x = graphc.input("x", ("N",), dtype)
    (dx,) = graphc.grad(graphc.sum(witch(x)), [x])
    array = points(dtype)
    precise = array.astype("f8")
    expected = -2 * precise / (1 + precise**2) ** 2
    found = graphc.compile(graphc.Graph("slope", dx))(array)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "float32" else 1e-13)
    graphc.check_gradient(lambda x: witch(3 * x) * x, [np.linspace(-2, 2, 9)])
    (second,) = graphc.grad(graphc.sum(dx), [x])
    assert second.shape == x.shape


def test_it_takes_part_in_everything() -> None:
    x = graphc.input("x", ("N", 3))
    graph = graphc.Graph("g", {"y": graphc.sum(witch(x * 2), axis=1)})
    assert graphc.parse(graph.text()) == graph and "= witch(" in graph.text()
    exe = graphc.compile(graph)
    assert "witch(" in exe.text("loops") and len(exe.program.entries[0].kernels) == 1
    assert str(graphc.to_sympy(witch(x))) == "1/(x**2 + 1)"
    assert "The witch of Agnesi" in (witch.__doc__ or "") and lookup("witch") is witch.op
    whole = graphc.compile(witch(graphc.input("i", ("N",), "int32")))
    assert whole(np.arange(3, dtype="i4")).tolist() == [1.0, 0.5, 0.2]
