"""Layers that act while training alone: Dropout, GaussianNoise, GaussianDropout; and penalties."""

from __future__ import annotations

from typing import Any

from graphc.keras import random
from graphc.keras.layers import configs
from graphc.keras.layers.layer import Layer
from graphc.tensor import Tensor


class Noise(Layer):
    """The base of layers that draw random numbers while training."""

    def __init__(self, seed: int | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)


class Dropout(Noise):
    """Sets a share ``rate`` of its inputs to 0 while training and scales the others up.

    >>> from graphc import keras
    >>> Dropout(0.5)(keras.Input((3,))).shape
    (None, 3)
    """

    _arguments = ("rate", "seed", "noise_shape")

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **keywords: Any
    ) -> None:
        super().__init__(seed, **keywords)
        if not 0 <= rate <= 1:
            raise ValueError(f"Dropout: rate is from 0 to 1, not {rate!r}")
        self.rate, self.noise_shape = rate, noise_shape

    def call(self, inputs: Tensor, training: bool = False) -> Any:
        """The inputs, some of them dropped while training."""
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)


class GaussianNoise(Noise):
    """Adds normal noise of deviation ``stddev`` while training."""

    _arguments = ("stddev", "seed")

    def __init__(self, stddev: float, seed: int | None = None, **keywords: Any) -> None:
        super().__init__(seed, **keywords)
        if stddev < 0:
            raise ValueError(f"GaussianNoise: stddev is 0 or more, not {stddev!r}")
        self.stddev = stddev

    def call(self, inputs: Tensor, training: bool = False) -> Any:
        """The inputs, with noise while training."""
        if not training or self.stddev == 0:
            return inputs
        noise = random.normal(
            inputs.shape, 0.0, self.stddev, dtype=inputs.dtype.name, seed=self.seed_generator
        )
        return inputs + noise


class GaussianDropout(Noise):
    """Multiplies by normal noise of mean 1 and variance ``rate / (1 - rate)`` while training."""

    _arguments = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **keywords: Any) -> None:
        super().__init__(seed, **keywords)
        if not 0 <= rate < 1:
            raise ValueError(f"GaussianDropout: rate is from 0 to less than 1, not {rate!r}")
        self.rate = rate

    def call(self, inputs: Tensor, training: bool = False) -> Any:
        """The inputs, with noise while training."""
        if not training or self.rate == 0:
            return inputs
        deviation = (self.rate / (1.0 - self.rate)) ** 0.5
        noise = random.normal(
            inputs.shape, 1.0, deviation, dtype=inputs.dtype.name, seed=self.seed_generator
        )
        return inputs * noise


class ActivityRegularization(Layer):
    """Its input, with a penalty on it: ``l1`` of its absolute values, ``l2`` of its squares."""

    _arguments = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **keywords: Any) -> None:
        keywords.pop("activity_regularizer", None)
        super().__init__(**keywords)
        self.l1, self.l2 = l1, l2
        penalty = {"class_name": "L1L2", "config": {"l1": l1, "l2": l2}}
        self.activity_regularizer = configs.regularizer(penalty)

    def call(self, inputs: Tensor) -> Any:
        """The input itself."""
        return inputs
