"""The table of ``graphc.autodiff``: gradients where the function has none, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import graphc.ops as ops
from graphc.autodiff import grad
from tests.evaluation import values

INF = np.inf


def _gradients(f: Any, inputs: Sequence[Any], dtype: str) -> list[np.ndarray]:
    arrays = [np.asarray(v, dtype) for v in inputs]
    tensors = [ops.input(f"x{i}", a.shape, dtype) for i, a in enumerate(arrays)]
    found = grad(ops.sum(f(*tensors)), tensors)
    return values(found, **{f"x{i}": a for i, a in enumerate(arrays)})


def _probability_loss(p: Any) -> Any:
    return ops.binary_crossentropy(ops.ones_like(p), p)


def _sparse(p: Any) -> Any:
    return ops.sparse_categorical_crossentropy(ops.constant(np.array([1])), p)


TABLE: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("abs", ops.abs, [[0.0, -0.0, -2.0]], [[0, 0, -1]]),
    ("relu", ops.relu, [[0.0, -0.0, 1.0]], [[0, 0, 1]]),
    ("sign", ops.sign, [[0.0, 3.0]], [[0, 0]]),
    ("leaky_relu", lambda x: ops.leaky_relu(x, negative_slope=0.25), [[0.0, 1.0]], [[0.25, 1]]),
    ("maximum ties", ops.maximum, [[1.0, 2.0], [1.0, 1.0]], [[0.5, 1], [0.5, 0]]),
    ("minimum ties", ops.minimum, [[1.0, 2.0], [1.0, 1.0]], [[0.5, 0], [0.5, 1]]),
    ("max ties", lambda x: ops.max(x, axis=1), [[[3.0, 3, 1], [2, 2, 2]]],
     [[[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]]),
    ("min ties", ops.min, [[[3.0, 1, 1], [2, 2, 1]]], [[[0, 1 / 3, 1 / 3], [0, 0, 1 / 3]]]),
    ("clip", lambda x: ops.clip(x, -1.0, 1.0), [[-2.0, -1, 0, 1, 2]], [[0, 1, 1, 1, 0]]),
    ("clip from below", lambda x: ops.clip(x, min=0.0), [[-1.0, 0, 1]], [[0, 1, 1]]),
    ("clip from above", lambda x: ops.clip(x, max=0.0), [[-1.0, 0, 1]], [[1, 1, 0]]),
    ("sqrt", ops.sqrt, [[0.0, 4.0]], [[INF, 0.25]]),
    ("norm", ops.norm, [[0.0, 0.0]], [[0, 0]]),
    ("norm written out", lambda x: ops.sqrt(ops.sum(x * x)), [[0.0]], [[np.nan]]),
    ("std", lambda x: ops.std(x), [[2.0, 2.0, 2.0]], [[0, 0, 0]]),
    ("var", lambda x: ops.var(x), [[2.0, 2.0]], [[0, 0]]),
    ("prod", lambda x: ops.prod(x, axis=1), [[[2.0, 0, 3], [0, 0, 5]]], [[[0, 6, 0], [0, 0, 0]]]),
    ("log", ops.log, [[0.0]], [[INF]]),
    ("reciprocal", ops.reciprocal, [[0.0]], [[-INF]]),
    ("floor", ops.floor, [[1.0, 1.5]], [[0, 0]]),
    ("remainder", ops.remainder, [[6.0, 7.0], [3.0, 3.0]], [[1, 1], [-2, -2]]),
    ("where", lambda x: ops.where(x > 0, ops.log(x), 0), [[0.0, 2.0]], [[np.nan, 0.5]]),
    ("atan2", ops.atan2, [[0.0, 1.0], [0.0, 0.0]], [[0, 0], [0, -1]]),
    ("power of 0", ops.power, [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 0.5]],
     [[0, 1, 0, INF], [0, 0, 0, 0]]),
    ("power 0 of any", ops.power, [[3.0, -2.0], [0.0, 0.0]], [[0, 0], [np.log(3.0), np.nan]]),
    ("elu", ops.elu, [[0.0]], [[1.0]]),
    ("logsumexp of nothing", lambda x: ops.logsumexp(x), [[-INF, -INF]], [[0, 0]]),
    ("binary of 0 and 1", _probability_loss, [[[0.0, 1.0]]], [[[0, 0]]]),
    ("sparse of 0", _sparse, [[[1.0, 0.0]]], [[[0, 0]]]),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "f", "inputs", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_singular_points(
    name: str, f: Any, inputs: list[Any], expected: list[Any], dtype: str
) -> None:
    for found, want in zip(_gradients(f, inputs, dtype), expected, strict=True):
        np.testing.assert_allclose(found, np.asarray(want, dtype), rtol=1e-6, err_msg=name)
