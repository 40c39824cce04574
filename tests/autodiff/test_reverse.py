"""Chaining of gradient rules: sums, order, independence, depth, errors, names and places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc.ops as ops
from graphc.autodiff import custom_gradient, grad, is_backward, jvp, vjp
from graphc.errors import ArgumentError, GradientError
from graphc.ir.graphs import topological
from graphc.ops.declare import elementwise
from tests.evaluation import value, values


def _x(shape: Any = (3,), dtype: str = "float64", name: str = "x") -> Any:
    return ops.input(name, shape, dtype)


def test_product_rule_and_reuse() -> None:
    x = _x(())
    y = x * x * x + 2 * x
    (first,) = grad(y, [x])
    (second,) = grad(first, [x])
    (third,) = grad(second, [x])
    assert [float(v) for v in values([first, second, third], x=2.0)] == [14.0, 12.0, 6.0]


def test_independent_tensors_get_zeros_of_their_type() -> None:
    x, z = _x(), _x((2, 4), "float32", "z")
    (dz,) = grad(ops.sum(x), [z])
    assert str(dz.value.type) == "f32[2, 4]"
    assert not value(dz).any()


def test_a_tensor_given_twice_and_the_output_itself() -> None:
    x = _x(())
    y = 3 * x
    a, b, c = grad(y, [x, x, y])
    assert [float(v) for v in values([a, b, c], x=1.0)] == [3.0, 3.0, 1.0]


def test_intermediate_values_are_sources_too() -> None:
    x = _x(())
    h = x * x
    y = ops.exp(h) + h
    dh, dx = grad(y, [h, x])
    found = [float(v) for v in values([dh, dx], x=0.5)]
    expected = np.exp(0.25) + 1
    np.testing.assert_allclose(found, [expected, expected * 1.0], rtol=1e-15)


def test_nothing_flows_through_integers_booleans_or_stop_gradient() -> None:
    x = _x()
    y = ops.sum(ops.stop_gradient(x) * x + ops.astype(ops.astype(x, "int32"), "float64"))
    (dx,) = grad(y, [x])
    np.testing.assert_array_equal(value(dx, x=[1.5, 2.5, -1.0]), [1.5, 2.5, -1.0])


def test_integer_operands_of_a_float_op_get_none() -> None:
    x, labels = _x((4, 5)), ops.input("labels", (4,), "int64")
    loss = ops.sum(ops.sparse_categorical_crossentropy(labels, x, from_logits=True))
    (dx,) = grad(loss, [x])
    assert dx.shape == (4, 5)


def test_sums_of_cotangents_have_a_fixed_order() -> None:
    x = _x((), "float32")
    parts = [x * float(c) for c in (1e8, 1.0, -1e8, 1.0)]
    y = parts[0] + parts[1] + parts[2] + parts[3]
    results = {float(value(grad(y, [x])[0], x=np.float32(1))) for _ in range(3)}
    # Last consumer first: ((1 - 1e8) + 1) + 1e8 in float32.
    expected = np.float32(np.float32(np.float32(1) - np.float32(1e8)) + np.float32(1)) + np.float32(
        1e8
    )
    assert results == {float(expected)}


def test_symbolic_shapes() -> None:
    x = _x(("N", 3), "float32")
    w = _x((3, 2), "float32", "w")
    dx, dw = grad(ops.mean((x @ w) ** 2), [x, w])
    assert str(dx.value.type) == "f32[N, 3]"
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)).astype("f4"), rng.normal(size=(3, 2)).astype("f4")
    found = values([dx, dw], x=a, w=b)
    g = 2 * (a @ b) / 10
    np.testing.assert_allclose(found[0], g @ b.T, rtol=1e-5)
    np.testing.assert_allclose(found[1], a.T @ g, rtol=1e-5)


def test_a_long_chain_and_a_wide_fan() -> None:
    x = _x((), "float32")
    y = x
    for _ in range(100_000):
        y = y + x
    (dx,) = grad(y, [x])
    assert float(value(dx, x=np.float32(1))) == 100_001.0


def test_names_and_places_of_backward_nodes() -> None:
    x = _x()
    h = ops.tanh(x)
    y = ops.sum(h * h)
    (dx,) = grad(y, [x])
    forward = set(topological([y.value]))
    backward = [n for n in topological([dx.value]) if n not in forward]
    assert backward and all(is_backward(node) for node in backward)
    assert not any(is_backward(node) for node in forward)
    lines = {node.location.line for node in forward if node.location}
    assert {node.location.line for node in backward if node.location} <= lines
    (second,) = grad(ops.sum(dx), [x])
    names = {str(node.name) for node in topological([second.value])}
    assert any(name.startswith("grad.grad.") for name in names)


def test_vjp_and_jvp_are_adjoint() -> None:
    x, v = _x((3,)), _x((3,), name="v")
    u, t = _x((2, 3), name="u"), _x((), name="t")
    y = ops.stack([ops.sin(x) * x, ops.softmax(x)])
    z = ops.sum(ops.exp(x))
    (back,) = vjp([y, z], [x], [u, t])
    forward = jvp([y, z], [x], [v])
    rng = np.random.default_rng(3)
    given = {n: rng.normal(size=s) for n, s in {"x": (3,), "v": (3,), "u": (2, 3), "t": ()}.items()}
    left, my, mz = values([back, *forward], **given)
    total = np.sum(given["u"] * my) + given["t"] * mz
    np.testing.assert_allclose(np.sum(left * given["v"]), total, rtol=1e-12)
    numeric = (value(y, x=given["x"] + 1e-6 * given["v"]) - value(y, x=given["x"])) / 1e-6
    np.testing.assert_allclose(my, numeric, atol=1e-4)


def test_custom_gradient_replaces_the_rule() -> None:
    reversed_ = custom_gradient(lambda x: x, lambda g, out, x: -g)
    x = _x()
    y = ops.sum(reversed_(x * 2))
    (dx,) = grad(y, [x])
    np.testing.assert_array_equal(value(dx, x=[1.0, 2.0, 3.0]), [-2.0] * 3)
    assert float(value(y, x=[1.0, 2.0, 3.0])) == 12.0


def test_custom_gradient_of_several_outputs() -> None:
    split = custom_gradient(
        lambda x, y: (x + y, x * y), lambda g, out, x, y: (g[0], None), name="split_of_test"
    )
    x, y = _x(()), _x((), name="y")
    a, b = split(x, y)
    dx, dy = grad(a + 10 * b, [x, y])
    assert [float(v) for v in values([dx, dy], x=2.0, y=3.0)] == [1.0, 0.0]


def test_a_composite_without_a_rule_is_differentiated_through_its_expansion() -> None:
    from graphc.ops.declare import composite

    twice = composite(
        "product_of_test", numpy=lambda x, y: x * y * y, expand=lambda x, y: x * y * y, infer=None
    )
    x = _x(())
    (dx,) = grad(twice(x, x), [x])  # the same value as both operands counts twice
    assert float(value(dx, x=2.0)) == 12.0


STABLE = [
    (lambda x: ops.log(ops.softmax(x)), lambda x: ops.log_softmax(x)),
    (lambda x: ops.log(ops.sigmoid(x)), lambda x: -ops.softplus(-x)),
    (lambda x: ops.log(1 + ops.exp(x)), ops.softplus),
    (lambda x: ops.log(ops.sum(ops.exp(x), axis=0)), lambda x: ops.logsumexp(x, 0)),
    (lambda x: ops.log(1 - ops.sigmoid(x)), lambda x: -ops.softplus(x)),
    (lambda x: ops.log(ops.exp(x)), lambda x: x),
]


@pytest.mark.parametrize(("written", "stable"), STABLE)
def test_gradients_are_those_of_accurate_forms(written: Any, stable: Any) -> None:
    x = _x((3,), "float32")
    weights = ops.constant(np.array([1.0, 2.0, 3.0], np.float32))
    gradients = [grad(ops.sum(f(x * 1.0) * weights), [x])[0] for f in (written, stable)]
    found, expected = values(gradients, x=np.array([-200, 0.5, 200], np.float32))
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_value_left_out_of_an_accurate_form_keeps_its_gradient() -> None:
    x = _x((2,))
    p = ops.softmax(x)
    y = ops.sum(ops.log(p) * ops.constant(np.array([1.0, 3.0])))
    dp, dx = grad(y, [p, x])
    share, found, through = values([p, dp, dx], x=[0.3, 0.9])
    np.testing.assert_allclose(found, [1.0, 3.0] / share)
    np.testing.assert_allclose(through, [1.0, 3.0] - 4 * share, rtol=1e-12)
    only_p = grad(y, [p])[0]
    np.testing.assert_allclose(value(only_p, x=[0.3, 0.9]), found)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda x, i: grad(x, [x]), GradientError, "scalar"),
        (lambda x, i: grad(ops.sum(i), [x]), GradientError, "int32"),
        (lambda x, i: grad(ops.sum(x), [i]), GradientError, "with respect to a value of int32"),
        (lambda x, i: grad(ops.sum(x), x), ArgumentError, "list of tensors"),
        (lambda x, i: grad(ops.sum(x), [1.0]), ArgumentError, "float"),
        (lambda x, i: grad(1.0, [x]), ArgumentError, "float"),
        (lambda x, i: grad(x, [x], cotangent=i), GradientError, "cotangent"),
        (lambda x, i: vjp([x], [x], []), ArgumentError, "0 cotangents"),
        (lambda x, i: jvp([x], [x], [i]), GradientError, "tangent"),
    ],
)
def test_errors_name_the_fault_and_the_line(make: Any, error: Any, text: str) -> None:
    x, i = _x(), ops.input("i", (3,), "int32")
    with pytest.raises(error, match=text) as raised:
        make(x, i)
    assert "test_reverse.py" in str(raised.value)


def test_an_op_without_mathematics_says_so() -> None:
    opaque = elementwise("opaque_of_test", numpy=np.positive, lower=lambda b, x: x)
    x = _x()
    with pytest.raises(GradientError, match="opaque_of_test: it has neither"):
        grad(ops.sum(opaque(x)), [x])


def test_a_rule_that_gives_the_wrong_type_is_named() -> None:
    wrong = elementwise(
        "wrong_of_test", numpy=np.positive, lower=lambda b, x: x, grad=lambda g, out, x: ops.sum(g)
    )
    x = _x()
    with pytest.raises(GradientError, match="wrong_of_test: its gradient rule gave"):
        grad(ops.sum(wrong(x)), [x])
