"""Runs computations of this folder with real Keras, in a process of its own.

KERAS_BACKEND=jax python oracle.py FILE.py[,FILE.py] FUNCTION [FUNCTION ...] RESULT.npz
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

import numpy as np


def load(path: str) -> Any:
    """A file as a module."""
    spec = importlib.util.spec_from_file_location("computations", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(paths: str, *rest: str) -> None:
    """Writes the arrays of all functions, each name with the function's before it."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    if os.environ.get("JAX_ENABLE_X64") == "1":
        # On JAX Keras takes tanh, cos, var and others of float64 to float32, though JAX would not:
        # its table of dtypes makes an exception for TensorFlow alone.  A reference in float64 needs
        # all of its arithmetic in float64.
        from keras.src.backend.common import dtypes

        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    known = {name: f for path in paths.split(",") for name, f in load(path).ALL.items()}
    *functions, result = rest
    found = {
        f"{function}/{name}": np.asarray(value)
        for function in functions
        for name, value in known[function](keras).items()
    }
    np.savez(result, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
