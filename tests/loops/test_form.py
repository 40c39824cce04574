"""The form of a kernel: all that code generation asks of it but the names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest

import graphc
from graphc.codegen import module
from graphc.ir import dims
from graphc.loops import ir
from graphc.loops.form import form
from graphc.loops.parser import parse
from graphc.loops.printer import text
from graphc.loops.walk import statements

KERNELS = (
    """kernel rows<N>(x: f32[N, 40], out y: f32[N, 40], out top: f32[N]) {
      for i < N parallel {
        m = reduce maximum j < 40 tile(8) vector(8) order(lanes) { x[i, j] }
        e = m * 2.0
        for j < 40 tile(16) vector(8) { y[i, j] = x[i, j] - e }
        top[i] = m
      }
    }""",
    """kernel products<N>(a: f32[N, 7], b: f32[7, 32], out c: f32[N, 32], out s: f32[32]) {
      for i < N tile(8), j < 32 tile(32) vector(16) parallel {
        d = reduce fma k < 7 order(ascending) unroll(2) { a[i, k], b[k, j] }
        r = where(d > 0.0, d, 0.0)
        c[i, j] = r
        s[j] = reduce add i order(tree) { r }
      }
    }""",
    """kernel check(index: i64[5]) {
      for i < 5 { check 1, (index[i] >= 0), i, index[i] }
    }""",
    """kernel guarded(x: f32[9], out y: f32[12]) {
      for i < 12 { y[i] = x[i + -3] if ((i >= 3)) + elu(x[0]) {alpha = 1.0} }
    }""",
)


def _renamed(kernel: ir.Kernel) -> ir.Kernel:
    """The same kernel with other names for all it binds."""
    loops = [s for s in statements(kernel.body) if isinstance(s, ir.For | ir.Reduce)]
    axes = [axis for s in loops for axis in (s.axes if isinstance(s, ir.For) else (s.axis,))]
    names = {axis.name for axis in axes} | {argument.name for argument in kernel.arguments}
    names |= {s.name for s in statements(kernel.body) if isinstance(s, ir.Let)}
    names |= {n for s in statements(kernel.body) if isinstance(s, ir.Reduce) for n in s.names}
    words = "|".join(map(re.escape, names))
    return parse(re.sub(rf"\b({words})\b(?!\()", r"\1_other", text(kernel)))


@pytest.mark.parametrize("written", KERNELS)
def test_names_are_no_part_of_it(written: str) -> None:
    kernel = parse(written)
    other = _renamed(kernel)
    assert other != kernel
    assert form(other) == form(kernel)
    assert hash(form(other)) == hash(form(kernel))


_NAMES = {"name", "names", "location", "dims"}


def _changed(part: Any) -> Iterator[Any]:
    """Copies of a part of loop IR with one field changed, that of a part of it included."""
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        follows = field.name == "dtype" and isinstance(part, ir.Name | ir.Load)
        if follows or field.name in _NAMES:
            continue
        if isinstance(value, tuple):
            for number, inside in enumerate(value):
                for other in _others(inside):
                    changed = (*value[:number], other, *value[number + 1 :])
                    yield dataclasses.replace(part, **{field.name: changed})
            continue
        for other in _others(value):
            yield dataclasses.replace(part, **{field.name: other})


def _others(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield -value - 1.0
    elif isinstance(value, dims.Dim):
        yield value + 1
    elif isinstance(value, graphc.DType):
        yield graphc.float64 if value is not graphc.float64 else graphc.int32
    elif isinstance(value, str):
        yield value + "2"
    elif isinstance(value, tuple):  # an attribute: its name and value
        for other in _others(value[1]):
            yield value[0], other
    elif value is not None:
        yield from _changed(value)


@pytest.mark.parametrize("written", KERNELS)
def test_all_else_is(written: str) -> None:
    kernel = parse(written)
    whole = form(kernel)
    others = list(_changed(kernel))
    assert len(others) > 12
    for other in others:
        assert form(other) != whole, other


def test_which_value_a_name_means_is_part_of_it() -> None:
    written = "kernel a(x: f32[3], y: f32[3], out z: f32[3]) { for i < 3 { z[i] = x[i] - y[i] } }"
    swapped = written.replace("x[i] - y[i]", "y[i] - x[i]")
    assert form(parse(written)) != form(parse(swapped))


def test_attributes_are_compared_by_their_bits() -> None:
    forms = [
        form(parse(f"kernel a(out y: f32[1]) {{ y[0] = elu(2.0) {{alpha = {number}}} }}"))
        for number in ("0.0", "-0.0", "1.0", "nan")
    ]
    assert len(set(forms)) == 4


def test_equal_layers_are_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    emit = module.emit_kernel

    def counting(kernel: ir.Kernel, *rest: Any) -> str:
        written.append(kernel.name)
        return emit(kernel, *rest)

    monkeypatch.setattr(module, "emit_kernel", counting)
    counts = []
    for depth in (3, 9):
        x = graphc.input("x", ("N", 32))
        weights = [graphc.input(f"w{i}", (32, 32)) for i in range(depth)]
        y = x
        for w in weights:
            y = graphc.tanh(y @ w)
        gradients = graphc.grad(graphc.sum(y), weights)
        outputs = {f"g{i}": gradient for i, gradient in enumerate(gradients)}
        written.clear()
        graphc.compile(graphc.Graph("layers", outputs), cache=False)
        counts.append(len(written))
    assert counts[0] == counts[1] < 12
