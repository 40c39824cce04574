"""Derived rules: stored ones are current, forms are stable, a user's op needs one call."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sympy as sp

import graphc.ops as ops
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.errors import GradientError, UnsupportedError
from graphc.ops.declare import elementwise
from graphc.symbolic import derive
from graphc.symbolic.differentiate import gradient_steps
from graphc.symbolic.functions import Expm1, Log1p, Sigmoid, Softplus, plain, stabilised
from graphc.symbolic.steps import translate
from tests.evaluation import value, values

X = sp.Symbol("x", real=True)


def _op(name: str, math: Any, numpy: Any) -> Any:
    return elementwise(name, math=math, numpy=numpy, lower=lambda b, x: x)


def _ops_in(steps: Any) -> list[str]:
    return [step.op for step in steps.steps]


def test_the_stored_rules_are_those_that_would_be_derived_now() -> None:
    if f"sympy {sp.__version__}" not in derive.PATH.read_text(encoding="utf-8"):
        pytest.skip("derived by another version of sympy; the values are tested in any case")
    code = (
        "from graphc.symbolic import derive\n"
        "assert derive.PATH.read_text(encoding='utf-8') == derive.text(), "
        "'run python -m graphc.symbolic.derive'"
    )
    # A process of its own: other tests declare ops.
    subprocess.run([sys.executable, "-c", code], check=True)


def test_gradients_of_own_ops_do_not_import_sympy() -> None:
    code = (
        "import sys, graphc.ops as ops\n"
        "from graphc.ir.op import registered, Elementwise\n"
        "from graphc.autodiff import grad\n"
        "x = ops.input('x', (3,))\n"
        "for f in (ops.exp, ops.tanh, ops.sigmoid, ops.softplus, ops.log, ops.softmax, ops.gelu):\n"
        "    (d,) = grad(ops.sum(f(x)), [x]); grad(ops.sum(d), [x])\n"
        "assert not {'sympy', 'networkx', 'mpmath'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (sp.log(1 + sp.exp(X)), Softplus(X)),
        (1 / (1 + sp.exp(-X)), Sigmoid(X)),
        (sp.exp(X) / (1 + sp.exp(X)), Sigmoid(X)),
        (sp.exp(X) / (1 + sp.exp(X)) ** 2, Sigmoid(X) * Sigmoid(-X)),
        (3 * sp.exp(X) - 3, 3 * Expm1(X)),
        (1 - sp.exp(-X), -Expm1(-X)),
        (sp.log(1 + X**2), Log1p(X**2)),
        (1 - sp.tanh(X) ** 2, sp.cosh(X) ** -2),
        (sp.log(2 + X), sp.log(2 + X)),
        (sp.sin(X) + sp.cos(X), sp.sin(X) + sp.cos(X)),
    ],
)
def test_patterns(given: Any, expected: Any) -> None:
    found = stabilised(given)
    assert found == expected
    assert float(abs(plain(found).subs(X, 0.37).evalf() - given.subs(X, 0.37).evalf())) < 1e-12


def test_common_parts_are_computed_once() -> None:
    steps = translate([sp.exp(X) * sp.sin(sp.exp(X)), sp.exp(X) + 1])
    assert _ops_in(steps).count("exp") == 1


def test_the_output_is_used_again() -> None:
    record = _op("exponential_of_test", lambda sp, x: sp.exp(x), np.exp).op
    (steps,) = gradient_steps(record)
    assert _ops_in(steps) == ["multiply"]


@pytest.mark.parametrize(
    ("name", "math", "numpy"),
    [
        ("ramp_of_test", lambda sp, x: sp.log(1 + sp.exp(x)), lambda x: np.logaddexp(0, x)),
        ("logistic_of_test", lambda sp, x: 1 / (1 + sp.exp(-x)), lambda x: 1 / (1 + np.exp(-x))),
        ("swish_of_test", lambda sp, x: x / (1 + sp.exp(-x)), lambda x: x / (1 + np.exp(-x))),
        ("saturation_of_test", lambda sp, x: sp.tanh(x), np.tanh),
    ],
)
def test_derived_gradients_hold_at_100(name: str, math: Any, numpy: Any) -> None:
    function = _op(name, math, numpy)
    x = ops.input("x", (5,))
    (dx,) = grad(ops.sum(function(x)), [x])
    points = np.array([-100, -20, 0.5, 20, 100], np.float32)
    found = value(dx, x=points).astype("f8")
    exact = sp.diff(math(sp, X), X)
    for at, derivative in zip(points, found, strict=True):
        true = float(exact.subs(X, sp.Integer(int(at)) if at == int(at) else 0.5).evalf(40))
        assert abs(derivative - true) <= 1e-5 * abs(true) + 1.2e-38, at


def test_a_users_op_of_two_operands_and_an_attribute() -> None:
    bump = elementwise(
        "bump_of_test",
        math=lambda sp, x, y, *, width=2.0: sp.exp(-((x - y) ** 2) / width),
        numpy=lambda x, y, *, width=2.0: np.exp(-((x - y) ** 2) / width),
        lower=lambda b, x, y, *, width=2.0: x,
    )
    check_gradient(lambda x, y: bump(x, y, width=0.7), [[0.3, 1.0], [0.9, -0.2]])


def test_cases_and_jumps() -> None:
    cases = _op(
        "huber_of_test",
        lambda sp, x: sp.Piecewise((x**2 / 2, sp.Abs(x) < 1), (sp.Abs(x) - 0.5, True)),
        lambda x: np.where(np.abs(x) < 1, x**2 / 2, np.abs(x) - 0.5),
    )
    check_gradient(cases, [[0.3, -0.7, 2.0, -3.0]])
    larger = elementwise(
        "larger_of_test",
        math=lambda sp, x, y: sp.Max(x, y),
        numpy=np.maximum,
        lower=lambda b, x, y: x,
    )
    x, y = (ops.input(n, (3,), "float32") for n in "xy")
    found = values(grad(ops.sum(larger(x, y)), [x, y]), x=[1, 2, 3], y=[2, 2, 2])
    np.testing.assert_array_equal(found, [[0, 0.5, 1], [1, 0.5, 0]])
    assert found[0].dtype == np.float32


def test_constant_derivatives_have_the_operands_type() -> None:
    line = _op("line_of_test", lambda sp, x: 3 * x + 1, lambda x: 3 * x + 1)
    x = ops.input("x", ("N", 2), "float32")
    (dx,) = grad(ops.sum(line(x)), [x])
    assert str(dx.value.type) == "f32[N, 2]"
    (second,) = grad(ops.sum(dx), [x])
    assert not value(second * ops.sum(x), x=np.ones((3, 2), np.float32)).any()


def test_functions_without_an_op_or_a_derivative_are_named() -> None:
    gamma = _op("gamma_of_test", lambda sp, x: sp.gamma(x), np.positive)
    x = ops.input("x", (3,))
    with pytest.raises(UnsupportedError, match=r"gamma_of_test: no op of graphc computes"):
        grad(ops.sum(gamma(x)), [x])
    unknown = _op("unknown_of_test", lambda sp, x: sp.Function("f")(x), np.positive)
    with pytest.raises(GradientError, match="unknown_of_test: sympy knows no derivative"):
        grad(ops.sum(unknown(x)), [x])


def test_derive_covers_all_own_records_with_mathematics() -> None:
    names = {record.name for record in derive.own_records()}
    assert {"sin", "log", "cosh", "add", "multiply"} <= names
