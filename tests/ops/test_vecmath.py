"""The vector math against its bounds: ``CASES`` in ``vecmath_truth`` is the table.

The arithmetic is run over NumPy; that native code has the same bits is tested with the code
generator.
"""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc.ops  # noqa: F401
from graphc.ir.op import lookup
from graphc.ir.scalar_numpy import NumpyBuilder
from graphc.ops.vecmath.range_reduction import window
from tests.ops.vecmath_truth import CASES, HAS_WIDE, Array, Case, near, sample, truth, ulps

FLOATS = (np.dtype("float32"), np.dtype("float64"))
UNFUSED_BOUND = 2.5
# Between NumPy's reference and the truth: half a unit, and what libraries lose.
REFERENCE_BOUND = 1.01

each_case = pytest.mark.parametrize("name", CASES)
each_float = pytest.mark.parametrize("dtype", FLOATS, ids=str)


def computed(name: str, operands: list[Array], *, fused: bool = True) -> Array:
    case = CASES[name]
    lower = lookup(case.op or name).lower
    return np.asarray(lower(NumpyBuilder(fused=fused), *operands, **dict(case.attributes)))


def reference(name: str, operands: list[Array]) -> Array:
    case = CASES[name]
    return np.asarray(lookup(case.op or name).numpy(*operands, **dict(case.attributes)))


def few(case: Case, dtype: np.dtype, count: int = 160) -> list[Array]:
    """Random operands, and the neighbours of the places where the arithmetic changes its way."""
    rng = np.random.default_rng(5)
    operands = sample(case, rng, count, dtype)
    low, high = case.interval(dtype)
    limits = np.finfo(dtype)
    turns = [*case.turns, low, high, limits.tiny, 0.0, limits.max, -limits.max]
    special = near(turns, dtype, 2)
    if case.operands == 1:
        return [np.concatenate([operands[0], special])]
    other = rng.permutation(special)
    if case is CASES["power"]:
        special = np.abs(special)
    return [np.concatenate(pair) for pair in zip(operands, (special, other), strict=True)]


@each_float
@each_case
def test_within_bounds_of_the_truth(name: str, dtype: np.dtype) -> None:
    operands = few(CASES[name], dtype)
    expected = truth(CASES[name], operands)
    for fused, bound in ((True, CASES[name].bound(dtype)), (False, UNFUSED_BOUND)):
        errors = ulps(computed(name, operands, fused=fused), expected)
        worst = int(errors.argmax())
        assert errors[worst] <= bound, (fused, errors[worst], [x[worst] for x in operands])


@each_float
@each_case
def test_within_bounds_of_a_wider_format(name: str, dtype: np.dtype) -> None:
    case = CASES[name]
    if dtype == np.float64 and not HAS_WIDE:
        pytest.skip("no wider format")
    count = 20_000 if dtype == np.float32 else 4_000
    operands = sample(case, np.random.default_rng(6), count, dtype)
    wide = np.float64 if dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        widened = [x.astype(wide) for x in operands]
        expected = case.wide(*widened)
    errors = ulps(computed(name, operands), np.asarray(expected))
    worst = int(errors.argmax())
    assert errors[worst] <= case.bound(dtype), (errors[worst], [x[worst] for x in operands])


@each_float
@each_case
def test_the_references_are_good_to_the_last_place(name: str, dtype: np.dtype) -> None:
    if dtype == np.float64 and not HAS_WIDE:
        pytest.skip("no wider format")
    operands = few(CASES[name], dtype)
    errors = ulps(reference(name, operands), truth(CASES[name], operands))
    worst = int(errors.argmax())
    assert errors[worst] <= REFERENCE_BOUND, (errors[worst], [x[worst] for x in operands])


INF, NAN = math.inf, math.nan
# Results that must be exact, with the sign of zero.
SPECIAL: dict[str, list[tuple[float, ...]]] = {
    "exp": [(0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (1e4, INF), (-1e4, 0)],
    "expm1": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -1), (1e4, INF), (-1e4, -1)],
    "log": [(0, -INF), (-0.0, -INF), (1, 0), (-1, NAN), (INF, INF), (-INF, NAN)],
    "log2": [(0, -INF), (-0.0, -INF), (1, 0), (8, 3), (0.125, -3), (-1e-30, NAN), (INF, INF)],
    "log1p": [(0, 0), (-0.0, -0.0), (-1, -INF), (-2, NAN), (INF, INF), (-INF, NAN)],
    "sin": [(0, 0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "cos": [(0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN)],
    "tan": [(0, 0), (-0.0, -0.0), (INF, NAN), (-INF, NAN)],
    "tanh": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (50, 1), (-50, -1)],
    "sinh": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (1e4, INF)],
    "cosh": [(0, 1), (-0.0, 1), (INF, INF), (-INF, INF), (-1e4, INF)],
    "erf": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (50, 1), (-50, -1)],
    "sigmoid": [(0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (800, 1)],
    "softplus": [(INF, INF), (-INF, 0), (1e4, 1e4), (-1e4, 0)],
    "silu": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -0.0), (1e4, 1e4), (-1e4, -0.0)],
    "elu": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -0.6875), (1e4, 1e4), (-1e4, -0.6875)],
    "gelu": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -0.0), (1e4, 1e4), (-1e4, -0.0)],
    "gelu_tanh": [(0, 0), (-0.0, -0.0), (INF, INF), (-INF, -0.0), (1e4, 1e4), (-1e4, -0.0)],
}


@each_float
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, dtype: np.dtype) -> None:
    rows = [*SPECIAL[name], (NAN, NAN)]
    x, expected = (np.array(column, dtype) for column in zip(*rows, strict=True))
    for actual in (computed(name, [x]), reference(name, [x])):
        np.testing.assert_array_equal(actual, expected)
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual)[numbers], np.signbit(expected)[numbers])


@each_float
@pytest.mark.parametrize("name", ["atan2", "power"])
def test_special_values_of_two_operands(name: str, dtype: np.dtype) -> None:
    values = [0, 0.5, 1, 1.5, 2, 3, 7, 2.0**24 + 2, 2.0**53, 1e30, np.finfo(dtype).max, INF]
    values += [np.finfo(dtype).smallest_subnormal, np.finfo(dtype).tiny]
    column = np.array([*values, *(-v for v in values), NAN], dtype)
    x, y = (grid.ravel() for grid in np.meshgrid(column, column))
    actual, expected = computed(name, [x, y]), reference(name, [x, y])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(actual, expected, rtol=4 * np.finfo(dtype).eps)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(actual)[numbers], np.signbit(expected)[numbers])


@each_float
def test_results_that_are_exact(dtype: np.dtype) -> None:
    limits = np.finfo(dtype)
    exponents = np.arange(limits.minexp - limits.nmant, limits.maxexp).astype(dtype)
    powers = np.ldexp(dtype.type(1), exponents.astype(int))
    np.testing.assert_array_equal(computed("log2", [powers]), exponents)
    np.testing.assert_array_equal(computed("power", [np.full_like(powers, 2), exponents]), powers)
    base, exponent = (g.ravel() for g in np.meshgrid(np.arange(-12.0, 13), np.arange(6.0)))
    whole = base.astype(int) ** exponent.astype(int)
    actual = computed("power", [base.astype(dtype), exponent.astype(dtype)])
    np.testing.assert_array_equal(actual, whole)


@each_float
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("sin", -1, 1), ("cos", -1, 1), ("tanh", -1, 1), ("erf", -1, 1), ("sigmoid", 0, 1)],
)
def test_ranges_and_symmetry(name: str, low: float, high: float, dtype: np.dtype) -> None:
    (x,) = sample(CASES[name], np.random.default_rng(8), 20_000, dtype)
    x = np.concatenate([x, near([k * math.pi / 2 for k in range(40)], dtype, 20)])
    value, mirrored = computed(name, [x]), computed(name, [-x])
    assert value.min() >= low
    assert value.max() <= high
    if name != "sigmoid":
        np.testing.assert_array_equal(mirrored, value if name == "cos" else -value)


@each_float
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_next_to_multiples_of_a_quarter_turn(name: str, dtype: np.dtype) -> None:
    """The floats nearest to a multiple of pi/2 (Muller's, by continued fractions), and random ones
    of all large exponents."""
    worst = 16367173 * 2.0**72 if dtype == np.float32 else 6381956970095103 * 2.0**797
    exponents = np.arange(14, np.finfo(dtype).maxexp, 1 if dtype == np.float32 else 7)
    rng = np.random.default_rng(9)
    large = np.ldexp(rng.uniform(1, 2, exponents.size).astype(dtype), exponents)
    x = np.concatenate([near([worst, -worst, 2.0**17, 2.0**30], dtype, 2), large.astype(dtype)])
    with mp.workprec(1400):
        function = CASES[name].true
        expected = [np.longdouble(mp.nstr(function(mp.mpf(float(v))), 24)) for v in x]
    for fused in (True, False):
        errors = ulps(computed(name, [x], fused=fused), np.array(expected))
        assert errors.max() <= CASES[name].bound(dtype)


def test_digits_of_two_over_pi() -> None:
    with mp.workprec(1300):
        digits = 2 / mp.pi
        for position in range(0, 1169, 8):
            expected = int(mp.floor(digits * mp.mpf(2) ** position)) % 2**24
            assert window(position) == expected


INTEGERS = [np.dtype(name) for name in ("int32", "int64", "uint8")]


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@given(data=st.data())
def test_integer_powers_wrap(dtype: np.dtype, data: st.DataObject) -> None:
    limits = np.iinfo(dtype)
    x = data.draw(st.integers(limits.min, limits.max) | st.integers(max(limits.min, -3), 3))
    y = data.draw(st.integers(limits.min, limits.max) | st.integers(max(limits.min, -3), 9))
    expected = pow(x, y, 2**limits.bits) if y >= 0 else x ** (y % 2) if abs(x) == 1 else 0
    operands = [np.array([v], dtype) for v in (x, y)]
    for actual in (computed("power", operands), reference("power", operands)):
        assert actual.dtype == dtype
        assert (int(actual[0]) - expected) % 2**limits.bits == 0
