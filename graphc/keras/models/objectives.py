"""What a model was compiled with: losses, their weights and metrics, one set for each output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import graphc
from graphc.keras import tree
from graphc.tensor import Tensor
from runtime.naming import suggestion


class Objectives:
    """Losses and metrics as ``compile`` was given them; resolved when the outputs are known.

    ``loss_of`` declares the loss of a batch, ``update`` the new states of the metrics.
    """

    def __init__(self, loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any) -> None:
        from graphc.keras import metrics as metric_module

        self.loss, self.loss_weights = loss, loss_weights
        self.metrics_given, self.weighted_given = metrics, weighted_metrics
        self.tracker = metric_module.Mean(name="loss")
        self.resolved = False
        self.names: list[str] = []
        self.losses: list[Any] = []
        self.weights: list[float | None] = []
        self.trackers: list[Any] = []
        self.metrics: list[list[Any]] = []
        self.weighted: list[list[Any]] = []
        _check_names(loss, metrics, weighted_metrics)

    def resolve(self, names: list[str], labels: list[Any], predictions: list[Tensor]) -> None:
        """Makes the losses and metrics of each output, by its name or place."""
        if self.resolved:
            return
        from graphc.keras import losses
        from graphc.keras import metrics as metric_module

        self.names = names
        given = per_output(self.loss, names, "loss")
        self.losses = [None if one is None else losses.get(one) for one in given]
        self.weights = per_output(self.loss_weights, names, "loss_weights")
        several = len(names) > 1 and sum(one is not None for one in self.losses) > 1
        if several:
            self.trackers = [
                None if one is None else metric_module.Mean(name=f"{name}_loss")
                for name, one in zip(names, self.losses, strict=True)
            ]
        pairs = list(zip(labels, predictions, self.losses, strict=True))
        for attribute, wanted in (("metrics", "metrics_given"), ("weighted", "weighted_given")):
            chosen = per_output(getattr(self, wanted), names, wanted.split("_")[0], lists=True)
            made = [
                [made_metric(m, true, found, loss) for m in _listed(several_)] if several_ else []
                for several_, (true, found, loss) in zip(chosen, pairs, strict=True)
            ]
            setattr(self, attribute, made)
        self.resolved = True

    @property
    def all_metrics(self) -> list[Any]:
        """Every metric, the loss first."""
        outputs = [m for own in (*self.metrics, *self.weighted) for m in own]
        return [self.tracker, *(t for t in self.trackers if t is not None), *outputs]

    def loss_of(
        self, labels: list[Any], predictions: list[Tensor], weights: list[Any], extra: list[Tensor]
    ) -> Tensor:
        """The loss of a batch: the outputs' weighted losses, and the penalties ``extra``."""
        total: Any = None
        batch = batch_size(predictions[0])
        for i, loss in enumerate(self.losses):
            if loss is None:
                continue
            value = loss(labels[i], predictions[i], sample_weight=weights[i])
            if getattr(value, "ndim", 0):
                value = graphc.mean(value)
            if self.trackers and self.trackers[i] is not None:
                self.trackers[i].update_state(value, sample_weight=batch)
            weight = self.weights[i]
            value = value if weight is None else value * weight
            total = value if total is None else total + value
        for penalty in extra:
            total = penalty if total is None else total + penalty
        if total is None:
            raise ValueError("there is nothing to minimise: compile the model with a loss")
        return total  # type: ignore[no-any-return]

    def track(self, loss: Tensor, predictions: list[Tensor]) -> None:
        """Declares what the loss of a batch adds to that of the epoch."""
        self.tracker.update_state(loss, sample_weight=batch_size(predictions[0]))

    def update(self, labels: list[Any], predictions: list[Tensor], weights: list[Any]) -> None:
        """Declares what a batch adds to the metrics; sample weights count in weighted ones."""
        for i, (true, found) in enumerate(zip(labels, predictions, strict=True)):
            for metric in self.metrics[i] if true is not None else ():
                metric.update_state(true, found)
            for metric in self.weighted[i] if true is not None else ():
                metric.update_state(true, found, sample_weight=weights[i])

    def results(self) -> dict[str, Any]:
        """What the metrics say by now, by name: the loss, those of the outputs, the metrics."""
        found = {self.tracker.name: self.tracker.result()}
        found.update((t.name, t.result()) for t in self.trackers if t is not None)
        several = len(self.names) > 1
        for own, again in ((self.metrics, ""), (self.weighted, "weighted_")):
            for name, metrics in zip(self.names, own, strict=False):
                for metric in metrics:
                    place = f"{name}_" if several else ""
                    self._add(found, place, metric.name, again, metric.result())
        return found

    def _add(self, found: dict[str, Any], place: str, name: str, again: str, result: Any) -> None:
        """Adds a result under its name, or another where that is taken."""
        if isinstance(result, Mapping):
            found.update((str(key), value) for key, value in result.items())
            return
        base = f"{place}{again}{name}" if f"{place}{name}" in found else f"{place}{name}"
        key, number = base, 0
        while key in found:
            number += 1
            key = f"{base}_{number}"
        found[key] = result


def batch_size(prediction: Tensor) -> Any:
    """How many samples a batch has, as a float."""
    kind = prediction.dtype if prediction.dtype.is_float else graphc.float32
    size = prediction.shape[0] if prediction.shape else 1
    return graphc.size_of(size).astype(kind)


def number(value: Any) -> Any:
    """A result as a Python float, or a list of them."""
    return np.asarray(value).tolist() if getattr(value, "ndim", 0) else float(value)


def made_metric(given: Any, true: Any, found: Tensor, loss: Any) -> Any:
    """The metric that ``given`` names: ``"accuracy"`` is the one that fits labels and outputs."""
    from graphc.keras import metrics as metric_module

    named = given if isinstance(given, str) else None
    if named is not None and named.lower() in ("accuracy", "acc", "crossentropy", "ce"):
        base = "Accuracy" if named.lower() in ("accuracy", "acc") else "Crossentropy"
        return getattr(metric_module, f"{_variety(true, found)}{base}")(name=named)
    metric = metric_module.get(given)
    if not isinstance(metric, metric_module.Metric):
        metric = metric_module.MeanMetricWrapper(metric, name=getattr(metric, "__name__", named))
    if named is not None:
        metric.name = named
    return metric


def _variety(true: Any, found: Tensor) -> str:
    """Which form of a metric labels and predictions want, by their shapes as Keras does."""
    if found.ndim and found.shape[-1] == 1:
        return "Binary"
    sparse = true is not None and (true.ndim < found.ndim or true.shape[-1] == 1)
    return "SparseCategorical" if sparse else "Categorical"


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def per_output(given: Any, names: list[str], what: str, *, lists: bool = False) -> list[Any]:
    """What each output gets of ``given``: by name, by place, or the same for all."""
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise ValueError(
                    f"{what} names the output {name!r}, the model's outputs are "
                    f"{', '.join(map(repr, names))}{_hint(name, names)}"
                )
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)):
        if len(names) == 1:
            inner = len(given) == 1 and isinstance(given[0], (list, tuple))
            if lists:
                return [given[0] if inner else list(given)]
            if len(given) == 1:
                return list(given)
        if len(given) == len(names):
            return list(given)
        raise ValueError(
            f"{what} is a list of {len(given)}, the model has {len(names)} outputs: "
            f"{', '.join(map(repr, names))}"
        )
    return [given] * len(names)


def _hint(name: Any, names: list[str]) -> str:
    found = suggestion(name, names)
    return found if found.startswith("; did") else ""


def _check_names(loss: Any, metrics: Any, weighted: Any) -> None:
    """Unknown names are an error of ``compile`` already."""
    from graphc.keras import losses
    from graphc.keras import metrics as metric_module

    for one in tree.flatten(loss):
        if isinstance(one, str):
            losses.get(one)
    for one in tree.flatten([metrics, weighted]):
        if isinstance(one, str) and one.lower() not in ("accuracy", "acc", "crossentropy", "ce"):
            metric_module.get(one)
