"""Folds down the rows and what uses them, a strip of columns at a time, against the interpreter of
loop IR, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.ir import dtypes
from graphc.ir.dims import named
from graphc.loops.ir import Argument, Axis, For, Kernel, Let, Reduce
from graphc.loops.scheduling import schedule
from runtime import jit
from tests.codegen.kernels import at, op, put, var
from tests.codegen.test_against_interpreter import check
from tests.codegen.test_reductions import KINDS, dtypes_of, sample
from tests.levels import LEVELS


def folded(kind: str, dtype, rows, columns) -> Kernel:
    """A fold down the middle axis, one of what it gives and each element, and elements again."""
    held = dtypes.int64 if kind.startswith("arg") else dtype
    x, axis = at("x", "i", "j", "k", dtype=dtype), Axis("j", rows)
    y = at("y", "i", "j", "k", dtype=dtype)
    equal = op("equal", x, at("w", "k", dtype=dtype), dtype=dtypes.bool_)
    body = (
        Reduce(("r",), (kind,), axis, "tree", (Let("t", x),), (var("t", dtype),)),
        put("r_out", ("i", "k"), var("r", held)),
        Reduce(
            ("u",),
            ("any",),
            axis,
            "tree",
            (Let("e", equal), put("equal", ("i", "j", "k"), var("e", dtypes.bool_))),
            (var("e", dtypes.bool_),),
        ),
        put("u_out", ("i", "k"), var("u", dtypes.bool_)),
        For((axis,), (put("y", ("i", "j", "k"), op("maximum", x, y)),)),
    )
    whole = (3, rows, columns)
    arguments = (
        Argument("x", dtype, whole),
        Argument("w", dtype, (columns,)),
        Argument("y", dtype, whole, "inout"),
        Argument("equal", dtypes.bool_, whole, "out"),
        Argument("r_out", held, (3, columns), "out"),
        Argument("u_out", dtypes.bool_, (3, columns), "out"),
    )
    loop = For((Axis("i", 3), Axis("k", columns)), body)
    return Kernel("folded", arguments, (loop,), ("N", "M"))


@st.composite
def cases(draw):
    dtype = draw(st.sampled_from(dtypes.ALL))
    kind = draw(st.sampled_from([k for k in KINDS if dtype in dtypes_of(k) and k != "fma"]))
    sizes = draw(st.sampled_from((0, 1, 7, 8, 9, 40))), draw(st.sampled_from((1, 5, 16, 17, 70)))
    return dtype, kind, sizes, draw(st.booleans()), draw(st.booleans())


@pytest.mark.parametrize("target", LEVELS)
@settings(max_examples=25, deadline=None)
@given(case=cases(), seed=st.integers(0, 99))
def test_folds_down_the_rows(target, case, seed):
    dtype, kind, (rows, columns), high, wide = case
    kernel = folded(kind, dtype, named("N") if high else rows, named("M") if wide else columns)
    kernel = schedule(kernel, jit.resolve(target))
    rng = np.random.default_rng(seed)
    shapes = {"x": (3, rows, columns), "w": (columns,), "r_out": (3, columns)}
    shapes |= {"u_out": (3, columns), "y": shapes["x"], "equal": shapes["x"]}
    arrays = {a.name: sample(rng, shapes[a.name], a.dtype) for a in kernel.arguments}
    check(kernel, arrays, {"N": rows, "M": columns}, target)


@pytest.mark.parametrize("shape", ((32, 100, 56), (2, 3, 9, 40), (3, 70, 17, 6)))
def test_inner_loops_of_a_softmax_in_the_middle_are_not_vectors(shape):
    x = graphc.input("x", shape)
    kernel = graphc.compile(graphc.softmax(x, axis=1), threads=1).text("loops")
    inner = [line for line in kernel.splitlines() if "for j" in line]
    assert inner and all("vector" not in line for line in inner)
    assert any("vector(" in line for line in kernel.splitlines())
