"""Adam and its kind: means of gradients and of their squares, corrected for their start at 0.

Kingma and Ba, 2014 (Adam, Adamax); Dozat, 2015 (Nadam); Loshchilov and Hutter, 2017 (AdamW).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import graphc
from graphc.keras.calling import tensor
from graphc.keras.optimizers.base import Optimizer, Rate
from graphc.keras.variables import Variable


class _Moments(Optimizer):
    """What the kind shares: two decays, epsilon, and two slots for each variable."""

    slots = ("momentum", "velocity")

    def __init__(
        self, learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-7, weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None, global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, **options
        )
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Any) -> None:
        """Two slots for each variable."""
        if self.built:
            return
        super().build(variables)
        made = self.add_optimizer_variables(variables, list(self.slots))
        self._momentums, self._velocities = made

    def _step(self, variable: Variable, ahead: int = 1) -> Any:
        """The number of this step, which counts from 1, in the dtype of ``variable``."""
        return tensor(tensor(self.iterations) + ahead, variable.dtype)

    def _decayed(self, beta: float, variable: Variable) -> Any:
        """``beta`` to the power of this step."""
        return graphc.power(tensor(beta, variable.dtype), self._step(variable))

    def _moved(self, gradient: Any, variable: Variable) -> tuple[Any, Any]:
        """Both means after this step."""
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        first, second = self._fresh(variable)
        momentum.assign_add((gradient - tensor(momentum)) * first)
        velocity.assign_add((graphc.square(gradient) - tensor(velocity)) * second)
        return momentum.value, velocity.value

    def _fresh(self, variable: Variable) -> tuple[Any, Any]:
        """The shares of this step's gradient in both means."""
        return 1 - self.beta_1, 1 - self.beta_2

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {
            **super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }  # fmt: skip


class Adam(_Moments):
    """``w -= rate * m / (sqrt(v) + epsilon)`` with ``m`` and ``v`` the means of gradients and their
    squares, ``rate`` being ``learning_rate`` corrected for the step; with ``amsgrad`` the largest
    ``v`` so far (Reddi et al., 2018).

    >>> Adam().get_config()["beta_2"]
    0.999
    """

    def __init__(
        self, learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-7, amsgrad: bool = False, weight_decay: float | None = None,
        clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, weight_decay, clipnorm, clipvalue,
            global_clipnorm, **options,
        )  # fmt: skip
        self.amsgrad = amsgrad

    def build(self, variables: Any) -> None:
        """Two slots for each variable, three with ``amsgrad``."""
        if self.built:
            return
        super().build(variables)
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        ends = [1 - self._decayed(beta, variable) for beta in (self.beta_1, self.beta_2)]
        rate = learning_rate * graphc.sqrt(ends[1]) / ends[0]
        momentum, velocity = self._moved(gradient, variable)
        if self.amsgrad:
            largest = self._velocity_hats[self._get_variable_index(variable)]
            largest.assign(graphc.maximum(tensor(largest), velocity))
            velocity = largest.value
        variable.assign_sub(momentum * rate / (graphc.sqrt(velocity) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """All arguments."""
        return {**super().get_config(), "amsgrad": self.amsgrad}


class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    >>> AdamW().get_config()["weight_decay"]
    0.004
    """

    def __init__(
        self, learning_rate: Rate = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9,
        beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False,
        clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
            global_clipnorm, **options,
        )  # fmt: skip


class Adamax(_Moments):
    """Adam with the largest gradient, fading, in place of the mean of squares.

    >>> Adamax().get_config()["beta_1"]
    0.9
    """

    slots = ("momentum", "norm")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        index = self._get_variable_index(variable)
        momentum, norm = self._momentums[index], self._velocities[index]
        momentum.assign_add((gradient - tensor(momentum)) * (1 - self.beta_1))
        norm.assign(graphc.maximum(self.beta_2 * tensor(norm), graphc.abs(gradient)))
        end = 1 - self._decayed(self.beta_1, variable)
        variable.assign_sub(learning_rate * tensor(momentum) / (end * (norm + self.epsilon)))


class Nadam(_Moments):
    """Adam with Nesterov's momentum, whose decay rises from step to step.

    >>> Nadam().get_config()["epsilon"]
    1e-07
    """

    _RISE = 0.96

    def build(self, variables: Any) -> None:
        """Two slots for each variable, and the product of all decays so far."""
        if self.built:
            return
        super().build(variables)
        kind = self._trainable[0].dtype if self._trainable else None
        self._product = self.add_variable((), "ones", kind, "u_product")

    def before_steps(self, grads: list[Any], variables: list[Variable]) -> None:
        """The product after this step."""
        self._product.assign(tensor(self._product) * self._decay(self._product, 1))

    def _fresh(self, variable: Variable) -> tuple[Any, Any]:
        """Rounded to the variable's dtype before 1 is taken from them, as in Keras."""
        kind = np.dtype(variable.dtype).type
        return float(kind(1) - kind(self.beta_1)), float(kind(1) - kind(self.beta_2))

    def _decay(self, like: Variable, ahead: int) -> Any:
        rise = graphc.power(tensor(self._RISE, like.dtype), self._step(like, ahead))
        return self.beta_1 * (1.0 - 0.5 * rise)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """One step of one variable."""
        now, following = self._decay(variable, 1), self._decay(variable, 2)
        product = tensor(self._product, variable.dtype)
        momentum, velocity = self._moved(gradient, variable)
        ahead = following * momentum / (1 - product * following)
        first = ahead + (1 - now) * gradient / (1 - product)
        second = velocity / (1 - self._decayed(self.beta_2, variable))
        variable.assign_sub(first * learning_rate / (graphc.sqrt(second) + self.epsilon))
