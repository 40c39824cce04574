"""Metric: sums that are kept from batch to batch, and what they say by now.

Responsible for a metric's variables and their reset.  ``update_state`` is written for values; in a
training step it declares what the step adds, so that metrics cost no call of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.keras.config import floatx, standard_dtype
from graphc.keras.naming import auto_name, name_scope, snake_case
from graphc.keras.registry import Configured
from graphc.keras.variables import Variable


class Metric(Configured):
    """Base of all metrics; a user's own makes its sums by ``add_weight`` in ``__init__``, and has
    ``update_state(self, y_true, y_pred, sample_weight=None)`` and ``result(self)``.

    >>> from graphc.keras import ops
    >>> class Positives(Metric):
    ...     def __init__(self, name="positives"):
    ...         super().__init__(name=name)
    ...         self.total = self.add_weight(name="total", initializer="zeros")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.total.assign_add(ops.sum(ops.cast(y_pred > 0.5, "float32")))
    ...     def result(self):
    ...         return self.total.value
    >>> float(Positives()(np.zeros(2), np.array([0.2, 0.9])))
    1.0
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(snake_case(type(self).__name__))
        self.dtype = floatx() if dtype is None else standard_dtype(dtype)
        self._variables: list[Variable] = []

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:  # fmt: skip
        """A variable of the metric's own."""
        with name_scope(self.name.replace("/", "_")):
            first = "zeros" if initializer is None else initializer
            made = Variable(first, shape, dtype or self.dtype, trainable=False, name=name)
        self._variables.append(made)
        return made

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """``add_variable``, by default a number."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """All variables, those of metrics within this one included."""
        own = list(self._variables)
        for held in vars(self).values():
            for one in held if isinstance(held, (list, tuple)) else (held,):
                if isinstance(one, Metric):
                    own += one.variables
                elif isinstance(one, Variable) and not any(one is known for known in own):
                    own.append(one)
        return own

    def update_state(self, *arguments: Any, **keywords: Any) -> None:
        """Adds a batch to the sums."""
        raise NotImplementedError(f"{type(self).__name__} must have update_state")

    def result(self) -> Any:
        """What the sums say by now."""
        raise NotImplementedError(f"{type(self).__name__} must have result")

    def reset_state(self) -> None:
        """Sets all sums to 0."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Adds a batch, and gives the result with it."""
        self.update_state(*arguments, **keywords)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """``name`` and ``dtype``."""
        return {"name": self.name, "dtype": self.dtype}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
