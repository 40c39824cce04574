"""Each rule of the verifier, broken once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from graphc.errors import VerifyError
from graphc.ir import dims
from graphc.ir.graphs import Graph, collect
from graphc.ir.nodes import Node
from graphc.ir.verifier import Known, verify
from graphc.location import Location
from tests.records import (
    ADD,
    FUSION,
    INPUT,
    NEGATIVE,
    apply,
    constant,
    parameter,
    source,
    tensor,
)  # fmt: skip

X = source("x", tensor("f32", "N"))
Y = apply(NEGATIVE, X, name="y", location=Location("train.py", 4))
Z = apply(ADD, Y, X)
GOOD = collect("g", {"z": Z})
W = parameter("w", np.zeros(3, np.float32))


def _raw(*types: str, operands: tuple = (X,), **attributes: object) -> Graph:
    kinds = [tensor("f32", t) for t in types]
    return collect("g", {"z": Node(NEGATIVE, operands, attributes, kinds).results[0]})


def _fusion(body: Graph) -> Graph:
    node = Node(FUSION, (X,), {}, [X.type], body=body)
    return collect("g", {"z": node.result})


BAD: dict[str, Callable[[], Graph]] = {
    r"operand 0 of add, negative %y, is not defined": lambda: replace(GOOD, nodes=(Z.node, Y.node)),
    r"stands twice": lambda: replace(GOOD, nodes=(Y.node, Y.node, Z.node)),
    r"input %x stands among": lambda: replace(GOOD, nodes=(X.node, Y.node, Z.node)),
    r"operand 0 of negative %y, input %x": lambda: replace(GOOD, inputs=()),
    r"names of their own: 'x'": lambda: replace(GOOD, inputs=(X, source("x", X.type))),
    r"negative %y is not an input": lambda: replace(GOOD, inputs=(X, Y)),
    r"has type f32\[N \+ 1\], inferred f32\[N\]": lambda: _raw("N + 1"),
    r"does not take its operands": lambda: collect(
        "g", {"z": Node(ADD, (X, constant([1.0])), {}, [X.type]).result}
    ),
    r"has the dims \['M'\], which no input has": lambda: _raw("M"),
    r"has the dims \['K'\]": lambda: _raw("N", shape=((dims.named("K"), 2),)),
    r"attribute a of negative is a list": lambda: _raw("N", a=[1]),
    r"size below zero": lambda: collect("g", {"z": source("a", tensor("f32", "-1"))}),
    r"must have a body": lambda: collect("g", {"z": Node(FUSION, (X,), {}, [X.type]).result}),
    r"takes other types": lambda: _fusion(collect("b", {"r": source("a", tensor("f32", 3))})),
    r"gives other types": lambda: _fusion(
        collect("b", {"r": source("a", tensor("f32", "N")), "s": X}, inputs=[X])
    ),
    r"has state of its own": lambda: _fusion(collect("b", {"r": W}, inputs=[X])),
    r"new value f32\[N\]": lambda: replace(GOOD, parameters=(W,), updates=((W, Z),)),
    r"updated twice": lambda: replace(GOOD, parameters=(W,), updates=((W, W), (W, W))),
    r"is no parameter": lambda: replace(GOOD, updates=((W, Z),)),
    r"output q is not computed": lambda: replace(GOOD, outputs={"q": apply(NEGATIVE, X)}),
    r"constraint M >= 1 has no meaning": lambda: replace(
        GOOD, constraints=((dims.named("M"), ">=", 1),)
    ),
    r"no operands and one result": lambda: replace(
        GOOD, inputs=(X, Node(INPUT, (X,), {}, [X.type], name="q").result)
    ),
    r"initial value of %w is not f32\[4\]": lambda: collect(
        "g", {"z": Node(W.node.op, (), W.node.attributes, [tensor("f32", 4)], name="w").result}
    ),
}


@pytest.mark.parametrize("message", BAD)
def test_broken_rules(message: str) -> None:
    with pytest.raises(VerifyError, match=message):
        verify(BAD[message]())


def test_good_graphs_and_known_nodes() -> None:
    known = Known()
    verify(GOOD, known)
    assert known.free == dict.fromkeys((Y.node, Z.node), frozenset("N"))
    verify(GOOD, known)
    verify(_fusion(collect("b", {"r": apply(NEGATIVE, source("a", X.type))})))


def test_error_is_at_the_users_line() -> None:
    with pytest.raises(VerifyError) as raised:
        verify(replace(GOOD, inputs=()))
    assert str(raised.value).endswith("train.py:4")
