"""Training: epochs of mini-batches through one entry, with metrics, callbacks and resumption.

The optimizer is part of the program; this module feeds it and keeps count.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from runtime.batches import Batches
from runtime.callbacks import Callback
from runtime.checkpoint import load_checkpoint, restore, save_checkpoint
from runtime.entry_point import EntryPoint
from runtime.errors import CheckpointError, InputDtypeError, InputError, InputNameError
from runtime.executable import Executable
from runtime.gathering import Cast
from runtime.history import Average, History
from runtime.interruption import DeferredInterrupt
from runtime.naming import suggestion


@dataclass(frozen=True)
class Run:
    """What one ``fit`` was asked for."""

    first_epoch: int
    last_epoch: int
    batches: Batches
    fixed: Mapping[str, Any]
    validation: Mapping[str, Any] | None
    validation_entry: str
    callbacks: tuple[Callback, ...]

    def data_settings(self) -> dict[str, Any]:
        """What decides which numbers are in which batch: a resumed run needs the same."""
        batches = self.batches
        return {
            "seed": batches.seed,
            "batch_size": batches.batch_size,
            "shuffle": int(batches.shuffle),
            "samples": batches.samples,
            "scale": {name: cast.scale for name, cast in batches.casts.items()},
        }


class Trainer:
    """Trains ``executable`` by calling its entry ``entry`` once for each batch::

        trainer = Trainer(exe, "step")
        history = trainer.fit({"x": images, "labels": labels}, epochs=5, batch_size=128)
        history["loss"], trainer.evaluate("evaluate", test)["accuracy"]

    ``epoch`` and ``step`` say which epoch (counted over all ``fit``s) and batch come next,
    ``history`` what was measured.  A callback may set ``stop``.
    """

    def __init__(self, executable: Executable, entry: str = "step") -> None:
        if not isinstance(executable, Executable):
            kind = type(executable).__name__
            raise InputError(f"a Trainer trains an executable, made by compile or load, not {kind}")
        self.executable = executable
        self.history = History()
        self.epoch = 0
        self.step = 0
        self.stop = False
        self.run: Run | None = None
        self._entry = self._find(entry)
        self._average = Average()
        self._seconds = 0.0

    def fit(
        self,
        data: Mapping[str, Any],
        epochs: int,
        batch_size: int = 128,
        *,
        seed: int = 0,
        shuffle: bool = True,
        validation: Mapping[str, Any] | None = None,
        validation_entry: str = "evaluate",
        callbacks: Sequence[Callback] = (),
        fixed: Mapping[str, Any] | None = None,
        scale: Mapping[str, float] | None = None,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Trains ``epochs`` more epochs on ``data``, arrays of equal length by the inputs' names.

        Every output of rank 0 is a metric, averaged over samples.  ``validation`` is data for
        ``validation_entry``, whose metrics get the prefix ``val_``.  ``fixed`` are inputs that are
        the same for each batch.  ``scale`` maps names of data to a factor: in each batch their
        elements, of whatever dtype, become the input's floats and are multiplied by it, so that
        ``scale={"images": 1 / 255}`` trains on bytes; it holds for ``validation`` too.  ``resume``
        names a checkpoint of an unfinished ``fit`` with the same arguments: it is taken up there,
        to the same bits as without interruption; where there is no such file yet, training starts
        from the beginning.

        Ctrl-C finishes the step; then ``KeyboardInterrupt`` is raised, with the parameters of that
        step, the epochs done in ``history`` and ``history.interrupted`` set.  An epoch cut short is
        not in the history, and the next ``fit`` begins a new one.
        """
        if not isinstance(epochs, int) or epochs < 0:
            raise ValueError(f"epochs should be an int of at least 0, not {epochs!r}")
        self._abandon_partial_epoch()
        batches = Batches(
            data, batch_size, shuffle=shuffle, seed=seed,
            casts=_casts(self._entry, scale), threads=self.executable.threads,
        )  # fmt: skip
        watching, same = _checked_callbacks(callbacks), dict(fixed or {})
        twice = sorted(same.keys() & batches.arrays.keys())
        if twice:
            raise InputNameError(f"{', '.join(map(repr, twice))} is both in data and in fixed")
        first = self.epoch
        if resume is not None and Path(resume).exists():
            first = self._take_up(resume, batches)
        run = Run(
            first, first + epochs, batches, same, validation, validation_entry, watching
        )  # fmt: skip
        self.run, self.stop, self.history.interrupted = run, False, False
        self._fit(run)
        return self.history

    def evaluate(
        self,
        entry: str,
        data: Mapping[str, Any],
        batch_size: int = 1024,
        fixed: Mapping[str, Any] | None = None,
        scale: Mapping[str, float] | None = None,
    ) -> dict[str, float]:
        """The rank-0 outputs of ``entry``, averaged over the samples of ``data``.

        Arrays that the entry does not take are left out, so that training data will do; ``scale``
        is that of ``fit``.
        Raises ``ValueError`` for an entry that updates parameters or has no such output.
        """
        called = self._find(entry)
        if called.entry.updated:
            raise ValueError(f"{entry} updates parameters; evaluate with an entry that does not")
        if all(spec.shape for spec in called.entry.outputs):
            raise ValueError(f"{entry} has no output of rank 0 to average")
        wanted = {spec.name for spec in called.entry.inputs}
        same = {name: value for name, value in (fixed or {}).items() if name in wanted}
        rows = {name: value for name, value in data.items() if name in wanted}
        chosen = {name: factor for name, factor in (scale or {}).items() if name in wanted}
        casts, threads = _casts(called, chosen), self.executable.threads
        batches = Batches(rows, batch_size, shuffle=False, casts=casts, threads=threads)
        average = Average()
        for batch in batches.epoch(0):
            average.add(_outputs(called, {**same, **batch.arrays}), batch.count)
        return average.means()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint: the parameters, and where in the training they were reached."""
        if self.run is None:
            raise CheckpointError("nothing was trained yet: there is no position to save")
        progress = {
            "first_epoch": self.run.first_epoch,
            "epoch": self.epoch,
            "step": self.step,
            "totals": self._average.totals,
            "counted": self._average.samples,
            "elapsed": self._seconds,
            "epochs": self.history.epochs,
            "seconds": self.history.seconds,
            "samples": self.history.samples,
            "data": self.run.data_settings(),
        }
        save_checkpoint(path, self.executable.state, progress)

    def _fit(self, run: Run) -> None:
        with DeferredInterrupt() as interrupt:
            try:
                _tell(run, "on_fit_begin", self)
                while self.epoch < run.last_epoch and self._run_epoch(run, interrupt):
                    if interrupt.pending or self.stop:
                        break
            finally:
                self.history.interrupted = interrupt.pending
                _tell(run, "on_fit_end", self)
        if interrupt.pending:
            self.history.interrupted = True
            raise KeyboardInterrupt

    def _run_epoch(self, run: Run, interrupt: DeferredInterrupt) -> bool:
        """Whether the epoch was finished."""
        _tell(run, "on_epoch_begin", self, self.epoch)
        started = perf_counter() - self._seconds
        for batch in run.batches.epoch(self.epoch, self.step):
            inputs = {**run.fixed, **batch.arrays} if run.fixed else batch.arrays
            outputs = _outputs(self._entry, inputs)
            self._average.add(outputs, batch.count)
            self.step += 1
            self._seconds = perf_counter() - started
            if run.callbacks:
                _tell(run, "on_batch_end", self, self.step - 1, self._average.means())
            if (interrupt.pending or self.stop) and self.step < len(run.batches):
                return False
        self._finish_epoch(run)
        return True

    def _finish_epoch(self, run: Run) -> None:
        metrics = self._average.means()
        if run.validation is not None:
            size, scale = run.batches.batch_size, run.data_settings()["scale"]
            found = self.evaluate(run.validation_entry, run.validation, size, run.fixed, scale)
            metrics |= {f"val_{name}": value for name, value in found.items()}
        self.history.epochs.append(metrics)
        self.history.seconds.append(self._seconds)
        self.history.samples.append(self._average.samples)
        self._begin_epoch(self.epoch + 1)
        _tell(run, "on_epoch_end", self, self.epoch - 1, metrics)

    def _begin_epoch(self, number: int) -> None:
        self.epoch, self.step, self._seconds = number, 0, 0.0
        self._average = Average()

    def _abandon_partial_epoch(self) -> None:
        if self.step:
            self._begin_epoch(self.epoch + 1)

    def _take_up(self, path: str | os.PathLike[str], batches: Batches) -> int:
        """Continues at the checkpoint's position; the first epoch of its ``fit``."""
        checkpoint = load_checkpoint(path)
        progress = checkpoint.progress
        run = Run(0, 0, batches, {}, None, "", ())
        try:
            saved = progress["data"]
            differing = [
                f"{name} was {saved[name]} and is {value}"
                for name, value in run.data_settings().items()
                if saved[name] != value
            ]
            if differing:
                raise CheckpointError(f"{path}: saved by another fit: {', '.join(differing)}")
            history = History(progress["epochs"], progress["seconds"], progress["samples"])
            average = Average(progress["totals"], progress["counted"])
            position = (progress["epoch"], progress["step"], progress["elapsed"])
            first = int(progress["first_epoch"])
        except KeyError as error:
            raise CheckpointError(f"{path}: its position lacks {error}") from error
        restore(checkpoint, self.executable.state)
        self.history, self._average = history, average
        self.epoch, self.step, self._seconds = position
        return first

    def _find(self, entry: str) -> EntryPoint:
        entries = self.executable.entries
        if entry not in entries:
            raise ValueError(f"no entry is named {entry!r}{suggestion(entry, entries)}")
        return entries[entry]


def _checked_callbacks(given: Sequence[Callback]) -> tuple[Callback, ...]:
    if isinstance(given, Callback):
        raise InputError("callbacks should be a list; write [callback]")
    if not isinstance(given, Iterable):
        kind = type(given).__name__
        raise InputError(f"callbacks should be a list of runtime.callbacks.Callback, not {kind}")
    for callback in given:
        if not isinstance(callback, Callback):
            kind = type(callback).__name__
            raise InputError(f"a callback should be a runtime.callbacks.Callback, not {kind}")
    return tuple(given)


def _casts(entry: EntryPoint, scale: Mapping[str, float] | None) -> dict[str, Cast]:
    """What ``scale`` asks of the data that ``entry`` takes."""
    if not isinstance(scale, Mapping | None):
        kind = type(scale).__name__
        raise InputError(f"scale should be a dict of factors by the names of data, not {kind}")
    dtypes = {spec.name: spec.dtype for spec in entry.entry.inputs}
    casts = {}
    for name, factor in (scale or {}).items():
        if name not in dtypes:
            hint = suggestion(name, dtypes)
            raise InputNameError(f"{entry.name} has no input named {name!r} to scale{hint}")
        if not dtypes[name].startswith("float"):
            raise InputDtypeError(f"input {name!r} is {dtypes[name]}: only floats can be scaled")
        if isinstance(factor, bool) or not isinstance(factor, int | float | np.number):
            raise InputError(f"scale of {name!r} should be a number, not {factor!r}")
        casts[name] = Cast(dtypes[name], float(factor))
    return casts


def _outputs(entry: EntryPoint, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's outputs by name, also where calling it gives the only one itself."""
    result = entry(**inputs)
    return {entry.entry.outputs[0].name: result} if entry.entry.single_output else result


def _tell(run: Run, method: str, *arguments: Any) -> None:
    for callback in run.callbacks:
        getattr(callback, method)(*arguments)
