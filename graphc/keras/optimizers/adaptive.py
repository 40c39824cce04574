"""Rules that sum squared gradients: Adagrad, Adadelta, Ftrl."""

from __future__ import annotations

from typing import Any

import graphc
from graphc.errors import ArgumentError
from graphc.keras.calling import tensor
from graphc.keras.initializers import Constant
from graphc.keras.optimizers.base import Optimizer, Rate
from graphc.keras.registry import fail
from graphc.keras.variables import Variable


class Adagrad(Optimizer):
    """``a += g**2`` and ``w -= learning_rate * g / sqrt(a + epsilon)`` (Duchi et al., 2011).

    >>> Adagrad().get_config()["initial_accumulator_value"]
    0.1
    """

    def __init__(
        self, learning_rate: Rate = 0.001, initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7, weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **options
        )
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, variables: Any) -> None:
        """A sum of squares for each variable."""
        if self.built:
            return
        super().build(variables)
        first = Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", first)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        total = self._accumulators[self._get_variable_index(variable)]
        total.assign_add(graphc.square(gradient))
        variable.assign_sub(learning_rate * gradient / graphc.sqrt(total + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(), "epsilon": self.epsilon,
            "initial_accumulator_value": self.initial_accumulator_value,
        }  # fmt: skip


class Adadelta(Optimizer):
    """Steps in the proportion of the root mean squares of earlier steps and of gradients (Zeiler,
    2012), times ``learning_rate``.

    >>> Adadelta().get_config()["rho"]
    0.95
    """

    def __init__(
        self, learning_rate: Rate = 0.001, rho: float = 0.95, epsilon: float = 1e-7,
        weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **options
        )
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables: Any) -> None:
        """Two means of squares for each variable."""
        if self.built:
            return
        super().build(variables)
        names = ["accumulated_grad", "accumulated_delta_var"]
        self._grads, self._steps = self.add_optimizer_variables(variables, names)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        index, fresh = self._get_variable_index(variable), 1 - self.rho
        of_grads, of_steps = self._grads[index], self._steps[index]
        of_grads.assign(self.rho * of_grads + fresh * graphc.square(gradient))
        size = graphc.sqrt(of_steps + self.epsilon)
        step = -(size * gradient / graphc.sqrt(of_grads + self.epsilon))
        of_steps.assign(self.rho * of_steps + fresh * graphc.square(step))
        variable.assign_add(learning_rate * step)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}


class Ftrl(Optimizer):
    """ "Follow the regularized leader" (McMahan et al., 2013), with L1, L2 and shrinkage.

    >>> Ftrl().get_config()["learning_rate_power"]
    -0.5
    """

    def __init__(
        self, learning_rate: Rate = 0.001, learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0, l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0, weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **options
        )
        if initial_accumulator_value < 0 or learning_rate_power > 0:
            reason = "initial_accumulator_value is 0 or more, learning_rate_power 0 or less"
            raise fail(ArgumentError(reason))
        self.learning_rate_power, self.beta = learning_rate_power, beta
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength

    def build(self, variables: Any) -> None:
        """A sum of squares and a linear term for each variable."""
        if self.built:
            return
        super().build(variables)
        first = [Constant(self.initial_accumulator_value), "zeros"]
        names = ["accumulator", "linear"]
        self._sums, self._linears = self.add_optimizer_variables(variables, names, first)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        index, power = self._get_variable_index(variable), -self.learning_rate_power
        total, linear, old = self._sums[index], self._linears[index], tensor(variable)
        l1 = self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2.0 * learning_rate)
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * old
        new = tensor(total) + graphc.square(gradient)
        after, before = graphc.power(new, power), graphc.power(tensor(total), power)
        linear.assign_add(shrunk - (after - before) / learning_rate * old)
        quadratic = after / learning_rate + 2 * l2
        held = graphc.clip(tensor(linear), -l1, l1)
        variable.assign((held - tensor(linear)) / quadratic)
        total.assign(new)

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        own = (
            "learning_rate_power", "initial_accumulator_value", "l1_regularization_strength",
            "l2_regularization_strength", "l2_shrinkage_regularization_strength", "beta",
        )  # fmt: skip
        return super().get_config() | {name: getattr(self, name) for name in own}
