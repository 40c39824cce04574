"""Kernels as text and back."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tests.loops.records  # noqa: F401
from graphc.ir import dims, dtypes
from graphc.ir.dtypes import ALL
from graphc.location import Location
from graphc.loops import ir
from graphc.loops.ir import (
    Apply,
    Argument,
    Axis,
    AxisIndex,
    Check,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Name,
    SizeOf,
    Store,
)
from graphc.loops.parser import parse
from graphc.loops.printer import expression, text
from tests.loops.expressions import FLOATS, NUMBERS, expressions
from tests.loops.kinds import KINDS

GOLDEN = Path(__file__).parents[1] / "golden" / "loops"
THREE = ("softmax", "hidden_update", "hidden_gradient")


@pytest.mark.parametrize("name", THREE)
def test_the_three_kernels_are_printed_as_they_are_read(name, golden):
    kernel = parse((GOLDEN / f"{name}.loops").read_text())
    golden(f"loops/{name}.loops", text(kernel) + "\n")


@pytest.mark.parametrize("kind", KINDS)
def test_parse_is_the_inverse_of_text(kind):
    @settings(max_examples=30, deadline=None)
    @given(KINDS[kind])
    def check(made):
        assert parse(text(made[1])) == made[1]

    check()


ARGUMENTS = tuple(Argument(f"a.{d.short}", d, (dims.named("N"), 4)) for d in ALL)
LEAVES = [
    Load(f"a.{d.short}", (AxisIndex("i"), AxisIndex("j")), d, guard)
    for d in ALL
    for guard in (None, Apply("less", (AxisIndex("i"), SizeOf(dims.named("N"))), dtypes.bool_))
]


def in_kernel(expr):
    """A kernel around an expression; ``t`` is bound in it."""
    out = Argument("out", expr.dtype, (dims.named("N"), 4), "out")
    store = Store("out", (AxisIndex("i"), AxisIndex("j")), expr)
    t = Let("t", LEAVES[0])
    axes = (Axis("i", dims.named("N")), Axis("j", 4, 4, 4))
    return Kernel("k", (*ARGUMENTS, out), (For(axes, (t, store)),), ("N",))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ALL).flatmap(lambda dtype: expressions(dtype, LEAVES, 5)))
def test_every_expression_comes_back(expr):
    kernel = in_kernel(expr)
    assert parse(text(kernel)) == kernel


@settings(max_examples=300)
@given(st.data())
def test_every_literal_comes_back(data):
    dtype = data.draw(st.sampled_from(ALL))
    if dtype.is_float:
        value = data.draw(st.floats(width=32) if dtype == FLOATS[0] else st.floats())
    elif dtype.is_bool:
        value = data.draw(st.booleans())
    else:
        low = 0 if dtype.kind == "u" else -(2 ** (dtype.bits - 1))
        value = data.draw(st.integers(low, 2**dtype.bits - 1 + low))
    kernel = in_kernel(Literal(value, dtype))
    assert parse(text(kernel)) == kernel


def x(dtype=dtypes.float32):
    return Load(f"a.{dtype.short}", (AxisIndex("i"), AxisIndex("j")), dtype)


def apply(op, *operands, **attributes):
    return Apply(op, operands, operands[0].dtype, tuple(attributes.items()))


T = Name("t", dtypes.float32)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (apply("subtract", T, apply("subtract", T, T)), "t - (t - t)"),
        (apply("subtract", apply("subtract", T, T), T), "t - t - t"),
        (apply("multiply", apply("add", T, T), T), "(t + t) * t"),
        (apply("add", apply("multiply", T, T), T), "t * t + t"),
        (apply("divide", T, apply("multiply", T, T)), "t / (t * t)"),
        (apply("negative", apply("add", T, T)), "-(t + t)"),
        (apply("multiply", apply("negative", T), T), "-t * t"),
        (apply("negative", Literal(3, dtypes.float32)), "negative(3.0)"),
        (apply("negative", Literal(-3, dtypes.float32)), "negative(-3.0)"),
        (apply("subtract", T, Literal(-3, dtypes.float32)), "t - -3.0"),
        (apply("negative", apply("negative", T)), "--t"),
        (apply("leaky_relu", T, negative_slope=0.2), "leaky_relu(t){negative_slope = 0.2}"),
        (Literal(0.1, dtypes.float64), "0.1f64"),
        (Literal(0.1, dtypes.float32), "0.1"),
        (Literal(3, dtypes.int64), "3"),
        (Literal(-3, dtypes.int32), "-3i32"),
        (Literal(255, dtypes.uint8), "255u8"),
        (Literal(float("-inf"), dtypes.float64), "-inff64"),
        (Literal(float("nan"), dtypes.float32), "nan"),
        (Literal(True, dtypes.bool_), "true"),
        (SizeOf(dims.named("N")), "N"),
        (SizeOf(dims.named("N") * 2 + 1), "size(2*N + 1)"),
        (SizeOf(7), "size(7)"),
    ],
)
def test_how_expressions_look(expr, expected):
    assert expression(expr) == expected
    kernel = in_kernel(expr)
    assert parse(text(kernel)) == kernel


@pytest.mark.parametrize(
    "value",
    [True, 3, -7, 0.25, -1e-9, "tanh", 'a "quoted" \\ line\n', None, dtypes.int32, (),
     (1, 2.5, ("x", False)), dims.named("N") + 1],
)  # fmt: skip
def test_every_attribute_comes_back(value):
    kernel = in_kernel(Apply("astype", (T,), dtypes.int32, (("dtype", dtypes.int32), ("a", value))))
    with_it = parse(text(kernel))
    assert with_it == kernel
    found = with_it.body[0].body[1].value.attributes[1][1]
    assert found == value and type(found) is type(value)


def test_an_attribute_that_is_no_data_is_refused():
    with pytest.raises(TypeError, match="cannot be a list"):
        expression(Apply("relu", (T,), dtypes.float32, (("a", []),)))


def test_locations_are_printed_when_asked_for():
    source = """\
kernel k<N>(x: f32[N], out y: f32[N], out z: f32[]) {
  for i < N {
    t = x[i] + 1.0 loc("my \\"file\\".py":12)
    y[i] = t loc("train.py":3)
  }
  s = reduce add i < N order(lanes) { x[i] } loc("train.py":4)
  z[] = s
}"""
    kernel = parse(source)
    assert text(kernel, locations=True) == source
    assert kernel.body[0].body[0].location == Location('my "file".py', 12)
    assert parse(text(kernel)) == kernel and "loc" not in text(kernel)


def test_words_of_the_grammar_are_names_where_no_doubt_arises():
    source = """\
kernel kernel<tile>(in: f32[tile], reduce: f32[tile], out out: f32[tile], check: i64[]) {
  for for < tile tile(8) {
    size = in[for] + reduce[for]
    order = size * size
    out[for] = order
  }
}"""
    kernel = parse(source)
    assert text(kernel) == source
    assert kernel.arguments[0] == Argument("in", dtypes.float32, (dims.named("tile"),))


@example(1)
@given(st.integers(1, ir.MAX_NESTING - 1))
@settings(max_examples=5, deadline=None)
def test_deep_expressions(depth):
    left = right = call = T
    for _ in range(depth):
        left, right = apply("subtract", left, T), apply("subtract", T, right)
        call = apply("negative", apply("sqrt", call)) if depth < ir.MAX_NESTING // 2 else call
    for expr in (left, right, call):
        kernel = in_kernel(expr)
        assert parse(text(kernel)) == kernel


def test_checks_and_empty_blocks():
    condition = Apply("less", (AxisIndex("i"), Literal(3, dtypes.int64)), dtypes.bool_)
    check = Check(7, condition, AxisIndex("i"), Literal(0, dtypes.int64))
    kernel = Kernel("k", (), (For((Axis("i", 3),), (check,)), For((Axis("i", 3),), ())))
    assert parse(text(kernel)) == kernel
    assert "check 7, i < 3, i, 0" in text(kernel)


def test_numbers_cover_every_dtype():
    assert {*NUMBERS, dtypes.bool_} == set(ALL)
