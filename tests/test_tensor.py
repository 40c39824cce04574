"""Tensor: how it looks, its operators, NumPy's protocols, and what it refuses."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.errors import ArgumentError, DTypeError, GraphcError, UnsupportedError
from graphc.ir import dtypes
from tests.ops.values import random, run, same

DATA = np.array([[1, -2, 3], [4, 5, -6]], np.float32)


def test_looks() -> None:
    x = graphc.input("x", ("N", 784))
    assert repr(x) == "Tensor %x: f32[N, 784]"
    assert repr(x + 1) == "Tensor add: f32[N, 784]"
    assert (x.name, x.ndim, x.dtype, str(x.shape), str(x.size)) == (
        "x", 2, graphc.float32, "(N, 784)", "784*N",
    )  # fmt: skip
    assert str(x.T.shape) == "(784, N)"
    assert graphc.input("s", ()).size == 1


def test_sizes_of_inputs() -> None:
    x = graphc.input("x", ("N", "2*N + 1", 3, "(N // 2)"), "int64")
    assert str(x.shape) == "(N, 2*N + 1, 3, (N // 2))"
    assert x.dtype is graphc.int64
    assert graphc.input("y", 3).shape == (3,)
    assert graphc.input("y", "N").ndim == 1


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("x", (-1,)), "negative"),
        (("x", (1.5,)), "size"),
        (("x", ("N+",)), "size"),
        (("x", None), "tuple"),
        (("x", (True,)), "size"),
        (("1x", (1,)), "identifier"),
        (("class", (1,)), "identifier"),
        ((3, (1,)), "identifier"),
        (("x", (1,), "float16"), "float16"),
        (("x", (1,), "nonsense"), "nonsense"),
        (("x", (1,), complex), "complex"),
    ],
)
def test_mistaken_inputs(arguments: Any, error: str) -> None:
    with pytest.raises(GraphcError, match=error) as raised:
        graphc.input(*arguments)
    assert "test_tensor.py" in str(raised.value)


def test_parameters_and_constants() -> None:
    assert graphc.parameter("w", [[1.0, 2.0]]).dtype is graphc.float32
    assert graphc.parameter("w", np.zeros(3)).dtype is graphc.float64
    assert graphc.parameter("w", np.zeros(3), "float32").dtype is graphc.float32
    assert graphc.parameter("layer.w", lambda: np.ones((2, 2), np.float32)).shape == (2, 2)
    assert graphc.constant([1, 2]).dtype is graphc.int64
    assert graphc.constant(np.float64(1)).dtype is graphc.float64
    assert graphc.constant(True).dtype is graphc.bool_
    for wrong in (np.zeros(3, np.complex64), "text", [[1], [2, 3]], object(), None):
        with pytest.raises(GraphcError):
            graphc.constant(wrong)
    with pytest.raises(ArgumentError, match="not a Tensor"):
        graphc.parameter("w", graphc.input("x", (2,)))


def test_constants_are_copies() -> None:
    array = np.zeros(3, np.float32)
    value = graphc.constant(array)
    array[0] = 5
    assert run(value).tolist() == [0, 0, 0]
    big_endian = np.arange(3, dtype=">f4")
    assert run(graphc.constant(big_endian)).tolist() == [0, 1, 2]


BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
]  # fmt: skip
BITS = [operator.and_, operator.or_, operator.xor]


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [graphc.float32, graphc.int32, graphc.uint8], ids=str)
def test_binary_operators(function: Any, dtype: dtypes.DType) -> None:
    rng = np.random.default_rng(0)
    x, y = random(rng, (2, 3), dtype), random(rng, (3,), dtype)
    a, b = graphc.input("a", (2, 3), dtype), graphc.input("b", (3,), dtype)
    with np.errstate(all="ignore"):
        same(run(function(a, b), a=x, b=y), function(x, y))
        same(run(function(a, 3), a=x), function(x, 3))
        same(run(function(3, a), a=x), function(3, x))
        same(run(function(a, y), a=x), function(x, y))
        same(run(function(y, a), a=x), function(y, x))


@pytest.mark.parametrize(
    "function", [*BITS, operator.lshift, operator.rshift], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("dtype", [graphc.int32, graphc.uint8, graphc.bool_], ids=str)
def test_bit_operators(function: Any, dtype: dtypes.DType) -> None:
    x, y = random(np.random.default_rng(0), (2, 2, 3), dtype)
    a, b = graphc.input("a", (2, 3), dtype), graphc.input("b", (2, 3), dtype)
    if dtype.is_bool and function not in BITS:
        assert function(a, b).dtype is graphc.int64
        return
    x, y = (x & 7, y & 7) if function not in BITS else (x, y)
    same(run(function(a, b), a=x, b=y), function(x, y))
    one = True if dtype.is_bool else 1
    same(run(function(a, one), a=x), function(x, one))
    same(run(function(one, a), a=x), function(one, x))
    same(run(~a, a=x), ~x)


def test_unary_operators() -> None:
    a = graphc.input("a", (2, 3))
    for function in (operator.neg, operator.pos, operator.abs):
        same(run(function(a), a=DATA), np.asarray(function(DATA)))
    same(run(round(a / 4), a=DATA), np.round(DATA / 4))
    quotient, rest = divmod(a, 2)
    same(run(quotient, a=DATA), DATA // 2)
    same(run(rest, a=DATA), DATA % 2)
    quotient, rest = divmod(7, abs(a) + 1)
    same(run(quotient, a=DATA), 7 // (abs(DATA) + 1))
    same(run(rest, a=DATA), 7 % (abs(DATA) + 1))


METHODS: list[tuple[str, Any]] = [
    ("sum", lambda x: x.sum(axis=0, dtype="float64")),
    ("mean", lambda x: x.mean(1, dtype="float64", keepdims=True)),
    ("prod", lambda x: x.prod(axis=-1, keepdims=True)),
    ("var", lambda x: x.var(axis=0)),
    ("std", lambda x: x.std(0, keepdims=True)),
    ("max", lambda x: x.max(axis=(0, 1))),
    ("min", lambda x: x.min()),
    ("argmax", lambda x: x.argmax(axis=1)),
    ("argmin", lambda x: x.argmin(axis=0)),
    ("clip", lambda x: x.clip(-1, 2)),
    ("clip one side", lambda x: x.clip(max=2)),
    ("swapaxes", lambda x: x.swapaxes(0, 1)),
    ("transpose", lambda x: x.transpose(1, 0)),
    ("reshape", lambda x: x.reshape(3, -1)),
    ("flatten", lambda x: x.flatten()),
    ("astype", lambda x: x.astype("int32")),
]


@pytest.mark.parametrize("method", [m for _, m in METHODS], ids=[name for name, _ in METHODS])
def test_methods_are_those_of_arrays(method: Any) -> None:
    expected = method(DATA)
    actual = run(method(graphc.input("a", (2, 3))), a=DATA)
    assert actual.dtype == expected.dtype and actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    symbolic = method(graphc.input("a", ("N", 3)))
    assert symbolic.dtype == graphc.input("e", (), expected.dtype).dtype


def test_dtypes_are_dtypes_to_numpy() -> None:
    for dtype in (graphc.float32, graphc.float64, graphc.int32, graphc.int64, graphc.uint8):
        assert np.zeros(2, dtype).dtype == np.dtype(dtype) == np.dtype(dtype.name)
        assert dtype == dtype.name and dtype == np.dtype(dtype) == dtype and dtype != "float16"
        assert dtype in {dtype: 1} and dtype not in {dtype.name: 1} and dtype != None  # noqa: E711
    assert graphc.float32 == np.float32 and graphc.bool == np.bool_ and graphc.float64 != "f4"
    assert graphc.int64 != 3 and graphc.int64 != "no dtype"


def test_matmul_operators() -> None:
    a = graphc.input("a", (2, 3))
    same(run(a @ DATA.T, a=DATA), DATA @ DATA.T)
    same(run(DATA.T @ a, a=DATA), DATA.T @ DATA)


NUMPY: list[tuple[str, Any]] = [
    ("add", lambda np_, x: np_.add(x, 1)),
    ("multiply", lambda np_, x: np_.multiply(DATA, x)),
    ("abs", lambda np_, x: np_.abs(x)),
    ("rint", lambda np_, x: np_.rint(x)),
    ("mod", lambda np_, x: np_.mod(x, 2)),
    ("maximum", lambda np_, x: np_.maximum(x, 0)),
    ("sqrt", lambda np_, x: np_.sqrt(np_.abs(x))),
    ("logical_and", lambda np_, x: np_.logical_and(x > 0, x < 4)),
    ("bitwise_and", lambda np_, x: np_.bitwise_and(x > 0, x < 4)),
    ("invert", lambda np_, x: np_.invert(x > 0)),
    ("isfinite", lambda np_, x: np_.isfinite(x)),
    ("matmul", lambda np_, x: np_.matmul(x, x.T)),
    ("dot", lambda np_, x: np_.dot(x, x.T)),
    ("sum", lambda np_, x: np_.sum(x, axis=0)),
    ("sum keepdims", lambda np_, x: np_.sum(x, axis=-1, keepdims=True)),
    ("mean", lambda np_, x: np_.mean(x, 1)),
    ("max", lambda np_, x: np_.max(x)),
    ("amax", lambda np_, x: np_.amax(x, axis=0)),
    ("var", lambda np_, x: np_.var(x, axis=0, ddof=1)),
    ("argmax", lambda np_, x: np_.argmax(x, axis=1)),
    ("any", lambda np_, x: np_.any(x > 4)),
    ("where", lambda np_, x: np_.where(x > 0, x, 0)),
    ("concatenate", lambda np_, x: np_.concatenate([x, DATA], axis=1)),
    ("stack", lambda np_, x: np_.stack([x, x], axis=-1)),
    ("reshape", lambda np_, x: np_.reshape(x, (3, 2))),
    ("transpose", lambda np_, x: np_.transpose(x)),
    ("transpose axes", lambda np_, x: np_.transpose(x, (1, 0))),
    ("swapaxes", lambda np_, x: np_.swapaxes(x, 0, 1)),
    ("expand_dims", lambda np_, x: np_.expand_dims(x, 1)),
    ("squeeze", lambda np_, x: np_.squeeze(np_.expand_dims(x, 1))),
    ("flip", lambda np_, x: np_.flip(x, 1)),
    ("ravel", lambda np_, x: np_.ravel(x)),
    ("pad", lambda np_, x: np_.pad(x, ((1, 0), (0, 2)))),
    ("clip", lambda np_, x: np_.clip(x, -1, 2)),
    ("clip names", lambda np_, x: np_.clip(x, a_min=-1, a_max=None)),
    ("broadcast_to", lambda np_, x: np_.broadcast_to(x, (4, 2, 3))),
    ("take_along_axis", lambda np_, x: np_.take_along_axis(x, np.array([[0], [2]]), axis=1)),
    ("round", lambda np_, x: np_.round(x)),
    ("zeros_like", lambda np_, x: np_.zeros_like(x)),
    ("zeros_like dtype", lambda np_, x: np_.zeros_like(x, dtype="int32")),
    ("full_like", lambda np_, x: np_.full_like(x, 3)),
    ("around", lambda np_, x: np_.around(x)),
    ("positive", lambda np_, x: np_.positive(x)),
    ("divmod", lambda np_, x: np_.divmod(x, 2)[1]),
    ("divmod of an array", lambda np_, x: np_.divmod(DATA, abs(x) + 1)[0]),
    ("linalg.norm", lambda np_, x: np_.linalg.norm(x, axis=1)),
    ("linalg.norm of all", lambda np_, x: np_.linalg.norm(x)),
    ("reduce", lambda np_, x: np_.add.reduce(x)),
    ("reduce axis", lambda np_, x: np_.maximum.reduce(x, axis=1)),
    ("array first", lambda np_, x: DATA + x),
    ("scalar first", lambda np_, x: np.float32(2) * x),
    ("array compared", lambda np_, x: x == DATA),
]


@pytest.mark.parametrize("name,function", NUMPY, ids=[name for name, _ in NUMPY])
def test_numpy_functions(name: str, function: Any) -> None:
    expected = np.asarray(function(np, DATA))
    actual = run(
        function(np, graphc.input("x", (2, 3))) + (0 if expected.dtype != bool else False),
        **_used(function),
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    assert actual.shape == expected.shape


def _used(function: Any) -> dict[str, np.ndarray]:
    from graphc.ir import graphs

    result = function(np, graphc.input("x", (2, 3)))
    names = {n.name for n in graphs.topological([result.value]) if n.op.name == "input"}
    return {"x": DATA} if "x" in names else {}


def test_numpy_shape_questions() -> None:
    x = graphc.input("x", ("N", 3))
    assert (str(np.shape(x)), np.ndim(x)) == ("(N, 3)", 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.add(x, 1, out=DATA),
        lambda x: np.sum(x, where=DATA > 0),
        lambda x: np.add.accumulate(x),
        lambda x: np.hypot(x, x),
        lambda x: np.linalg.inv(x),
        lambda x: np.cumsum(x),
    ],
)
def test_what_numpy_cannot_do_with_tensors(function: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"np\."):
        function(graphc.input("x", (2, 3)))


def test_compares_elements_and_hashes_by_identity() -> None:
    x, y = graphc.input("x", (2,)), graphc.input("x", (2,))
    assert {x: 1, y: 2}[x] == 1
    assert hash(x) != hash(y)
    assert (x == y).dtype is graphc.bool_


def test_iteration_and_length() -> None:
    x = graphc.input("x", (2, "N"))
    first, second = x
    assert first.shape == second.shape == x.shape[1:]
    assert len(x) == 2
    for wrong in (x.T, graphc.input("s", ())):
        with pytest.raises(TypeError, match="cannot iterate"):
            iter(wrong)
        with pytest.raises(ArgumentError, match="no length"):
            len(wrong)


@pytest.mark.parametrize(
    "function",
    [
        bool, float, int, complex, operator.index, np.asarray, lambda x: 1 in x,
        lambda x: 1 if x > 0 else 2, lambda x: 0 < x < 1, lambda x: x and x,
        lambda x: [1, 2, 3][x], lambda x: range(x),
    ],
)  # fmt: skip
def test_has_no_elements(function: Any) -> None:
    with pytest.raises(DTypeError, match="has no elements yet") as raised:
        function(graphc.input("x", ()))
    assert "test_tensor.py" in str(raised.value)


def test_does_not_change() -> None:
    x = graphc.input("x", (2,))
    with pytest.raises(UnsupportedError, match="does not change"):
        x[0] = 1
    with pytest.raises(AttributeError):
        x.shape = (1,)  # type: ignore[misc]


def test_methods() -> None:
    x = graphc.input("x", (2, 3))
    same(run(x.reshape(3, 2), x=DATA), DATA.reshape(3, 2))
    same(run(x.reshape((3, -1)), x=DATA), DATA.reshape(3, 2))
    same(run(x.transpose(1, 0), x=DATA), DATA.T)
    same(run(x.flatten(), x=DATA), DATA.ravel())
    same(run(x.astype(int), x=DATA), DATA.astype(int))
    for name in ("sum", "mean", "prod", "max", "min", "argmax", "argmin", "any", "all"):
        np.testing.assert_allclose(
            run(getattr(x, name)(0), x=DATA), getattr(DATA, name)(0), rtol=1e-6
        )


def test_a_long_chain_needs_no_recursion() -> None:
    x = graphc.input("x", (2,))
    y = x
    for _ in range(20_000):
        y = y + x
    assert y.shape == (2,)
    del y


@pytest.mark.parametrize("name", ["item", "numpy", "tolist"])
def test_what_arrays_have_is_told_how_to_get(name: str) -> None:
    x = graphc.input("x", (3,))
    with pytest.raises(AttributeError, match=r"%x: f32\[3\] has no elements yet"):
        getattr(x, name)
    assert not hasattr(x, "no_such_thing")


def test_names_of_other_libraries_are_told_ours() -> None:
    for other, ours in (("transpose", "permute_dims"), ("concatenate", "concat")):
        with pytest.raises(AttributeError, match=f"here it is graphc.{ours}$"):
            getattr(graphc, other)
    from graphc import _ELSEWHERE, numpy_protocol

    for ours in (*_ELSEWHERE.values(), *numpy_protocol.NAMES.values()):
        assert hasattr(graphc, ours)
    assert not set(_ELSEWHERE) & set(dir(graphc))
