"""Matrix products: plain, with either operand transposed, and as a dense layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from frameworks import forms, openvino_program
from work import Program, Work, drawn


def dense(rows: int, inner: int, columns: int) -> Work:
    """relu(x @ w + b)."""

    def in_numpy(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        y = x @ w
        y += b
        return np.maximum(y, 0, out=y)

    def in_graphc(x: Any, w: Any, b: Any) -> Any:
        import graphc

        return graphc.relu(x @ w + b)

    def in_jax(x: Any, w: Any, b: Any) -> Any:
        import jax

        return jax.nn.relu(x @ w + b)

    def in_torch(x: Any, w: Any, b: Any) -> Any:
        import torch

        return torch.relu(torch.addmm(b, x, w))

    found = forms(in_graphc, in_numpy, in_jax, in_torch)
    found["openvino"] = _dense_in_openvino
    return Work(
        "relu(x@w + b)",
        f"{rows}x{inner}x{columns}",
        lambda: drawn((rows, inner), (inner, columns), (columns,)),
        in_numpy,
        found,
        (1e-3, 1e-3),
        flops=2.0 * rows * inner * columns,
    )


def _dense_in_openvino(arrays: Sequence[np.ndarray], threads: int) -> Program:
    from openvino import opset13 as ops

    x, w, b = arrays
    given = ops.parameter(x.shape, np.float32, name="x")
    summed = ops.add(ops.matmul(given, ops.constant(w), False, False), ops.constant(b))
    return openvino_program(ops.relu(summed), given, x, threads)


def product(
    rows: int,
    inner: int,
    columns: int,
    transposed: str = "",
    *,
    batch: tuple[int, ...] = (),
    dtype: str = "float32",
) -> Work:
    """A product; ``transposed`` is "", "a" or "b": the operand that is stored the other way."""
    left = (*batch, inner, rows) if transposed == "a" else (*batch, rows, inner)
    right = (*batch, columns, inner) if transposed == "b" else (*batch, inner, columns)

    def multiply(a: Any, b: Any) -> Any:
        return (a.mT if transposed == "a" else a) @ (b.mT if transposed == "b" else b)

    many = "".join(f"{length} of " for length in batch)
    note = f", {transposed} transposed" if transposed else ""
    return Work(
        "product",
        f"{many}{rows}x{inner}x{columns}{note}" + (f" {dtype}" if dtype != "float32" else ""),
        lambda: drawn(left, right, dtype=dtype),
        multiply,
        forms(multiply, multiply, multiply, multiply),
        (1e-3, 1e-3),
        flops=2.0 * math.prod(batch) * rows * inner * columns,
    )
