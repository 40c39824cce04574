"""What real Keras gives: computed once a session, by processes of their own.

Real Keras is that of this Python, or of the one that ``GRAPHC_KERAS_PYTHON`` names.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
# The files, their functions, and whether JAX is to have 64 bits; each line is a process.
PARTS = (
    "signatures", "configurations", "activations", "weights", "losses", "schedules", "optimizers",
    "metrics", "ops",
)  # fmt: skip
FITTING = ("classifier", "two_outputs", "binary", "own_metrics", "layer_values")
RUNS = (
    ("curves.py", ("float32",), False),
    ("parts.py,op_parts.py,fitting.py", (*PARTS, *FITTING), False),
    ("curves.py", ("float64_few",), True),
)
MISSING = (
    "real Keras is not installed: pip install 'graphc[parity]', or set GRAPHC_KERAS_PYTHON to a "
    "Python that has keras and jax"
)


def interpreter() -> str | None:
    """A Python that has Keras and JAX."""
    named = os.environ.get("GRAPHC_KERAS_PYTHON")
    if named:
        return named
    here = all(importlib.util.find_spec(name) is not None for name in ("keras", "jax"))
    return sys.executable if here else None


class Keras:
    """What Keras gives, function by function; all processes start with the first question."""

    def __init__(self, python: str, folder: Path) -> None:
        self.python, self.folder = python, folder
        self.processes: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}

    def start(self, file: str, functions: tuple[str, ...], wide: bool) -> None:
        """Runs functions of a file of this folder."""
        result = self.folder / f"{functions[0]}.npz"
        environment = os.environ | {
            "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "KERAS_HOME": str(self.folder),
            "JAX_ENABLE_X64": str(int(wide)), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        }  # fmt: skip
        command = [
            self.python,
            str(HERE / "oracle.py"),
            ",".join(str(HERE / one) for one in file.split(",")),
            *functions,
            str(result),
        ]
        log = open(result.with_suffix(".log"), "wb")  # noqa: SIM115 (the process writes to it)
        process = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        self.processes |= dict.fromkeys(functions, (process, result))

    def gives(self, function: str) -> dict[str, np.ndarray]:
        """The arrays of one function by name."""
        if not self.processes:
            for run in RUNS:
                self.start(*run)
        process, result = self.processes[function]
        assert process.wait() == 0, result.with_suffix(".log").read_text()[-3000:]
        with np.load(result) as arrays:
            prefix = f"{function}/"
            names = [name for name in arrays.files if name.startswith(prefix)]
            return {name.removeprefix(prefix): arrays[name] for name in names}

    def stop(self) -> None:
        """Ends what still runs."""
        for process, _ in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture(scope="session")
def real_keras(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Real Keras; tests that ask for it are skipped where it is not installed."""
    python = interpreter()
    if python is None:
        pytest.skip(MISSING)
    keras = Keras(python, tmp_path_factory.mktemp("keras"))
    yield keras
    keras.stop()
