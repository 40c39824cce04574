"""Values given for inputs: what is read, what is copied, what is refused and how it is said."""

import array as python_arrays

import numpy as np
import pytest

from runtime.errors import InputDtypeError, InputError, InputNameError
from runtime.executable import Executable

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


@pytest.fixture
def affine(programs):
    return Executable(programs.affine(), poison=True)


def f32(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (17,), (3, 0), (3, 5), (2, 3, 4), (2, 1, 2, 3), (1,) * 5, (2,) * 6]
)
def test_every_dtype_and_rank(programs, dtype, shape):
    dims = [f"D{axis}" for axis in range(len(shape))]
    exe = Executable(programs.copy(dtype, dims, dims), poison=True)
    x = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    y = exe(x)
    assert y.dtype == x.dtype and y.shape == shape
    np.testing.assert_array_equal(x, y)
    assert not np.may_share_memory(x, y)


def test_arrays_that_lie_otherwise_are_copied(programs):
    exe = Executable(programs.copy("float32", ["N", "M"], ["N", "M"]))
    base = f32(6, 8)
    raw = np.zeros(base.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(np.float32).reshape(6, 8)
    unaligned[...] = base
    read_only = base.copy()
    read_only.flags.writeable = False
    layouts = [
        base[::2, 1::3], base.T, base[::-1], np.asfortranarray(base), base.astype(">f4"),
        unaligned, read_only, np.broadcast_to(base[:1], (6, 8)), base.view(np.matrix),
        memoryview(base), base[:0], base[:, :0],
    ]  # fmt: skip
    for x in layouts:
        before = np.array(x)
        np.testing.assert_array_equal(exe(x), before)
        np.testing.assert_array_equal(np.array(x), before)


def test_buffers_of_other_libraries(programs):
    exe = Executable(programs.copy("float64", ["N"], ["N"]))
    assert exe(python_arrays.array("d", [1, 2])).tolist() == [1, 2]

    class Foreign:
        def __array__(self, dtype=None, copy=None):
            return np.array([3.0])

    assert exe(Foreign()).tolist() == [3]


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("float32", 0.1, np.float32(0.1)),
        ("float32", 3, 3.0),
        ("float64", 2**53, 2.0**53),
        ("uint8", 255, 255),
        ("int64", -(2**63), -(2**63)),
        ("bool", True, True),
        ("float32", float("inf"), np.inf),
        ("float32", np.float32(1.5), 1.5),
    ],
)
def test_python_numbers_where_they_fit(programs, dtype, value, expected):
    result = Executable(programs.copy(dtype, [], []))(value)
    assert result.shape == () and result.dtype == dtype and result == expected


def test_lists_and_empty_lists(programs):
    exe = Executable(programs.copy("int32", ["N"], ["N"]))
    assert exe([1, 2, 3]).tolist() == [1, 2, 3]
    assert exe((4,)).tolist() == [4]
    assert exe([]).shape == (0,)


@pytest.mark.parametrize(
    ("dtype", "value", "said"),
    [
        ("float32", np.float64(0.5), "expected float32, got float64.*astype\\(np.float32\\)"),
        ("float32", np.zeros((), np.int64), "expected float32, got int64"),
        ("float64", np.zeros((), np.float32), "expected float64, got float32"),
        ("int32", np.zeros((), np.int64), "expected int32, got int64"),
        ("int64", 1.0, "expected int64, got float"),
        ("int64", np.float32(np.nan), "expected int64, got float32"),
        ("bool", 1, "expected bool, got int values.*np.bool_"),
        ("uint8", True, "expected uint8, got bool"),
        ("float32", np.float16(1), "got float16"),
        ("float32", 1j, "got complex128"),
        ("float32", np.datetime64("2020-01-01"), "got datetime64"),
    ],
)
def test_other_dtypes_are_refused_with_what_to_do(programs, dtype, value, said):
    exe = Executable(programs.copy(dtype, [], []))
    with pytest.raises(InputDtypeError, match=f"copy: input 'x': .*{said}"):
        exe(value)
    assert exe.native_calls == 0


@pytest.mark.parametrize(
    ("dtype", "value", "said"),
    [
        ("uint8", 256, "256 is not a uint8 value"),
        ("uint8", -1, "-1 is not"),
        ("float32", 2**24 + 1, "16777217 is not a float32"),
        ("float64", 2**53 + 1, "is not a float64"),
        ("float32", 1e300, "is not a float32"),
        ("int64", 2**63, "is not a int64"),
        ("int64", 2**70, "number"),
        ("float32", "three", "got str"),
        ("float32", None, "got NoneType"),
        ("float32", [[1], [2, 3]], "cannot be read as an array"),
        ("float32", np.array(["a"], object), "dtype object"),
        ("float32", object(), "dtype object"),
        ("float32", np.ma.masked_array([1.0], [True]), "masked array"),
    ],
)
def test_values_that_do_not_fit(programs, dtype, value, said):
    with pytest.raises(InputError, match=said):
        Executable(programs.copy(dtype, [], []))(value)


def test_names_of_inputs(affine):
    x, a = f32(2, 3), np.float32(1)
    cases = [
        (((), {"a": a, "xx": x}), "no input is named 'xx'; did you mean 'x'"),
        (((), {"a": a}), r"no value for input 'x' \(declared at model.py:3\)"),
        (((), {}), "'a', 'x'"),
        (((a, x, x), {}), "takes 2 inputs"),
        (((a, x), {"x": x}), "'x' is given twice"),
        (((a,), {"weights": x}), "no input is named 'weights'; there are 'a', 'x'"),
    ]
    for (positional, named), said in cases:
        with pytest.raises(InputNameError, match=said):
            affine(*positional, **named)
    assert affine.native_calls == 0
