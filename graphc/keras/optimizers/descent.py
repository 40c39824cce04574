"""Gradient descent and its momentum: SGD, RMSprop, Lion."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.errors import ArgumentError
from graphc.keras.optimizers.base import Optimizer, Rate
from graphc.keras.registry import fail
from graphc.keras.variables import Variable


class SGD(Optimizer):
    """``w -= learning_rate * g``, or with momentum ``v = momentum * v - learning_rate * g`` and
    ``w += v`` (with ``nesterov``, ``w += momentum * v - learning_rate * g``).

    >>> SGD(momentum=0.9).get_config()["momentum"]
    0.9
    """

    def __init__(
        self, learning_rate: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False,
        weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **options
        )
        if not 0 <= momentum <= 1:
            raise fail(ArgumentError(f"momentum is from 0 to 1, not {momentum}"))
        self.momentum, self.nesterov = momentum, nesterov
        self.momentums: list[Variable] = []

    def build(self, variables: Any) -> None:
        """A momentum for each variable, where there is momentum."""
        if self.built:
            return
        super().build(variables)
        if self.momentum:
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        step = gradient * learning_rate
        if not self.momentum:
            variable.assign_sub(step)
            return
        momentum = self.momentums[self._get_variable_index(variable)]
        momentum.assign(momentum * self.momentum - step)
        variable.assign_add(momentum * self.momentum - step if self.nesterov else momentum)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class RMSprop(Optimizer):
    """``v = rho * v + (1 - rho) * g**2`` and ``w -= learning_rate * g / sqrt(v + epsilon)``; with
    ``centered`` less the square of the gradients' mean, with ``momentum`` through a velocity
    (Tieleman and Hinton, 2012).

    >>> RMSprop().get_config()["rho"]
    0.9
    """

    def __init__(
        self, learning_rate: Rate = 0.001, rho: float = 0.9, momentum: float = 0.0,
        epsilon: float = 1e-7, centered: bool = False, weight_decay: float | None = None,
        clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **options
        )
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        self._momentums: list[Variable] = []
        self._average_gradients: list[Variable] = []

    def build(self, variables: Any) -> None:
        """The slots that the options need."""
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        if self.momentum > 0:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        index = self._get_variable_index(variable)
        velocity, fresh = self._velocities[index], 1 - self.rho
        velocity.assign(self.rho * velocity + fresh * graphc.square(gradient))
        below = velocity + self.epsilon
        if self.centered:
            mean = self._average_gradients[index]
            mean.assign(self.rho * mean + fresh * gradient)
            below = velocity - graphc.square(mean) + self.epsilon
        step = learning_rate * gradient / graphc.sqrt(below)
        if self.momentum > 0:
            momentum = self._momentums[index]
            momentum.assign(self.momentum * momentum + step)
            step = momentum.value
        variable.assign_sub(step)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(), "rho": self.rho, "momentum": self.momentum,
            "epsilon": self.epsilon, "centered": self.centered,
        }  # fmt: skip


class Lion(Optimizer):
    """``w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)`` and
    ``m = beta_2 * m + (1 - beta_2) * g`` (Chen et al., 2023).

    >>> Lion().get_config()["beta_2"]
    0.99
    """

    def __init__(
        self, learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99,
        weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **options
        )
        if not 0 < beta_1 <= 1:
            raise fail(ArgumentError(f"beta_1 is above 0 and 1 at most, not {beta_1}"))
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build(self, variables: Any) -> None:
        """A momentum for each variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        momentum = self._momentums[self._get_variable_index(variable)]
        mixed = momentum * self.beta_1 + gradient * (1.0 - self.beta_1)
        variable.assign_sub(learning_rate * graphc.sign(mixed))
        momentum.assign(momentum * self.beta_2 + gradient * (1.0 - self.beta_2))

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
