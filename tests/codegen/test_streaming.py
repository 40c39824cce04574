"""Results that pass by the caches: where they do, and the same bits where they do not."""

import re
from dataclasses import replace

import numpy as np
import pytest

import graphc
from runtime import jit
from tests.levels import LEVELS

LINES = re.compile(r"store <\d+ x \w+> .*!nontemporal")


def small_caches(name=None):
    """A target whose last cache holds 4 KiB."""
    return replace(jit.resolve(name), l3_bytes=4096)


def streamed(exe):
    return LINES.findall(exe.text("llvm"))


def compiled(graph, target):
    return graphc.compile(graph, target=target)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("n", [0, 1, 15, 1023, 1024, 1025, 4097, 9000])
@pytest.mark.parametrize("level", LEVELS)
def test_streamed_results_are_the_same(level, n, dtype):
    x = graphc.input("x", ("N",), dtype)
    what = graphc.logical_not(x) if dtype == "bool" else x + x
    exe = compiled(graphc.Graph("g", {"y": what, "z": graphc.equal(x, x)}), small_caches(level))
    value = (np.arange(n) % 2).astype(dtype)
    wanted = ~value if dtype == "bool" else value + value
    got = exe(value)
    np.testing.assert_array_equal(got["y"], wanted)
    assert got["z"].all() and got["z"].shape == (n,)


@pytest.mark.parametrize("shift", range(0, 64, 12))
def test_an_output_that_starts_anywhere(shift):
    x = graphc.input("x", ("N",))
    exe = compiled(x * 3, small_caches())
    assert streamed(exe)
    value = np.arange(5000, dtype=np.float32)
    raw = np.zeros(value.nbytes + 128, np.uint8)
    start = -raw.ctypes.data % 64 + shift
    y = raw[start : start + value.nbytes].view(np.float32)
    assert exe(value, out=y) is y
    np.testing.assert_array_equal(y, value * 3)
    assert not raw[:start].any() and not raw[start + value.nbytes :].any()


def test_what_is_streamed():
    x = graphc.input("x", ("N", 784))
    small, large = graphc.input("small", (16, 16)), graphc.input("large", (64, 64))
    w = graphc.parameter("w", np.zeros((64, 64), np.float32))
    target = small_caches()

    def of(outputs, **more):
        return len(streamed(compiled(graphc.Graph("g", outputs, **more), target)))

    assert of({"y": x + 1}) and of({"y": large + 1})
    assert not of({"y": small + 1}), "it fits the cache"
    assert not of({"y": graphc.softmax(x)}), "its rows are read again"
    assert not of({}, updates={w: w + large}), "its lines are fetched to be read"
    y = large + 1
    assert of({"y": y}) and not of({"y": y, "z": large @ y}), "a product reads it"
    assert "stream y" in compiled(graphc.Graph("g", {"y": y}), target).text("loops")


def test_rows_that_are_no_whole_vectors_are_not_streamed():
    x, b = graphc.input("x", ("N", 33)), graphc.input("b", (33,))
    exe = compiled(x + b, small_caches())
    assert not streamed(exe)
    x, b = graphc.input("x", ("N", 64)), graphc.input("b", (64,))
    exe = compiled(x + b, small_caches())
    value, bias = np.ones((50, 64), np.float32), np.arange(64, dtype=np.float32)
    np.testing.assert_array_equal(exe(x=value, b=bias), value + bias)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("rows, columns", [(0, 64), (9, 64), (100, 192), (40, 1024)])
def test_rows_that_are_streamed_are_the_same(level, rows, columns):
    x, g = graphc.input("x", ("N", columns)), graphc.input("g", ("N", columns))
    centred = x - graphc.mean(x, axis=1, keepdims=True)
    y = centred * graphc.rsqrt(graphc.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
    (dx,) = graphc.grad(graphc.sum(y * g), [x])
    graph = graphc.Graph("g", {"y": y, "dx": dx, "sums": graphc.sum(g, axis=0)})
    rng = np.random.default_rng(rows)
    arrays = [rng.standard_normal((rows, columns)).astype(np.float32) for _ in "xg"]
    plain = compiled(graph, jit.resolve(level))(*arrays)
    exe = compiled(graph, small_caches(level))
    assert "stream y" in exe.text("loops") and streamed(exe)
    for name, value in exe(*arrays).items():
        np.testing.assert_array_equal(value, plain[name])
    shifted = np.zeros(rows * columns + 1, np.float32)[1:].reshape(rows, columns)
    exe(*arrays, out={"y": shifted})
    np.testing.assert_array_equal(shifted, plain["y"])


def test_what_a_kernel_goes_through_is_counted_together():
    x, z = graphc.input("x", (24, 32)), graphc.input("z", (24, 32))  # 3 KiB each
    assert not streamed(compiled(graphc.Graph("g", {"y": x[:8] + 1}), small_caches()))
    exe = compiled(graphc.Graph("g", {"y": x + z}), small_caches())
    assert streamed(exe)
    np.testing.assert_array_equal(exe(*[np.ones((24, 32), np.float32)] * 2)["y"], 2)
