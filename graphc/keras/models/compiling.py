"""What a model is compiled with, and what its metrics say."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from graphc.keras import tree
from graphc.keras.config import threads
from graphc.keras.metrics.base import Metric
from graphc.keras.models import checking
from graphc.keras.models.objectives import Objectives, number, per_output
from graphc.keras.models.steps import Steps
from runtime import preparation

# Methods of Keras' models that a subclass may override there.
_STEPS = ("train_step", "test_step", "predict_step")


class Compiling:
    """The methods of a model about its loss, optimizer and metrics."""

    name: str
    built: bool

    def _prepare_training(self) -> None:
        self._steps = Steps(self)
        self._objectives: Objectives | None = None
        self._compile_arguments: dict[str, Any] = {}
        self.optimizer: Any = None
        self._told_results: dict[str, Any] = {}
        self.stop_training = False
        self.history: Any = None

    def _entries_changed(self) -> None:
        if "_steps" in self.__dict__:
            self._steps.forget()

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says what ``fit`` minimises and how, and what is measured.

        Losses, optimizers and metrics are names, objects or functions; with several outputs lists
        of them, or dicts by the outputs' names.  Raises ``ValueError`` with the nearest name for
        an unknown one.
        """
        from graphc.keras import optimizers

        if isinstance(steps_per_execution, bool) or not isinstance(steps_per_execution, int):
            raise ValueError(f"steps_per_execution is an int, not {steps_per_execution!r}")
        if steps_per_execution < 1:
            raise ValueError(f"steps_per_execution is 1 or more, not {steps_per_execution}")
        if run_eagerly:
            warnings.warn("run_eagerly has no meaning here: a step is compiled", stacklevel=2)
        self._refuse_own_steps()
        names = getattr(self, "output_names", None) if self.built else None
        for what, given in (("loss", loss), ("metrics", metrics), ("loss_weights", loss_weights)):
            if names is not None and isinstance(given, Mapping):
                per_output(given, names, what)
        self.optimizer = optimizers.get(optimizer)
        self._objectives = Objectives(loss, loss_weights, metrics, weighted_metrics)
        self.steps_per_execution = steps_per_execution
        self.stop_training = False
        self.compiled = True
        self._compile_arguments = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "steps_per_execution": steps_per_execution,
        }
        self._entries_changed()
        preparation.begin(threads(), batches=True)

    compiled = False

    def _refuse_own_steps(self) -> None:
        for method in _STEPS:
            if hasattr(self, method):
                raise NotImplementedError(
                    f"{type(self).__name__}.{method} is not there (yet): a step is declared from "
                    f"call, the loss, the metrics and the optimizer; a loss of your own is "
                    f"compute_loss(x, y, y_pred, sample_weight, training), metrics are "
                    f"compute_metrics(x, y, y_pred, sample_weight)"
                )

    @property
    def objectives(self) -> Objectives:
        """Losses and metrics; ``ValueError`` before ``compile``."""
        if self._objectives is None:
            raise ValueError(
                f"model {self.name!r} is not compiled: call model.compile(optimizer, loss) first"
            )
        return self._objectives

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The loss of a batch, as ``compile`` said it, with the penalties of the layers.

        A subclass may say another; it is declared once, on Tensors.
        """
        objectives, found = self.objectives, tree.flatten(y_pred)
        labels = checking.by_output(y, y_pred, objectives.names)
        rows = checking.by_output(sample_weight, y_pred, objectives.names, shared=True)
        own: list[Any] = self.losses  # type: ignore[attr-defined]
        return objectives.loss_of(labels, found, rows, own)

    @property
    def loss(self) -> Any:
        """The loss as ``compile`` was given it."""
        return self._compile_arguments.get("loss")

    def compute_metrics(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Adds a batch to the metrics, and gives all results by name.

        A subclass may update others and give other results; it is declared once, on Tensors, and
        the results are outputs of the step.
        """
        objectives, found = self.objectives, tree.flatten(y_pred)
        labels = checking.by_output(y, y_pred, objectives.names)
        rows = checking.by_output(sample_weight, y_pred, objectives.names, shared=True)
        objectives.update(labels, found, rows)
        return self._results()

    @property
    def tells_results(self) -> bool:
        """Whether a subclass says what the results of a step are."""
        return type(self).compute_metrics is not Compiling.compute_metrics

    @property
    def metrics(self) -> list[Any]:
        """The metrics, the loss first: those of ``compile``, then those that are attributes of the
        model or of its layers."""
        given = [] if self._objectives is None else self._objectives.all_metrics
        return [*given, *self._attribute_metrics()]

    def _attribute_metrics(self) -> list[Metric]:
        given = [] if self._objectives is None else self._objectives.all_metrics
        found: dict[Metric, None] = {}
        for layer in self._flatten_layers():  # type: ignore[attr-defined]
            for name, value in vars(layer).items():
                if name != "_given":
                    held = value if isinstance(value, (list, tuple)) else (value,)
                    found.update((one, None) for one in held if isinstance(one, Metric))
        return [one for one in found if all(one is not known for known in given)]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what ``evaluate`` gives."""
        return list(self._told_results or self._results())

    def _results(self) -> dict[str, Any]:
        """What all metrics say by now: values, and within a step Tensors."""
        found = self.objectives.results()
        for metric in self._attribute_metrics():
            result = metric.result()
            found.update(result if isinstance(result, Mapping) else {metric.name: result})
        return found

    def get_metrics_result(self) -> dict[str, Any]:
        """The metrics' present values, in the order of their names."""
        return dict(sorted(self._numbers().items()))

    def _numbers(self) -> dict[str, Any]:
        results = self._told_results or self._results()
        return {name: number(value) for name, value in results.items()}

    def _values(self, return_dict: bool) -> Any:
        """The metrics' present values as ``evaluate`` gives them."""
        if return_dict:
            return self.get_metrics_result()
        values = list(self._numbers().values())
        return values[0] if len(values) == 1 else values

    def reset_metrics(self) -> None:
        """Sets the metrics to their start."""
        self._told_results = {}
        given = [] if self._objectives is None else self._objectives.all_metrics
        for metric in dict.fromkeys([*given, *self.metrics]):
            metric.reset_state()

    def get_compile_config(self) -> dict[str, Any] | None:
        """What ``compile`` was given, as plain data."""
        if not self.compiled:
            return None
        from graphc.keras.saving.objects import serialize_keras_object

        given = {**self._compile_arguments, "optimizer": self.optimizer}
        return {key: serialize_keras_object(value) for key, value in given.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as ``get_compile_config`` says."""
        from graphc.keras.saving.objects import deserialize_keras_object

        known = (*self._DEFAULTS, "optimizer", "loss", "metrics")
        given = {key: deserialize_keras_object(config[key]) for key in known if key in config}
        self.compile(**given)
        if self.built:
            self.optimizer.build(self.trainable_weights)  # type: ignore[attr-defined]

    _DEFAULTS = ("loss_weights", "weighted_metrics", "steps_per_execution")
