"""Statements and accesses that the random kernels do not make, against the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.ir import dims
from graphc.loops.parser import parse
from graphc.loops.verifier import verify
from tests.codegen.test_against_interpreter import check
from tests.levels import LEVELS

KERNELS = {
    "total": """
kernel k<N>(x: f32[N], out y: f32[]) {
  s = reduce add i < N vector(16) order(lanes) { x[i] }
  y[] = s
}""",
    "moments of everything at once": """
kernel k<N, M>(
  x: f32[N, M], out a: f32[N], out b: f64[N], out c: i64[N], out d: f32[N], out e: bool[N]
) {
  for i < N parallel {
    s, q, p, m, l = reduce add, add, argmax, minimum, any j < M vector(8) order(lanes) {
      t = x[i, j] * x[i, j]
      x[i, j], astype(t) {dtype = f64}, x[i, j], t, x[i, j] > 2.0
    }
    a[i] = s; b[i] = q; c[i] = p; d[i] = m; e[i] = l
  }
}""",
    "dot": """
kernel k<N>(x: f32[N], y: f32[N], out z: f32[]) {
  s = reduce fma i < N vector(16) order(lanes) { x[i], y[i] }
  z[] = s
}""",
    "matrix times vector": """
kernel k<N, M>(x: f64[N, M], y: f64[M], out z: f64[N]) {
  for i < N tile(3) parallel {
    s = reduce fma j < M vector(8) order(lanes) { x[i, j], y[j] }
    z[i] = s
  }
}""",
    "lanes of an outer axis": """
kernel k<N, M>(x: f32[N, M], out z: f32[M], out w: i64[M]) {
  for j < M tile(16) vector(8) parallel {
    s, p = reduce fma, argmin i < N order(lanes) { x[i, j], x[i, j], x[i, j] }
    z[j] = s
    w[j] = p
  }
}""",
    "product beside what it looks up": """
kernel k<N>(
  x: f32[N, 9], w: f32[9, 32], at: i64[N, 32], table: f32[7, 32],
  out y: f32[N, 32], out z: f32[N, 32]
) {
  for i < N tile(6), j < 32 tile(32) vector(16) parallel {
    s = reduce fma k < 9 order(ascending) { x[i, k], w[k, j] }
    t = where(at[i, j] > 6, 6, at[i, j])
    t_1 = where(t < 0, 0, t)
    y[i, j] = s + table[t_1, j]
    z[i, j] = s - table[t_1, 3]
  }
}""",
    "batched product": """
kernel k<B, N>(x: f32[B, N, 7], y: f32[B, 7, 21], out z: f32[B, N, 21]) {
  for b < B, i < N tile(4), j < 21 tile(16) vector(8) parallel {
    s = reduce fma c < 7 order(ascending) unroll(2) { x[b, i, c], y[b, c, j] }
    z[b, i, j] = s
  }
}""",
    "batched product, transposed": """
kernel k<B, N>(x: f32[B, 7, N], y: f32[B, 21, 7], out z: f32[B, N, 21]) {
  for b < B, i < N tile(4), j < 21 tile(16) vector(8) parallel {
    s = reduce fma c < 7 order(ascending) unroll(4) { x[b, c, i], y[b, j, c] }
    z[b, i, j] = s
  }
}""",
    "staged": """
kernel k<N>(x: f32[N, 11], y: f32[37, 11], out z: f32[N, 37]) {
  for i < N tile(4), j < 37 tile(16) vector(8) parallel {
    s = reduce fma c < 11 order(ascending) { square(x[i, c]), y[36 - j, c] }
    z[i, j] = s
  }
}""",
    "staged with a run-time width": """
kernel k<N, M>(x: f32[N, 11], y: f32[M, 11], out z: f32[N, M]) {
  for i < N tile(4), j < M tile(16) vector(8) parallel {
    s = reduce fma c < 11 order(ascending) { x[i, c], y[j, c] }
    z[i, j] = s
  }
}""",
    "distances": """
kernel k<N, M>(x: f32[N, 5], y: f32[M, 5], out z: f32[N, M], out n: i64[N]) {
  for i < N tile(2) {
    best = reduce argmin j < M order(ascending) {
      d = reduce add c < 5 order(ascending) { t = x[i, c] - y[j, c]; t * t }
      d
    }
    n[i] = best
    for j < M vector(8) {
      d = reduce add c < 5 order(ascending) { t = x[i, c] - y[j, c]; t * t }
      z[i, j] = sqrt(d)
    }
  }
}""",
    "gathers": """
kernel k<N, M>(x: f32[N, 6], n: i64[M], out y: f32[M, 6], out z: f32[M]) {
  for i < M {
    at = n[i]
    z[i] = x[at, 3]
    for c < 6 vector(4) { y[i, c] = x[at, c] }
  }
}""",
    "vector of gathers": """
kernel k<N, M>(x: bool[N], n: i64[M], out y: bool[M], out z: u8[M]) {
  for i < M tile(16) vector(8) parallel {
    at = n[i]
    y[i] = x[at]
    z[i] = astype(x[N - 1 - at]) {dtype = u8}
  }
}""",
    "aliases of values": """
kernel k<N, M>(x: f32[N, M], out y: f32[N, M], out z: f32[M]) {
  for i < N tile(8), j < M tile(8) vector(4) {
    s = reduce fma c < 3 order(ascending) { x[i, j], x[i, j] }
    a = s; b = a; y[i, j] = a; d = b
    z[j] = reduce maximum i order(tree) { d }
  }
}""",
    "columns of rows": """
kernel k<B, N, M>(x: f32[B, N, M], out z: f32[B, M], out w: f64[M, B]) {
  for b < B, i < N tile(16), j < M vector(8) parallel {
    z[b, j] = reduce add i order(tree) { x[b, i, j] }
    w[j, b] = reduce multiply i order(tree) { astype(x[b, i, j]) {dtype = f64} }
  }
}""",
    "columns, a block of rows at a time": """
kernel k<N, M>(x: f32[N, M], out z: f32[M], out w: f32[M]) {
  for j < M tile(16) vector(8), i < N tile(16) parallel {
    z[j] = reduce add i order(tree) { x[i, j] }
    w[j] = reduce maximum i order(tree) { square(x[i, j]) }
  }
}""",
    "columns, a block of rows at a time, batched": """
kernel k<B, N, M>(x: f32[B, N, M], out z: f32[M, B]) {
  for b < B, j < M tile(16) vector(8), i < N tile(8) parallel {
    z[j, b] = reduce add i order(tree) { x[b, i, j] }
  }
}""",
    "a column of few": """
kernel k<N>(x: f32[N, 5], out z: f32[5]) {
  for i < N tile(8), j < 5 tile(16) vector(8) parallel {
    z[j] = reduce add i order(tree) { x[i, j] }
  }
}""",
    "transposed store": """
kernel k<N, M>(x: f32[N, M], out y: f32[M, N]) {
  for i < N tile(3), j < M tile(8) vector(8) { y[j, i] = x[i, j] }
}""",
    "in place and backwards": """
kernel k<N, M>(inout x: f64[N, M], w: f64[M, N]) {
  for i < N tile(3), j < M tile(16) vector(8) parallel {
    x[i, j] = x[i, j] * w[M - 1 - j, i]
  }
}""",
    "guards": """
kernel k<N, M>(x: f32[N, M], out y: f32[N + 3, M + 2]) {
  for i < N + 3 tile(2), j < M + 2 tile(16) vector(8) parallel {
    inside = logical_and(logical_and(j >= 1, j <= M), logical_and(i >= 2, i < N + 2))
    r = i >= 2
    y[i, j] = x[i - 2, j - 1] if (inside)
  }
}""",
    "scalar guards": """
kernel k<N, M>(x: bool[N, M], out y: bool[N + 3, M], out z: bool[N + 3]) {
  for i < N + 3 {
    inside = logical_and(i >= 2, i < N + 2)
    for j < M vector(8) { y[i, j] = x[i - 2, j] if (inside) }
    z[i] = logical_not(x[i - 2, 0] if (inside))
  }
}""",
    "constants and broadcasts": """
kernel k<N, M>(s: f32[], r: f32[N], c: f32[M], out y: f32[N, M], out z: f32[N, M]) {
  for i < N tile(2), j < M tile(8) vector(4) {
    y[i, j] = 1.5
    z[i, j] = s[] * r[i] + c[j] / r[i]
  }
}""",
    "one row": """
kernel k<M>(x: u8[1, M], out y: i32[1, M]) {
  for i < 1 tile(4), j < M tile(8) vector(8) { y[i, j] = astype(x[i, j]) {dtype = i32} }
}""",
    "nothing": """
kernel k<N>(x: f32[0, N], out y: f32[0, N], out z: f32[N]) {
  for i < 0 tile(8), j < N tile(8) vector(8) {
    y[i, j] = x[i, j]
    z[j] = reduce add i order(tree) { x[i, j] }
  }
}""",
}


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("name", sorted(KERNELS))
def test_like_the_interpreter(name, target):
    kernel = parse(KERNELS[name])
    verify(kernel)
    for n, m, b in ((1, 1, 1), (5, 9, 2), (8, 16, 1), (13, 37, 3), (0, 4, 2), (17, 40, 2)):
        if name == "scalar guards" and n == 0:
            continue
        bindings = {"N": n, "M": m, "B": b}
        rng = np.random.default_rng(n)
        arrays = {}
        for a in kernel.arguments:
            shape = tuple(dims.evaluate(size, bindings) for size in a.shape)
            x = rng.standard_normal(shape) * 3
            if not a.dtype.is_float:
                x = rng.integers(0, max(n, 1), shape)
            arrays[a.name] = np.asarray(x).astype(a.dtype.numpy)
        if "n" in arrays and n == 0:
            continue
        check(kernel, arrays, {d: bindings[d] for d in kernel.dims}, target)
