"""Works that move elements rather than compute: layouts, types, joins, and rows by their index."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from frameworks import forms, torch_gradient_form
from work import Arrays, Work, drawn

Move = Callable[..., Any]  # of a framework's module, and arrays


def moving(
    case: str,
    arrays: Callable[[], Arrays],
    in_numpy: Move,
    *,
    in_graphc: Move | None = None,
    in_jax: Move | None = None,
    in_torch: Move | None = None,
) -> Work:
    """A work that each framework is given in its own words, which are NumPy's where none are
    given."""

    def within(name: str, words: Move | None) -> Callable[..., Any]:
        def function(*given: Any) -> Any:
            return (words or in_numpy)(import_module(name), *given)

        return function

    expected = within("numpy", in_numpy)
    in_jax, in_torch = within("jax.numpy", in_jax), within("torch", in_torch)
    found = forms(within("graphc", in_graphc), expected, in_jax, in_torch)
    return Work("move", case, arrays, expected, found)


def cast(count: int, source: str, result: str) -> Work:
    """A vector in another type."""
    return moving(
        f"{count:.0e} {source} to {result}".replace("e+0", "e"),
        lambda: [(drawn((count,), scale=20.0)[0] > 0).astype(source)]
        if source == "bool"
        else [np.abs(drawn((count,), scale=20.0)[0]).astype(source)],
        lambda m, x: x.astype(result),
        in_torch=lambda m, x: x.to(getattr(m, result)),
    )


def layouts(rows: int, columns: int) -> list[Work]:
    """A matrix copied in another order, cut, padded, joined, chosen from."""
    shape = (rows, columns)
    cases = _rearranged(shape, lambda name: f"{name} {rows}x{columns}")
    return [*cases, *_joined(shape, lambda name: f"{name} {rows}x{columns}")]


def _rearranged(shape: tuple[int, int], case: Callable[[str], str]) -> list[Work]:
    def one() -> Arrays:
        return drawn(shape)

    return [
        moving(case("softmax(x.T)"), one, _softmax_of_columns,
               in_graphc=lambda m, x: m.softmax(x.T), in_jax=_softmax_of_columns_in_jax,
               in_torch=lambda m, x: m.softmax(x.T, -1)),
        moving(case("x.T copied"), one, lambda m, x: m.ascontiguousarray(x.T),
               in_graphc=lambda m, x: x.T, in_jax=lambda m, x: x.T,
               in_torch=lambda m, x: x.T.contiguous()),
        moving(case("flip axis 0"), one, lambda m, x: m.flip(x, 0).copy(),
               in_graphc=lambda m, x: m.flip(x, 0), in_torch=lambda m, x: m.flip(x, (0,))),
        moving(case("flip axis 1"), one, lambda m, x: m.flip(x, 1).copy(),
               in_graphc=lambda m, x: m.flip(x, 1), in_torch=lambda m, x: m.flip(x, (1,))),
        moving(case("x[:, ::2]"), one, lambda m, x: x[:, ::2].copy(),
               in_graphc=lambda m, x: x[:, ::2], in_torch=lambda m, x: x[:, ::2].contiguous()),
        moving(case("x[::2]"), one, lambda m, x: x[::2].copy(),
               in_graphc=lambda m, x: x[::2], in_torch=lambda m, x: x[::2].contiguous()),
        moving(case("x[3:, 5:-3]"), one, lambda m, x: x[3:, 5:-3].copy(),
               in_graphc=lambda m, x: x[3:, 5:-3],
               in_torch=lambda m, x: x[3:, 5:-3].contiguous()),
        moving(case("pad 3"), one, lambda m, x: m.pad(x, ((3, 3), (3, 3))),
               in_torch=lambda m, x: m.nn.functional.pad(x, (3, 3, 3, 3))),
        moving(case("tile 2x2"), one, lambda m, x: m.tile(x, (2, 2)),
               in_graphc=lambda m, x: m.concat([m.concat([x, x], 1)] * 2, 0)),
        moving(case("roll 7"), one, lambda m, x: m.roll(x, 7, 1),
               in_graphc=lambda m, x: m.concat([x[:, -7:], x[:, :-7]], 1),
               in_torch=lambda m, x: m.roll(x, 7, 1)),
    ]  # fmt: skip


def _joined(shape: tuple[int, int], case: Callable[[str], str]) -> list[Work]:
    def two() -> Arrays:
        return drawn(shape, shape)

    return [
        moving(case("x + bias"), lambda: drawn(shape, shape[1:]), lambda m, x, b: x + b),
        moving(case("concat axis 0"), two, lambda m, x, y: m.concatenate([x, y], 0),
               in_graphc=lambda m, x, y: m.concat([x, y], 0)),
        moving(case("concat axis 1"), two, lambda m, x, y: m.concatenate([x, y], 1),
               in_graphc=lambda m, x, y: m.concat([x, y], 1)),
        moving(case("stack last"), two, lambda m, x, y: m.stack([x, y], -1)),
        moving(case("where(x > y, x, 0)"), two,
               lambda m, x, y: m.where(x > y, x, m.zeros_like(x)),
               in_graphc=lambda m, x, y: m.where(x > y, x, 0)),
        moving(case("count x > y"), two, lambda m, x, y: m.sum(x > y),
               in_graphc=lambda m, x, y: m.sum(x > y)),
        moving(case("x > y"), two, lambda m, x, y: x > y),
        moving(case("x / 2 + y"), two, lambda m, x, y: x / 2 + y),
    ]  # fmt: skip


def _softmax_of_columns(m: Any, x: np.ndarray) -> np.ndarray:
    e = np.exp(x.T - x.T.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _softmax_of_columns_in_jax(m: Any, x: Any) -> Any:
    import jax

    return jax.nn.softmax(x.T)


def one_hot(count: int, classes: int) -> Work:
    """Labels as rows of zeros and a one."""

    def in_jax(m: Any, labels: Any) -> Any:
        import jax

        return jax.nn.one_hot(labels, classes)

    return moving(
        f"one hot {count} of {classes}",
        lambda: [np.random.default_rng(0).integers(0, classes, count)],
        lambda m, labels: m.eye(classes, dtype="float32")[labels],
        in_graphc=lambda m, labels: m.one_hot(labels, classes),
        in_jax=in_jax,
        in_torch=lambda m, labels: m.nn.functional.one_hot(labels, classes).float(),
    )


def embedding(table: int, width: int, count: int, *, gradient: bool) -> Work:
    """Rows of a table by their index, and with ``gradient`` that of the table."""

    def arrays() -> Arrays:
        labels = np.random.default_rng(0).integers(0, table, count)
        rows, cotangent = drawn((table, width), (count, width))
        return [rows, labels, cotangent] if gradient else [rows, labels]

    def expected(rows: np.ndarray, labels: np.ndarray, cotangent: Any = None) -> Any:
        if cotangent is None:
            return rows[labels]
        found = np.zeros_like(rows)
        np.add.at(found, labels, cotangent)
        return [rows[labels], found]

    def in_graphc(rows: Any, labels: Any, cotangent: Any = None) -> Any:
        import graphc

        taken = graphc.take_along_axis(rows, graphc.expand_dims(labels, 1), 0)
        if cotangent is None:
            return taken
        return [taken, *graphc.grad(graphc.sum(taken * cotangent), [rows])]

    def in_jax(rows: Any, labels: Any, cotangent: Any = None) -> Any:
        import jax

        if cotangent is None:
            return rows[labels]
        taken, pull_back = jax.vjp(lambda rows: rows[labels], rows)
        return [taken, *pull_back(cotangent)]

    def in_torch(rows: Any, labels: Any) -> Any:
        import torch

        return torch.nn.functional.embedding(labels, rows)

    found = forms(in_graphc, expected, in_jax, in_torch)
    if gradient:
        found["torch"] = torch_gradient_form(in_torch, 1)
        found["torch.compile"] = torch_gradient_form(in_torch, 1, compiled=True)
    what = "embedding + gradient" if gradient else "embedding"
    return Work(what, f"{table}x{width}, {count} rows", arrays, expected, found, (1e-3, 1e-3))


def moves() -> list[Work]:
    """All of them, in a cache and beyond it."""
    types = [
        ("float32", "float64"), ("float64", "float32"), ("uint8", "float32"), ("int32", "float32"),
        ("bool", "float32"), ("int64", "float32"), ("float32", "int32"), ("float32", "uint8"),
        ("int64", "int32"), ("uint8", "int64"),
    ]  # fmt: skip
    return [
        *(
            embedding(*sizes, gradient=gradient)
            for sizes in ((10_000, 128, 4096), (1000, 64, 100_000), (50_000, 300, 2000))
            for gradient in (False, True)
        ),
        *(cast(10**6, *pair) for pair in types),
        *layouts(100, 200),
        *layouts(1000, 1000),
        *layouts(4000, 3000),
        one_hot(10_000, 100),
        one_hot(100_000, 10),
    ]
