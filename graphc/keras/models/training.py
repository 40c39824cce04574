"""fit, evaluate, predict: epochs of batches through a model's entries.

Each batch is one native call.  Metrics are sums that the entry keeps; they are read at the end of
an epoch, and between when somebody looks.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from graphc.keras import tree
from graphc.keras.callbacks.container import CallbackList
from graphc.keras.models import checking, feeding
from graphc.keras.models.compiling import Compiling
from graphc.keras.models.epochs import Epochs
from graphc.keras.models.feeding import Feed, Rows, Stream
from graphc.keras.models.gathering import Gathered
from runtime.entry_point import EntryPoint
from runtime.interruption import DeferredInterrupt

Source = Rows | Stream


class Training(Compiling):
    """The methods of a model that work with data."""

    # -- data -----------------------------------------------------------------------------------

    def build_on(self, feed: Feed) -> None:
        """Builds the model for data like those of ``feed``, where it is not built yet."""
        if self.built:
            return
        shapes = tree.map_leaves(lambda name: (None, *feed.arrays[name].shape[1:]), feed.x)
        self.build(shapes)  # type: ignore[attr-defined]

    def _feed(self, x: Any, y: Any, weights: Any, class_weight: Any = None) -> Feed:
        if class_weight is not None:
            if weights is not None:
                raise ValueError("give class_weight or sample_weight, not both")
            weights = feeding.class_weights(y, class_weight)
        if not self.built:
            self.build_on(feeding.named_feed(x, None, None, []))
        names = self.input_names if self.built and hasattr(self, "input_names") else []
        if isinstance(x, dict) and names and not isinstance(getattr(self, "input", None), dict):
            x = [checking.of_dict(x, name, names) for name in names]
            x = x[0] if len(x) == 1 else x
        return feeding.named_feed(x, y, weights, names)

    def _source(
        self,
        x: Any,
        y: Any,
        weights: Any,
        batch_size: int | None,
        *,
        shuffle: bool = False,
        class_weight: Any = None,
    ) -> Source:
        if x is None or isinstance(x, (str, bytes)):
            raise ValueError(f"x is {x!r:.40}: give arrays, or a generator of batches")
        if feeding.is_arrays(x):
            feed = self._feed(x, y, weights, class_weight)
            if y is not None:
                checking.labels_in_range(self, feed)
            return Rows(feed, batch_size, shuffle, checking.shuffling_seed() if shuffle else 0)
        for what, value in (("y", y), ("sample_weight", weights)):
            if value is not None:
                raise ValueError(f"{what} comes from the generator: do not give it apart")
        if batch_size is not None:
            raise ValueError("batch_size is the generator's affair: do not give it")
        return Stream(x, self._feed, class_weight, checking.shuffling_seed() if shuffle else None)

    def _told(
        self,
        callbacks: Any,
        verbose: Any,
        steps: int | None,
        epochs: int = 1,
        *,
        history: bool = False,
    ) -> CallbackList:
        """The callbacks of a run, with the progress bar."""
        return CallbackList(
            callbacks,
            add_history=history,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )

    # -- fit ------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Trains for ``epochs`` epochs; gives the ``History`` of losses and metrics.

        ``x`` and ``y`` are arrays, or lists or dicts of them by the names of inputs and outputs,
        or ``x`` is a generator or a ``keras.utils.PyDataset`` of batches ``(x, y)`` or ``(x, y,
        sample_weight)``.  Ctrl-C ends the training after the step: ``KeyboardInterrupt``, with all
        epochs done in ``model.history``.
        """
        source = self._source(
            x, y, sample_weight, batch_size, shuffle=bool(shuffle), class_weight=class_weight
        )
        checked = checking.epochs(epochs, initial_epoch, steps_per_epoch)
        validation_size = validation_batch_size or batch_size
        if validation_split and validation_data is None:
            source, validation = self._split(source, validation_split, validation_size)
        else:
            validation = self._validation(validation_data, validation_size)
        self.objectives  # noqa: B018 (an error where the model is not compiled)
        steps = checking.steps(source, steps_per_epoch, "steps_per_epoch")
        if validation is not None:
            checking.steps(validation, validation_steps, "validation_steps")
        told = self._told(callbacks, verbose, steps, epochs, history=True)
        self.stop_training = False
        with told, DeferredInterrupt() as interrupt:
            run = Epochs(self, source, steps_per_epoch, told, interrupt)
            run.validation = (validation, validation_steps, validation_freq)
            run.run(*checked)
        if interrupt.pending:
            raise KeyboardInterrupt
        return self.history

    def _split(
        self, source: Source, share: float, batch_size: int | None
    ) -> tuple[Source, Source | None]:
        """The source without its last rows, and those."""
        if not isinstance(source, Rows):
            raise ValueError("validation_split is for arrays: give validation_data instead")
        first, last = feeding.split(source.feed, share)
        own = source.batches
        return Rows(first, own.batch_size, own.shuffle, own.seed), Rows(last, batch_size, False, 0)

    def _validation(self, data: Any, batch_size: int | None) -> Source | None:
        if data is None:
            return None
        if isinstance(data, (tuple, list)) and feeding.is_arrays(data[0]):
            x, y, weights = feeding.unpacked(tuple(data))
            return self._source(x, y, weights, batch_size)
        return self._source(data, None, None, None)

    # -- evaluate and predict -------------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **_: Any,
    ) -> Any:
        """The loss and the metrics on data: a list in the order of ``metrics_names``, the loss
        alone where there is nothing else, or with ``return_dict`` all by name."""
        source = self._source(x, y, sample_weight, batch_size)
        self.objectives  # noqa: B018 (an error where the model is not compiled)
        told = callbacks
        if not isinstance(told, CallbackList):
            told = self._told(callbacks, verbose, checking.steps(source, steps, "steps"))
        with told:
            self._evaluate(source, steps, told)
        return self._values(return_dict)

    def _evaluate(self, source: Source, steps: int | None, told: CallbackList) -> dict[str, Any]:
        told.on_test_begin()
        self.reset_metrics()
        self._batches("test", source, steps, told)
        logs = self.get_metrics_result()
        told.on_test_end(logs)
        return logs

    def _batches(self, mode: str, source: Source, steps: int | None, told: CallbackList) -> int:
        """Runs an entry on every batch; how many there were."""
        begin, end = f"on_{mode}_batch_begin", f"on_{mode}_batch_end"
        tells_begin, tells_end = told.wants(begin), told.wants(end)
        done = 0
        for step, (feed, arrays) in enumerate(islice(source.epoch(0), steps)):
            entry = self._steps.entry(mode, feed)
            if tells_begin:
                getattr(told, begin)(step, {})
            self.run_step(mode, entry, arrays)
            done = step + 1
            if tells_end:
                getattr(told, end)(step, self.get_metrics_result)
        if not done:
            raise ValueError("the data gave no batches")
        return done

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The model's outputs for ``x``, as arrays."""
        source = self._source(x, None, None, batch_size)
        told = self._told(callbacks, verbose, checking.steps(source, steps, "steps"))
        total = source.feed.samples if isinstance(source, Rows) and steps is None else None
        gathered = Gathered(total)
        tells = told.wants("on_predict_batch_begin") or told.wants("on_predict_batch_end")
        structure: Any = None
        with told:
            told.on_predict_begin()
            for step, (feed, arrays) in enumerate(islice(source.epoch(0), steps)):
                entry = self._steps.entry("predict", feed)
                if tells:
                    told.on_predict_batch_begin(step, {})
                outputs = gathered.add(partial(checking.run, self, entry), arrays)
                structure = self._steps.structure(feed)
                if tells:
                    told.on_predict_batch_end(step, {"outputs": tree.pack_as(structure, outputs)})
            told.on_predict_end()
        return tree.pack_as(structure, gathered.arrays())

    # -- one batch ------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step; the loss and metrics since they were last reset."""
        feed = self._feed(x, y, sample_weight, class_weight)
        return self._one("train", feed, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Adds a batch to the metrics and gives them."""
        return self._one("test", self._feed(x, y, sample_weight), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        feed = self._feed(x, None, None)
        entry = self._steps.entry("predict", feed)
        outputs = list(checking.run(self, entry, list(feed.arrays.values())).values())
        return tree.pack_as(self._steps.structure(feed), outputs)

    def _one(self, mode: str, feed: Feed, return_dict: bool) -> Any:
        self.objectives  # noqa: B018 (an error where the model is not compiled)
        entry = self._steps.entry(mode, feed)
        self.run_step(mode, entry, list(feed.arrays.values()))
        return self._values(return_dict)

    def run_step(self, mode: str, entry: EntryPoint, arrays: list[np.ndarray]) -> None:
        """One batch through the entry that trains or tests."""
        outputs = checking.run(self, entry, arrays)
        if outputs:
            self._told_results = self._steps.results(mode, outputs)
