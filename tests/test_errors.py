"""What users see of an error: operands, carets, their line."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from graphc import errors, ops
from graphc.errors import Mark, Operand, ShapeError
from graphc.location import Location


def _example() -> ShapeError:
    error = ShapeError(
        "cannot broadcast (N, 10) with (12)",
        mark=Mark(1, 0, "10 and 12 differ and neither is 1"),
    )
    operands = [
        Operand("float32", ("N", "10"), "%scores", Location("train.py", 8)),
        Operand("float32", ("12",), "%bias", Location("train.py", 6)),
    ]
    return error.with_operands("add", operands, Location("train.py", 9))


def test_operands_carets_and_line() -> None:
    assert str(_example()).splitlines() == [
        "add: cannot broadcast (N, 10) with (12)",
        "    (N, 10)   %scores   train.py:8",
        "       (12)   %bias     train.py:6",
        "        ^^ 10 and 12 differ and neither is 1",
        "  train.py:9",
    ]


def test_innermost_op_and_line_stay() -> None:
    error = _example().with_operands("outer", [], Location("other.py", 1))
    assert error.op == "add" and error.location == Location("train.py", 9)


def test_dtype_is_shown_and_marked() -> None:
    error = errors.DTypeError("takes floats", mark=Mark(0, None, "is an integer"))
    error.with_operands("exp", [Operand("int32", ("3",), "%x")])
    assert str(error).splitlines()[1:] == ["    int32 (3)   %x", "    ^^^^^ is an integer"]


def test_source_lines_are_shown_and_shortened() -> None:
    here = Location("test_errors.py", 1, __file__)
    error = ShapeError("wrong").with_operands("f", [Operand("f32", (), "%x", here)], here)
    assert '"""What users see of an error: operands, ...' in str(error)
    assert str(error).endswith('"""What users see of an error: operands, carets, their line."""')


def test_conversions_are_seen_through() -> None:
    x = ops.input("x", (3,), "int32")
    with pytest.raises(ShapeError) as raised:
        ops.add(x, np.zeros(4, np.float32))
    shown = str(raised.value).splitlines()
    assert "(3)   %x" in shown[1] and "astype" not in str(raised.value)


def test_arrays_are_operands() -> None:
    error = ShapeError("rank").with_operands("call", [np.zeros((2, 3), np.float32)])
    assert "(2, 3)" in str(error)


@pytest.mark.parametrize("axis", [-3, 2, 7])
def test_mark_of_a_missing_axis_marks_the_whole_shape(axis: int) -> None:
    error = ShapeError("x", mark=Mark(0, axis)).with_operands("f", [Operand("f32", ("2", "3"), "")])
    assert str(error).splitlines()[2] == "    ^^^^^^"


def test_parse_error_points_at_the_column() -> None:
    error = errors.ParseError("expected ':'", "\t%0 = f32", 3, 7)
    assert str(error).splitlines() == [
        "expected ':'",
        "  line 3, column 7",
        "    \t%0 = f32",
        "    \t     ^",
    ]


@pytest.mark.parametrize(
    "error", [_example(), errors.ParseError("a", "b", 1, 1), errors.DimError("x", advice="do")]
)
def test_errors_pickle(error: errors.GraphcError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)


def test_builtin_bases() -> None:
    assert issubclass(ShapeError, ValueError) and issubclass(errors.DTypeError, TypeError)
    assert issubclass(errors.IndexRangeError, IndexError)
