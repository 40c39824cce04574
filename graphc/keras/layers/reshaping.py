"""Layers that change the shape alone: Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math
from typing import Any

import graphc
from graphc.ir import dims
from graphc.keras.layers.layer import Layer
from graphc.tensor import Tensor


class Flatten(Layer):
    """All axes but the batch as one.

    >>> from graphc import keras
    >>> Flatten()(keras.Input((28, 28))).shape
    (None, 784)
    """

    _arguments = ("data_format",)

    def __init__(self, data_format: str | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.data_format = data_format or "channels_last"

    def call(self, inputs: Tensor) -> Any:
        """The same elements in rows."""
        x = inputs
        if self.data_format == "channels_first" and x.ndim > 2:
            x = graphc.permute_dims(x, (0, *range(2, x.ndim), 1))
        return graphc.reshape(x, (x.shape[0], dims.product(x.shape[1:])))


class Reshape(Layer):
    """Each sample in the shape ``target_shape``; one size may be -1.

    >>> from graphc import keras
    >>> Reshape((2, -1))(keras.Input((6,))).shape
    (None, 2, 3)
    """

    _arguments = ("target_shape",)

    def __init__(self, target_shape: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.target_shape = tuple(target_shape)

    def call(self, inputs: Tensor) -> Any:
        """The same elements in another shape."""
        sizes = self.target_shape
        count = dims.product(inputs.shape[1:])
        known = math.prod(size for size in sizes if size != -1)
        rest = dims.divide_exactly(count, known) if known else None
        if rest is None or (-1 not in sizes and count != known):
            raise ValueError(
                f"layer {self.name!r} (Reshape): samples of shape {inputs.shape[1:]} do not fit "
                f"into {sizes}"
            )
        wanted = [rest if size == -1 else size for size in sizes]
        return graphc.reshape(inputs, (inputs.shape[0], *wanted))


class Permute(Layer):
    """The axes of each sample in another order, counted from 1.

    >>> from graphc import keras
    >>> Permute((2, 1))(keras.Input((6, 4))).shape
    (None, 4, 6)
    """

    _arguments = ("dims",)

    def __init__(self, dims: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims are 1 to {len(self.dims)} in some order, not {dims}")

    def call(self, inputs: Tensor) -> Any:
        """The axes exchanged."""
        return graphc.permute_dims(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Each sample ``n`` times: (batch, features) to (batch, n, features)."""

    _arguments = ("n",)

    def __init__(self, n: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.n = n

    def call(self, inputs: Tensor) -> Any:
        """The repetitions."""
        sizes = (inputs.shape[0], self.n, inputs.shape[1])
        return graphc.broadcast_to(graphc.expand_dims(inputs, 1), sizes)
