"""The first network of the Keras book fitted by one framework, in a process of its own.

``python fitting.py FORM THREADS`` answers orders line by line, as ``worker.py`` does: {"first":
samples} makes data, network and optimizer and times ``fit`` up to the end of its first step,
{"epoch": 0} times a whole ``fit`` of one epoch, {"memory": 0} says the most that was resident.
"""

from __future__ import annotations

import os
import resource
import sys
from importlib import metadata
from time import perf_counter
from typing import Any

import numpy as np

from frameworks import pin
from worker import serve

BATCH, FEATURES, WIDTH, CLASSES = 128, 784, 512, 10
STEP = "graphc, step alone"
# The forms: what makes the steps, and how many of them an execution takes.
FORMS = {
    "graphc": ("graphc", 1),
    STEP: ("graphc", 1),
    "Keras on JAX": ("jax", 1),
    "Keras on JAX, 32 steps": ("jax", 32),
    "Keras on TensorFlow": ("tensorflow", 1),
    "Keras on TensorFlow, 32 steps": ("tensorflow", 32),
    "Keras on torch": ("torch", 1),
}


def data(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten patterns under noise, a fifth of the labels drawn: the loss does not go to 0."""
    generator = np.random.default_rng(0)
    patterns = generator.random((CLASSES, FEATURES), np.float32)
    shown = generator.integers(0, CLASSES, samples)
    x = generator.random((samples, FEATURES), np.float32)
    for start in range(0, samples, 1000):  # in parts, so that the data set is the most there is
        part = slice(start, start + 1000)
        x[part] = 0.5 * x[part] + 0.5 * patterns[shown[part]]
    drawn = generator.integers(0, CLASSES, samples)
    return x, np.where(generator.random(samples) < 0.2, drawn, shown).astype(np.int32)


def keras_of(framework: str, threads: int) -> Any:
    """Keras, or what has its names, on ``threads``."""
    if framework == "graphc":
        from graphc import keras

        return keras
    os.environ["KERAS_BACKEND"] = framework
    if framework == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    if framework == "torch":
        import torch

        torch.set_num_threads(threads)
    import keras  # type: ignore[no-redef]

    return keras


class Fitting:
    """The network and its data, once an order has made them."""

    def __init__(self, form: str, threads: int) -> None:
        self.form = form
        framework, self.steps = FORMS[form]
        self.keras = keras_of(framework, threads)
        packages = ("numpy", "llvmlite") if framework == "graphc" else ("keras", framework)
        self.versions = [f"{name} {_version(name)}" for name in packages]
        self.model: Any = None
        self.x = self.y = np.empty(0)

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        if "first" in order:
            return self.first(order["first"])
        if "epoch" in order:
            return self.epoch()
        return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}

    def first(self, samples: int) -> dict[str, Any]:
        """Seconds from ``fit`` to the end of its first execution, and to that of its epoch."""
        keras = self.keras
        self.x, self.y = data(samples)
        layers = keras.layers
        self.model = keras.Sequential(
            [
                layers.Dense(WIDTH, activation="relu"),
                layers.Dense(CLASSES, activation="softmax"),
            ]
        )
        self.model.compile(
            optimizer="rmsprop",
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=self.steps,
        )
        ended: list[float] = []

        class First(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                if not ended and float(logs["loss"]) > 0:  # a number to look at: it is done
                    ended.append(perf_counter())

        start = perf_counter()
        self.model.fit(self.x, self.y, batch_size=BATCH, verbose=0, callbacks=[First()])
        return {"seconds": ended[0] - start, "versions": self.versions}

    def epoch(self) -> dict[str, Any]:
        """Seconds a step, over an epoch of ``fit``; of the step alone, without ``fit``."""
        steps = -(-len(self.x) // BATCH)
        if self.form == STEP:
            return {"seconds": self._steps_alone(steps) / steps}
        start = perf_counter()
        done = self.model.fit(self.x, self.y, batch_size=BATCH, verbose=0)
        seconds = perf_counter() - start
        return {"seconds": seconds / steps, "accuracy": float(done.history["accuracy"][0])}

    def _steps_alone(self, steps: int) -> float:
        """The compiled step, called in a loop on the batches as they lie in the data set."""
        step = self.model.executable.train
        starts = [BATCH * number for number in range(steps)]
        batches = [(self.x[i : i + BATCH], self.y[i : i + BATCH]) for i in starts]
        start = perf_counter()
        for x, y in batches:
            step(x, y)
        return perf_counter() - start


def _version(package: str) -> str:
    for name in (package, f"{package}-cpu", f"{package}_cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "of this tree"


def main() -> None:
    form, threads = sys.argv[1], int(sys.argv[2])
    pin(threads)
    fittings: list[Fitting] = []

    def answer(order: dict[str, Any]) -> dict[str, Any]:
        if not fittings:  # here, so that a framework that is not installed is an answer
            fittings.append(Fitting(form, threads))
        return fittings[0].answer(order)

    serve(answer)


if __name__ == "__main__":
    main()
