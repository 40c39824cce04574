"""The interpreter's arithmetic against the C library and against exact integers."""

import ctypes
import ctypes.util
import itertools
import math
import warnings

import numpy as np
import pytest

from graphc.ir import dtypes
from graphc.ir.scalar_fma import fused_multiply_add
from graphc.ir.scalar_numpy import NumpyBuilder, as_constant

b = NumpyBuilder()
INTEGERS = [dtypes.int32, dtypes.int64, dtypes.uint8]
FLOATS = [dtypes.float32, dtypes.float64]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def same(got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.dtype == expected.dtype
    equal = (got == expected) & (np.signbit(got) == np.signbit(expected))
    wrong = ~(equal | (np.isnan(got) & np.isnan(expected)))
    assert not wrong.any(), (np.flatnonzero(wrong)[:5], got[wrong][:5], expected[wrong][:5])


def c_fma(x, y, z):
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    function, kind = (
        (library.fmaf, ctypes.c_float) if x.dtype == np.float32 else (library.fma, ctypes.c_double)
    )
    function.argtypes, function.restype = [kind] * 3, kind
    return np.array(
        [function(*operands) for operands in zip(x.tolist(), y.tolist(), z.tolist(), strict=True)],
        x.dtype,
    )


def specials(dtype):
    info = np.finfo(dtype)
    one = dtype(1)
    tiny, small = info.smallest_subnormal, info.smallest_normal
    values = [0, tiny, 3 * tiny, small - tiny, small, small + tiny, info.eps, np.sqrt(small),
              one - info.epsneg, 1, one + info.eps, 1.5, 3, 1 / info.eps, np.sqrt(info.max),
              info.max / 2, info.max, np.inf]  # fmt: skip
    values = np.array(values, dtype)
    return np.concatenate([values, -values, [dtype(np.nan)]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fma_of_special_values_is_that_of_the_c_library(dtype):
    grid = np.array(list(itertools.product(specials(dtype), repeat=3)), dtype)
    x, y, z = np.ascontiguousarray(grid.T)
    same(fused_multiply_add(x, y, z), c_fma(x, y, z))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["bits", "cancelling", "denormal", "midpoint"])
def test_fma_of_random_values_is_that_of_the_c_library(dtype, kind, size=60_000):
    x, y, z = random_operands(dtype, kind, size, np.random.default_rng(7))
    same(fused_multiply_add(x, y, z), c_fma(x, y, z))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["bits", "cancelling", "denormal", "midpoint"])
def test_fma_of_a_million_random_values(dtype, kind):
    x, y, z = random_operands(dtype, kind, 1_000_000, np.random.default_rng(8))
    same(fused_multiply_add(x, y, z), c_fma(x, y, z))


@np.errstate(all="ignore")
def random_operands(dtype, kind, size, rng):
    integer = np.uint32 if dtype == np.float32 else np.uint64
    bits = rng.integers(0, np.iinfo(integer).max, (3, size), dtype=integer, endpoint=True)
    x, y, z = bits.view(dtype)
    if kind == "cancelling":
        x, y = (np.copysign(np.frexp(v)[0].astype(dtype), v) for v in (x, y))
        steps = rng.integers(-2, 3, size).astype(integer)
        z = (-(x * y)).view(integer) + steps
        z = z.view(dtype)
    if kind == "denormal":
        exponents = rng.integers(-20, 4, (3, size)) + np.finfo(dtype).minexp
        halves = exponents[0] // 2
        x = np.ldexp(np.frexp(x)[0], halves).astype(dtype)
        y = np.ldexp(np.frexp(y)[0], exponents[1] - halves).astype(dtype)
        z = np.ldexp(np.frexp(z)[0], exponents[2]).astype(dtype)
    if kind == "midpoint":  # z has few bits, the product half a unit of its last place and a bit
        half = np.finfo(dtype).eps / 2
        x = (1 + rng.integers(-3, 4, size) * np.finfo(dtype).eps).astype(dtype)
        y = (half * rng.choice([1, -1, 0.5, 3], size)).astype(dtype)
        z = (1 + rng.integers(0, 8, size) * np.finfo(dtype).eps).astype(dtype)
        z *= rng.choice(np.array([1, -1], dtype), size)
    return x, y, z


def test_fma_broadcasts_and_keeps_scalars():
    x = np.arange(3, dtype=np.float32)[:, None]
    got = fused_multiply_add(x, np.float32(2), np.ones(2, np.float32))
    assert got.shape == (3, 2) and got.dtype == np.float32
    assert fused_multiply_add(np.float64(2), np.float64(3), np.float64(1)) == 7
    assert fused_multiply_add(np.zeros((0, 2)), np.zeros(2), np.zeros(2)).shape == (0, 2)


def test_without_fma_it_rounds_twice():
    x = np.float32(1 + 2**-12)
    unfused = NumpyBuilder(fused=False)
    assert b.fma(x, x, -(x * x)) != 0
    assert unfused.fma(x, x, -(x * x)) == 0


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_integers_wrap(dtype):
    info = np.iinfo(dtype.numpy)
    values = np.array([info.min, info.min + 1, 0, 1, 2, 7, info.max - 1, info.max], dtype.numpy)
    x, y = values[:, None], values[None, :]
    for name, exact in (("add", int.__add__), ("sub", int.__sub__), ("mul", int.__mul__)):
        expected = [[as_constant(exact(int(p), int(q)), dtype) for q in values] for p in values]
        same(getattr(b, name)(x, y), np.array(expected))
    same(b.neg(values), np.array([as_constant(-int(v), dtype) for v in values]))


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_quotient_is_towards_zero(dtype):
    info = np.iinfo(dtype.numpy)
    values = [v for v in (info.min, -7, -2, -1, 1, 2, 3, 7, info.max) if info.min <= v and v]
    for p, q in itertools.product(values, values):
        if q == -1 and p == info.min:
            continue
        expected = abs(p) // abs(q) * (1 if (p < 0) == (q < 0) else -1)
        got = b.quotient(as_constant(p, dtype), as_constant(q, dtype))
        assert int(got) == expected and got.dtype == dtype.numpy


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("source", FLOATS, ids=str)
def test_float_to_integer_saturates(source, dtype):
    info = np.iinfo(dtype.numpy)
    near = [info.min, info.max, 2.0**dtype.bits, 0.0, 255.0, 256.0]
    values = np.array(near, source.numpy)
    around = [
        values,
        np.nextafter(values, source.numpy.type(-np.inf)),
        np.nextafter(values, source.numpy.type(np.inf)),
        -values,
        np.array([0.5, 0.99, -0.99, 1.5, -1.5, np.inf, -np.inf, np.nan, 1e30], source.numpy),
    ]
    for value in np.concatenate(around):
        expected = 0 if math.isnan(value) else (
            info.max if value > info.max else info.min if value < info.min else int(value)
        )  # fmt: skip
        got = b.cast(value, dtype)
        assert got.dtype == dtype.numpy
        assert int(got) == min(max(expected, info.min), info.max), (value, got)


def test_other_casts():
    wide = np.array([-1, 256, 511, 2**40 + 5], np.int64)
    same(b.cast(wide, dtypes.uint8), np.array([255, 0, 255, 5], np.uint8))
    same(b.cast(np.array([0.0, -0.0, np.nan, 0.1]), dtypes.bool_), np.array([0, 0, 1, 1], bool))
    same(b.cast(np.array([True, False]), dtypes.float32), np.array([1, 0], np.float32))
    same(b.cast(np.array([2**24 + 1, 2**62 + 2**38 + 1]), dtypes.float32),
         np.array([2**24, 2**62 + 2**39], np.float32))  # fmt: skip


def test_constants_are_rounded_once_and_wrap():
    assert as_constant(0.1, dtypes.float32) == np.float32("0.1")
    assert as_constant(2**62 + 2**38 + 1, dtypes.float32) == np.float32(2**62 + 2**39)
    assert as_constant(1e39, dtypes.float32) == np.inf
    assert as_constant(0x9E3779B97F4A7C15, dtypes.int64) == np.int64(0x9E3779B97F4A7C15 - 2**64)
    assert as_constant(-1, dtypes.uint8) == np.uint8(255)


def test_shifts():
    x = np.array([-8, 5, -(2**31)], np.int32)
    same(b.shift_right(x, 2), x >> 2)
    same(b.shift_right_logical(x, 1), (x.view(np.uint32) >> 1).view(np.int32))
    same(b.shift_left(x, 31), np.array([0, -(2**31), 0], np.int32))
    same(b.shift_right(np.array([200], np.uint8), 3), np.array([25], np.uint8))


def test_python_numbers_take_the_dtype_of_the_other_operand():
    x = np.array([1, 2], np.float32)
    assert b.add(x, 0.1).dtype == np.float32
    assert b.select(b.lt(x, 1.5), 0, x).dtype == np.float32
    assert b.mul(2, np.uint8(200)) == np.uint8(144)
    with pytest.raises(TypeError, match="not a Python number"):
        b.add(1, 2)
    with pytest.raises(TypeError, match="different dtypes"):
        b.add(x, np.float64(1))


def test_rarely_and_lookup_and_bits():
    x = np.array([1.0, -1.0])
    assert b.rarely(b.gt(x, 2), lambda: pytest.fail("not needed"), x) is x
    same(b.rarely(b.lt(x, 0), lambda: b.neg(x), x), np.array([1.0, 1.0]))
    same(b.lookup([0.5, 0.25], np.array([1, 0, 1]), dtypes.float32),
         np.array([0.25, 0.5, 0.25], np.float32))  # fmt: skip
    assert b.bitcast(np.float32(1), dtypes.int32) == 0x3F800000
    assert b.dtype(b.bitcast(np.int64(0), dtypes.float64)) == dtypes.float64
    with pytest.raises(TypeError, match="sizes differ"):
        b.bitcast(np.float32(1), dtypes.int64)


def test_exact_operations_on_special_values_do_not_warn():
    for dtype in (np.float32, np.float64):
        x = specials(dtype)
        for name in ("sqrt", "floor", "ceil", "trunc", "rint", "neg", "abs"):
            assert getattr(b, name)(x).dtype == dtype
        for name in ("add", "sub", "mul", "div", "lt", "ne", "copysign"):
            assert getattr(b, name)(x[:, None], x).shape == (x.size, x.size)
    same(b.rint(np.array([0.5, 1.5, -0.5])), np.array([0.0, 2.0, -0.0]))
