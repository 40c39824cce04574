"""Steps that reduce, multiply matrices, gather, or apply composites over rows."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.ir import dims, dtypes
from graphc.ir.dims import Size
from graphc.ir.dtypes import DType
from graphc.tensor import Tensor, functions
from tests.random_graphs.builder import MOST_ELEMENTS, Builder

_REDUCTIONS = ("sum", "sum", "mean", "max", "min", "prod", "any", "all", "var", "std")


def reduced(build: Builder) -> Tensor:
    name = build.random.choice([*_REDUCTIONS, *(["logsumexp"] if "exp" in functions else [])])
    x = build.tensor()
    axis: Any = build.axes(x.ndim) if build.chance(0.8) else None
    if name == "prod" and x.dtype.is_float:
        x = 1 + 0.1 * (x / (1 + graphc.abs(x)))
    result: Tensor = functions[name](x, axis=axis, keepdims=build.chance(0.35))
    return result


def row_use(build: Builder) -> Tensor:
    """A reduction used with what it was made of, as in a softmax or a layer norm."""
    x = build.float_tensor(1)
    axis = -1 if build.chance(0.7) else build.random.randrange(x.ndim)
    name = build.random.choice(("max", "sum", "mean", "min"))
    folded = functions[name](x, axis=axis, keepdims=True)
    combined = functions[build.random.choice(("subtract", "multiply", "maximum"))](x, folded)
    if build.chance(0.5):
        return combined
    again = graphc.sum(graphc.square(combined), axis=axis, keepdims=build.chance(0.5))
    if build.chance(0.5):
        return again
    return combined / (1 + graphc.sum(combined, axis, keepdims=True))


def extreme_index(build: Builder) -> Tensor:
    x = build.tensor(lambda t: t.ndim >= 1)
    function = build.random.choice((graphc.argmax, graphc.argmin))
    axis = build.random.randrange(-x.ndim, x.ndim) if build.chance(0.8) else None
    return function(x, axis, keepdims=build.chance(0.3))


def product(build: Builder) -> Tensor:
    """Matrix products of all ranks, batches included, mostly by something static."""
    x = build.tensor(lambda t: t.ndim >= 1)
    kind = build.random.random()
    columns = build.random.choice((1, 2, 3, 8, 10, 16, 17, 20, 33, 64))
    dtype = x.dtype if build.chance(0.9) else build.dtype()
    if kind < 0.15:
        return x @ build.input((x.shape[-1],), dtype)
    if kind < 0.3 and x.ndim >= 2:
        return graphc.matmul(x.mT, x)
    if kind < 0.4 and x.ndim >= 2:
        rows = build.input((x.shape[-2],), dtype)
        return graphc.matmul(rows, x)
    if kind < 0.55 and x.ndim >= 3:
        batch = x.shape[:-2] if build.chance(0.6) else x.shape[1:-2]
        return x @ build.input((*batch, x.shape[-1], columns), dtype)
    if kind < 0.65 and x.ndim >= 2:
        return graphc.matmul(build.input((columns, x.shape[-2]), dtype), x)
    size = x.shape[-1]
    if isinstance(size, int) and build.chance(0.5) and size * columns <= MOST_ELEMENTS:
        return x @ build.parameter((size, columns), dtype)
    return x @ build.input((x.shape[-1], columns), dtype)


def dense(build: Builder) -> Tensor:
    """A product with an epilogue: bias, activation, a residual."""
    y = product(build)
    if not y.dtype.is_float:
        return y
    if y.ndim and isinstance(y.shape[-1], int):
        y = y + build.parameter((y.shape[-1],), y.dtype)
    for _ in range(build.random.randrange(1, 4)):
        kind = build.random.random()
        if kind < 0.4:
            y = graphc.relu(y)
        elif kind < 0.7:
            y = y * build.random.choice((0.5, 2.0))
        else:
            y = y - build.input(y.shape, y.dtype)
    return y


def columns(build: Builder) -> Tensor:
    """Sums over the rows of a product, as gradients of biases are, beside the product itself."""
    y = dense(build)
    if y.ndim < 2 or not build.fits(y):
        return y
    build.pool.append(y)
    axis = build.random.choice((0, -2, tuple(range(y.ndim - 1))))
    name = build.random.choice(("sum", "sum", "sum", "max", "mean", "any", "argmin"))
    return functions[name](y, axis if name != "argmin" else -2)


def gathered(build: Builder) -> Tensor:
    x = build.tensor(lambda t: t.ndim >= 1)
    axis = build.random.randrange(x.ndim)
    dtype = _index_dtype(build, x.shape[axis])
    count = build.random.choice((1, 2, 5, 16))
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    if build.chance(0.6) and min(build.values(x.shape[axis])) > 0:
        index = build.input(shape, dtype, build.indices(x.shape[axis], dtype))
        if build.chance(0.3):
            index = graphc.flip(index, axis)
    else:
        wide = build.tensor(lambda t: t.dtype.is_integer)
        index = (graphc.iota(shape, axis) * 3 + (wide.size if not wide.ndim else 1)) % 4
    return graphc.take_along_axis(x, index, axis)


def scattered(build: Builder) -> Tensor:
    """Elements added at places along one axis: given ones, or computed and perhaps beyond it."""
    x = build.tensor(lambda t: t.ndim >= 1)
    axis = build.random.randrange(x.ndim)
    size = build.random.choice((1, 3, 17, 40, x.shape[axis]))
    shape = tuple(n if a == axis or build.chance(0.5) else 1 for a, n in enumerate(x.shape))
    if build.chance(0.6) and min(build.values(size)) > 0:
        dtype = _index_dtype(build, size)
        index = build.input(shape, dtype, build.indices(size, dtype))
        return graphc.scatter_add(x, index, size, axis)
    index = (graphc.iota(shape, axis) * 7 + graphc.iota(shape, 0)) % 19 - 3
    return graphc.scatter_add(x, index, size, axis)


def _index_dtype(build: Builder, limit: Size) -> DType:
    wide = max(build.values(limit)) > 255
    return build.random.choice((dtypes.int32, dtypes.int64, *([] if wide else [dtypes.uint8])))


def one_hot(build: Builder) -> Tensor:
    x = build.tensor(lambda t: t.ndim <= 2)
    index = graphc.astype(x, dtypes.int32) if not x.dtype.is_integer else x
    classes = build.random.choice((1, 3, 10, 17))
    axis = build.random.randrange(-1, x.ndim + 1)
    return graphc.one_hot(index, classes, axis=axis, dtype=build.random.choice(dtypes.ALL))


def softmaxed(build: Builder) -> Tensor:
    if "exp" not in functions or "log" not in functions:
        return row_use(build)
    x = build.float_tensor(1)
    axis = -1 if build.chance(0.7) else build.random.randrange(x.ndim)
    function = build.random.choice((graphc.softmax, graphc.log_softmax))
    result = function(x, axis)
    return graphc.log(result) if function is graphc.softmax and build.chance(0.2) else result


def loss(build: Builder) -> Tensor:
    x = build.float_tensor(1)
    logits = build.chance(0.5)
    name = build.random.choice(("mse", "mae", "binary", "categorical", "sparse"))
    if name in ("mse", "mae") or not {"exp", "log", "softplus"} <= set(functions):
        function = graphc.mse if name == "mse" else graphc.mae
        return function(build.input(x.shape, x.dtype), x)
    if name == "sparse":
        return _sparse_loss(build, x, logits)
    shares = x if logits else graphc.abs(x) + 0.1
    if name == "categorical":
        true = build.input(x.shape, dtypes.bool_)
        axis = build.random.randrange(-1, x.ndim)
        return graphc.categorical_crossentropy(true, shares, from_logits=logits, axis=axis)
    shares = shares if logits else shares / (1 + shares)
    true = build.input(x.shape, dtypes.bool_)
    return graphc.binary_crossentropy(true, shares, from_logits=logits)


def _sparse_loss(build: Builder, x: Tensor, logits: bool) -> Tensor:
    if min(build.values(x.shape[-1])) == 0:
        return graphc.mse(x, x)
    dtype = _index_dtype(build, x.shape[-1])
    labels = build.input(x.shape[:-1], dtype, build.indices(x.shape[-1], dtype))
    predicted = x if logits else graphc.abs(x) + 0.1
    return graphc.sparse_categorical_crossentropy(labels, predicted, from_logits=logits)


def drawn(build: Builder) -> Tensor:
    """Random numbers, mixed with a tensor of the pool."""
    x = build.tensor()
    if build.generator is None:
        build.generator = graphc.Generator(build.seed, f"g{build.seed}_state")
    options: dict[str, Any] = {"generator": build.generator}
    dtype = dtypes.float64 if x.dtype == dtypes.float64 else dtypes.float32
    kind = build.random.random()
    if kind < 0.3 and {"log", "cos"} <= set(functions):
        return x + graphc.normal(x.shape, dtype=dtype, **options)
    if kind < 0.6:
        return x * graphc.uniform(x.shape, -1.0, 2.0, dtype=dtype, **options)
    return graphc.where(graphc.bernoulli(0.7, x.shape, **options), x, 0)


def size_used(build: Builder) -> Tensor:
    x = build.float_tensor(1)
    size = dims.product(x.shape)
    if isinstance(size, int):
        return x / max(size, 1)
    return x / graphc.astype(graphc.size_of(size), x.dtype)
