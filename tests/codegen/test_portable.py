"""Code for other systems links against nothing but what every C library has."""

from __future__ import annotations

import contextlib
import inspect
import re
from dataclasses import replace

import numpy as np
import pytest

import graphc
from graphc.compiler import compile_graphs
from graphc.ir import dtypes
from graphc.ir.op import Elementwise, Reduction
from graphc.tensor import functions
from runtime import jit
from runtime.target import AVX2, AVX512, BASELINE, NEON, Target
from tests.codegen.objects import undefined_symbols

# Functions that LLVM may call for copies and fills, and what it needs on Windows: a look at each
# page of a large stack frame, and a mark that there are floats.
PORTABLE = {"memcpy", "memmove", "memset", "bzero", "__bzero", "__chkstk", "_fltused"}

TARGETS = {
    "aarch64-linux": replace(NEON, triple="aarch64-unknown-linux-gnu"),
    "aarch64-macos": replace(NEON, triple="arm64-apple-macosx13.0"),
    "x86_64-macos": replace(BASELINE, triple="x86_64-apple-macosx13.0"),
    "x86_64-windows": replace(AVX2, triple="x86_64-pc-windows-msvc"),
    "x86_64-windows-avx512": replace(AVX512, triple="x86_64-pc-windows-msvc"),
    "x86_64-windows-baseline": replace(BASELINE, triple="x86_64-pc-windows-msvc"),
    "x86_64-linux-baseline": replace(BASELINE, triple="x86_64-unknown-linux-gnu"),
}


def every_op(dtype: dtypes.DType) -> graphc.Graph:
    """All elementwise ops and reductions that take ``dtype``, and casts to every other."""
    x, y = graphc.input("x", ("N", 37), dtype), graphc.input("y", ("N", 37), dtype)
    found = {f"to_{other}": graphc.astype(x, other) for other in dtypes.ALL}
    for name in graphc.ops.__all__:
        function = functions[name]
        record = getattr(function, "op", None)
        if not isinstance(record, Elementwise | Reduction) or name in ("astype", "philox"):
            continue
        parameters = inspect.signature(function).parameters.values()
        operands = [p for p in parameters if p.kind != p.KEYWORD_ONLY and p.name != "axis"]
        with contextlib.suppress(graphc.errors.DTypeError, graphc.errors.ArgumentError):
            found[name] = function(*(x, y, x)[: len(operands)])
    return graphc.Graph(f"ops_{dtype}", found)


def training_step() -> graphc.Graph:
    """Products, a softmax, checked labels, random numbers, an update with flushed denormals."""
    x, labels = graphc.input("x", ("N", 100)), graphc.input("labels", ("N",), "int32")
    w = graphc.parameter("w", np.ones((100, 40), "f"))
    kept = graphc.bernoulli(0.5, x.shape, generator=graphc.Generator(1))
    logits = graphc.where(kept, x, 0) @ w
    losses = graphc.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    (dw,) = graphc.grad(graphc.mean(losses), [w])
    return graphc.Graph("step", {"loss": graphc.mean(losses)}, {w: w - 0.1 * dw})


def undefined(graph: graphc.Graph, target: Target) -> set[str]:
    made = compile_graphs([graph.ir], target, name="portable")
    return undefined_symbols(jit.emit_object(made.llvm, target))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_training_step_links_anywhere(target: Target) -> None:
    assert undefined(training_step(), target) <= PORTABLE


@pytest.mark.parametrize(
    ("level", "lacking"),
    [(BASELINE, r"\tv[a-z]|ymm|zmm"), (AVX2, r"zmm|%k\d"), (AVX512, r"never")],
    ids=("baseline", "avx2", "avx512"),
)
def test_a_level_has_no_instructions_of_a_better_one(level: Target, lacking: str) -> None:
    target = replace(level, triple="x86_64-unknown-linux-gnu")
    made = compile_graphs([training_step().ir], target, name="portable")
    listing = jit.assembly(made.llvm, target)
    assert not re.search(lacking, listing)
    assert ("fmadd" in listing) == target.has_fma


@pytest.mark.slow
@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_op_links_anywhere(target: Target, dtype: dtypes.DType) -> None:
    assert undefined(every_op(dtype), target) <= PORTABLE


def test_floats_link_anywhere() -> None:
    assert undefined(every_op(graphc.float32), TARGETS["aarch64-linux"]) <= PORTABLE


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_what_is_missing_is_seen(target: Target) -> None:
    text = "declare void @futex(ptr)\ndefine void @f(ptr %p) { call void @futex(ptr %p) ret void }"
    assert undefined_symbols(jit.emit_object(text, target)) == {"futex"}
