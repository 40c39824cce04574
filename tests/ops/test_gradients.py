"""Gradient rules of the records in this library, against finite differences, first and second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.ir import graphs, interpreter
from tests.ops.values import run

X = np.array([[0.7, -1.3, 2.1], [1.9, 0.4, -0.6]])
Y = np.array([[1.1, 0.9, -1.7], [-0.8, 2.3, 0.5]])
P = np.abs(X) + 0.2

Case = tuple[str, Callable[..., Any], list[np.ndarray]]
CASES: list[Case] = [
    ("add", lambda x, y: x + y, [X, Y]),
    ("subtract", lambda x, y: x - y, [X, Y[0]]),
    ("multiply", lambda x, y: x * y, [X, Y[:, :1]]),
    ("divide", lambda x, y: x / y, [X, Y]),
    ("remainder", lambda x, y: x % y, [X, Y]),
    ("negative", lambda x: -x, [X]),
    ("abs", abs, [X]),
    ("square", graphc.square, [X]),
    ("sqrt", graphc.sqrt, [P]),
    ("reciprocal", graphc.reciprocal, [X]),
    ("rsqrt", graphc.rsqrt, [P]),
    ("maximum", graphc.maximum, [X, Y]),
    ("minimum", graphc.minimum, [X, Y]),
    ("clip", lambda x, a, b: graphc.clip(x, a, b), [X, np.float64(-0.5), np.float64(1.0)]),
    ("clip above", lambda x: graphc.clip(x, None, 1.0), [X]),
    ("where", lambda x, y: graphc.where(x > y, x * x, y), [X, Y]),
    ("relu", graphc.relu, [X]),
    ("leaky_relu", lambda x: graphc.leaky_relu(x, negative_slope=0.3), [X]),
    ("stop_gradient", lambda x: x + 0 * graphc.stop_gradient(x), [X]),
    ("sum", lambda x: graphc.sum(x, 0), [X]),
    ("sum of all", lambda x: graphc.sum(x * x), [X]),
    ("prod", lambda x: graphc.prod(x, 1), [X]),
    ("prod of all", lambda x: graphc.prod(x), [X]),
    ("prod with a zero", lambda x: graphc.prod(x, 1), [X * [[1, 0, 1], [1, 1, 1]]]),
    ("prod with two zeros", lambda x: graphc.prod(x, 1), [X * [[0, 0, 1], [1, 1, 1]]]),
    ("prod of axes", lambda x: graphc.prod(x, (0, 2)), [np.stack([X, Y])]),
    ("prod of many", lambda x: graphc.prod(x), [np.linspace(0.9, 1.1, 40)]),
    ("prod of many with a zero", lambda x: graphc.prod(x), [np.r_[np.linspace(0.9, 1.1, 39), 0.0]]),
    ("max", lambda x: graphc.max(x, 1), [X]),
    ("min", lambda x: graphc.min(x), [X]),
    ("mean", lambda x: graphc.mean(x, 0) * graphc.mean(x), [X]),
    ("var", lambda x: graphc.var(x, 1, correction=1), [X]),
    ("std", lambda x: graphc.std(x, (0, 1)), [X]),
    ("reshape", lambda x: graphc.reshape(x, (3, 2)) * np.arange(6).reshape(3, 2), [X]),
    ("permute_dims", lambda x: graphc.permute_dims(x, (1, 0)) * X.T, [X]),
    ("expand_dims", lambda x: x[:, None] * Y, [X]),
    ("squeeze", lambda x: graphc.squeeze(x[:1]) * Y, [X]),
    ("broadcast_to", lambda x: graphc.broadcast_to(x, (4, 2, 3)), [X[:, :1]]),
    ("flip", lambda x: graphc.flip(x, 0) * X, [X]),
    ("concat", lambda x, y: graphc.concat([x, y, x], 1), [X, Y]),
    ("stack", lambda x, y: graphc.stack([x, y], 1), [X, Y]),
    ("pad", lambda x: graphc.pad(x, ((1, 0), (0, 2))), [X]),
    ("slice", lambda x: x[::-1, 1:], [X]),
    ("slice with steps", lambda x: x[:, ::-2] * x[:, ::2], [X]),
    ("index", lambda x: x[1, -1], [X]),
    ("matmul", lambda x, y: x @ y.T, [X, Y]),
    ("matmul of vectors", lambda x, y: x @ y, [X[0], Y[0]]),
    ("matmul in batches", lambda x, y: x @ y, [np.stack([X, Y]), X.T]),
    ("matmul of batches", lambda x, y: x @ y, [np.stack([X, Y])[None], np.stack([[X.T], [Y.T]])]),
    ("take_along_axis", lambda x: graphc.take_along_axis(x, [[2, 0, 2], [1, 1, -1]], 1), [X]),
    ("scatter_add", lambda x: graphc.scatter_add(x, [[2, 0, 2], [1, 1, -1]], 4, 1), [X]),
    ("scatter_add rows", lambda x: graphc.scatter_add(x, [[1], [1]], 3, 0), [X]),
    ("scatter_add many", lambda x: graphc.scatter_add(x, [[2, 0, 2, 1, 2, 0]], 3, 1), [
        np.concatenate([X, Y], 1)]),
    ("take_along_axis rows", lambda x: graphc.take_along_axis(x, [[1, 0, 1]], 0), [X]),
]  # fmt: skip


@pytest.mark.parametrize("name,function,arrays", CASES, ids=[name for name, _, _ in CASES])
def test_first_and_second_derivative(name: str, function: Any, arrays: list[np.ndarray]) -> None:
    check_gradient(function, arrays)

    def first(*operands: Any) -> Any:
        value = graphc.sum(graphc.square(function(*operands)))
        return tuple(grad(value, list(operands)))

    if arrays[0].size < 20:
        check_gradient(first, arrays, tolerance=1e-5)


def test_a_cast_passes_the_gradient_in_the_operands_dtype() -> None:
    x = graphc.input("x", (2,))
    (dx,) = grad(graphc.sum(x.astype("float64") * [2.0, 3.0]), [x])
    assert dx.dtype is graphc.float32
    assert run(dx).tolist() == [2, 3]
    (none,) = grad(graphc.sum(x.astype("int32").astype("float32")), [x])
    assert run(none).tolist() == [0, 0]


@pytest.mark.parametrize("name,function,arrays", CASES, ids=[name for name, _, _ in CASES])
def test_symbolic_sizes_have_the_same_gradient(
    name: str, function: Any, arrays: list[np.ndarray]
) -> None:
    """Sizes of 3 and more are named, where the function does not fix them itself."""

    def gradients(symbolic: bool) -> list[np.ndarray]:
        names = {f"x{i}": np.asarray(a) for i, a in enumerate(arrays)}
        inputs = [
            graphc.input(
                n, tuple(f"D{s}" if symbolic and s > 2 else s for s in a.shape), a.dtype.name
            )
            for n, a in names.items()
        ]
        value = graphc.sum(graphc.square(function(*inputs)))
        found = grad(value, inputs)
        graph = graphs.collect(
            "test",
            {str(i): g.value for i, g in enumerate(found)},
            inputs=[x.value for x in inputs],
        )
        outputs, _ = interpreter.evaluate(graph, names)
        return list(outputs.values())

    try:
        actual = gradients(symbolic=True)
    except graphc.errors.ShapeError:
        pytest.skip("mixes named sizes with its own")
    for a, b in zip(actual, gradients(symbolic=False), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
