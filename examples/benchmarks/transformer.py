"""A transformer's encoder block: attention over heads and a gelu network, each after a layer norm.

u = x + attention(norm(x)); y = u + gelu(norm(u) @ w1 + c1) @ w2 + c2.  The second work adds the
gradients of sum(y * cotangent) in x and in all parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from frameworks import (
    forms,
    graphc_form,
    jax_form,
    numpy_form,
    torch_gradient_form,
)
from work import Arrays, Program, Work

BATCH, TIME, WIDTH, HEADS, INNER = 8, 128, 256, 4, 1024
EPSILON = 1e-5
HEAD = WIDTH // HEADS
RATIO, CUBE = math.sqrt(2 / math.pi), 0.044715
_PRODUCTS = 4 * WIDTH * WIDTH + 2 * TIME * WIDTH + 2 * WIDTH * INNER
FLOPS = 2.0 * BATCH * TIME * _PRODUCTS


def forward() -> Work:
    """The block itself."""
    found = forms(_in_graphc, _in_numpy, _in_jax, _in_torch)
    found["openvino"] = _in_openvino
    return Work(
        "transformer block",
        "forward",
        lambda: _data()[:-1],
        _in_numpy,
        found,
        (1e-2, 2e-3),
        flops=FLOPS,
    )


def with_gradient() -> Work:
    """The block and its gradients in x and the 16 parameters."""

    def in_graphc(*tensors: Any) -> Any:
        import graphc

        *operands, cotangent = tensors
        y = _in_graphc(*operands)
        return [y, *graphc.grad(graphc.sum(y * cotangent), operands)]

    count = 17
    return Work(
        "transformer block",
        "forward + backward",
        _data,
        _numpy_gradient,
        {
            "graphc": graphc_form(in_graphc),
            "graphc unfused": graphc_form(in_graphc, fuse=False),
            "numpy": numpy_form(_numpy_gradient),
            "jax": jax_form(_jax_gradient),
            "torch": torch_gradient_form(_in_torch, count),
            "torch.compile": torch_gradient_form(_in_torch, count, compiled=True),
        },
        (1e-2, 2e-3),
        flops=3 * FLOPS,
    )


def _data() -> Arrays:
    generator = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape).astype(np.float32)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return normal(rows, columns) * np.float32(rows**-0.5)

    small = np.float32(0.1)
    arrays = [1 + small * normal(WIDTH), small * normal(WIDTH)]
    for _ in range(4):
        arrays += [matrix(WIDTH, WIDTH), small * normal(WIDTH)]
    arrays += [1 + small * normal(WIDTH), small * normal(WIDTH)]
    arrays += [matrix(WIDTH, INNER), small * normal(INNER)]
    arrays += [matrix(INNER, WIDTH), small * normal(WIDTH)]
    return [normal(BATCH, TIME, WIDTH), *arrays, normal(BATCH, TIME, WIDTH)]


def _block(tools: Any, x: Any, *p: Any) -> Any:
    """The block by ``tools``: norm, heads, joined, softmax, gelu, and matmul by ``@``."""
    g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2 = p
    a = tools.norm(x, g1, b1)
    q, k, v = (tools.heads(a @ w + b) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
    weights = tools.softmax((q @ tools.turned(k)) * np.float32(HEAD**-0.5))
    u = x + (tools.joined(weights @ v) @ wo + bo)
    return u + (tools.gelu(tools.norm(u, g2, b2) @ w1 + c1) @ w2 + c2)


class _NumPy:
    """The block's parts in NumPy."""

    @staticmethod
    def norm(x: Any, g: Any, b: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred * centred).mean(-1, keepdims=True)
        return centred / np.sqrt(variance + np.float32(EPSILON)) * g + b

    @staticmethod
    def heads(x: Any) -> Any:
        return x.reshape(BATCH, TIME, HEADS, HEAD).transpose(0, 2, 1, 3)

    @staticmethod
    def turned(x: Any) -> Any:
        return x.transpose(0, 1, 3, 2)

    @staticmethod
    def joined(x: Any) -> Any:
        return np.ascontiguousarray(x.transpose(0, 2, 1, 3)).reshape(BATCH, TIME, WIDTH)

    @staticmethod
    def softmax(x: Any) -> Any:
        exponentials = np.exp(x - x.max(-1, keepdims=True))
        return exponentials / exponentials.sum(-1, keepdims=True)

    @staticmethod
    def gelu(z: Any) -> Any:
        inner = np.float32(RATIO) * (z + np.float32(CUBE) * z * z * z)
        return np.float32(0.5) * z * (1 + np.tanh(inner))


class _Graphc:
    """The block's parts in graphc."""

    @staticmethod
    def norm(x: Any, g: Any, b: Any) -> Any:
        import graphc

        centred = x - graphc.mean(x, axis=-1, keepdims=True)
        variance = graphc.mean(centred * centred, axis=-1, keepdims=True)
        return centred * graphc.rsqrt(variance + EPSILON) * g + b

    @staticmethod
    def heads(x: Any) -> Any:
        import graphc

        return graphc.permute_dims(graphc.reshape(x, (BATCH, TIME, HEADS, HEAD)), (0, 2, 1, 3))

    @staticmethod
    def turned(x: Any) -> Any:
        return x.mT

    @staticmethod
    def joined(x: Any) -> Any:
        import graphc

        return graphc.reshape(graphc.permute_dims(x, (0, 2, 1, 3)), (BATCH, TIME, WIDTH))

    @staticmethod
    def softmax(x: Any) -> Any:
        import graphc

        return graphc.softmax(x)

    @staticmethod
    def gelu(z: Any) -> Any:
        import graphc

        return graphc.gelu(z, approximate=True)


def _in_numpy(x: np.ndarray, *p: np.ndarray) -> np.ndarray:
    return _block(_NumPy, x, *p)


def _in_graphc(x: Any, *p: Any) -> Any:
    return _block(_Graphc, x, *p)


def _in_jax(x: Any, *p: Any) -> Any:
    import jax
    import jax.numpy as jnp

    def norm(x: Any, g: Any, b: Any) -> Any:
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + EPSILON) * g + b

    g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2 = p
    a = norm(x, g1, b1)
    q, k, v = (
        (a @ w + b).reshape(BATCH, TIME, HEADS, HEAD) for w, b in ((wq, bq), (wk, bk), (wv, bv))
    )
    weights = jax.nn.softmax(jnp.einsum("bthd,bshd->bhts", q, k) * HEAD**-0.5, -1)
    mixed = jnp.einsum("bhts,bshd->bthd", weights, v).reshape(BATCH, TIME, WIDTH)
    u = x + (mixed @ wo + bo)
    return u + (jax.nn.gelu(norm(u, g2, b2) @ w1 + c1, approximate=True) @ w2 + c2)


def _jax_gradient(*arrays: Any) -> Any:
    import jax

    *operands, cotangent = arrays
    y, pull_back = jax.vjp(_in_jax, *operands)
    return [y, *pull_back(cotangent)]


def _in_torch(x: Any, *p: Any) -> Any:
    import torch

    functional = torch.nn.functional
    g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2 = p

    def heads(a: Any, w: Any, b: Any) -> Any:
        return functional.linear(a, w.t(), b).view(BATCH, TIME, HEADS, HEAD).transpose(1, 2)

    a = functional.layer_norm(x, (WIDTH,), g1, b1, EPSILON)
    mixed = functional.scaled_dot_product_attention(
        heads(a, wq, bq), heads(a, wk, bk), heads(a, wv, bv)
    )
    joined = mixed.transpose(1, 2).reshape(BATCH, TIME, WIDTH)
    u = x + functional.linear(joined, wo.t(), bo)
    e = functional.layer_norm(u, (WIDTH,), g2, b2, EPSILON)
    inner = functional.gelu(functional.linear(e, w1.t(), c1), approximate="tanh")
    return u + functional.linear(inner, w2.t(), c2)


def _norm_gradient(
    cotangent: np.ndarray, x: np.ndarray, g: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    centred = x - x.mean(-1, keepdims=True)
    inverse = 1 / np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(EPSILON))
    normal, inner = centred * inverse, cotangent * g
    along = (inner * normal).mean(-1, keepdims=True)
    dx = inverse * (inner - inner.mean(-1, keepdims=True) - normal * along)
    return dx, (cotangent * normal).sum((0, 1)), cotangent.sum((0, 1))


def _dense_gradient(
    cotangent: np.ndarray, x: np.ndarray, w: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = cotangent.reshape(-1, cotangent.shape[-1])
    return cotangent @ w.T, x.reshape(-1, x.shape[-1]).T @ rows, rows.sum(0)


def _numpy_gradient(x: np.ndarray, *rest: np.ndarray) -> Arrays:
    *p, cotangent = rest
    g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2 = p
    tools, scale = _NumPy, np.float32(HEAD**-0.5)
    a = tools.norm(x, g1, b1)
    q, k, v = (tools.heads(a @ w + b) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
    weights = tools.softmax((q @ tools.turned(k)) * scale)
    joined = tools.joined(weights @ v)
    u = x + (joined @ wo + bo)
    e = tools.norm(u, g2, b2)
    z = e @ w1 + c1
    f = tools.gelu(z)
    y = u + (f @ w2 + c2)

    df, dw2, dc2 = _dense_gradient(cotangent, f, w2)
    t = np.tanh(np.float32(RATIO) * (z + np.float32(CUBE) * z * z * z))
    slope = np.float32(RATIO) * (1 + 3 * np.float32(CUBE) * z * z)
    dz = df * np.float32(0.5) * (1 + t + z * (1 - t * t) * slope)
    de, dw1, dc1 = _dense_gradient(dz, e, w1)
    du, dg2, db2 = _norm_gradient(de, u, g2)
    du += cotangent
    djoined, dwo, dbo = _dense_gradient(du, joined, wo)
    dmixed = tools.heads(djoined)
    dweights = dmixed @ tools.turned(v)
    ds = weights * (dweights - (dweights * weights).sum(-1, keepdims=True)) * scale
    dheads = (ds @ k, tools.turned(ds) @ q, tools.turned(weights) @ dmixed)
    da, of_projections = np.zeros_like(x), []
    for d, w in zip(dheads, (wq, wk, wv), strict=True):
        back, dw, db = _dense_gradient(tools.joined(d), a, w)
        da += back
        of_projections += [dw, db]
    dx, dg1, db1 = _norm_gradient(da, x, g1)
    return [y, dx + du, dg1, db1, *of_projections, dwo, dbo, dg2, db2, dw1, dc1, dw2, dc2]


def _in_openvino(arrays: Sequence[np.ndarray], threads: int) -> Program:
    from openvino import opset13 as ops

    from frameworks import openvino_program

    x, *p = arrays
    g1, b1, wq, bq, wk, bk, wv, bv, wo, bo, g2, b2, w1, c1, w2, c2 = map(ops.constant, p)
    given = ops.parameter(x.shape, np.float32, name="x")
    split, order = ops.constant([BATCH, TIME, HEADS, HEAD]), ops.constant([0, 2, 1, 3])

    def norm(a: Any, g: Any, b: Any) -> Any:
        normal = ops.mvn(a, ops.constant([-1]), True, EPSILON, "inside_sqrt")
        return ops.add(ops.multiply(normal, g), b)

    def dense(a: Any, w: Any, b: Any) -> Any:
        return ops.add(ops.matmul(a, w, False, False), b)

    def heads(a: Any, w: Any, b: Any) -> Any:
        return ops.transpose(ops.reshape(dense(a, w, b), split, False), order)

    a = norm(given, g1, b1)
    q, k, v = heads(a, wq, bq), heads(a, wk, bk), heads(a, wv, bv)
    scores = ops.multiply(ops.matmul(q, k, False, True), ops.constant(np.float32(HEAD**-0.5)))
    mixed = ops.transpose(ops.matmul(ops.softmax(scores, -1), v, False, False), order)
    joined = ops.reshape(mixed, ops.constant([BATCH, TIME, WIDTH]), False)
    u = ops.add(given, dense(joined, wo, bo))
    inner = ops.gelu(dense(norm(u, g2, b2), w1, c1), "tanh")
    return openvino_program(ops.add(u, dense(inner, w2, c2)), given, x, threads)
