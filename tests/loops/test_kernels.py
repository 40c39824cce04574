"""The three kernels that the loop IR was made for, interpreted, against plain NumPy."""

import numpy as np
import pytest

import tests.loops.records  # noqa: F401
from graphc.loops.interpreter import run
from graphc.loops.parser import parse
from graphc.loops.verifier import verify
from tests.loops.test_printer import GOLDEN

BATCHES = (0, 1, 13, 14, 15, 128, 300)


def three_kernel(name):
    return parse((GOLDEN / f"{name}.loops").read_text())


def arrays_for(kernel, n, seed=0):
    """Random arrays for a kernel of the one named size N; rubbish in its outputs."""
    rng = np.random.default_rng(seed)
    made = {}
    for argument in kernel.arguments:
        shape = tuple(size if isinstance(size, int) else n for size in argument.shape)
        values = rng.normal(size=shape).astype(argument.dtype.numpy)
        made[argument.name] = np.abs(values) if argument.name == "v" else values
    return made


@pytest.mark.parametrize("n", BATCHES)
def test_softmax(n):
    kernel = three_kernel("softmax")
    verify(kernel)
    arrays = arrays_for(kernel, n)
    run(kernel, arrays, {"N": n})
    x = arrays["x"].astype(np.float64)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(arrays["y"], e / e.sum(axis=1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("n", BATCHES)
def test_hidden_update(n):
    kernel = three_kernel("hidden_update")
    verify(kernel)
    arrays = arrays_for(kernel, n)
    x, g, v, w = (arrays[name].astype(np.float64) for name in "xgvw")
    run(kernel, arrays, {"N": n})
    d = x.T @ g
    q = 0.9 * v + 0.1 * d**2
    np.testing.assert_allclose(arrays["v"], q, rtol=2e-5, atol=1e-5)
    new = w - 0.001 * d / np.sqrt(q + 1e-7)
    np.testing.assert_allclose(arrays["w"], new, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n", BATCHES)
def test_hidden_gradient(n):
    kernel = three_kernel("hidden_gradient")
    verify(kernel)
    arrays = arrays_for(kernel, n)
    run(kernel, arrays, {"N": n})
    dz, k, h = (arrays[name].astype(np.float64) for name in ("dz", "k", "h"))
    g = np.where(h > 0, dz @ k.T, 0)
    np.testing.assert_allclose(arrays["g"], g, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(arrays["db"], g.sum(axis=0), rtol=1e-4, atol=1e-4)


def test_a_large_batch_takes_little_time_and_memory():
    kernel = three_kernel("softmax")
    arrays = arrays_for(kernel, 4096)
    run(kernel, arrays, {"N": 4096})
    np.testing.assert_allclose(arrays["y"].sum(axis=1), 1, rtol=1e-5)
