"""An elementwise op is one file: a file that is written here, imported, and used in every stage."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest

import graphc
from graphc.autodiff.check import check_gradient
from graphc.ir import dtypes
from graphc.ir.op import lookup

SOURCE = '''
"""A smooth hat, and all that graphc has to know of it."""

import numpy as np

from graphc import elementwise

ULPS = 2.5  # how far its arithmetic may be from the truth

hat = elementwise(
    "test_hat",
    math=lambda sp, x, *, width=2.0: sp.sqrt(1 + (x / width) ** 2) / (1 + x**2),
    numpy=lambda x, *, width=2.0: np.sqrt(1 + (x / x.dtype.type(width)) ** 2) / (1 + x * x),
    lower=lambda b, x, *, width=2.0: b.div(
        b.sqrt(b.fma(b.div(x, width), b.div(x, width), 1.0)), b.fma(x, x, 1.0)
    ),
    doc="The root of 1 + (x / width)^2 over 1 + x^2.",
    cost=16,
)
'''


@pytest.fixture(scope="module")
def op_file(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module of the new op."""
    path: Path = tmp_path_factory.mktemp("ops") / "hat.py"
    path.write_text(SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("hat_of_tests", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _truth(x: float, width: float = 2.0) -> Any:
    t = mpmath.mpf(x)
    return mpmath.sqrt(1 + (t / width) ** 2) / (1 + t**2)


def _slope(x: float) -> Any:
    return mpmath.diff(_truth, mpmath.mpf(x))


def _ulps(found: np.ndarray, truth: list[Any]) -> float:
    """The largest distance in units in the last place of the truth."""
    worst = 0.0
    for value, true in zip(found.tolist(), truth, strict=True):
        unit = np.spacing(np.abs(found.dtype.type(float(true))))
        worst = max(worst, float(abs(mpmath.mpf(value) - true) / mpmath.mpf(float(unit))))
    return worst


def _points(dtype: Any) -> np.ndarray:
    rng = np.random.default_rng(0)
    spread = rng.standard_normal(200) * np.exp(rng.standard_normal(200) * 3)
    return np.concatenate([spread, [0.0, 1.0, -1.0, 2.0, 1e-8, -1e6]]).astype(dtype)


def test_it_is_public_and_documented(op_file: ModuleType) -> None:
    assert op_file.hat is graphc.ops.test_hat
    assert lookup("test_hat") is op_file.hat.op
    assert "root of 1" in op_file.hat.__doc__


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
def test_native_code_keeps_its_bound(op_file: ModuleType, dtype: dtypes.DType) -> None:
    x = _points(dtype.numpy)
    declared = graphc.input("x", ("N",), dtype)
    found = graphc.compile(op_file.hat(declared))(x)
    assert found.dtype == dtype.numpy
    with mpmath.workdps(40):
        assert _ulps(found, [_truth(float(v)) for v in x]) <= op_file.ULPS
    assert np.isnan(graphc.compile(op_file.hat(declared))(np.full(3, np.nan, dtype.numpy))).all()


def test_its_gradient_is_derived(op_file: ModuleType) -> None:
    assert op_file.hat.op.grad is None
    x = graphc.input("x", ("N",), dtypes.float64)
    (slope,) = graphc.grad(graphc.sum(op_file.hat(x)), [x])
    points = _points(np.float64)[:40]
    with mpmath.workdps(30):
        truth = np.array([float(_slope(float(v))) for v in points])
    for found in (graphc.compile(slope)(points), graphc.evaluate(slope, x=points)):
        np.testing.assert_allclose(found, truth, rtol=1e-12, atol=1e-14)
    check_gradient(op_file.hat, [np.float64([0.3, -2.0])])


def test_its_text_reads_back(op_file: ModuleType) -> None:
    x = graphc.input("x", ("N", 3))
    graph = graphc.Graph("g", {"y": op_file.hat(x, width=3.0)})
    assert "test_hat(%x) {width = 3.0}" in graph.text()
    assert graphc.parse(graph.text()) == graph
    exe = graphc.compile(graph)
    assert "test_hat(" in exe.text("loops")
    assert graphc.parse(exe.text("fused")) == exe.graph("fused")


def test_it_fuses_into_a_product(op_file: ModuleType) -> None:
    x, w = graphc.input("x", ("N", 5)), graphc.input("w", (5, 33))
    graph = graphc.Graph("g", {"y": op_file.hat(x @ w) * 2})
    exe = graphc.compile(graph)
    (kernel,) = exe.compilation.entries[0].plan.calls
    assert kernel.kind == "product"
    rng = np.random.default_rng(1)
    given = {"x": rng.standard_normal((7, 5)), "w": rng.standard_normal((5, 33))}
    given = {name: array.astype("f") for name, array in given.items()}
    expected = graphc.evaluate(graph, **given)["y"]
    np.testing.assert_allclose(exe(**given)["y"], expected, rtol=1e-5)


def test_an_expression_is_an_op_too(op_file: ModuleType) -> None:
    sympy = pytest.importorskip("sympy")
    t = sympy.Symbol("t")
    made = graphc.from_sympy("test_hat_of_sympy", sympy.sqrt(1 + (t / 2) ** 2) / (1 + t**2))
    x = graphc.input("x", ("N",), dtypes.float64)
    graph = graphc.Graph("g", {"a": made(x), "b": graphc.grad(graphc.sum(made(x)), [x])[0]})
    assert graphc.parse(graph.text()) == graph
    points = _points(np.float64)[:40]
    found = graphc.compile(graph)(x=points)
    with mpmath.workdps(30):
        assert _ulps(found["a"], [_truth(float(v)) for v in points]) <= 2 * op_file.ULPS
        truth = np.array([float(_slope(float(v))) for v in points])
    np.testing.assert_allclose(found["b"], truth, rtol=1e-11, atol=1e-14)
