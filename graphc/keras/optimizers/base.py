"""Optimizer: from gradients to new values of variables, as updates of a graph.

Responsible for what all rules share: the learning rate, the number of steps, slots beside the
variables, clipping, weight decay, constraints, moving averages and accumulation.  What one rule
does to one variable is its ``update_step``.

A rule is written as if variables were assigned at once.  Within a trace each assignment becomes an
update of the graph, so that a whole training step is one native call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

import graphc
from graphc.errors import ArgumentError
from graphc.keras.calling import is_symbolic, tensor
from graphc.keras.config import floatx
from graphc.keras.entries import compiled, declare, identifier
from graphc.keras.naming import auto_name, name_scope, snake_case
from graphc.keras.optimizers import clipping
from graphc.keras.optimizers.schedules import LearningRateSchedule
from graphc.keras.optimizers.schedules import deserialize as schedule_of
from graphc.keras.registry import Configured, fail, serialize_object
from graphc.keras.variables import Trace, Variable, current_trace, plain
from graphc.tensor import Tensor


class Optimizer(Configured):
    """Base of all optimizers; a user's own has ``build(self, variables)`` for its slots and
    ``update_step(self, gradient, variable, learning_rate)``.

    ``learning_rate`` is a number, which may be assigned between steps without recompiling, a
    schedule, or a function without arguments.  Of ``clipnorm``, ``clipvalue`` and
    ``global_clipnorm`` one may be given.

    >>> import graphc
    >>> from graphc.keras.optimizers import SGD
    >>> w = graphc.parameter("w", [1.0, 2.0])
    >>> updates = SGD(learning_rate=0.5).updates(graphc.sum(w * w), [w])
    >>> graphc.evaluate(updates[w])
    array([0., 0.], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or auto_name(snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check()
        self.built = False
        self._variables: list[Variable] = []
        self._trainable: list[Variable] = []
        self._index: dict[Any, int] = {}
        self._averages: list[Variable] = []
        self._accumulated: list[Variable] = []
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self._not_decayed: tuple[set[Any], tuple[str, ...]] = (set(), ())
        self._iterations = self.add_variable((), dtype="int64", name="iteration")
        self._learning_rate = self._held_rate(learning_rate)

    def _check(self) -> None:
        clips = {
            name: given
            for name in ("clipnorm", "clipvalue", "global_clipnorm")
            if (given := getattr(self, name)) is not None
        }
        if len(clips) > 1:
            raise fail(ArgumentError(f"only one of clipnorm, clipvalue, global_clipnorm: {clips}"))
        if self.use_ema and not 0 <= self.ema_momentum <= 1:
            raise fail(ArgumentError(f"ema_momentum is from 0 to 1, not {self.ema_momentum}"))
        every = self.gradient_accumulation_steps
        if every and every < 2:
            raise fail(ArgumentError(f"gradient_accumulation_steps is 2 or more, not {every}"))

    # -- its own variables ------------------------------------------------------------------------

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, name: str | None = None,
        **_: Any,
    ) -> Variable:  # fmt: skip
        """A variable of the optimizer's own."""
        with name_scope(self.name):
            made = Variable(initializer, shape, dtype, trainable=False, name=name)
        self._variables.append(made)
        return made

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A slot: a variable of the shape and dtype of another."""
        beside = f"{reference_variable.path.replace('/', '_')}_{name or 'var'}"
        shape, dtype = reference_variable.shape, reference_variable.dtype
        return self.add_variable(shape, initializer, dtype, beside)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Slots for all variables: a list, or of several names a tuple of lists."""
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, (list, tuple))
        first = list(initializer) if several else [initializer] * len(names)
        slots: tuple[list[Variable], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for slot, own, start in zip(slots, names, first, strict=True):
                slot.append(self.add_variable_from_reference(variable, own, start))
        return slots[0] if isinstance(name, str) else slots

    @property
    def variables(self) -> list[Variable]:
        """The step counter, the learning rate where it is a number, and all slots."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """How many steps were made; of accumulated ones, how many updates."""
        if self.gradient_accumulation_steps:
            return self._iterations // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate: its variable, or what a schedule gives for this step."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations)
        return self._learning_rate if self._settable else self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value) and not isinstance(value, Variable):
            if self._settable:
                self._variables.remove(self._learning_rate)
            self._learning_rate = value
            return
        if not self._settable:
            reason = "the learning rate is a schedule, which a number cannot replace"
            raise fail(ArgumentError(reason, advice="make the optimizer with a number"))
        self._learning_rate.assign(value)

    @property
    def _settable(self) -> bool:
        return isinstance(self._learning_rate, Variable)

    def _held_rate(self, given: Any) -> Any:
        if isinstance(given, Mapping):
            given = schedule_of(given)
        if callable(given):
            return given
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            reason = f"learning_rate is a number, a schedule or a function, not {given!r}"
            raise fail(ArgumentError(reason))
        rate = self.add_variable((), dtype=floatx(), name="learning_rate")
        rate.assign(given)
        return rate

    # -- building ---------------------------------------------------------------------------------

    def build(self, variables: Iterable[Variable]) -> None:
        """Makes the slots for ``variables``, once."""
        if self.built:
            return
        self._trainable = list(variables)
        self._index = {id(variable): i for i, variable in enumerate(self._trainable)}
        if self.use_ema:
            self._averages = self.add_optimizer_variables(self._trainable, "average")
        if self.gradient_accumulation_steps:
            self._accumulated = self.add_optimizer_variables(
                self._trainable, "gradient_accumulator"
            )
        self.built = True

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[id(variable)]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Weight decay leaves out ``var_list`` and those with one of ``var_names`` in the name."""
        if self.built:
            reason = "exclude_from_weight_decay comes before the optimizer is built"
            raise fail(ArgumentError(reason))
        self._not_decayed = ({id(v) for v in var_list or ()}, tuple(var_names or ()))

    def _decays(self, variable: Variable) -> bool:
        excluded, words = self._not_decayed
        return id(variable) not in excluded and not any(re.search(w, variable.name) for w in words)

    # -- one step ---------------------------------------------------------------------------------

    def updates(
        self, loss_or_gradients: Any, variables: Sequence[Variable | Tensor]
    ) -> dict[Tensor, Tensor]:
        """The updates of one step, as ``graphc.Graph`` takes them: the new values of ``variables``
        (or parameters), of the slots and of the step counter.

        ``loss_or_gradients`` is a scalar, of which the gradients are taken, or the gradients, one
        for each of ``variables``, ``None`` for a variable that is not to change.
        """
        held = [self._variable_of(v) for v in variables]
        gradients = loss_or_gradients
        if isinstance(gradients, Tensor):
            gradients = graphc.grad(self.scale_loss(gradients), [v.parameter for v in held])
        with Trace() as trace:
            self.apply(gradients, held)
        return trace.updates

    def _variable_of(self, variable: Any) -> Variable:
        if isinstance(variable, Variable):
            return variable
        for known in self._trainable:
            if known.parameter is variable:
                return known
        return Variable.of_parameter(variable)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Changes the variables by their gradients; within a trace, as updates of the graph.

        ``ArgumentError`` where the numbers of gradients and variables differ, or none is given.
        """
        variables = self._trainable if trainable_variables is None else list(trainable_variables)
        if not self.built:
            self.build(variables)
        grads = list(grads)
        if len(grads) != len(variables):
            reason = f"{len(grads)} gradients for {len(variables)} variables"
            raise fail(ArgumentError(reason))
        if unknown := [v.path for v in variables if id(v) not in self._index]:
            reason = f"the optimizer was built without the variable {unknown[0]!r}"
            raise fail(ArgumentError(reason, advice="make a new optimizer for other variables"))
        if current_trace() is None:
            self._apply_at_once(grads, variables)
            return
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not pairs:
            raise fail(ArgumentError("no variable has a gradient"))
        self._apply_pairs(pairs)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """``apply`` of pairs of gradient and variable."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def _apply_at_once(self, grads: list[Any], variables: list[Variable]) -> None:
        """One step on arrays, compiled when it is first made."""
        if is_symbolic(grads):
            raise fail(ArgumentError("gradients are Tensors", advice="use optimizer.updates"))
        given = [(i, g) for i, g in enumerate(grads) if g is not None]
        key = tuple((id(variables[i]), i) for i, _ in given)
        if key not in self._compiled:
            self._compiled[key] = self._compiled_step([i for i, _ in given], variables)
        self._compiled[key](*(np.asarray(plain(g), variables[i].dtype) for i, g in given))

    def _compiled_step(self, places: list[int], variables: list[Variable]) -> Callable[..., Any]:
        """A native step of gradients for the variables at ``places``."""
        inputs = {
            i: graphc.input(f"gradient_{i}", variables[i].shape, variables[i].dtype) for i in places
        }

        def declaration() -> dict[str, Tensor]:
            self.apply([inputs.get(i) for i in range(len(variables))], variables)
            return {"steps": tensor(self._iterations)}

        known = [*variables, *self._variables]
        graph, used = declare(identifier(self.name), declaration, list(inputs.values()), known)
        return compiled([graph], used)

    def _apply_pairs(self, pairs: list[tuple[Any, Variable]]) -> None:
        scale = self.loss_scale_factor
        variables = [v for _, v in pairs]
        grads = [tensor(g, v.dtype) if not scale else tensor(g, v.dtype) / scale for g, v in pairs]
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables, self.gradient_accumulation_steps)
        else:
            self._update(grads, variables)
        self._average()
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        """Clipping, weight decay, and the rule."""
        grads = clipping.clipped(grads, self.clipnorm, self.clipvalue, self.global_clipnorm)
        rate = self.learning_rate
        if self.weight_decay is not None:
            for variable in filter(self._decays, variables):
                lost = variable * self.weight_decay * tensor(rate, variable.dtype)
                variable.assign(variable - lost)
        self.before_steps(grads, variables)
        for gradient, variable in zip(grads, variables, strict=True):
            self.update_step(gradient, variable, tensor(rate, variable.dtype))

    def before_steps(self, grads: list[Any], variables: list[Variable]) -> None:
        """What a rule does once a step, before all variables."""

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Assigns the new value of one variable, and of its slots."""
        raise NotImplementedError(f"{type(self).__name__} must have update_step")

    def _accumulate(self, grads: list[Any], variables: list[Variable], steps: int) -> None:
        """Sums gradients, and updates with their mean at every ``steps``-th step only."""
        due = (tensor(self._iterations) + 1) % steps == 0
        sums = [self._accumulated[self._get_variable_index(v)] for v in variables]
        totals = [g + tensor(total) for g, total in zip(grads, sums, strict=True)]
        others = [v for v in self._variables if not any(v is total for total in sums)]
        before = [(v, tensor(v)) for v in [*variables, *others]]
        self._update([total / steps for total in totals], variables)
        for variable, old in before:
            variable.assign(graphc.where(due, tensor(variable), old))
        for total, new in zip(sums, totals, strict=True):
            total.assign(graphc.where(due, 0, new))

    def _average(self) -> None:
        """Moves the moving averages, and puts them into the variables where it is time."""
        if not self.use_ema:
            return
        step = tensor(self.iterations)
        for variable, average in zip(self._trainable, self._averages, strict=True):
            kept = self.ema_momentum * graphc.astype(step != 0, variable.dtype)
            average.assign(kept * tensor(average) + (1 - kept) * tensor(variable))
            if self.ema_overwrite_frequency:
                due = (step + 1) % self.ema_overwrite_frequency == 0
                variable.assign(graphc.where(due, tensor(average), tensor(variable)))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Puts the moving averages into the variables, where there are any."""
        for variable, average in zip(var_list, self._averages, strict=False):
            variable.assign(average.value)

    # -- words that rules use ---------------------------------------------------------------------

    def scale_loss(self, loss: Any) -> Any:
        """The loss times ``loss_scale_factor``."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def assign(self, variable: Variable, value: Any) -> None:
        """Sets a variable or slot."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Adds to a variable or slot."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtracts from a variable or slot."""
        variable.assign_sub(value)

    # -- configuration ----------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this optimizer again, with its present learning rate."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = serialize_object(rate, "keras.optimizers.schedules")
        return {
            "name": self.name,
            "learning_rate": float(rate.numpy()) if isinstance(rate, Variable) else rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """The optimizer that ``get_config`` describes."""
        given = dict(config)
        if isinstance(given.get("learning_rate"), Mapping):
            given["learning_rate"] = schedule_of(given["learning_rate"], custom_objects)
        return cls(**given)


Rate = float | LearningRateSchedule | Callable[[], Any]
