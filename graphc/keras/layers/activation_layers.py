"""Activations with settings as layers: ReLU, LeakyReLU, PReLU, ELU, Softmax."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.keras import activations
from graphc.keras.layers import configs
from graphc.keras.layers.layer import Layer
from graphc.tensor import Tensor


class ReLU(Layer):
    """``max(x, 0)``; ``negative_slope`` below ``threshold``, never above ``max_value``."""

    _arguments = ("max_value", "negative_slope", "threshold")

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        for name, value in (("max_value", max_value), ("negative_slope", negative_slope)):
            if value is not None and value < 0:
                raise ValueError(f"ReLU: {name} should be 0 or more, not {value}")
        self.max_value, self.negative_slope = max_value, negative_slope
        self.threshold = threshold

    def call(self, inputs: Tensor) -> Any:
        """The activation."""
        return activations.relu(
            inputs,
            negative_slope=self.negative_slope,
            max_value=self.max_value,
            threshold=self.threshold,
        )


class LeakyReLU(Layer):
    """``x``, and ``negative_slope * x`` below 0."""

    _arguments = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.3, **keywords: Any) -> None:
        negative_slope = keywords.pop("alpha", negative_slope)
        super().__init__(**keywords)
        self.negative_slope = negative_slope

    def call(self, inputs: Tensor) -> Any:
        """The activation."""
        return activations.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """``x``, and ``alpha * x`` below 0 with a trained ``alpha``, one value along shared axes."""

    _arguments = ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.alpha_initializer = configs.initializer(alpha_initializer)
        self.alpha_regularizer = configs.regularizer(alpha_regularizer)
        self.alpha_constraint = configs.constraint(alpha_constraint)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes

    def build(self, input_shape: Any) -> None:
        """Makes ``alpha``."""
        sizes = list(input_shape[1:])
        for axis in self.shared_axes or ():
            sizes[axis - 1] = 1
        self.alpha = self.add_weight(
            name="alpha",
            shape=tuple(sizes),
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )

    def call(self, inputs: Tensor) -> Any:
        """The activation."""
        return graphc.relu(inputs) - self.alpha.value * graphc.relu(-inputs)


class ELU(Layer):
    """``x``, and ``alpha * (exp(x) - 1)`` below 0."""

    _arguments = ("alpha",)

    def __init__(self, alpha: float = 1.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.alpha = alpha

    def call(self, inputs: Tensor) -> Any:
        """The activation."""
        return activations.elu(inputs, self.alpha)


class Softmax(Layer):
    """Positive numbers that sum to 1 along ``axis``."""

    _arguments = ("axis",)

    def __init__(self, axis: int = -1, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.axis = axis

    def call(self, inputs: Tensor) -> Any:
        """The activation."""
        return activations.softmax(inputs, axis=self.axis)
