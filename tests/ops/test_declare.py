"""Declaring an op in one call: public function, rules, gradient, documentation, mistakes."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.ir import graphs
from graphc.ir.op import lookup, registered
from graphc.ir.printer import text
from graphc.ir.scalar_numpy import NumpyBuilder
from tests.ops.values import run, same

halfway = graphc.elementwise(
    "test_halfway",
    math=lambda sp, x, y, *, weight=0.5: x + (y - x) * weight,
    numpy=lambda x, y, *, weight=0.5: x + (y - x) * x.dtype.type(weight),
    lower=lambda b, x, y, *, weight=0.5: b.add(x, b.mul(b.sub(y, x), weight)),
    doc="A place between x and y.",
)


def test_one_call_gives_everything() -> None:
    x, y = graphc.input("x", ("N", 3)), graphc.input("y", (3,))
    between = halfway(x, y, weight=0.25)
    assert repr(between) == "Tensor %between: f32[N, 3]"
    graph = graphs.collect("g", {"out": between.value})
    assert "test_halfway(%x, %0) {weight = 0.25}" in text(graph)
    p, q = np.float32([[1, 2, 3]]), np.float32([5, 6, 7])
    same(run(between, x=p, y=q), np.float32([[2, 3, 4]]))
    same(halfway.op.lower(NumpyBuilder(), p, q), halfway.op.numpy(p, q))
    (dx, dy) = grad(graphc.sum(between), [x, y])
    assert dx.shape == x.shape and dy.shape == y.shape
    check_gradient(lambda a, b: halfway(a, b, weight=0.3), [p, q])
    assert halfway.op is lookup("test_halfway") and halfway.op in registered()


def test_signature_and_documentation_come_from_the_record() -> None:
    assert str(inspect.signature(halfway)) == "(x, y, *, weight=0.5)"
    assert halfway.__name__ == "test_halfway"
    assert halfway.__doc__.startswith("A place between x and y.\n\nOperands broadcast")


def test_operands_by_keyword_and_mistaken_calls() -> None:
    x = graphc.input("x", (3,))
    assert halfway(y=x, x=1.0).shape == (3,)
    for mistake in (lambda: halfway(x), lambda: halfway(x, x, x), lambda: halfway(x, x, wight=1)):
        with pytest.raises(TypeError):
            mistake()
    with pytest.raises(ArgumentError, match="weight must be known"):
        halfway(x, x, weight=graphc.sum(x))
    assert halfway(x, x, weight=np.float64(0.5)).value.node.attributes["weight"] == 0.5
    with pytest.raises(ShapeError, match="test_halfway: cannot broadcast"):
        halfway(x, graphc.input("y", (4,)))


DOMAINS = ["float", "quotient", "numeric", "signed", "integer", "bits", "any"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_domains(domain: str) -> None:
    function = graphc.elementwise(
        f"test_domain_{domain}", numpy=lambda x: x, lower=lambda b, x: x, domain=domain, doc="x."
    )
    for dtype in ("float32", "float64", "int32", "int64", "uint8", "bool"):
        x = graphc.input("x", (2,), dtype)
        try:
            result = function(x)
        except DTypeError as error:
            assert f"not {dtype}" in str(error)
            continue
        assert run(result, x=np.ones(2, dtype)).dtype == result.dtype.numpy


def test_results_of_other_dtypes() -> None:
    function = graphc.elementwise(
        "test_is_positive",
        numpy=lambda x: x > 0,
        lower=lambda b, x: b.gt(x, 0),
        grad=lambda g, out, x: None,
        domain="any",
        result="bool",
        doc="Whether x is above 0.",
    )
    assert function(graphc.input("x", ("N",))).dtype is graphc.bool_


def test_mistaken_declarations() -> None:
    plain: dict[str, Any] = {"numpy": lambda x: x, "lower": lambda b, x: x, "doc": "x."}
    with pytest.raises(ArgumentError, match="unknown domain"):
        graphc.elementwise("test_unknown", domain="complex", **plain)
    with pytest.raises(ValueError, match="exists already"):
        graphc.elementwise("add", **plain)
    with pytest.raises(ArgumentError, match="identifier"):
        graphc.elementwise("not a name", **plain)
    with pytest.raises(ArgumentError, match="named"):
        graphc.elementwise("test_stars", numpy=max, lower=lambda b, *x: x[0], doc="x.")


def test_a_file_may_declare_its_op_again() -> None:
    first = graphc.elementwise("test_again", numpy=lambda x: x, lower=lambda b, x: x, doc="x.")
    x = graphc.input("x", (2,))
    old = first(x)
    second = graphc.elementwise(
        "test_again", numpy=lambda x: -x, lower=lambda b, x: b.neg(x), doc="-x."
    )
    same(run(old, x=np.float32([1, 2])), np.float32([1, 2]))
    same(run(second(x), x=np.float32([1, 2])), np.float32([-1, -2]))
    assert lookup("test_again") is second.op


def test_composites_infer_their_types_by_expansion() -> None:
    spread = graphc.composite(
        "test_spread",
        numpy=lambda x, *, axes: np.max(x, axes) - np.min(x, axes),
        expand=lambda x, *, axes: graphc.max(x, axes) - graphc.min(x, axes),
        doc="The distance of the extremes.",
    )
    x = graphc.input("x", ("N", 3))
    assert spread(x, axes=(1,)).value.type == graphc.sum(x, 1).value.type
    check_gradient(lambda t: spread(t, axes=(0,)), [np.float64([[1, 5], [2, 3]])])
    pair = graphc.composite(
        "test_pair",
        numpy=lambda x: (np.max(x), np.min(x)),
        expand=lambda x: (graphc.max(x), graphc.min(x)),
        doc="Both extremes.",
    )
    high, low = pair(x)
    assert high.shape == low.shape == ()
    assert [high.value.index, low.value.index] == [0, 1]


def test_results_are_named_after_what_they_are_assigned_to() -> None:
    x = graphc.input("x", (2, 2))
    scores = x @ x + 1
    first = second = -x
    typed: object = np.exp2 and np.abs(x)
    same_node = x.astype("float32")
    _hidden = x * 2
    pair = (x * 2, x * 3)
    assert [t.name for t in (scores, first, second)] == ["scores", "first", "first"]
    assert typed.name == "typed"  # type: ignore[attr-defined]
    assert same_node is x and x.name == "x"
    assert [_hidden.name, pair[0].name, scores.value.node.operands[0].name] == [None, None, None]
