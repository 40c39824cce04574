"""Layers that bring data to a usual scale: Rescaling and Normalization."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc
from graphc.keras.layers.core import as_float
from graphc.keras.layers.layer import Layer
from graphc.keras.variables import Variable
from graphc.tensor import Tensor


class Rescaling(Layer):
    """``inputs * scale + offset``: ``Rescaling(1 / 255)`` takes images of uint8 as they are.

    >>> float(Rescaling(1 / 255)(np.full((1, 1), 255, np.uint8))[0, 0])
    1.0
    """

    _arguments = ("scale", "offset")

    def __init__(self, scale: Any, offset: Any = 0.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Tensor) -> Any:
        """The scaled inputs."""
        x = as_float(inputs, self.dtype)
        scale = np.asarray(self.scale, self.dtype)
        offset = np.asarray(self.offset, self.dtype)
        scaled = x * scale
        return scaled + offset if offset.any() else scaled


class Normalization(Layer):
    """``(inputs - mean) / sqrt(variance)`` of each feature along ``axis``, which ``adapt`` learns
    from data, or which are given.

    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0], [2.0]]))
    >>> layer(np.array([[2.0]], np.float32))
    array([[1.]], dtype=float32)
    """

    _arguments = ("axis", "invert")

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        if (mean is None) != (variance is None):
            raise ValueError("Normalization takes mean and variance together, or neither")
        axes = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.axis = axis if axis is None or isinstance(axis, int) else axes
        self._axes = axes
        self.invert = invert
        self.input_mean, self.input_variance = mean, variance
        self.adapt_mean: Variable | None = None

    def build(self, input_shape: Any) -> None:
        """Makes the statistics, of which nothing is known before ``adapt``."""
        if self.input_mean is not None:
            return
        kept = sorted(axis % len(input_shape) for axis in self._axes)
        sizes = tuple(input_shape[axis] for axis in kept)
        if None in sizes:
            raise ValueError(
                f"layer {self.name!r} (Normalization) needs known sizes along axis {self.axis}, "
                f"got inputs of shape {input_shape}"
            )
        make = self.add_weight
        self.adapt_mean = make(sizes, "zeros", trainable=False, name="mean")
        self.adapt_variance = make(sizes, "ones", trainable=False, name="variance")
        self.count = make((), "zeros", dtype="int32", trainable=False, name="count")

    def adapt(self, data: Any) -> None:
        """Learns mean and variance from ``data``: an array, or batches of them."""
        if self.input_mean is not None:
            raise ValueError(f"layer {self.name!r}: mean and variance were given: nothing to adapt")
        batches = [data] if hasattr(data, "shape") else list(data)
        if batches and not hasattr(batches[0], "shape"):
            batches = [np.asarray(data)]
        rows = [np.asarray(batch) for batch in batches]
        if not rows or rows[0].ndim == 0 or not rows[0].size:
            raise ValueError(f"layer {self.name!r}: adapt needs data with at least one sample")
        self.build_from_shape((None, *rows[0].shape[1:]))
        if self.adapt_mean is None:
            return
        mean, variance = _statistics(rows, {a % rows[0].ndim for a in self._axes})
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def call(self, inputs: Tensor) -> Any:
        """The normalised inputs, or with ``invert`` the other way round."""
        x = as_float(inputs, self.dtype)
        mean, variance = self._known(x)
        deviation = graphc.maximum(graphc.sqrt(variance), 1e-7)
        return mean + x * deviation if self.invert else (x - mean) / deviation

    def _known(self, x: Tensor) -> tuple[Any, Any]:
        if self.adapt_mean is None:
            given = (self.input_mean, self.input_variance)
            return tuple(graphc.constant(np.asarray(v, self.dtype)) for v in given)
        kept = {axis % x.ndim for axis in self._axes}
        sizes = [size if i in kept else 1 for i, size in enumerate(x.shape)]
        mean = graphc.reshape(self.adapt_mean.value, sizes)
        return mean, graphc.reshape(self.adapt_variance.value, sizes)

    def get_config(self) -> dict[str, Any]:
        """With mean and variance where they were given."""
        from graphc.keras.saving.objects import serialize_keras_object

        given = {"mean": self.input_mean, "variance": self.input_variance}
        return {**super().get_config(), **serialize_keras_object(given)}


def _statistics(rows: list[np.ndarray], kept: set[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over all axes but ``kept``, of all batches together."""
    others = tuple(i for i in range(rows[0].ndim) if i not in kept)
    counts = np.array([np.prod([r.shape[i] for i in others]) for r in rows], np.float64)
    means = [r.mean(axis=others, dtype=np.float64) for r in rows]
    squares = [r.var(axis=others, dtype=np.float64) for r in rows]
    weights = counts / counts.sum()
    mean = sum(w * m for w, m in zip(weights, means, strict=True))
    spread = [v + (m - mean) ** 2 for v, m in zip(squares, means, strict=True)]
    variance = sum(w * v for w, v in zip(weights, spread, strict=True))
    return np.asarray(mean), np.asarray(variance)
