"""Every elementwise record: its reference against its scalar arithmetic, its dtypes and shapes."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import graphc
from graphc.errors import GraphcError
from graphc.ir import dtypes
from graphc.ir.op import Elementwise, registered
from graphc.ir.scalar_numpy import NumpyBuilder
from graphc.ir.types import TensorType
from graphc.tensor import functions
from tests.ops.values import combinations, random, run, same, special

# Functions computed by approximation have bounds of their own, elsewhere.
EXACT = ("arithmetic", "comparison", "logical", "rounding", "selection", "conversion")


def _is_plain(op: Elementwise) -> bool:
    """Whether the op is public and its attributes have defaults."""
    parameters = inspect.signature(op.lower).parameters.values()
    needed = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY and p.default is p.empty]
    return op.name in functions and needed in ([], ["dtype"])


RECORDS = [op for op in registered() if isinstance(op, Elementwise) and _is_plain(op)]


def operand_names(op: Elementwise) -> list[str]:
    parameters = list(inspect.signature(op.lower).parameters.values())[1:]
    return [p.name for p in parameters if p.kind != p.KEYWORD_ONLY]


def defaults(op: Elementwise) -> dict[str, object]:
    parameters = inspect.signature(op.lower).parameters.values()
    return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}


def accepted(op: Elementwise) -> list[list[dtypes.DType]]:
    """The operand dtypes the record takes."""
    found = []
    for dtype in dtypes.ALL:
        kinds = [dtype] * len(operand_names(op))
        if op.name == "where":
            kinds[0] = dtypes.bool_
        try:
            op.infer([TensorType(d, (2,)) for d in kinds], defaults(op) | _cast_to(dtype))
        except GraphcError:
            continue
        found.append(kinds)
    return found


def _cast_to(dtype: dtypes.DType) -> dict[str, object]:
    return {"dtype": dtype}


@pytest.mark.parametrize("op", RECORDS, ids=lambda op: op.name)
def test_lowering_gives_the_bits_of_the_reference(op: Elementwise) -> None:
    if op.lower.__module__.rpartition(".")[2] not in EXACT or op.name == "astype":
        pytest.skip("has bounds of its own")
    assert accepted(op)
    for kinds in accepted(op):
        operands = combinations(kinds)
        expected = op.numpy(*operands, **defaults(op))
        actual = op.lower(NumpyBuilder(), *operands, **defaults(op))
        same(actual, expected)


@pytest.mark.parametrize("to", dtypes.ALL, ids=str)
@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_casts_saturate_and_wrap_alike(dtype: dtypes.DType, to: dtypes.DType) -> None:
    op = graphc.astype.op
    (x,) = combinations([dtype])
    same(op.lower(NumpyBuilder(), x, dtype=to), op.numpy(x, dtype=to))


def test_cast_of_values_out_of_range() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 300.7, -5.5, 255.9], np.float32)
    assert graphc.astype.op.numpy(x, dtype=graphc.uint8).tolist() == [0, 255, 0, 255, 0, 255]
    whole = graphc.astype.op.numpy(x, dtype=graphc.int32).tolist()
    assert whole == [0, 2**31 - 1, -(2**31), 300, -5, 255]
    assert graphc.astype.op.numpy(np.int32([257, -1]), dtype=graphc.uint8).tolist() == [1, 255]


@pytest.mark.parametrize("op", RECORDS, ids=lambda op: op.name)
@pytest.mark.parametrize(
    "shape", [(), (0,), (3,), (2, 0, 3), (2, 1, 3), (1, 2, 1, 2, 1, 2)], ids=str
)
def test_shapes_dtypes_and_interpreter(op: Elementwise, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    for kinds in accepted(op):
        arrays = [random(rng, shape, d) for d in kinds]
        names = [f"x{i}" for i in range(len(kinds))]
        tensors = [graphc.input(n, shape, d) for n, d in zip(names, kinds, strict=True)]
        extra = {"dtype": graphc.float64} if op.name == "astype" else {}
        try:
            result = functions[op.name](*tensors, **extra)
        except graphc.errors.DTypeError:
            continue  # a rule of its own, narrower for users
        assert result.shape == shape
        value = run(result, **dict(zip(names, arrays, strict=True)))
        assert value.shape == shape
        assert value.dtype == result.dtype.numpy


@pytest.mark.parametrize("op", RECORDS, ids=lambda op: op.name)
def test_every_dtype_gives_a_result_or_a_clear_error(op: Elementwise) -> None:
    for dtype in dtypes.ALL:
        x = [graphc.input(f"x{i}", ("N", 2), dtype) for i in range(len(operand_names(op)))]
        extra = {"dtype": graphc.int64} if op.name == "astype" else {}
        try:
            assert functions[op.name](*x, **extra).shape == x[0].shape
        except graphc.errors.DTypeError as error:
            assert f"not {dtype}" in str(error) and op.name in str(error)


@pytest.mark.parametrize("op", RECORDS, ids=lambda op: op.name)
def test_documentation_and_signature(op: Elementwise) -> None:
    function = functions[op.name]
    assert function.__name__ == op.name
    assert len(op.doc) > 3 and op.doc.endswith(".")
    assert len(inspect.signature(function).parameters) >= len(operand_names(op))
    assert ">>>" in function.__doc__


NUMPY_TWINS = [
    (name, reference, dtype)
    for name, reference in [
        ("add", np.add), ("subtract", np.subtract), ("multiply", np.multiply),
        ("divide", np.divide), ("floor_divide", np.floor_divide), ("remainder", np.remainder),
        ("negative", np.negative), ("abs", np.abs), ("sign", np.sign), ("square", np.square),
        ("sqrt", np.sqrt), ("floor", np.floor), ("ceil", np.ceil), ("trunc", np.trunc),
        ("round", np.round), ("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite),
        ("logical_and", np.logical_and), ("logical_or", np.logical_or),
        ("logical_xor", np.logical_xor), ("logical_not", np.logical_not), ("equal", np.equal),
        ("not_equal", np.not_equal), ("less", np.less), ("less_equal", np.less_equal),
        ("greater", np.greater), ("greater_equal", np.greater_equal), ("maximum", np.maximum),
        ("minimum", np.minimum), ("bitwise_and", np.bitwise_and), ("bitwise_xor", np.bitwise_xor),
        ("bitwise_left_shift", np.left_shift), ("bitwise_right_shift", np.right_shift),
    ]
    for dtype in dtypes.ALL
]  # fmt: skip


@pytest.mark.parametrize(
    "name,reference,dtype", NUMPY_TWINS, ids=lambda x: getattr(x, "name", None)
)
def test_same_answers_as_numpy(name: str, reference: np.ufunc, dtype: dtypes.DType) -> None:
    count = getattr(reference, "nin", 1)
    arrays = combinations([dtype] * count)
    with np.errstate(all="ignore"):
        try:
            expected = np.asarray(reference(*arrays))
        except TypeError:
            with pytest.raises(graphc.errors.DTypeError):
                functions[name](*(graphc.constant(a) for a in arrays))
            return
    names = [f"x{i}" for i in range(count)]
    inputs = [graphc.input(n, ("N",), dtype) for n in names]
    actual = run(functions[name](*inputs), **dict(zip(names, arrays, strict=True)))
    if expected.dtype.name not in {d.name for d in dtypes.ALL}:  # float16 and int8
        stand_in = {"float16": "float32", "int8": "int64"}[expected.dtype.name]
        # ``round`` and integers' like: whole already, and kept as they are.
        assert actual.dtype.name in (stand_in, dtype.name)
        np.testing.assert_allclose(actual.astype(np.float64), expected, rtol=1e-3)
        return
    if name in ("maximum", "minimum"):  # NumPy leaves open which zero is larger
        np.testing.assert_array_equal(actual, expected)
        return
    same(actual, expected)


def test_integer_division_is_defined_everywhere() -> None:
    low = np.iinfo(np.int32).min
    x, y = np.int32([5, -5, low, low, 0]), np.int32([0, 0, -1, 1, -1])
    assert graphc.floor_divide.op.numpy(x, y).tolist() == [0, 0, low, low, 0]
    assert graphc.remainder.op.numpy(x, y).tolist() == [0, 0, 0, 0, 0]


def test_remainder_is_exact_for_huge_quotients() -> None:
    rng = np.random.default_rng(1)
    for dtype in (np.float32, np.float64):
        exponent = np.finfo(dtype).maxexp - 2
        x = np.ldexp(rng.uniform(1, 2, 500), rng.integers(-exponent, exponent, 500)).astype(dtype)
        y = np.ldexp(rng.uniform(1, 2, 500), rng.integers(-exponent, exponent, 500)).astype(dtype)
        for a, b in ((x, y), (-x, y), (x, -y)):
            with np.errstate(all="ignore"):
                expected = np.remainder(a, b)
            same(graphc.remainder.op.lower(NumpyBuilder(), a, b), expected)


def test_special_values_are_covered() -> None:
    assert np.isnan(special(dtypes.float32)).sum() == 1
    assert np.signbit(special(dtypes.float64)[special(dtypes.float64) == 0]).any()
