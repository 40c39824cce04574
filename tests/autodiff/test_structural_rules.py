"""Gradients of reductions, views, joins, products, gathers and composites, first and second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc.ops as ops
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.ir.graphs import topological
from graphc.ir.op import Composite, Contraction, Gather, Rearrange, Reduction, Scatter, registered
from graphc.tensor import Tensor

RNG = np.random.default_rng(17)


def _array(*shape: int) -> np.ndarray:
    """Numbers at least 0.02 apart, in random order, none near 0."""
    count = int(np.prod(shape))
    return np.asarray(
        RNG.permutation(np.linspace(-1.0, 1.0, count + 2)[1:-1]).reshape(shape) + 0.013
    )


INDEX = np.array([[2, 0, 2], [1, 1, 0]])
Case = tuple[str, Callable[..., Any], list[np.ndarray]]
CASES: list[Case] = [
    ("sum", lambda x: ops.sum(x), [_array(2, 3)]),
    ("sum", lambda x: ops.sum(x, axis=(0, 2)), [_array(2, 3, 2)]),
    ("sum", lambda x: ops.sum(x, axis=-1, keepdims=True), [_array(2, 3)]),
    ("sum", lambda x: ops.sum(x), [np.array(0.7)]),
    ("mean", lambda x: ops.mean(x, axis=1), [_array(3, 4)]),
    ("prod", lambda x: ops.prod(x, axis=1), [_array(2, 3)]),
    ("prod", lambda x: ops.prod(x), [np.array([0.5, 0.0, 2.0])]),
    ("max", lambda x: ops.max(x, axis=0), [_array(3, 4)]),
    ("min", lambda x: ops.min(x), [_array(3, 4)]),
    ("var", lambda x: ops.var(x, axis=0), [_array(4, 2)]),
    ("var", lambda x: ops.var(x, correction=1), [_array(5)]),
    ("std", lambda x: ops.std(x, axis=1), [_array(2, 4)]),
    ("logsumexp", lambda x: ops.logsumexp(x, axis=(0, 1)), [_array(2, 3)]),
    ("reshape", lambda x: ops.reshape(x, (3, 4)), [_array(2, 6)]),
    ("permute_dims", lambda x: ops.permute_dims(x, (2, 0, 1)), [_array(2, 3, 2)]),
    ("permute_dims", lambda x: x.mT, [_array(2, 3, 2)]),
    ("expand_dims", lambda x: ops.expand_dims(x, (0, 2)), [_array(2, 3)]),
    ("squeeze", lambda x: ops.squeeze(x), [_array(2, 1, 3)]),
    ("broadcast", lambda x: ops.broadcast_to(x, (4, 2, 3)), [_array(2, 1)]),
    ("broadcast", lambda x, y: x * y, [_array(3, 1), _array(2)]),
    ("flip", lambda x: ops.flip(x, axis=1), [_array(2, 3)]),
    ("slice", lambda x: x[1:, ::-2], [_array(3, 5)]),
    ("slice", lambda x: x[..., 1, None], [_array(3, 2)]),
    ("slice", lambda x: x[0:0], [_array(3, 2)]),
    ("concat", lambda x, y: ops.concat([x, y, x], axis=1), [_array(2, 3), _array(2, 1)]),
    ("concat", lambda x, y: ops.stack([x, y], axis=-1), [_array(2, 3), _array(2, 3)]),
    ("pad", lambda x: ops.pad(x, ((1, 2), (0, 3))), [_array(2, 3)]),
    ("matmul", lambda x, y: x @ y, [_array(2, 3), _array(3, 4)]),
    ("matmul", lambda x, y: x @ y, [_array(2, 3), _array(3)]),
    ("matmul", lambda x, y: x @ y, [_array(3), _array(3)]),
    ("matmul", lambda x, y: x @ y, [_array(2, 1, 2, 3), _array(4, 3, 2)]),
    ("take_along_axis", lambda x: ops.take_along_axis(x, INDEX, axis=1), [_array(2, 3)]),
    ("scatter_add", lambda x: ops.scatter_add(x, INDEX, 3, axis=1), [_array(2, 3)]),
    ("softmax", lambda x: ops.softmax(x, axis=0), [_array(3, 2)]),
    ("log_softmax", lambda x: ops.log_softmax(x), [_array(2, 3)]),
    ("mse", ops.mse, [_array(2, 3), _array(2, 3) + 0.005]),
    ("mae", ops.mae, [_array(2, 3), _array(2, 3) + 0.005]),
    ("binary_crossentropy", lambda t, p: ops.binary_crossentropy(t, p, from_logits=True),
     [np.abs(_array(2, 3)), _array(2, 3)]),
    ("categorical_crossentropy", ops.categorical_crossentropy,
     [np.abs(_array(2, 3)), np.abs(_array(2, 3)) + 0.5]),
    ("sparse_categorical_crossentropy",
     lambda p: ops.sparse_categorical_crossentropy(INDEX[0], p, from_logits=True), [_array(3, 3)]),
    ("norm", lambda x: ops.norm(x, axis=1), [_array(2, 4)]),
]  # fmt: skip
# Of these nothing depends on what is differentiated, by their nature.
WITHOUT_GRADIENT = {"argmax", "argmin", "any", "all", "one_hot", "uniform", "normal"}


@pytest.mark.parametrize(("name", "f", "inputs"), CASES, ids=[case[0] for case in CASES])
def test_first_and_second_derivatives(
    name: str, f: Callable[..., Any], inputs: list[np.ndarray]
) -> None:
    check_gradient(f, inputs)

    def gradient(*xs: Tensor) -> Any:
        y = f(*xs)
        return grad(ops.sum(y * y), xs)

    check_gradient(gradient, inputs)


def test_every_record_that_is_not_elementwise_has_a_case() -> None:
    met: set[str] = set()
    for _, f, inputs in CASES:
        tensors = [ops.input(f"x{i}", a.shape, "float64") for i, a in enumerate(inputs)]
        met |= {node.op.name for node in topological([f(*tensors).value])}
    for record in registered():
        own = str(getattr(record.numpy, "__module__", "")).startswith("graphc.")
        kinds = (Reduction, Rearrange, Contraction, Gather, Scatter, Composite)
        if own and isinstance(record, kinds) and record.name not in WITHOUT_GRADIENT:
            assert record.name in met or record.name.endswith(("_of_test", "_of_docs")), record


@pytest.mark.parametrize("rank", range(7))
def test_all_ranks(rank: int) -> None:
    shape = (2, 1, 2, 1, 2, 2)[:rank]
    check_gradient(lambda x: ops.sum(x * x) + ops.mean(ops.abs(x)), [_array(*shape) + 3])


def test_empty_arrays() -> None:
    x = np.zeros((0, 3))
    for f in (ops.sum, lambda x: ops.softmax(x), lambda x: ops.sum(x, axis=0), lambda x: x.mT @ x):
        assert check_gradient(f, [x]).worst == 0
