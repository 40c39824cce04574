"""Kernels that break a rule of loop IR, and some that look as if they did."""

import dataclasses

import pytest
from hypothesis import given, settings

import tests.loops.records  # noqa: F401
from graphc.errors import VerifyError
from graphc.ir import dims, dtypes
from graphc.location import Location
from graphc.loops import ir
from graphc.loops.ir import (
    Apply,
    Argument,
    Axis,
    AxisIndex,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Name,
    Reduce,
    SizeOf,
    Store,
)
from graphc.loops.parser import parse
from graphc.loops.verifier import verify
from tests.loops.kinds import KINDS
from tests.loops.test_printer import GOLDEN, THREE

F32, I64 = dtypes.float32, dtypes.int64
AT_I, AT_J = AxisIndex("i"), AxisIndex("j")


def kernel(*lines, head="x: f32[N, 8], inout v: f32[N, 8], out y: f32[N]"):
    return parse(f"kernel k<N>({head}) {{\n" + "\n".join(lines) + "\n}")


@pytest.mark.parametrize("name", THREE)
def test_the_three_kernels(name):
    verify(parse((GOLDEN / f"{name}.loops").read_text()))


@pytest.mark.parametrize("kind", KINDS)
def test_random_kernels(kind):
    @settings(max_examples=20, deadline=None)
    @given(KINDS[kind])
    def check(made):
        verify(made[1])

    check()


LEGAL = {
    "a row is written in one loop and read in another": """
        for i < N {
          for j < 8 { v[i, j] = x[i, j] }
          s = reduce add j < 8 order(lanes) { v[i, j] }
          y[i] = s
        }""",
    "flattened": "for i < N { y[i] = 0.0 }\n for i < N, j < 8 { v[i, j] = 1.0 }",
    "reversed": "for i < N { y[N - 1 - i] = x[i, 0] }",
    "one point": "for i < 1 { y[0] = 1.0 }\n for i < N { y[i] = 2.0 }",
    "an index with a name": "for i < N { k = size(N - 1) - i; y[k] = x[k, 0] }",
    "reads of what it owns": "for i < N, j < 8 { v[i, j] = v[i, j] + x[i, 7 - j] }\n y[0] = 1.0",
    "a gather elsewhere": "for i < N { y[i] = x[astype(x[i, 0]){dtype = i64}, 0] }",
}


@pytest.mark.parametrize("name", LEGAL)
def test_legal(name):
    verify(kernel(LEGAL[name]))


@pytest.mark.parametrize(
    "store",
    ["z[i * 8 + j]", "z[j * N + i]", "z[size(8*N - 1) - i * 8 - j]", "z[(N - 1 - i) * 8 + j]"],
)
def test_a_flat_store_has_digits(store):
    verify(kernel(f"for i < N, j < 8 {{ {store} = 1.0 }}", head="out z: f32[8*N]"))


ILLEGAL = [
    ("for i < N { y[0] = 1.0 }", "several iterations of i may write one element of y"),
    ("for i < N, j < 8 { y[i] = x[i, j] }", "several iterations of j may"),
    ("for i < N, j < 8 { y[i + j] = x[i, j] }", "several iterations of i, j may"),
    ("for i < N, j < 8 { y[i * 7 + j] = 1.0 }", "several iterations of i, j may"),
    ("for i < N { y[i * i] = 1.0 }", "several iterations of i may"),
    ("s = reduce add i < N order(lanes) { y[0] = 1.0; 1.0 }", "several iterations of i may"),
    ("for i < N { v[i, 0] = v[N - 1 - i, 0]; y[i] = 0.0 }", "perhaps the same element"),
    ("for i < N { y[i] = v[i, 0] }\n for i < 8 { v[i, 0] = v[i + 1, 0] }", "perhaps the same"),
    ("for i < 7, j < 7 { v[i, j] = v[j, i] }\n y[0] = 0.0", "in one iteration of"),
    ("for i < N { y[i] = 1.0; y[N - 1 - i] = 2.0 }", "written in another"),
    ("for i < N { v[i, 0] = 1.0\n s = reduce add k < N order(lanes) { v[k, 0] }\n y[i] = s }",
     "v[i, 0] is written in one iteration of i and v[k, 0] read in another"),
    ("for i < N { y[i] = y[i] }", "out y is read before it is written"),
    ("for i < N { x[i, 0] = 1.0 }", "x is only read"),
    ("for i < N { v[i, 0] = x[i, 0] }", "out y is never written"),
    ("for i < N { y[i] = x[i] }", "x has 2 axes, not 1"),
    ("for i < N { y[i, 0] = 1.0 }", "y has 1 axes, not 2"),
    ("for i < N { y[i] = 1 }", "a int64 is stored in y, which holds float32"),
    ("for i < N { y[i] = x[i, 3i32] }", "an index is int32, not int64"),
    ("for i < N { y[i] = x[i, 0] if (i) }", "a guard is int64, not bool"),
    ("for i < N { i = 3; y[0] = 1.0 }", "'i' is bound already"),
    ("for i < N { N = 3; y[0] = 1.0 }", "'N' is bound already"),
    ("for i < N { for i < 8 { v[i, i] = 1.0 } }", "'i' is bound already"),
    ("for i < N tile(6) vector(4) { y[i] = 1.0 }", "a tile of 6 is not whole vectors of 4"),
    ("for i < N vector(3) { y[i] = 1.0 }", "a vector of 3, which is no power of two"),
    ("for i < N tile(0) { y[i] = 1.0 }", "a tile of 0"),
    ("for i < N vector(4), j < 8 vector(4) { v[i, j] = 1.0 }", "j cannot be a vector inside i"),
    ("for i < N { for j < 8 parallel { v[i, j] = 1.0 } }", "only an outermost loop is parallel"),
    ("s = reduce any i < N order(lanes) { 1.0 }", "any does not fold values of float32"),
    ("s = reduce add i < N order(lanes) { true }", "add does not fold values of bool"),
    ("s = reduce fma i < N order(lanes) { true, true }", "fma does not fold values of bool"),
    ("s = reduce fma i < N order(lanes) { 1.0, 2.0f64 }", "two values of one dtype"),
    ("s = reduce fma i < N order(tree) { 1.0, 2.0 }", "fma has no order tree"),
    ("s = reduce add i < N order(lanes) unroll(0) { 1.0 }", "unrolled 0 times"),
    ("for i < N { s = reduce fma k < 8 order(ascending) across(j) { 1.0, 2.0 }; y[i] = s }",
     "across(j) is no scalar axis of a loop around this"),
    ("for i < N vector(4) { s = reduce fma k < 8 order(ascending) across(i) { 1.0, 2.0 }\n"
     "y[i] = s }", "across(i) is no scalar axis"),
    ("for i < N { s = reduce fma k < 8 order(lanes) across(i) { 1.0, 2.0 }; y[i] = s }",
     "only an ascending reduce goes across"),
    ("for i < N { t = x[i, 0]; s = reduce fma k < 8 order(ascending) across(i) { t, 2.0 }\n"
     "y[i] = s }", "takes no values from outside"),
    ("s, s = reduce add, add i < N order(lanes) { 1.0, 2.0 }", "'s' is bound already"),
    ("for i < N tile(14), j < 8 { v[0, j] = reduce add i order(tree) { 1.0 } }",
     "needs tiles of a multiple of 8, not 14"),
    ("for i < N tile(8), j < 8 { v[i, j] = reduce add i order(tree) { 1.0 } }",
     "a column's index does not depend on i"),
    ("for i < N tile(8), j < 8 { v[0, j] = reduce add i order(block) { 1.0 } }",
     "the index names the blocks of i once"),
    ("for i < N tile(8), j < 8 { v[i, 0] = reduce add i order(block) { 1.0 } }",
     "several iterations of j may"),
    ("for i < N tile(8), j < 8 { v[0, 0] = reduce add i order(tree) { 1.0 } }",
     "several iterations of j may"),
    ("for i < N tile(8), j < 8 { v[0, j] = reduce argmax i order(tree) { 1.0 } }",
     "no column folds by 'argmax'"),
    ("for i < N tile(8), j < 8 { v[0, j] = reduce add i order(tree) { 1.0 }\n v[i, j] = 1.0 }",
     "perhaps the same element"),
    ("for j < 8 { s = reduce add k < N order(lanes) { v[0, j] = reduce add j order(tree) { 1.0 }\n"
     "1.0 } }", "inside a reduce"),
    ("y[0] = 1.0\n check 3, true, 0, 0", "a check after a store"),
    ("check 0, true, 0, 0", "a check's code is 0"),
    ("check 3, 1, 0, 0", "a check takes bool here, not int64"),
    ("check 3, true, 0, 1.0", "a check takes int64 here, not float32"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "reason"), ILLEGAL)
def test_illegal(lines, reason):
    with pytest.raises(VerifyError) as caught:
        verify(kernel(lines))
    assert reason in str(caught.value)
    assert str(caught.value).startswith("kernel k: ")


def build(*body, arguments=(), names=("N",)):
    y = Argument("y", F32, (dims.named("N"),), "out")
    x = Argument("x", F32, (dims.named("N"),))
    return Kernel("k", (x, y, *arguments), body, names)


def loop(*body, axis=None):
    return For((axis or Axis("i", dims.named("N")),), body)


ONE = Literal(1, F32)
DEEP = ONE
for _ in range(ir.MAX_NESTING):
    DEEP = Apply("negative", (DEEP,), F32)
NESTED = Store("y", (AT_I,), ONE)
for _depth in range(13):
    NESTED = loop(NESTED, axis=Axis(f"a{_depth}", 2))


BUILT = [
    (build(Let("inf", ONE)), "'inf' cannot be the name of a value"),
    (build(loop(Store("y", (AT_I,), Name("t", F32)))), "'t' is not bound here"),
    (build(loop(Let("t", ONE), Store("y", (AT_I,), Name("t", I64)))), "t is float32, not int64"),
    (build(loop(Store("y", (AT_J,), ONE))), "'j' is no axis around this"),
    (build(loop(Store("z", (AT_I,), ONE))), "the kernel has no argument 'z'"),
    (build(loop(Store("y", (AT_I,), Load("x", (AT_I,), I64)))), "x holds float32, not int64"),
    (build(loop(Store("y", (AT_I,), Apply("sqrt", (ONE,), I64)))), "sqrt gives float32, not int64"),
    (build(loop(Store("y", (AT_I,), Apply("nope", (ONE,), F32)))), "there is no op named 'nope'"),
    (build(loop(Store("y", (AT_I,), Apply("sum", (ONE,), F32)))), "not an elementwise op"),
    (build(loop(Store("y", (SizeOf(dims.named("M")),), ONE))), "'M' is not a named size"),
    (build(loop(Store("y", (AT_I,), ONE)), names=()), "'N' is not a named size"),
    (build(loop(Store("y", (AT_I,), DEEP))), "nests more than 100 deep; name a part"),
    (build(NESTED), "statements nest more than 12 deep"),
    (build(For((), ())), "a loop without an axis"),
    (build(loop(Store("y", (AT_I,), ONE), axis=Axis("i", 4, 1, -4))), "a vector of -4"),
    (
        build(Reduce(("s",), ("median",), Axis("i", 3), "lanes", (), (ONE,))),
        "no reduction 'median'",
    ),
    (build(Reduce(("s",), ("add",), Axis("i", 3), "random", (), (ONE,))), "no order 'random'"),
    (build(Reduce(("s",), ("fma",), Axis("i", 3), "lanes", (), (ONE,))), "as many as its kinds"),
    (build(Let("big", Literal(300, dtypes.uint8))), "300 is no uint8"),
    (build(arguments=(Argument("x", F32, ()),)), "two arguments have one name"),
    (build(arguments=(Argument("a b", F32, ()),)), "'a b' is not a name"),
    (build(arguments=(Argument("a", F32, (), "io"),)), "a has no mode 'io'"),
    (build(names=("N", "parallel")), "'parallel' cannot be the name of a named size"),
]


@pytest.mark.parametrize(("built", "reason"), BUILT, ids=range(len(BUILT)))
def test_illegal_trees(built, reason):
    with pytest.raises(VerifyError) as caught:
        verify(built)
    assert reason in str(caught.value)


def test_the_error_shows_statement_and_line():
    wrong = Store("y", (Literal(0, I64),), ONE, Location("train.py", 7))
    with pytest.raises(VerifyError) as caught:
        verify(build(loop(wrong)))
    shown = str(caught.value)
    assert "\n     y[0] = 1.0" in shown and "train.py:7" in shown


def test_equal_literals_have_equal_bits():
    assert Literal(float("nan"), F32) == Literal(float("nan"), F32)
    assert Literal(0.0, F32) != Literal(-0.0, F32)
    assert Literal(0.9, F32) == Literal(0.8999999761581421, F32)
    assert Literal(1, F32) != Literal(1, dtypes.float64) and Literal(1, F32) != 1
    assert len({Literal(1, F32), Literal(1.0, F32), Literal(True, dtypes.bool_)}) == 2
    assert dataclasses.replace(ONE, value=2).value == 2.0
