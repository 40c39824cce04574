"""The entries of a model: one native call that trains, tests or predicts a batch.

Each is declared and compiled when data of a new kind first come, and then kept; all work on the
variables' own memory.  Knows models, objectives and feeds, nothing of epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import graphc
from graphc.api import Executable, Graph
from graphc.keras import tree
from graphc.keras.entries import compiled, declare, graphc_tensor, input_like
from graphc.keras.layers.layer import training_is
from graphc.keras.models import checking
from graphc.keras.models.feeding import Feed, named_feed
from graphc.keras.variables import Trace, Variable
from graphc.tensor import Tensor
from runtime.entry_point import EntryPoint

MODES = ("train", "test", "predict")


class Steps:
    """The entries of ``model``, by mode and kind of data."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._entries: dict[Any, EntryPoint] = {}
        self._graphs: dict[str, tuple[Graph, dict[str, Variable]]] = {}
        self._structures: dict[Any, Any] = {}
        self._results: dict[str, list[str]] = {}
        self._whole: tuple[Any, Executable] | None = None

    def forget(self) -> None:
        """Lets all entries be made anew, as after ``compile``."""
        self._entries.clear()
        self._graphs.clear()
        self._structures.clear()
        self._whole = None

    def entry(self, mode: str, feed: Feed) -> EntryPoint:
        """The entry for data like those of ``feed``, whose arrays it takes in their order."""
        key = (mode, feed.kind(), self.model.trainable_flags() if mode == "train" else None)
        found = self._entries.get(key)
        if found is None:
            found = self._entries[key] = self._made(mode, feed, key)
        return found

    def structure(self, feed: Feed) -> Any:
        """How predictions for data like those of ``feed`` are structured."""
        return self._structures[("predict", feed.kind(), None)]

    def _made(self, mode: str, feed: Feed, key: Any) -> EntryPoint:
        graph, used = self._declared(mode, feed, key)
        self._graphs[mode] = (graph, used)
        return compiled([graph], used).entries[mode]

    def _declared(self, mode: str, feed: Feed, key: Any) -> tuple[Graph, dict[str, Variable]]:
        model = self.model
        inputs = {name: input_like(name, array) for name, array in feed.arrays.items()}
        model.build_on(feed)
        checking.check(model, mode, feed)
        given = {
            part: tree.map_leaves(lambda leaf: inputs.get(leaf), getattr(feed, part))
            for part in ("x", "y", "weights")
        }
        structure: list[Any] = []

        def declaration() -> dict[str, Tensor]:
            with training_is(mode == "train"):
                predictions = model(given["x"])
            structure[:] = [predictions]
            found = tree.flatten(predictions)
            if mode == "predict":
                names = output_names(model, predictions)
                return dict(zip(names, found, strict=True))
            return self._reported(mode, self._objective(mode, given, predictions))

        if mode != "predict":
            self._resolve(given, training=mode == "train")
            checking.labels_in_range(model, feed)
        known = self._variables(mode)
        made = declare(mode, declaration, list(inputs.values()), known)
        self._structures[key] = structure[0]
        return made

    def _variables(self, mode: str) -> list[Variable]:
        model = self.model
        known = list(model.variables)
        if mode != "predict":
            known += [v for metric in model.metrics for v in metric.variables]
        if mode == "train":
            known += model.optimizer.variables
        return known

    def _resolve(self, given: dict[str, Any], *, training: bool) -> None:
        """Makes losses, metrics and slots before the step is declared, once."""
        model = self.model
        if not model.objectives.resolved:
            with Trace(), training_is(False):
                predictions = model(given["x"])
                names = output_names(model, predictions)
                labels = checking.by_output(given["y"], predictions, names)
                found = tree.flatten(predictions)
                model.objectives.resolve(names, labels, found)
                if any(one is not None for one in model.objectives.losses):
                    model.objectives.loss_of(labels, found, [None] * len(found), [])
                model.objectives.update(labels, found, [None] * len(found))
        if training and not model.optimizer.built:
            model.optimizer.build(model.trainable_weights)

    def _objective(self, mode: str, given: dict[str, Any], predictions: Any) -> Any:
        """Declares loss, metrics, and while training the optimizer's step; gives the results."""
        model, training = self.model, mode == "train"
        objectives, found = model.objectives, tree.flatten(predictions)
        x, y, weights = given["x"], given["y"], given["weights"]
        with training_is(training):
            loss = model.compute_loss(
                x=x, y=y, y_pred=predictions, sample_weight=weights, training=training
            )
        objectives.track(loss, found)
        if training and model.trainable_weights:
            trained = model.trainable_weights
            scaled = model.optimizer.scale_loss(loss)
            gradients = graphc.grad(scaled, [v.parameter for v in trained])
            model.optimizer.apply(gradients, trained)
        return model.compute_metrics(x=x, y=y, y_pred=predictions, sample_weight=weights)

    def _reported(self, mode: str, results: Any) -> dict[str, Tensor]:
        """The results as outputs, of a model that says by itself what they are; the metrics of
        others are read from their variables, when somebody wants to know."""
        if not self.model.tells_results:
            return {}
        if not isinstance(results, dict) or not results:
            kind = type(self.model).__name__
            raise TypeError(f"{kind}.compute_metrics gives a dict of results, not {results!r:.60}")
        self._results[mode] = list(results)
        return {f"result_{i}": graphc_tensor(one) for i, one in enumerate(results.values())}

    def results(self, mode: str, outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The results by name, of what an entry gave."""
        return dict(zip(self._results.get(mode, ()), outputs.values(), strict=True))

    # -- looking inside -------------------------------------------------------------------------

    def graph(self, mode: str) -> Graph:
        """The graph of an entry; that of predictions is declared where there is none yet."""
        if mode not in MODES:
            from runtime.naming import suggestion

            raise ValueError(f"a model has no entry {mode!r}{suggestion(mode, MODES)}")
        if mode == "predict" and mode not in self._graphs and self.model.built:
            self._graphs[mode] = self._predicting()
        if mode not in self._graphs:
            how = "fit" if mode == "train" else "evaluate" if mode == "test" else "predict"
            raise ValueError(
                f"model {self.model.name!r} has no entry {mode!r} yet: it is made when {how} sees "
                f"the first data"
            )
        return self._graphs[mode][0]

    def _predicting(self) -> tuple[Graph, dict[str, Variable]]:
        model = self.model
        if not hasattr(model, "inputs"):
            raise ValueError(f"model {model.name!r} has no entry 'predict' before it saw data")
        arrays = [
            np.zeros((1, *(size or 1 for size in x.shape[1:])), x.dtype) for x in model.inputs
        ]
        x = tree.pack_as(model.input, arrays)
        feed = named_feed(x, None, None, model.input_names)
        return self._declared("predict", feed, ("predict", feed.kind(), None))

    def executable(self) -> Executable:
        """All entries in one program."""
        if "predict" not in self._graphs and self.model.built and hasattr(self.model, "inputs"):
            self.graph("predict")
        graphs = [self._graphs[mode][0] for mode in MODES if mode in self._graphs]
        if not graphs:
            raise ValueError(f"model {self.model.name!r} has no entries yet: build or fit it first")
        if self._whole is None or self._whole[0] != graphs:
            used = {name: v for _, own in self._graphs.values() for name, v in own.items()}
            self._whole = (graphs, compiled(graphs, used))
        return self._whole[1]


def output_names(model: Any, predictions: Any) -> list[str]:
    """The names of a model's outputs: its own, keys, or numbers."""
    known: list[str] | None = getattr(model, "output_names", None)
    count = len(tree.flatten(predictions))
    if known is not None and len(known) == count:
        return list(known)
    if isinstance(predictions, dict) and len(predictions) == count:
        return [str(key) for key in sorted(predictions)]
    return ["output"] if count == 1 else [f"output_{i + 1}" for i in range(count)]
