"""The main job against the same training in plain NumPy; its compilations and native calls."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphc
from runtime import jit
from runtime.data import load_digits

EXAMPLES = Path(__file__).parent.parent / "examples"
RATE, RHO, EPSILON = np.float32(1e-3), np.float32(0.9), np.float32(1e-7)


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("network_of_test", EXAMPLES / "first_network.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _numpy_step(x: Any, y: Any, parameters: list[Any], squares: list[Any]) -> float:
    """One step of the first network with RMSprop, as a NumPy user writes it, in float32."""
    w1, b1, w2, b2 = parameters
    hidden = np.maximum(x @ w1 + b1, 0)
    scores = hidden @ w2 + b2
    scores -= scores.max(1, keepdims=True)
    exps = np.exp(scores)
    sums = exps.sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss = float((np.log(sums[:, 0]) - scores[rows, y]).mean())
    error = exps / sums
    error[rows, y] -= 1
    error /= np.float32(len(y))
    back = (error @ w2.T) * (hidden > 0)
    gradients = [x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
    for w, v, g in zip(parameters, squares, gradients, strict=True):
        v *= RHO
        v += (1 - RHO) * g * g
        w -= RATE * g / np.sqrt(v + EPSILON)
    return loss


@pytest.mark.parametrize("fuse", [True, False])
def test_losses_of_100_steps_are_those_of_numpy(fuse: bool) -> None:
    digits = load_digits(seed=0).train
    exe = graphc.compile(_example().network(0)[0], fuse=fuse)
    names = ["hidden.kernel", "hidden.bias", "scores.kernel", "scores.bias"]
    parameters = [exe.state[name].copy() for name in names]
    squares = [np.zeros_like(p) for p in parameters]
    shuffled = np.random.default_rng(3).permutation(len(digits["labels"]))
    for step in range(100):
        rows = np.take(shuffled, range(step * 128, step * 128 + 128), mode="wrap")
        x, y = digits["images"][rows], digits["labels"][rows]
        expected = _numpy_step(x, y, parameters, squares)
        assert exe(images=x, labels=y)["loss"] == pytest.approx(expected, rel=1e-5), step


def test_one_compilation_and_one_native_call_a_step_for_every_batch_size() -> None:
    step = _example().network(0)[0]
    exe = graphc.compile(step)
    before = jit.engine().compilations
    for calls, size in enumerate((128, 96, 1, 128), start=1):
        images = np.zeros((size, 784), "float32")
        exe(images=images, labels=np.zeros(size, "int32"))
        assert exe.native_calls == calls
    assert jit.engine().compilations == before


def test_fused_training_has_the_bits_of_unfused() -> None:
    digits = load_digits(seed=0).train
    step = _example().network(1)[0]
    fused, unfused = graphc.compile(step), graphc.compile(step, fuse=False)
    for size in (128, 128, 57, 1):
        x, y = digits["images"][:size], digits["labels"][:size]
        assert fused(images=x, labels=y)["loss"] == unfused(images=x, labels=y)["loss"]
    for name in fused.state:
        np.testing.assert_array_equal(fused.state[name], unfused.state[name], err_msg=name)


def test_what_a_training_program_imports() -> None:
    """From start to machine code neither sympy nor networkx is loaded."""
    code = (
        "import sys; sys.argv = ['x']; sys.path.insert(0, sys.orig_argv[-1]); import first_network;"
        "import graphc; exe = graphc.compile(*first_network.network());"
        "print([m for m in ('sympy', 'networkx') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(EXAMPLES)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.slow
def test_accuracy_over_five_seeds() -> None:
    """The 5,000 digits, 15 epochs: a median of at least 0.93."""
    found = sorted(_example().main(["--seed", str(seed)]) for seed in range(5))
    assert found[2] >= 0.93, found
