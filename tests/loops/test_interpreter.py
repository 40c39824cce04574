"""The interpreter against a naive reading of the loop IR, and against its own bounds."""

import warnings

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import tests.loops.records  # noqa: F401
from graphc.loops.interpreter import CheckError, run
from graphc.loops.parser import parse
from graphc.loops.printer import text
from graphc.loops.verifier import verify
from tests.loops import oracle
from tests.loops.compare import assert_same_bits
from tests.loops.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_random_kernels_mean_what_one_point_after_the_other_computes(kind):
    @settings(max_examples=15, deadline=None)
    @given(KINDS[kind], st.integers(0, 1000))
    def check(made, seed):
        case, kernel = made
        note(text(kernel))
        note(str(case.bindings))
        verify(kernel)
        arrays = case.arrays(seed)
        expected = {name: array.copy() for name, array in arrays.items()}
        oracle.run(kernel, expected, case.bindings)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run(kernel, arrays, case.bindings)
        for name in arrays:
            assert_same_bits(arrays[name], expected[name], name)

    check()


def test_the_axis_of_a_store_may_be_shifted_and_flattened():
    kernel = parse("""
    kernel joined<N>(x: f32[N, 3], y: f32[N, 4], out z: f32[7*N]) {
      for i < N {
        for j < 3 { z[i * 7 + j] = x[i, j] }
        for j < 4 { z[i * 7 + j + 3] = y[i, j] }
      }
    }""")
    x, y = np.arange(6, dtype="f").reshape(2, 3), np.arange(8, dtype="f").reshape(2, 4)
    z = np.zeros(14, "f")
    run(kernel, {"x": x, "y": y, "z": z}, {"N": 2})
    assert_same_bits(z, np.concatenate([x, y], axis=1).ravel())


def test_gather():
    kernel = parse("""
    kernel gather<N>(x: f32[10, 4], at: i64[N], out y: f32[N, 4]) {
      for i < N, j < 4 { y[i, j] = x[at[i], j] }
    }""")
    x, at, y = np.random.rand(10, 4).astype("f"), np.array([3, 9, 0]), np.zeros((3, 4), "f")
    run(kernel, {"x": x, "at": at, "y": y}, {"N": 3})
    assert_same_bits(y, x[at])
    with pytest.raises(IndexError, match=r"x: index 10 of axis 0 is not in 0\.\.9"):
        run(kernel, {"x": x, "at": np.array([3, 10, 0]), "y": y}, {"N": 3})
    with pytest.raises(IndexError, match="index -1"):
        run(kernel, {"x": x, "at": np.array([3, -1, 0]), "y": y}, {"N": 3})


def test_a_false_guard_reads_zero_and_touches_nothing():
    kernel = parse("""
    kernel padded<N>(x: f32[N], out y: f32[N + 4]) {
      for i < N + 4 { y[i] = x[i - 2] if (logical_and(i >= 2, i < N + 2)) }
    }""")
    for n in (0, 1, 5):
        x, y = np.ones(n, "f"), np.full(n + 4, np.nan, "f")
        run(kernel, {"x": x, "y": y}, {"N": n})
        assert_same_bits(y, np.pad(x, 2))


def test_a_check_says_where_and_what():
    kernel = parse("""
    kernel checked<N>(label: i64[N], out y: i64[N]) {
      for i < N { check 3, logical_and(label[i] >= 0, label[i] < 10), i, label[i] }
      for i < N { y[i] = label[i] }
    }""")
    y = np.full(4, -5)
    run(kernel, {"label": np.array([0, 9, 3, 4]), "y": y}, {"N": 4})
    assert y.tolist() == [0, 9, 3, 4]
    with pytest.raises(CheckError) as failed:
        run(kernel, {"label": np.array([0, 9, 12, -4]), "y": y}, {"N": 4})
    assert (failed.value.code, failed.value.index, failed.value.value) == (3, 2, 12)
    assert y.tolist() == [0, 9, 3, 4]


def test_arrays_must_be_those_the_kernel_declares():
    kernel = parse("kernel k<N>(out y: f32[N]) {\n for i < N { y[i] = 1.0 }\n}")
    with pytest.raises(ValueError, match=r"y must be float32 \(3,\), not float64 \(3,\)"):
        run(kernel, {"y": np.zeros(3)}, {"N": 3})


def test_rank_0_and_plain_statements():
    kernel = parse("""
    kernel total<N>(x: f64[N], scale: f64[], out y: f64[]) {
      s = reduce add i < N order(lanes) { x[i] }
      y[] = s * scale[]
    }""")
    for n in (0, 1, 20_000):
        x, y = np.random.default_rng(n).normal(size=n), np.array(np.nan)
        run(kernel, {"x": x, "scale": np.array(2.0), "y": y}, {"N": n})
        np.testing.assert_allclose(y, 2 * x.sum(), rtol=1e-12, atol=1e-12)


def test_a_long_reduction_folds_in_blocks():
    kernel = parse("""
    kernel rows<N>(x: f32[3, N], out y: f32[3], out z: i64[3]) {
      for i < 3 {
        s, k = reduce add, argmin j < N order(lanes) { x[i, j], x[i, j] }
        y[i] = s
        z[i] = k
      }
    }""")
    rng = np.random.default_rng(5)
    for n in (8191, 8192, 8193, 3 * 8192 + 77):
        x = rng.normal(size=(3, n)).astype("f")
        arrays = {"x": x, "y": np.zeros(3, "f"), "z": np.zeros(3, "i8")}
        run(kernel, arrays, {"N": n})
        for i in range(3):
            parts = [(value,) for value in x[i]]
            assert arrays["y"][i] == oracle._lanes("add", parts, kernel.arguments[0].dtype, 64)
        assert_same_bits(arrays["z"], x.argmin(1))


def test_where_a_reduction_is_cut_changes_nothing(monkeypatch):
    from graphc.loops import interpreter

    kernel = parse("""
    kernel all<N>(x: f32[5, N], y: f32[N, 7], out a: f32[5, 7], out b: f32[5], out c: f32[7]) {
      for i < 5, j < 7 {
        d = reduce fma k < N order(ascending) { x[i, k], y[k, j] }
        a[i, j] = d
      }
      for i < 5 {
        m, s = reduce maximum, multiply k < N order(lanes) { x[i, k], x[i, k] }
        b[i] = m + s
      }
      for j < 7 {
        t = reduce add k < N order(tree) { y[k, j] }
        c[j] = t
      }
    }""")
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 9000)).astype("f"), rng.normal(size=(9000, 7)).astype("f")
    results = []
    for limit in (1 << 30, 1):
        monkeypatch.setattr(interpreter, "_CHUNK_ELEMENTS", limit)
        arrays = {"x": x, "y": y, "a": np.zeros((5, 7), "f"), "b": np.zeros(5, "f"),
                  "c": np.zeros(7, "f")}  # fmt: skip
        run(kernel, arrays, {"N": 9000})
        results.append(arrays)
    for name in "abc":
        assert_same_bits(results[0][name], results[1][name], name)
    np.testing.assert_allclose(results[0]["a"], x @ y, rtol=1e-3, atol=1e-3)
