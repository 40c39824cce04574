"""``keras.ops`` of networks: activations, products, normalization, cross-entropies of elements."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.errors import ArgumentError
from graphc.keras import activations as act
from graphc.keras.calling import universal
from graphc.keras.config import epsilon as small
from graphc.keras.config import standard_dtype
from graphc.keras.ops.operands import as_float, as_keras, number, together
from graphc.keras.pairs import classes
from graphc.keras.registry import fail
from graphc.tensor import Tensor

__all__ = [
    "batch_normalization", "binary_crossentropy", "categorical_crossentropy", "celu", "dot", "elu",
    "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "in_top_k", "inner", "layer_normalization", "leaky_relu", "log_sigmoid", "log_softmax",
    "matmul", "multi_hot", "normalize", "one_hot", "outer", "relu", "relu6", "rms_normalization",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign",
    "sparse_categorical_crossentropy", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "swish", "tanh_shrink", "tensordot", "threshold", "vdot",
]  # fmt: skip


celu, elu, glu, leaky_relu = act.celu, act.elu, act.glu, act.leaky_relu
hard_shrink, hard_sigmoid, hard_tanh = act.hard_shrink, act.hard_sigmoid, act.hard_tanh
hard_silu = hard_swish = act.hard_silu
log_sigmoid, log_softmax, softmax = act.log_sigmoid, act.log_softmax, act.softmax
relu6, selu, sigmoid, softplus, softsign = (
    act.relu6, act.selu, act.sigmoid, act.softplus, act.softsign,
)  # fmt: skip
silu = swish = act.silu
soft_shrink, sparse_plus, sparse_sigmoid = act.soft_shrink, act.sparse_plus, act.sparse_sigmoid
sparsemax, squareplus, tanh_shrink = act.sparsemax, act.squareplus, act.tanh_shrink
threshold = act.threshold


@universal
def gelu(x: Any, approximate: bool = True) -> Any:
    """``x * P(X <= x)`` of a standard normal ``X``, by a tanh unless told otherwise."""
    return graphc.gelu(as_float(x), approximate=bool(approximate))


@universal
def relu(x: Any) -> Any:
    """``max(x, 0)``."""
    return graphc.relu(as_keras(x))


# -- products ----------------------------------------------------------------------------------


@universal
def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product, as ``x1 @ x2``.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]], dtype=float32)
    """
    return graphc.matmul(*together(x1, x2))


@universal
def dot(x1: Any, x2: Any) -> Any:
    """NumPy's ``dot``: over the last axis of ``x1`` and the last but one of ``x2``."""
    first, second = (as_keras(x) for x in together(x1, x2))
    if first.ndim == 0 or second.ndim == 0:
        return first * second
    return _contracted(first, second, [first.ndim - 1], [max(second.ndim - 2, 0)])


@universal
def inner(x1: Any, x2: Any) -> Any:
    """The sum of products over the last axes."""
    first, second = (as_keras(x) for x in together(x1, x2))
    return _contracted(first, second, [first.ndim - 1], [second.ndim - 1])


@universal
def vdot(x1: Any, x2: Any) -> Any:
    """The sum of products of all elements."""
    first, second = (as_keras(x).flatten() for x in together(x1, x2))
    return graphc.matmul(first, second)


@universal
def outer(x1: Any, x2: Any) -> Any:
    """Products of every element of one with every element of the other."""
    first, second = (as_keras(x).flatten() for x in together(x1, x2))
    return graphc.expand_dims(first, 1) * graphc.expand_dims(second, 0)


@universal
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sum of products over ``axes``: so many last ones of ``x1`` and first ones of ``x2``, or
    a list for each.

    >>> tensordot([[1.0, 2.0]], [3.0, 4.0], axes=1)
    array([11.], dtype=float32)
    """
    first, second = (as_keras(x) for x in together(x1, x2))
    if isinstance(axes, int):
        return _contracted(
            first, second, list(range(first.ndim - axes, first.ndim)), list(range(axes))
        )
    left, right = ([a] if isinstance(a, int) else list(a) for a in axes)
    return _contracted(
        first, second, [a % first.ndim for a in left], [a % second.ndim for a in right]
    )


def _contracted(first: Tensor, second: Tensor, left: list[int], right: list[int]) -> Any:
    """One matrix product, with all other axes beside each other."""
    kept = [a for a in range(first.ndim) if a not in left]
    other = [a for a in range(second.ndim) if a not in right]
    rows = graphc.permute_dims(first, (*kept, *left))
    columns = graphc.permute_dims(second, (*right, *other))
    shapes = [first.shape[a] for a in kept], [second.shape[a] for a in other]
    width = _product([first.shape[a] for a in left])
    flat = graphc.reshape(rows, (_product(shapes[0]), width))
    wide = graphc.reshape(columns, (width, _product(shapes[1])))
    return graphc.reshape(graphc.matmul(flat, wide), (*shapes[0], *shapes[1]))


def _product(sizes: Any) -> Any:
    total: Any = 1
    for size in sizes:
        total = total * number(size)
    return total


# -- classes -----------------------------------------------------------------------------------


@universal
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """1 at each class number's place, 0 elsewhere; only 0 where a number is no class.

    >>> one_hot([1, 0], 2)
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    places = as_keras(x)
    axis %= places.ndim + 1
    sizes = (*places.shape[:axis], num_classes, *places.shape[axis:])
    found = graphc.iota(sizes, axis) == graphc.expand_dims(graphc.astype(places, "int64"), axis)
    return graphc.astype(found, standard_dtype(dtype))


@universal
def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
) -> Any:
    """1 at the places of all class numbers of a row, 0 elsewhere."""
    places = as_keras(inputs)
    if num_classes is None:
        raise fail(ArgumentError("multi_hot needs num_classes"))
    if places.ndim == 0:
        return one_hot(places, num_classes, axis, dtype)
    hot = one_hot(places, num_classes, -1, dtype)
    return graphc.max(hot, axis=places.ndim - 1)


@universal
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether fewer than ``k`` predictions of a row are above that of its target class.

    >>> in_top_k([1], [[0.5, 0.3, 0.2]], 2)
    array([ True])
    """
    rows = as_float(predictions)
    labels = classes("in_top_k", targets, rows)
    own = graphc.take_along_axis(rows, graphc.expand_dims(labels, -1), -1)
    above = graphc.sum(graphc.astype(rows > own, "int32"), axis=-1)
    return (above < k) & graphc.isfinite(graphc.squeeze(own, -1))


@universal
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The cross-entropy of every element by itself."""
    found = as_float(output)
    pair = graphc.expand_dims(graphc.astype(as_keras(target), found.dtype), -1), found
    return graphc.binary_crossentropy(
        pair[0], graphc.expand_dims(found, -1), from_logits=bool(from_logits)
    )


@universal
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The cross-entropy of each distribution over classes along ``axis``."""
    return graphc.categorical_crossentropy(
        as_keras(target), as_float(output), from_logits=bool(from_logits), axis=axis
    )


@universal
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The cross-entropy of each class number along ``axis``."""
    found = as_float(output)
    labels = classes("sparse_categorical_crossentropy", target, found, axis)
    return graphc.sparse_categorical_crossentropy(
        labels, found, from_logits=bool(from_logits), axis=axis
    )


# -- normalization -----------------------------------------------------------------------------


@universal
def normalize(x: Any, axis: int = -1, order: float = 2, epsilon: float | None = None) -> Any:
    """``x`` divided by its norm along ``axis``.

    >>> normalize([3.0, 4.0])
    array([0.6, 0.8], dtype=float32)
    """
    made = as_float(x)
    least = small() if epsilon is None else epsilon
    if order == 2:
        length = graphc.sqrt(graphc.sum(graphc.square(made), axis, keepdims=True))
    elif order == 1:
        length = graphc.sum(graphc.abs(made), axis, keepdims=True)
    else:
        total = graphc.sum(graphc.power(graphc.abs(made), float(order)), axis, keepdims=True)
        length = graphc.power(total, 1.0 / order)
    return made / graphc.maximum(length, least)


@universal
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """``x`` less its mean, divided by its deviation along ``axis``, scaled and moved."""
    made = as_float(x)
    along = tuple(axis) if isinstance(axis, list) else axis
    mean = graphc.mean(made, along, keepdims=True)
    spread = graphc.var(made, along, keepdims=True) + (small() if epsilon is None else epsilon)
    scaled = (made - mean) * graphc.rsqrt(spread)
    scaled = scaled if gamma is None else scaled * gamma
    return scaled if beta is None else scaled + beta


@universal
def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """``x`` divided by its root mean square along ``axis``, scaled."""
    made = as_float(x)
    along = tuple(axis) if isinstance(axis, list) else axis
    square = graphc.mean(graphc.square(made), along, keepdims=True)
    scaled = made * graphc.rsqrt(square + (small() if epsilon is None else epsilon))
    return scaled if scale is None else scaled * scale


@universal
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:  # fmt: skip
    """``x`` less ``mean``, divided by the root of ``variance``, scaled and moved."""
    made = as_float(x)
    sizes: list[Any] = [1] * made.ndim
    sizes[axis] = made.shape[axis]

    def wide(parameter: Any) -> Any:
        return graphc.reshape(as_float(parameter), tuple(sizes))

    slope = graphc.rsqrt(wide(variance) + epsilon)
    slope = slope if scale is None else slope * wide(scale)
    moved = -wide(mean) * slope if offset is None else wide(offset) - wide(mean) * slope
    return made * slope + moved
