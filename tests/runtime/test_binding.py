"""Named dims bound from the inputs: ranks, conflicts, polynomials, constraints."""

import re

import numpy as np
import pytest

from runtime.errors import InputShapeError
from runtime.executable import Executable


@pytest.fixture
def affine(programs):
    return Executable(programs.affine(), poison=True)


def f32(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((3,), r"expected rank 2, shape \(N, 3\), got rank 1, \(3,\) \(declared at model.py:3\)"),
        ((2, 4), r"expected shape \(N, 3\), got \(2, 4\): axis 1 is not 3"),
    ],
)
def test_shapes(affine, shape, said):
    with pytest.raises(InputShapeError, match=said):
        affine(np.float32(1), f32(*shape))


def two_inputs(programs, shape_x, shape_y, dims, sizes, fill, **changes):
    text = f"define void @f.sizes(ptr %t) {{\n{fill}\n ret void\n}}\n"
    text += "define i64 @f(ptr %frame) {\n ret i64 0\n}\n"
    inputs = [programs.spec("x", "float32", *shape_x), programs.spec("y", "uint8", *shape_y)]
    made = programs.entry("f", dims, inputs, [], sizes=sizes, **changes)
    return Executable(programs.program(text, [made]))


DOUBLE = """ %n = load i64, ptr %t
 %m = mul i64 %n, 2
 %p = getelementptr i64, ptr %t, i64 1
 store i64 %m, ptr %p"""


def test_a_conflict_names_the_dim_both_values_and_both_inputs(programs):
    exe = two_inputs(programs, ("N", 2), ("N",), ["N"], ["N"], "")
    assert exe(f32(4, 2), np.zeros(4, np.uint8)) == {}
    said = r"f: dim N is 4 in input 'x' \(N, 2\) and 5 in input 'y' \(N,\)"
    with pytest.raises(InputShapeError, match=said):
        exe(f32(4, 2), np.zeros(5, np.uint8))


def test_polynomial_sizes_are_checked(programs):
    exe = two_inputs(programs, ("N",), ("2*N",), ["N"], ["N", "2*N"], DOUBLE)
    exe(f32(3), np.zeros(6, np.uint8))
    with pytest.raises(
        InputShapeError, match=r"'y': axis 0 of \(7,\) should be 2\*N = 6 for N = 3"
    ):
        exe(f32(3), np.zeros(7, np.uint8))


def test_a_dim_inside_a_linear_size_is_solved(programs):
    exe = two_inputs(programs, (1,), ("2*N",), ["N"], ["N", "2*N"], DOUBLE)
    exe(f32(1), np.zeros(6, np.uint8))
    exe(f32(1), np.zeros(0, np.uint8))
    with pytest.raises(InputShapeError, match=r"axis 0 .* be 2\*N, which is 7 for no N"):
        exe(f32(1), np.zeros(7, np.uint8))


SQUARE = DOUBLE.replace("mul i64 %n, 2", "mul i64 %n, %n")
CLIPPED = DOUBLE.replace("mul i64 %n, 2", "call i64 @llvm.smin.i64(i64 %n, i64 7)")


@pytest.mark.parametrize(("text", "fill"), [("N*N", SQUARE), ("min(N, 7)", CLIPPED)])
@pytest.mark.parametrize("length", [0, 1, 2, 4, 5])
def test_a_dim_in_a_size_that_is_not_linear_is_not_guessed(programs, text, fill, length):
    """Not even where a line through two of its values happens to meet the right one."""
    exe = two_inputs(programs, (1,), (text,), ["N"], ["N", text], fill)
    with pytest.raises(InputShapeError, match=r"axis 0 .* which is \d for no N"):
        exe(f32(1), np.zeros(length, np.uint8))


def test_a_dim_in_no_input(programs):
    exe = two_inputs(programs, (1,), (1,), ["N"], ["N"], "")
    with pytest.raises(InputShapeError, match=r"dim N is not determined .*x \(1,\), y \(1,\)"):
        exe(f32(1), np.zeros(1, np.uint8))


@pytest.mark.parametrize(
    ("constraint", "n", "holds"),
    [
        (("N", ">=", 3), 3, True),
        (("N", ">=", 3), 2, False),
        (("2*N", "==", 8), 4, True),
        (("2*N", "==", "N"), 4, False),
    ],
)
def test_constraints(programs, constraint, n, holds):
    exe = two_inputs(programs, ("N",), (1,), ["N"], ["N", "2*N"], DOUBLE, constraints=(constraint,))
    if holds:
        exe(f32(n), np.zeros(1, np.uint8))
        return
    with pytest.raises(InputShapeError, match=re.escape(f"does not hold for N = {n}: ")):
        exe(f32(n), np.zeros(1, np.uint8))


def test_many_shapes_share_one_compilation(affine):
    from runtime import jit

    before = jit.engine().compilations
    for n in [*range(300), 5, 5]:
        assert affine(np.float32(1), np.zeros((n, 3), np.float32))["y"].shape == (n, 3)
    assert jit.engine().compilations == before
