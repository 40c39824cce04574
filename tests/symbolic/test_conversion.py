"""Ops out of expressions, and expressions out of graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import graphc
import graphc.ops as ops
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.errors import ArgumentError, UnsupportedError
from graphc.symbolic.convert import from_sympy, to_sympy
from tests.evaluation import value

x, y, a = sp.symbols("x y a")


@pytest.mark.parametrize(
    "expression",
    [
        sp.exp(-(x**2)),
        sp.sin(x) / (1 + x**4),
        sp.log(1 + sp.exp(x)) * sp.tanh(x),
        sp.sqrt(1 + x**2) - 1,
        x**3 - 2 * x + sp.Rational(1, 3),
        sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)),
        sp.Abs(x) + sp.sign(x),
        sp.Max(x, 0.2) + sp.Min(x, -0.1),
        sp.erf(x) * sp.pi,
        2**x,
        (1 + x**2) ** sp.Rational(-3, 2),
        sp.floor(3 * x) + sp.ceiling(x),
        sp.cosh(x) - sp.sinh(x) + sp.tan(x),
    ],
    ids=str,
)
def test_values_and_gradients(expression: Any) -> None:
    name = f"expression_{abs(hash(str(expression)))}"
    function = from_sympy(name, expression)
    points = np.array([-1.3, -0.4, 0.35, 0.9, 2.1])
    tensor = ops.input("x", (5,), "float64")
    expected = [float(expression.subs(x, float(p)).evalf()) for p in points]
    np.testing.assert_allclose(value(function(tensor), x=points), expected, rtol=1e-12, atol=1e-14)
    check_gradient(function, [points])
    narrow = ops.input("x", (5,), "float32")
    assert function(narrow).dtype.name == "float32"
    np.testing.assert_allclose(value(function(narrow), x=points.astype("f4")), expected, rtol=1e-4,
                               atol=1e-5)  # fmt: skip


def test_operands_may_have_any_name() -> None:
    """Also those that graphc's own functions give their first argument."""
    symbols = sp.symbols("b builder sympy sp")
    total = from_sympy("total_of_test", sum(symbols))
    tensors = [ops.constant(float(2**i)) for i in range(4)]
    assert float(value(total(*tensors))) == 15.0
    compiled = graphc.compile(graphc.grad(total(*tensors) ** 2, tensors)[0])
    assert float(compiled()) == 30.0


def test_operands_are_sorted_or_as_given() -> None:
    ratio = from_sympy("ratio_of_test", y / x)
    other = from_sympy("other_ratio_of_test", y / x, operands=[y, x])
    p, q = ops.constant(8.0), ops.constant(2.0)
    assert float(value(ratio(p, q))) == 0.25
    assert float(value(other(p, q))) == 4.0
    named = from_sympy("named_ratio_of_test", y / x, operands=["y", "x"])
    assert float(value(named(p, q))) == 4.0


def test_operands_that_the_expression_lacks() -> None:
    first = from_sympy("first_of_test", x * 2, operands=[x, y])
    check_gradient(first, [[1.0, 2.0], [3.0, 4.0]])


def test_text_is_an_expression_too_and_results_broadcast() -> None:
    plane = from_sympy("plane_of_test", "2*x + 3*y")
    z = plane(ops.input("x", ("N", 1)), ops.input("y", (4,)))
    assert str(z.value.type) == "f32[N, 4]"


def test_lowered_code_is_made_of_the_records_lowering() -> None:
    calls: list[str] = []

    class Builder:
        def dtype(self, _: Any) -> Any:
            from graphc.ir.dtypes import float32

            return float32

        def __getattr__(self, name: str) -> Any:
            return lambda *operands: (
                calls.append(name) or f"{name}({', '.join(map(str, operands))})"
            )

    record: Any = from_sympy("square_less_half_of_test", x * y - 0.5).op
    text = record.lower(Builder(), "p", "q")
    assert "mul(p, q)" in text and "sub" in text


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: from_sympy("bad_1", sp.gamma(x)), UnsupportedError, "gamma"),
        (lambda: from_sympy("bad_2", x + y, operands=[x]), ArgumentError, "y"),
        (lambda: from_sympy("bad_3", sp.Integer(3)), ArgumentError, "symbol"),
        (lambda: from_sympy("exp", sp.exp(x)), ValueError, "exists"),
        (lambda: from_sympy("bad_4", sp.Symbol("no name")), ArgumentError, "identifier"),
        (lambda: from_sympy("bad_5", sp.Symbol("lambda")), ArgumentError, "identifier"),
    ],
)
def test_errors(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_graphs_as_mathematics() -> None:
    t = ops.input("x", ("N",))
    real = sp.Symbol("x", real=True)
    assert to_sympy(ops.exp(-t) * 2) == 2 * sp.exp(-real)
    assert to_sympy(ops.where(t > 0, t, 0.0)) == sp.Piecewise((real, real > 0), (0, True))
    (dt,) = grad(ops.sum(ops.sin(t) * t), [t])
    assert sp.simplify(to_sympy(dt) - sp.sin(real) - real * sp.cos(real)) == 0
    w = ops.parameter("w", np.zeros((3, 2), np.float32))
    product = to_sympy(ops.input("h", (4, 3)) @ w)
    assert str(product) == "matmul(h, w)"


def test_a_graph_too_deep_for_sympy_is_refused() -> None:
    t = ops.input("x", ())
    for _ in range(500):
        t = ops.sin(t)
    with pytest.raises(UnsupportedError, match="deep"):
        to_sympy(t)
