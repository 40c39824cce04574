"""Layers of several inputs: sums, products, extremes, concatenation and dot products."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import graphc
from graphc.keras.layers.layer import Layer
from graphc.tensor import Tensor


class Merge(Layer):
    """The base of the layers that combine a list of inputs element by element."""

    least = 2

    def build(self, input_shape: Any) -> None:
        """Has no variables; there must be inputs enough."""
        several = isinstance(input_shape, (list, tuple)) and all(
            isinstance(shape, (list, tuple)) for shape in input_shape
        )
        kind = type(self).__name__
        if not several:
            raise ValueError(f"layer {self.name!r} ({kind}) is called on a list of inputs")
        if len(input_shape) < self.least:
            raise ValueError(
                f"layer {self.name!r} ({kind}) is called on {self.least} inputs or more, got "
                f"{len(input_shape)}"
            )

    def call(self, inputs: list[Tensor]) -> Any:
        """All inputs combined."""
        return reduce(self.combine, inputs)

    def combine(self, left: Tensor, right: Tensor) -> Any:
        """Two of them."""
        raise NotImplementedError(f"{type(self).__name__} has no method combine")


class Add(Merge):
    """The sum of its inputs.

    >>> from graphc import keras
    >>> Add()([keras.Input((3,)), keras.Input((3,))]).shape
    (None, 3)
    """

    def combine(self, left: Tensor, right: Tensor) -> Any:
        return graphc.add(left, right)


class Subtract(Merge):
    """The first input without the second."""

    def call(self, inputs: list[Tensor]) -> Any:
        """Their difference."""
        if len(inputs) != 2:
            raise ValueError(f"layer {self.name!r} (Subtract) takes 2 inputs, got {len(inputs)}")
        return graphc.subtract(inputs[0], inputs[1])


class Multiply(Merge):
    """The product of its inputs, element by element."""

    def combine(self, left: Tensor, right: Tensor) -> Any:
        return graphc.multiply(left, right)


class Average(Merge):
    """The mean of its inputs."""

    def call(self, inputs: list[Tensor]) -> Any:
        """Their sum divided by their number."""
        return reduce(graphc.add, inputs) / len(inputs)


class Maximum(Merge):
    """The largest of its inputs, element by element."""

    def combine(self, left: Tensor, right: Tensor) -> Any:
        return graphc.maximum(left, right)


class Minimum(Merge):
    """The smallest of its inputs, element by element."""

    def combine(self, left: Tensor, right: Tensor) -> Any:
        return graphc.minimum(left, right)


class Concatenate(Merge):
    """Its inputs one after the other along ``axis``.

    >>> from graphc import keras
    >>> Concatenate()([keras.Input((3,)), keras.Input((2,))]).shape
    (None, 5)
    """

    _arguments = ("axis",)
    least = 1

    def __init__(self, axis: int = -1, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = axis

    def call(self, inputs: list[Tensor]) -> Any:
        """All of them."""
        return graphc.concat(list(inputs), axis=self.axis)


class Dot(Merge):
    """Products of two inputs, summed along an axis of each; ``normalize`` gives the cosine."""

    _arguments = ("axes", "normalize")

    def __init__(self, axes: Any, normalize: bool = False, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axes = axes
        self.normalize = normalize

    def call(self, inputs: list[Tensor]) -> Any:
        """The sums of products, for each sample."""
        if len(inputs) != 2:
            raise ValueError(f"layer {self.name!r} (Dot) takes 2 inputs, got {len(inputs)}")
        x, y = inputs
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else tuple(self.axes)
        first, second = axes[0] % x.ndim, axes[1] % y.ndim
        if self.normalize:
            x, y = _unit(x, first), _unit(y, second)
        x = graphc.permute_dims(x, (*(i for i in range(x.ndim) if i != first), first))
        y = graphc.permute_dims(y, (0, second, *(i for i in range(1, y.ndim) if i != second)))
        kept_x, kept_y = x.shape[1:-1], y.shape[2:]
        left = graphc.reshape(x, (x.shape[0], _product(kept_x), x.shape[-1]))
        right = graphc.reshape(y, (y.shape[0], y.shape[1], _product(kept_y)))
        sizes = (*kept_x, *kept_y) or (1,)
        return graphc.reshape(left @ right, (x.shape[0], *sizes))


def _product(sizes: Any) -> Any:
    return reduce(lambda a, b: a * b, sizes, 1)


def _unit(x: Tensor, axis: int) -> Any:
    squares = graphc.sum(x * x, axis=axis, keepdims=True)
    return x * graphc.rsqrt(graphc.maximum(squares, 1e-12))


def _function(kind: type[Merge]) -> Callable[..., Any]:
    def merged(inputs: Any, **keywords: Any) -> Any:
        return kind(**keywords)(inputs)

    merged.__doc__ = f"``{kind.__name__}()(inputs)``."
    merged.__name__ = kind.__name__.lower()
    return merged


add, subtract, multiply = _function(Add), _function(Subtract), _function(Multiply)
average, maximum, minimum = _function(Average), _function(Maximum), _function(Minimum)


def concatenate(inputs: Any, axis: int = -1, **keywords: Any) -> Any:
    """``Concatenate(axis)(inputs)``."""
    return Concatenate(axis, **keywords)(inputs)


def dot(inputs: Any, axes: Any = -1, **keywords: Any) -> Any:
    """``Dot(axes)(inputs)``."""
    return Dot(axes, **keywords)(inputs)
