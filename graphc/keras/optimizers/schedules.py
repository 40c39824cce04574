"""Learning rates that change with the number of steps: ``(step)`` to a learning rate.

A schedule is arithmetic on the step, so a compiled step computes its own learning rate.
"""

from __future__ import annotations

import math
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import graphc
from graphc.errors import ArgumentError
from graphc.keras.calling import tensor, universal
from graphc.keras.config import floatx
from graphc.keras.naming import missing
from graphc.keras.registry import Configured, Registry, fail

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
    "LearningRateSchedule", "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip


class LearningRateSchedule(Configured):
    """Base of all schedules; a user's own has ``__call__(self, step)``, of ``keras.ops``.

    >>> class Halves(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.5 / (step + 1.0)
    >>> Halves()(4)
    0.1
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate of step number ``step``, which counts from 0."""
        raise NotImplementedError(f"{type(self).__name__} must have __call__(step)")


class _Decay(LearningRateSchedule):
    """A schedule whose ``_rate`` is arithmetic on the step as a float Tensor."""

    def __call__(self, step: Any) -> Any:
        """The learning rate of step number ``step``: of a number a number, in a graph a Tensor."""
        return _of_step(self, step)

    @abstractmethod
    def _rate(self, step: Any) -> Any:
        """The rate at ``step``, a float Tensor."""


@universal
def _of_step(schedule: _Decay, step: Any) -> Any:
    return schedule._rate(tensor(step, floatx()))


def _checked_steps(name: str, steps: float) -> float:
    if steps <= 0:
        raise fail(ArgumentError(f"{name} must be above 0, not {steps}"))
    return steps


def _power(base: Any, exponent: Any) -> Any:
    return graphc.power(tensor(base, floatx()), exponent)


class _ShareDecay(_Decay):
    """A decay by the share of ``decay_steps`` that is done, a whole number with ``staircase``."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
        staircase: bool, name: str,
    ) -> None:  # fmt: skip
        self.initial_learning_rate, self.decay_rate = initial_learning_rate, decay_rate
        self.decay_steps = _checked_steps("decay_steps", decay_steps)
        self.staircase, self.name = staircase, name

    def _share(self, step: Any) -> Any:
        share = step / self.decay_steps
        return graphc.floor(share) if self.staircase else share

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate, "staircase": self.staircase, "name": self.name,
        }  # fmt: skip


class ExponentialDecay(_ShareDecay):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``; the exponent is a whole
    number with ``staircase``.

    >>> float(ExponentialDecay(0.5, 10, 0.5)(10))
    0.25
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
        staircase: bool = False, name: str = "ExponentialDecay",
    ) -> None:  # fmt: skip
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def _rate(self, step: Any) -> Any:
        share = self._share(step)
        return self.initial_learning_rate * _power(self.decay_rate, share)


class InverseTimeDecay(_ShareDecay):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``; the share of steps is a
    whole number with ``staircase``.

    >>> float(InverseTimeDecay(0.5, 10, 1.0)(10))
    0.25
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
        staircase: bool = False, name: str = "InverseTimeDecay",
    ) -> None:  # fmt: skip
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def _rate(self, step: Any) -> Any:
        share = self._share(step)
        return self.initial_learning_rate / (1 + self.decay_rate * share)


class PiecewiseConstantDecay(_Decay):
    """``values[i]`` from above ``boundaries[i - 1]`` up to ``boundaries[i]``.

    >>> [float(PiecewiseConstantDecay([2], [1.0, 0.5])(step)) for step in (2, 3)]
    [1.0, 0.5]
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(boundaries) != len(values) - 1:
            told = f"{len(values)} values have {len(values) - 1} boundaries, not {len(boundaries)}"
            raise fail(ArgumentError(told))
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def _rate(self, step: Any) -> Any:
        rate = tensor(self.values[-1], floatx())
        pairs = zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True)
        for boundary, value in pairs:
            rate = graphc.where(step <= boundary, value, rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class PolynomialDecay(_Decay):
    """From ``initial_learning_rate`` down to ``end_learning_rate`` in ``decay_steps``, by
    ``(1 - share) ** power``; with ``cycle`` it starts again, over a multiple of the steps.

    >>> float(PolynomialDecay(1.0, 10, end_learning_rate=0.5)(5))
    0.75
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, end_learning_rate: float = 0.0001,
        power: float = 1.0, cycle: bool = False, name: str = "PolynomialDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.end_learning_rate = end_learning_rate
        self.decay_steps = _checked_steps("decay_steps", decay_steps)
        self.power, self.cycle, self.name = power, cycle, name

    def _rate(self, step: Any) -> Any:
        whole: Any = self.decay_steps
        if self.cycle:
            rounds = graphc.where(step == 0, 1, graphc.ceil(step / self.decay_steps))
            whole = self.decay_steps * rounds
        else:
            step = graphc.minimum(step, self.decay_steps)
        span = self.initial_learning_rate - self.end_learning_rate
        return span * _power(1 - step / whole, self.power) + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate, "power": self.power, "cycle": self.cycle,
            "name": self.name,
        }  # fmt: skip


class CosineDecay(_Decay):
    """Half a cosine wave from ``initial_learning_rate`` down to ``alpha`` times it (Loshchilov and
    Hutter, 2016); with ``warmup_target`` first up to that, in a line of ``warmup_steps``.

    >>> float(CosineDecay(1.0, 10)(5).round(6))
    0.5
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0,
        name: str = "CosineDecay", warmup_target: float | None = None, warmup_steps: float = 0,
    ) -> None:  # fmt: skip
        self.initial_learning_rate, self.alpha, self.name = initial_learning_rate, alpha, name
        self.decay_steps = _checked_steps("decay_steps", decay_steps)
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def _rate(self, step: Any) -> Any:
        if self.warmup_target is None:
            return self._decayed(graphc.minimum(step, self.decay_steps), self.initial_learning_rate)
        step = graphc.minimum(step, self.decay_steps + self.warmup_steps)
        decayed = self._decayed(step - self.warmup_steps, self.warmup_target)
        if self.warmup_steps == 0:
            return decayed
        rise = self.warmup_target - self.initial_learning_rate
        rising = rise * (step / self.warmup_steps) + self.initial_learning_rate
        return graphc.where(step < self.warmup_steps, rising, decayed)

    def _decayed(self, step: Any, start: float) -> Any:
        wave = 0.5 * (1.0 + graphc.cos(math.pi * (step / self.decay_steps)))
        return start * ((1 - self.alpha) * wave + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate, "decay_steps": self.decay_steps,
            "alpha": self.alpha, "name": self.name, "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }  # fmt: skip


class CosineDecayRestarts(_Decay):
    """Half cosine waves one after the other (Loshchilov and Hutter, "SGDR", 2016), each ``t_mul``
    times as long and ``m_mul`` times as high as the one before.

    >>> float(CosineDecayRestarts(1.0, 10)(10).round(6))
    1.0
    """

    def __init__(
        self, initial_learning_rate: float, first_decay_steps: float, t_mul: float = 2.0,
        m_mul: float = 1.0, alpha: float = 0.0, name: str = "SGDRDecay",
    ) -> None:  # fmt: skip
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _checked_steps("first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def _rate(self, step: Any) -> Any:
        done = step / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = graphc.floor(done)
            share = done - restarts
        else:
            grown = graphc.log(1.0 - done * (1.0 - self.t_mul)) / math.log(self.t_mul)
            restarts = graphc.floor(grown)
            length = _power(self.t_mul, restarts)
            share = (done - (1.0 - length) / (1.0 - self.t_mul)) / length
        height = 0.5 * _power(self.m_mul, restarts)
        wave = height * (1.0 + graphc.cos(math.pi * share))
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps, "t_mul": self.t_mul, "m_mul": self.m_mul,
            "alpha": self.alpha, "name": self.name,
        }  # fmt: skip


_REGISTRY = Registry(
    "learning rate schedule",
    "keras.optimizers.schedules",
    {
        one.__name__: one
        for one in (
            CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay,
            PiecewiseConstantDecay, PolynomialDecay,
        )
    },
)  # fmt: skip
serialize = _REGISTRY.serialize


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> LearningRateSchedule:
    """The schedule that ``serialize`` has written as ``config``.

    >>> deserialize(serialize(ExponentialDecay(0.5, 10, 0.25))).decay_rate
    0.25
    """
    made: LearningRateSchedule = _REGISTRY.deserialize(config, custom_objects)
    return made


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
