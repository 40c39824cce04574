"""Random graphs over ops whose references are exact, for tests that compare bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from graphc import ops
from graphc.errors import GraphcError
from graphc.ir import dtypes
from graphc.ir.graphs import Graph, collect
from graphc.tensor import Tensor

UNARY = ("negative", "abs", "square", "stop_gradient", "logical_not", "sign", "relu", "reciprocal")
BINARY = (
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "equal", "less",
    "logical_and", "logical_or", "floor_divide", *(("power",) if hasattr(ops, "power") else ()),
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 4.0, 3.0, True, False)
SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.5, -3.0, np.inf, -np.inf, np.nan, 1e-40, 3e38, 1e-300)


@st.composite
def graphs(draw: st.DrawFn, *, most: int = 12) -> Graph:
    """A graph over inputs x: [N, 3], y: [3], z: [N, 1, 3] and a parameter; two to four outputs."""
    kinds = [draw(st.sampled_from(dtypes.ALL)) for _ in range(3)]
    pool: list[Tensor] = [
        ops.input("x", ("N", 3), kinds[0]),
        ops.input("y", (3,), kinds[1]),
        ops.input("z", ("N", 1, 3), kinds[2]),
        ops.parameter("w", np.array([1, 2, 0], np.float32)),
    ]
    inputs = [tensor.value for tensor in pool[:3]]
    for _ in range(draw(st.integers(2, most))):
        step = draw(st.sampled_from((_unary, _binary, _binary, _where, _cast, _move, _fold)))
        try:
            result = step(draw, pool)
        except GraphcError:
            continue  # this op does not take these operands
        if result.ndim <= 6:
            pool.append(result)
    outputs = {f"out{i}": tensor.value for i, tensor in enumerate(pool[-4:])}
    updates = [(pool[3].value, ops.negative(pool[3]).value)]
    return collect("g", outputs, updates, inputs=inputs, parameters=[pool[3].value])


def _any(draw: st.DrawFn, pool: list[Tensor]) -> Tensor:
    return draw(st.sampled_from(pool))


def _unary(draw: st.DrawFn, pool: list[Tensor]) -> Any:
    return getattr(ops, draw(st.sampled_from(UNARY)))(_any(draw, pool))


def _binary(draw: st.DrawFn, pool: list[Tensor]) -> Any:
    name = draw(st.sampled_from(BINARY))
    x = _any(draw, pool)
    if name == "power":  # elsewhere references and arithmetic agree to rounding only
        return ops.power(x, draw(st.sampled_from((1, 1.0))))
    other = draw(st.sampled_from(("tensor", "number", "itself", "negated")))
    y: Any = {"itself": x, "tensor": _any(draw, pool)}.get(other)
    y = draw(st.sampled_from(NUMBERS)) if other == "number" else y
    y = ops.negative(_any(draw, pool)) if other == "negated" else y
    return getattr(ops, name)(*((x, y) if draw(st.booleans()) else (y, x)))


def _where(draw: st.DrawFn, pool: list[Tensor]) -> Any:
    condition = draw(st.sampled_from((True, False, None)))
    chosen = ops.logical_not(_any(draw, pool)) if condition is None else condition
    return ops.where(chosen, _any(draw, pool), _any(draw, pool))


def _cast(draw: st.DrawFn, pool: list[Tensor]) -> Any:
    first = ops.astype(_any(draw, pool), draw(st.sampled_from(dtypes.ALL)))
    return ops.astype(first, draw(st.sampled_from(dtypes.ALL)))


def _move(draw: st.DrawFn, pool: list[Tensor]) -> Any:
    x = _any(draw, pool)
    axes = list(range(x.ndim))
    choice = draw(st.integers(0, 8))
    if choice == 0:
        return ops.permute_dims(x, draw(st.permutations(axes)))
    if choice == 1:
        return ops.expand_dims(x, draw(st.integers(0, x.ndim)))
    if choice == 2:
        return ops.squeeze(x)
    if choice == 3:
        return ops.reshape(x, draw(st.sampled_from([(-1,), (3, -1), (-1, 1), x.shape])))
    if choice == 4:
        return ops.flip(x, draw(st.sampled_from([None, *axes])))
    if choice == 5:
        return ops.broadcast_to(x, (2, *x.shape))
    if choice == 6:
        return ops.concat([x, x[:0]] if draw(st.booleans()) else [x, x], 0)
    if choice == 7:
        return ops.pad(x, draw(st.integers(0, 1)))
    return x[draw(st.sampled_from([slice(None), slice(0, 1), None]))]


def _fold(draw: st.DrawFn, pool: list[Tensor]) -> Any:
    x = _any(draw, pool)
    axes = draw(st.sets(st.integers(0, max(x.ndim - 1, 0))))
    exact = ("max", "min", "any", "all", "argmax") + (() if x.dtype.is_float else ("sum", "prod"))
    name = draw(st.sampled_from(exact))
    keep = draw(st.booleans())
    axis: Any = min(axes, default=0) if name == "argmax" else tuple(axes)
    return getattr(ops, name)(x, axis, keepdims=keep)


def arrays(draw: st.DrawFn, graph: Graph) -> dict[str, np.ndarray]:
    """Inputs with special values, N from 1 to 4 (an extremum of nothing is an error)."""
    n = draw(st.integers(1, 4))
    found = {}
    for value in graph.inputs:
        shape = tuple(n if not isinstance(size, int) else size for size in value.type.shape)
        count = int(np.prod(shape))
        numbers = draw(st.lists(st.sampled_from(SPECIAL), min_size=count, max_size=count))
        with np.errstate(all="ignore"):
            whole = np.nan_to_num(np.array(numbers), posinf=7, neginf=-8, nan=5) % 251
            kind = value.type.dtype
            source = np.array(numbers) if kind.is_float else whole
            found[str(value.name)] = source.astype(kind.numpy).reshape(shape)
    return found


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal dtype, shape and bits; all NaNs count as equal."""
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    if left.dtype.kind != "f":
        return bool(np.array_equal(left, right))
    both = np.isnan(left) & np.isnan(right)
    return bool(np.all(both | ((left == right) & (np.signbit(left) == np.signbit(right)))))
