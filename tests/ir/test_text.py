"""Text of graphs: golden, read back to equal graphs, and errors at line and column."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.errors import ParseError, UnsupportedError
from graphc.ir import dims, dtypes
from graphc.ir.attributes import ConstantReference, frozen
from graphc.ir.graphs import Graph, collect, equal
from graphc.ir.nodes import Node, Value
from graphc.ir.parser import parse
from graphc.ir.printer import text
from graphc.location import Location
from tests.records import (
    ADD,
    CONSTANT,
    FUSION,
    MULTIPLY,
    NEGATIVE,
    SPLIT,
    SUM,
    apply,
    constant,
    node,
    parameter,
    source,
    tensor,
)  # fmt: skip

N, T = dims.named("N"), dims.named("T")


def _step() -> Graph:
    """Inputs, parameters, a body, several results, updates, constraints, hints used twice."""
    at = Location("train.py", 9)
    x = source("x", tensor("f32", "N", 4), location=Location("train.py", 3))
    w = parameter("hidden.kernel", np.arange(4, dtype=np.float32), location=at)
    big = parameter("big", np.zeros((5, 5), np.float32))
    y = apply(ADD, x, x, name="y", location=at)
    z = apply(MULTIPLY, y, y, name="y")
    inner = source("a", tensor("f32", "N", 4))
    body = collect("fused_0", {"r": apply(NEGATIVE, inner), "s": apply(ADD, inner, inner)})
    fused = Node(
        FUSION, (z,), {}, [v.type for v in body.results], location=at, body=body, name="two words"
    )
    first, second = node(SPLIT, fused.results[1], name="p").results
    total = apply(SUM, apply(ADD, first, second), axes=(0,), order="tree", name="total")
    new = apply(ADD, w, total)
    return collect(
        "step",
        {"loss": apply(SUM, new, axes=(0,)), "x": x, "the fused": fused.results[0]},
        [(w, new), (big, apply(NEGATIVE, big))],
        constraints=[(N, ">=", 10), (N * T, "==", 2 * T + 1)],
    )


def test_golden(golden: Callable[[str, str], None]) -> None:
    golden("ir/step.txt", text(_step()))


def test_round_trip() -> None:
    graph = _step()
    constants: dict[str, np.ndarray] = {}
    written = text(graph, constants=constants)
    again = parse(written, constants=constants)
    assert again == graph and hash(again) == hash(graph)
    assert text(again) == written
    assert len(constants) == 1


def test_round_trip_without_the_table_is_equal_by_digest() -> None:
    again = parse(text(_step()))
    assert again == _step()
    assert isinstance(again.parameters[1].node.attributes["initial"], ConstantReference)
    assert text(again) == text(_step())


def test_graphs_that_differ() -> None:
    x = source("x", tensor("f32", 3))
    base = collect("g", {"y": apply(ADD, x, constant([1.0, 2.0, 0.0]))})
    others = [
        collect("g", {"y": apply(ADD, x, constant([1.0, 2.0, -0.0]))}),
        collect("g", {"z": base.outputs["y"]}),
        collect("h", {"y": base.outputs["y"]}),
        collect("g", {"y": apply(ADD, x, x)}),
        collect("g", {"y": apply(MULTIPLY, x, constant([1.0, 2.0, 0.0]))}),
        collect("g", {"y": base.outputs["y"]}, flush_denormals=True),
    ]
    for other in others:
        assert base != other and not equal(base, other, provenance=False)
    renamed = collect("g", {"y": apply(ADD, x, constant([1.0, 2.0, 0.0]), name="y")})
    assert base != renamed and equal(base, renamed, provenance=False)


def test_swapped_operands_differ() -> None:
    x, y = source("x", tensor("f32")), source("y", tensor("f32"))
    assert collect("g", {"z": apply(ADD, x, y)}, inputs=[x, y]) != collect(
        "g", {"z": apply(ADD, y, x)}, inputs=[x, y]
    )


_FLOAT32 = st.integers(0, 2**32 - 1).map(lambda i: np.array(i, np.uint32).view(np.float32)[()])
_FLOAT64 = st.integers(0, 2**64 - 1).map(lambda i: np.array(i, np.uint64).view(np.float64)[()])


@st.composite
def _arrays(draw: st.DrawFn) -> np.ndarray:
    dtype = draw(st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_]))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size = int(np.prod(shape))
    if size > 16:
        shape, size = (size,), size
    bits = draw(st.binary(min_size=size * 8, max_size=size * 8))
    raw = np.frombuffer(bits, np.uint64)
    special = [np.nan, -np.nan, np.inf, -np.inf, -0.0, 5e-324, 1e-45, 0.1, 1e22]
    if np.dtype(dtype).kind == "f":
        if draw(st.booleans()) or not size:
            values = draw(st.lists(st.sampled_from(special), min_size=size, max_size=size))
            return np.array(values, dtype).reshape(shape)
        width = np.uint32 if dtype is np.float32 else np.uint64
        return raw.astype(width).view(dtype).reshape(shape)
    return raw.astype(np.int64).astype(dtype).reshape(shape)


@given(_arrays())
@settings(deadline=None, max_examples=200)
def test_constants_keep_their_bits(array: np.ndarray) -> None:
    constants: dict[str, np.ndarray] = {}
    graph = collect("g", {"c": apply(CONSTANT, value=array)})
    again = parse(text(graph, constants=constants), constants=constants)
    read = again.outputs["c"].node.attributes["value"]
    assert read.dtype == array.dtype and read.shape == array.shape
    assert read.tobytes() == array.tobytes() and again == graph
    assert bool(constants) == (array.size > 16)


_SIZES = st.sampled_from([0, 7, N, N + 1, 2 * N * T - 3, dims.floor_divide(N + 1, 2), -N, T])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | _SIZES
    | st.sampled_from(["tree", "N", "f32", "true", "inf", *dtypes.ALL]) | _arrays(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=4), _VALUES, max_size=3), st.booleans())
@settings(deadline=None, max_examples=200)
def test_attributes_round_trip(attributes: dict[str, object], with_dim: bool) -> None:
    x = source("x", tensor("f32", *(["N"] if with_dim else [3])))
    result = Node(NEGATIVE, (x,), attributes, (x.type,)).result
    graph = collect("g", {"y": result})
    again = parse(text(graph))
    read = again.outputs["y"].node.attributes
    assert {k: frozen(v) for k, v in read.items()} == {k: frozen(v) for k, v in attributes.items()}
    assert again == graph


@given(
    st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8), st.text(min_size=1), st.text()
)
@settings(deadline=None, max_examples=200)
def test_any_names_round_trip(first: str, second: str, output: str, file: str) -> None:
    x = source(first, tensor("f32"), location=Location(file, 3))
    y = apply(NEGATIVE, apply(NEGATIVE, x, name=second), name=second)
    graph = collect(second, {output: y})
    assert parse(text(graph)) == graph


@pytest.mark.parametrize("name", ["grad(h)", "grad(grad(a.b))", "grad(grad(grad(x)))", "f()", "("])
def test_names_of_gradients(name: str) -> None:
    x = source("x", tensor("f32"))
    y = apply(NEGATIVE, apply(NEGATIVE, x, name=name), name=name)
    graph = collect(name, {"y": y})
    assert parse(text(graph)) == graph
    quoted = '"' in text(graph).splitlines()[1]
    assert quoted == (name in ("grad(grad(grad(x)))", "("))


def test_long_chain() -> None:
    x: Value = source("x", tensor("f32", "N"))
    for _ in range(100_000):
        x = apply(NEGATIVE, x)
    graph = collect("chain", {"y": x})
    assert parse(text(graph)) == graph


def test_comments_and_layout_do_not_matter() -> None:
    graph = parse("graph @g(%x:f32[2]){; a comment\n%0=negative(%x):f32[2] return y=%0}")
    assert graph.nodes[0].op is NEGATIVE


def test_attribute_without_text() -> None:
    x = source("x", tensor("f32"))
    graph = collect("g", {"y": Node(NEGATIVE, (x,), {"f": object()}, (x.type,)).result})
    with pytest.raises(UnsupportedError, match="negative: an attribute of type object"):
        text(graph)


_BAD = {
    "": (1, 1, "expected 'graph', found the end"),
    "graph @g(%x: f32[2]) {\n  %0 = negative(%y) : f32[2]\n": (2, 17, "%y is not defined above"),
    "graph @g(%x: f32[2]) {\n  %0 = nothing(%x) : f32[2]\n": (2, 8, "no op called nothing"),
    "graph @g(%x: f32[2]) {\n  %0 = negative(%x) : f32[3]": (2, 23, "negative gives f32[2] here"),
    "graph @g(%x: f16[2]) {": (1, 14, "no element type f16"),
    "graph @g(%x: f32[2 +]) {": (1, 18, "'2 +' is not a size"),
    "graph @g(%x: f32[N]) {": (1, 23, "expected 'return'"),
    "graph @g(%x: f32[N]) {return}": (1, 9, "the inputs have the dims <N>"),
    "graph @g(%x: f32[2], %x: f32[2]) {": (1, 22, "%x is defined twice"),
    "graph @g(%x: f32[2]) { return y = %x, y = %x }": (1, 39, "two outputs are called y"),
    "graph @g() { %0 = constant() {value = f32[2](1.0)} : f32[2]": (1, 39, "has 2 elements, not 1"),
    "graph @g() { %0 = constant() {value = u8[](256)} : u8[]": (1, 44, "not an element of u8[]"),
    "graph @g() { %0 = constant() : u8[]": (1, 19, "wrong attributes"),
    "graph @g(%x: f32[2]) { update %x = %x return }": (1, 31, "%x is not a parameter"),
    "graph @g(%x: f32[2]) { return y = %x } more": (1, 40, "one graph"),
    "graph @g(%x: f32[2]) { return y = %x ": (1, 37, "expected ','"),
    "graph @g(%x: f32[2]) {\n\t%0 = negative(%x) $ : f32[2]": (2, 20, "expected ':', found '$'"),
    "graph @g(%x: f32[2": (1, 19, "']' is missing"),
    "graph @g(%x: f32[(((2)]) {": (1, 18, "expected a size"),
    "graph @g() { %0 = fusion() : f32[2]\n return }": (1, 19, "fusion needs a body"),
}


@pytest.mark.parametrize("source_text", _BAD)
def test_parse_errors(source_text: str) -> None:
    line, column, reason = _BAD[source_text]
    with pytest.raises(ParseError) as raised:
        parse(source_text)
    error = raised.value
    assert reason in error.reason
    assert (error.line, error.column) == (line, column), str(error)


def test_golden_diagnostic(golden: Callable[[str, str], None]) -> None:
    with pytest.raises(ParseError) as raised:
        parse("graph @g<N>(%x: f32[N, 2]) {\n  %y = negative(%x) : f32[2, N]\n  return y = %y\n}")
    golden("ir/parse_error.txt", f"{raised.value}\n")


@given(st.integers(0, 2000), st.sampled_from(list('%{}[]()=:,@#"N1 ')))
@settings(deadline=None, max_examples=300)
def test_damaged_text_gives_parse_errors_only(place: int, character: str) -> None:
    whole = text(_step())
    place %= len(whole)
    for damaged in (whole[:place], whole[:place] + character + whole[place + 1 :]):
        with contextlib.suppress(ParseError):
            parse(damaged)


@pytest.mark.parametrize("opening", ["[", "("])
def test_deep_nesting_is_refused(opening: str) -> None:
    deep = "graph @g(%x: f32[]) { %0 = negative(%x) {a = " + opening * 10_000
    with pytest.raises(ParseError):
        parse(deep)


def test_constants_of_equal_bytes_and_other_shapes_read_back() -> None:
    values = np.arange(20, dtype=np.float32)
    made = {str(i): constant(values.reshape(shape)) for i, shape in enumerate([(20,), (4, 5)])}
    made["whole"] = constant(values.view(np.int32), np.int32)
    graph = collect("g", made)
    table: dict[str, np.ndarray] = {}
    assert parse(text(graph, constants=table), constants=table) == graph
