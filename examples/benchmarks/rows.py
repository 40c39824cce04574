"""Works over rows and columns: softmax, layer norm and its gradient, plain reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from frameworks import forms, torch_gradient_form
from work import Arrays, Work, drawn

EPSILON = 1e-5


def softmax(rows: int, columns: int) -> Work:
    """Each row's softmax."""

    def expected(x: np.ndarray) -> np.ndarray:
        exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
        exponentials /= exponentials.sum(axis=-1, keepdims=True)
        return exponentials

    def in_graphc(x: Any) -> Any:
        import graphc

        return graphc.softmax(x)

    def in_jax(x: Any) -> Any:
        import jax

        return jax.nn.softmax(x, axis=-1)

    def in_torch(x: Any) -> Any:
        import torch

        return torch.softmax(x, -1)

    return Work(
        "softmax",
        f"{rows}x{columns}",
        lambda: drawn((rows, columns)),
        expected,
        forms(in_graphc, expected, in_jax, in_torch),
        (1e-4, 1e-6),
    )


def _normal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred = x - x.mean(-1, keepdims=True)
    square = np.einsum("ij,ij->i", centred, centred)[:, None] / np.float32(x.shape[-1])
    inverse = 1 / np.sqrt(square + np.float32(EPSILON))
    return centred * inverse, inverse


def _layer_norm_in_graphc(x: Any, scale: Any, shift: Any) -> Any:
    import graphc

    centred = x - graphc.mean(x, axis=-1, keepdims=True)
    variance = graphc.mean(centred * centred, axis=-1, keepdims=True)
    return centred * graphc.rsqrt(variance + EPSILON) * scale + shift


def _layer_norm_in_jax(x: Any, scale: Any, shift: Any) -> Any:
    import jax

    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + EPSILON) * scale + shift


def _layer_norm_in_torch(x: Any, scale: Any, shift: Any) -> Any:
    import torch

    return torch.nn.functional.layer_norm(x, (x.shape[-1],), scale, shift, EPSILON)


def layer_norm(rows: int, columns: int) -> Work:
    """Layer norm with scale and shift, forward."""

    def expected(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        return _normal(x)[0] * scale + shift

    return Work(
        "layer norm",
        f"{rows}x{columns}",
        lambda: drawn((rows, columns), (columns,), (columns,)),
        expected,
        forms(_layer_norm_in_graphc, expected, _layer_norm_in_jax, _layer_norm_in_torch),
        (2e-3, 2e-4),
    )


def layer_norm_gradient(rows: int, columns: int) -> Work:
    """Layer norm forward, and its gradients in x, scale and shift for a given cotangent."""

    def expected(
        x: np.ndarray, scale: np.ndarray, shift: np.ndarray, cotangent: np.ndarray
    ) -> Arrays:
        normal, inverse = _normal(x)
        inner = cotangent * scale
        mean = inner.mean(-1, keepdims=True)
        along = (inner * normal).mean(-1, keepdims=True)
        dx = inverse * (inner - mean - normal * along)
        return [normal * scale + shift, dx, (cotangent * normal).sum(0), cotangent.sum(0)]

    def in_graphc(x: Any, scale: Any, shift: Any, cotangent: Any) -> Any:
        import graphc

        y = _layer_norm_in_graphc(x, scale, shift)
        return [y, *graphc.grad(graphc.sum(y * cotangent), [x, scale, shift])]

    def in_jax(x: Any, scale: Any, shift: Any, cotangent: Any) -> Any:
        import jax

        y, pull_back = jax.vjp(_layer_norm_in_jax, x, scale, shift)
        return [y, *pull_back(cotangent)]

    found = forms(in_graphc, expected, in_jax)
    found["torch"] = torch_gradient_form(_layer_norm_in_torch, 3)
    found["torch.compile"] = torch_gradient_form(_layer_norm_in_torch, 3, compiled=True)
    return Work(
        "layer norm + gradient",
        f"{rows}x{columns}",
        lambda: drawn((rows, columns), (columns,), (columns,), (rows, columns)),
        expected,
        found,
        (2e-3, 2e-3),
    )


def reduction(name: str, rows: int, columns: int, axis: int | None) -> Work:
    """A matrix's ``sum``, ``mean``, ``max``, ``min``, ``var`` or ``std`` over one axis or both."""

    def expected(x: np.ndarray) -> np.ndarray:
        return getattr(np, name)(x, axis=axis)

    def in_graphc(x: Any) -> Any:
        import graphc

        return getattr(graphc, name)(x, axis=axis)

    def in_jax(x: Any) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, name)(x, axis=axis)

    def in_torch(x: Any) -> Any:
        import torch

        function = getattr(torch, {"max": "amax", "min": "amin"}.get(name, name))
        options = {"correction": 0} if name in ("var", "std") else {}
        dims = tuple(range(x.ndim)) if axis is None else (axis,)
        return function(x, dim=dims, **options)

    where = "all" if axis is None else f"axis {axis}"
    return Work(
        name,
        f"{rows}x{columns} {where}",
        lambda: drawn((rows, columns)),
        expected,
        forms(in_graphc, expected, in_jax, in_torch),
        (2e-3, 2e-3) if axis is not None else (5e-2, 5e-1),
    )
