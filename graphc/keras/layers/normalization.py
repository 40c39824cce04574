"""Layers that centre and scale by their data: BatchNormalization and LayerNormalization."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.keras.layers import configs
from graphc.keras.layers.core import as_float
from graphc.keras.layers.layer import Layer
from graphc.keras.variables import Variable
from graphc.tensor import Tensor


class ScaleAndShift(Layer):
    """The base of normalising layers: a trained gamma and beta after the normalisation."""

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.axis, self.epsilon = axis, epsilon
        self.center, self.scale = center, scale
        self.beta_initializer = configs.initializer(beta_initializer)
        self.gamma_initializer = configs.initializer(gamma_initializer)
        self.beta_regularizer = configs.regularizer(beta_regularizer)
        self.gamma_regularizer = configs.regularizer(gamma_regularizer)
        self.beta_constraint = configs.constraint(beta_constraint)
        self.gamma_constraint = configs.constraint(gamma_constraint)

    def make_scale(self, sizes: tuple[int, ...]) -> None:
        """Makes gamma and beta of shape ``sizes``, where they are wanted."""
        self.gamma = self._trained("gamma", sizes) if self.scale else None
        self.beta = self._trained("beta", sizes) if self.center else None

    def _trained(self, name: str, sizes: tuple[int, ...]) -> Variable:
        return self.add_weight(
            name=name,
            shape=sizes,
            initializer=getattr(self, f"{name}_initializer"),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )

    def scaled(self, x: Tensor, mean: Tensor, variance: Tensor, sizes: list[Any]) -> Any:
        """``x`` normalised, times gamma, plus beta, all broadcast from the shape ``sizes``."""
        factor = graphc.rsqrt(graphc.reshape(variance, sizes) + self.epsilon)
        if self.gamma is not None:
            factor = factor * graphc.reshape(self.gamma.value, sizes)
        result = (x - graphc.reshape(mean, sizes)) * factor
        if self.beta is None:
            return result
        return result + graphc.reshape(self.beta.value, sizes)


class BatchNormalization(ScaleAndShift):
    """Centres and scales each feature by the batch's mean and variance while training, by their
    moving averages otherwise, and when it is not trainable.

    >>> from graphc import keras
    >>> layer = BatchNormalization()
    >>> layer(keras.Input((4,))).shape, len(layer.weights), len(layer.trainable_weights)
    ((None, 4), 4, 2)
    """

    _arguments = (
        "axis", "momentum", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
        "moving_mean_initializer", "moving_variance_initializer", "beta_regularizer",
        "gamma_regularizer", "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        synchronized: bool = False,
        renorm: bool = False,
        **keywords: Any,
    ) -> None:
        for name in ("renorm_clipping", "renorm_momentum"):
            keywords.pop(name, None)
        super().__init__(
            axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **keywords,
        )  # fmt: skip
        if renorm or synchronized:
            raise ValueError("BatchNormalization: renorm and synchronized are not there (yet)")
        self.momentum = momentum
        self.moving_mean_initializer = configs.initializer(moving_mean_initializer)
        self.moving_variance_initializer = configs.initializer(moving_variance_initializer)

    def build(self, input_shape: Any) -> None:
        """Makes gamma, beta and the moving averages."""
        size = input_shape[self.axis]
        if size is None:
            raise ValueError(
                f"layer {self.name!r} (BatchNormalization) needs a known size along axis "
                f"{self.axis}, got inputs of shape {input_shape}"
            )
        self.make_scale((size,))
        self.moving_mean = self.add_weight(
            name="moving_mean",
            shape=(size,),
            initializer=self.moving_mean_initializer,
            trainable=False,
        )
        self.moving_variance = self.add_weight(
            name="moving_variance",
            shape=(size,),
            initializer=self.moving_variance_initializer,
            trainable=False,
        )

    def call(self, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Any:
        """Normalised inputs; a training step also moves the averages."""
        if mask is not None:
            raise ValueError("BatchNormalization: masks are not there (yet)")
        x = as_float(inputs, self.dtype)
        axis = self.axis % x.ndim
        if training and self.trainable:
            mean, variance = self._of_batch(x, axis)
        else:
            mean, variance = self.moving_mean.value, self.moving_variance.value
        return self.scaled(x, mean, variance, _sizes(x, [axis]))

    def _of_batch(self, x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
        others = tuple(i for i in range(x.ndim) if i != axis)
        mean, variance = graphc.mean(x, axis=others), graphc.var(x, axis=others)
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving.value * self.momentum + new * (1.0 - self.momentum))
        return mean, variance


class LayerNormalization(ScaleAndShift):
    """Centres and scales each sample along ``axis``, then by a trained gamma and beta.

    >>> from graphc import keras
    >>> LayerNormalization()(keras.Input((4,))).shape
    (None, 4)
    """

    _arguments = (
        "axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
        "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Makes gamma and beta."""
        self.make_scale(tuple(input_shape[axis] for axis in self._axes(len(input_shape))))

    def _axes(self, rank: int) -> list[int]:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        return sorted(axis % rank for axis in axes)

    def call(self, inputs: Tensor) -> Any:
        """Normalised inputs."""
        x = as_float(inputs, self.dtype)
        axes = tuple(self._axes(x.ndim))
        mean = graphc.mean(x, axis=axes, keepdims=True)
        variance = graphc.var(x, axis=axes, keepdims=True)
        result = (x - mean) * graphc.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            result = result * graphc.reshape(self.gamma.value, _sizes(x, axes))
        if self.beta is not None:
            result = result + graphc.reshape(self.beta.value, _sizes(x, axes))
        return result


def _sizes(x: Tensor, axes: Any) -> list[Any]:
    """The shape of ``x`` with 1 along all axes but ``axes``."""
    return [size if i in axes else 1 for i, size in enumerate(x.shape)]
