"""Real Keras reads what is written here; skipped where it is not installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from graphc import keras
from tests.keras.parity.conftest import MISSING, interpreter
from tests.keras.saving import write_with_keras
from tests.keras.saving.test_weights import MODELS, predictions, written

READ = """
import sys, numpy as np, keras
for name in sys.argv[2:]:
    given = dict(np.load(f"{sys.argv[1]}/{name}.in.npz"))
    data = given if len(given) > 1 else given["x"]
    model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras")
    found = model.predict(data, verbose=0)
    model.load_weights(f"{sys.argv[1]}/{name}.weights.h5")
    again = model.predict(data, verbose=0)
    for one, values in (("archive", found), ("weights", again)):
        values = values if isinstance(values, dict) else {"y": values}
        np.savez(f"{sys.argv[1]}/{name}.{one}.npz", **values)
"""


def test_keras_reads_our_files(tmp_path: Path) -> None:
    python = interpreter()
    if python is None:
        pytest.skip(MISSING)
    models = {}
    for name in MODELS:
        model, data = getattr(write_with_keras, name)(keras)
        model.save(tmp_path / f"{name}.keras")
        model.save_weights(tmp_path / f"{name}.weights.h5")
        np.savez(tmp_path / f"{name}.in.npz", **data)
        models[name] = model
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [python, "-c", READ, str(tmp_path), *MODELS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, model in models.items():
        ours = predictions(model, written(name)[0])
        for one in ("archive", "weights"):
            with np.load(tmp_path / f"{name}.{one}.npz") as theirs:
                for output, values in ours.items():
                    np.testing.assert_allclose(theirs[output], values, rtol=1e-5, atol=1e-6)
