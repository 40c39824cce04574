"""The three kernels of the design, built by hand, and a call of a kernel from Python."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.codegen.kernel import unit_count
from graphc.codegen.module import emit_kernel_module
from graphc.ir import dims, dtypes
from graphc.ir.dims import named
from graphc.loops.ir import (
    Apply,
    Argument,
    Axis,
    AxisIndex,
    Column,
    Expr,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Name,
    Reduce,
    Store,
)
from runtime import jit
from runtime.target import Target

f32, f64, i64 = dtypes.float32, dtypes.float64, dtypes.int64


def at(buffer: str, *names: str | Expr, dtype: dtypes.DType = f32, guard=None) -> Load:
    index = tuple(AxisIndex(n) if isinstance(n, str) else n for n in names)
    return Load(buffer, index, dtype, guard)


def put(buffer: str, names: Sequence[str | Expr], value: Expr) -> Store:
    return Store(buffer, tuple(AxisIndex(n) if isinstance(n, str) else n for n in names), value)


def op(name: str, *operands: Expr | float, dtype: dtypes.DType | None = None) -> Apply:
    typed = next(o.dtype for o in operands if not isinstance(o, (int, float)))
    wrapped = tuple(Literal(o, typed) if isinstance(o, (int, float)) else o for o in operands)
    return Apply(name, wrapped, dtype or typed)


def var(name: str, dtype: dtypes.DType = f32) -> Name:
    return Name(name, dtype)


def softmax(columns: int = 1024, width: int = 16) -> Kernel:
    n = named("N")
    x = at("x", "i", "j")
    axis = Axis("j", columns, 1, width)
    body = (
        Reduce(("m",), ("maximum",), axis, "lanes", (), (x,)),
        Reduce(
            ("s",), ("add",), axis, "lanes",
            (Let("e", op("exp", op("subtract", x, var("m")))), put("y", ("i", "j"), var("e"))),
            (var("e"),),
        ),
        For((axis,), (put("y", ("i", "j"), op("divide", at("y", "i", "j"), var("s"))),)),
    )  # fmt: skip
    arguments = (Argument("x", f32, (n, columns)), Argument("y", f32, (n, columns), "out"))
    return Kernel("softmax", arguments, (For((Axis("i", n),), body, True),), ("N",))


def hidden_update(m=784, k=512, rows=14, columns=32, width=16, n=None) -> Kernel:
    n = named("N") if n is None else n
    d, q = var("d"), var("q")
    body = (
        Reduce(
            ("d",), ("fma",), Axis("n", n), "ascending", (),
            (at("x", "n", "i"), at("g", "n", "j")), 2,
        ),
        Let("q", op("add", op("multiply", 0.9, at("v", "i", "j")),
                    op("multiply", 0.1, op("multiply", d, d)))),
        put("v", ("i", "j"), q),
        put("w", ("i", "j"), op("subtract", at("w", "i", "j"), op("divide",
            op("multiply", 0.001, d), op("sqrt", op("add", q, 1e-7))))),
    )  # fmt: skip
    axes = (Axis("i", m, rows), Axis("j", k, columns, width))
    arguments = (
        Argument("x", f32, (n, m)), Argument("g", f32, (n, k)),
        Argument("v", f32, (m, k), "inout"), Argument("w", f32, (m, k), "inout"),
    )  # fmt: skip
    return Kernel("hidden_update", arguments, (For(axes, body, True),), ("N",))


def hidden_gradient(classes=10, hidden=512, columns=48, width=16) -> Kernel:
    n = named("N")
    body = (
        Reduce(
            ("d",), ("fma",), Axis("c", classes), "ascending", (),
            (at("dz", "n", "c"), at("k", "j", "c")),
        ),
        Let("r", op("where", op("greater", at("h", "n", "j"), 0.0, dtype=dtypes.bool_),
                    var("d"), Literal(0.0, f32), dtype=f32)),
        put("g", ("n", "j"), var("r")),
        Column("db", (AxisIndex("j"),), "add", "n", var("r")),
    )  # fmt: skip
    axes = (Axis("n", n, 8), Axis("j", hidden, columns, width))
    arguments = (
        Argument("dz", f32, (n, classes)), Argument("k", f32, (hidden, classes)),
        Argument("h", f32, (n, hidden)), Argument("g", f32, (n, hidden), "out"),
        Argument("db", f32, (hidden,), "out"),
    )  # fmt: skip
    return Kernel("hidden_gradient", arguments, (For(axes, body, True),), ("N",))


def dense(m=128, k=784, n=512, rows=14, columns=32, width=16) -> Kernel:
    body = (
        Reduce(
            ("d",), ("fma",), Axis("c", k), "ascending", (),
            (at("x", "i", "c"), at("w", "c", "j")), 2,
        ),
        put("y", ("i", "j"), op("relu", op("add", var("d"), at("b", "j")))),
    )  # fmt: skip
    axes = (Axis("i", m, rows), Axis("j", n, columns, width))
    arguments = (
        Argument("x", f32, (m, k)), Argument("w", f32, (k, n)), Argument("b", f32, (n,)),
        Argument("y", f32, (m, n), "out"),
    )  # fmt: skip
    return Kernel("dense", arguments, (For(axes, body, True),))


class Native:
    """A compiled kernel, called with arrays and dims."""

    def __init__(self, kernel: Kernel, target: Target | str | None = None) -> None:
        self.kernel = kernel
        self.target = jit.resolve(target)
        self.text = emit_kernel_module(kernel, self.target)
        self.library = jit.compile(self.text, self.target)
        types = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self.call = ctypes.CFUNCTYPE(None, *types)(self.library.address(kernel.name))

    def prepare(self, arrays: Sequence[np.ndarray], bindings: Mapping[str, int]):
        pointers = (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays))
        table = (ctypes.c_int64 * max(1, len(self.kernel.dims)))(
            *(bindings[d] for d in self.kernel.dims)
        )
        units = dims.evaluate(unit_count(self.kernel), bindings)
        return (ctypes.addressof(pointers), ctypes.addressof(table), 0, units), (pointers, table)

    def __call__(self, *arrays: np.ndarray, **bindings: int) -> None:
        arguments, _keep = self.prepare(arrays, bindings)
        self.call(*arguments)

    def by_units(self, *arrays: np.ndarray, **bindings: int) -> None:
        """One call for each of several runs of units, the last one first, as threads might."""
        (buffers, table, _, units), _keep = self.prepare(arrays, bindings)
        runs, begin = [], 0
        for length in itertools.cycle((1, 3, 2, 7, 1)):
            if begin >= units:
                break
            runs.append((begin, min(begin + length, units)))
            begin += length
        for begin, end in reversed(runs):
            self.call(buffers, table, begin, end)


def shape_of(argument: Argument, bindings: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dims.evaluate(size, bindings) for size in argument.shape)
