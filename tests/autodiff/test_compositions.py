"""Random compositions of ops: reverse mode against differences and against forward mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc.ops as ops
from graphc.autodiff import grad, jvp
from graphc.autodiff.check import check_gradient
from tests.evaluation import values

# All smooth and tame on the whole line, so that differences can be trusted.
UNARY = [
    ops.tanh, ops.sigmoid, ops.sin, ops.cos, ops.softplus, ops.negative, ops.square,
    lambda x: ops.exp(-ops.square(x)), lambda x: ops.log1p(ops.square(x)),
    lambda x: ops.sqrt(1 + ops.square(x)), lambda x: ops.softmax(x),
    lambda x: ops.log_softmax(x, 0), lambda x: ops.logsumexp(x, 1, keepdims=True) + x,
    lambda x: x - ops.mean(x, axis=0), lambda x: x / (1 + ops.std(x)),
    lambda x: ops.flip(x, 1), lambda x: ops.concat([x[:, 1:], x[:, :1]], 1),
    lambda x: x @ (x.mT @ x) * 0.1, lambda x: ops.pad(x[1:], ((0, 1), (0, 0))),
]  # fmt: skip
BINARY = [
    ops.add, ops.subtract, ops.multiply, lambda x, y: x / (1 + ops.square(y)),
    lambda x, y: ops.where(ops.constant(np.eye(2, 3, dtype=bool)), x, y),
    lambda x, y: ops.atan2(x, 2 + ops.square(y)),
    lambda x, y: ops.power(1 + ops.square(x), ops.tanh(y)),
    lambda x, y: ops.sum(x, axis=1, keepdims=True) * y,
]  # fmt: skip

programs = st.lists(
    st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=6,
)


def _run(program: Any, x: Any, y: Any) -> Any:
    made = [x, y]
    for which, i, j in program:
        first, second = made[i % len(made)], made[j % len(made)]
        if which < len(UNARY):
            made.append(UNARY[which](first))
        else:
            made.append(BINARY[which - len(UNARY)](first, second))
    return made[-1]


POINTS = [
    np.array([[0.3, -0.8, 1.1], [0.6, 0.2, -0.4]]),
    np.array([[-0.5, 0.9, 0.1], [0.7, -1.2, 0.4]]),
]


@settings(max_examples=40, deadline=None)
@given(programs)
def test_gradients_agree_with_differences(program: Any) -> None:
    check_gradient(lambda x, y: _run(program, x, y), POINTS, tolerance=1e-5, step=3e-4)


@settings(max_examples=25, deadline=None)
@given(programs)
def test_forward_mode_is_the_transpose_of_reverse_mode(program: Any) -> None:
    x, y = (ops.input(n, (2, 3), "float64") for n in "xy")
    u, v = (ops.input(n, (2, 3), "float64") for n in "uv")
    weight = ops.input("w", (2, 3), "float64")
    z = ops.broadcast_to(_run(program, x, y), (2, 3))
    forward = ops.sum(jvp([z], [x, y], [u, v])[0] * weight)
    dx, dy = grad(z, [x, y], cotangent=weight)
    backward = ops.sum(dx * u) + ops.sum(dy * v)
    rng = np.random.default_rng(0)
    given_ = {"x": POINTS[0], "y": POINTS[1], **{n: rng.normal(size=(2, 3)) for n in "uvw"}}
    left, right = values([forward, backward], **given_)
    np.testing.assert_allclose(left, right, rtol=1e-8, atol=1e-8)
