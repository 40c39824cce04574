"""Each rule of the simple passes where it applies, and where it must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc import ops
from graphc.errors import ArgumentError, GraphcError, VerifyError
from graphc.ir.graphs import Graph, collect
from graphc.ir.interpreter import evaluate
from graphc.ir.nodes import Node
from graphc.ir.printer import text
from graphc.location import Location
from graphc.ops.declare import composite
from graphc.passes.base import Pass
from graphc.passes.canonicalize import Canonicalize
from graphc.passes.constant_fold import ConstantFold
from graphc.passes.cse import CommonSubexpressions
from graphc.passes.dce import DeadCode
from graphc.passes.decompose import Decompose
from graphc.passes.manager import run
from graphc.passes.order import Order
from graphc.passes.pipelines import OPTIMIZE
from graphc.passes.simplify import Simplify
from graphc.passes.stabilize import Stabilize
from graphc.tensor import Tensor

X = ops.input("x", ("N", 3))
Y = ops.input("y", ("N", 3))
K = ops.input("i", ("N", 3), "int32")
U = ops.input("u", ("N", 3), "uint8")
B = ops.input("b", ("N", 3), "bool")
C = ops.input("c", ("N", 3), "bool")


def graph_of(*tensors: Tensor) -> Graph:
    return collect("g", {f"r{i}": tensor.value for i, tensor in enumerate(tensors)})


def after(stage: Pass, *tensors: Tensor) -> Graph:
    return run(graph_of(*tensors), [stage]).graph


def names(graph: Graph) -> list[str]:
    """The ops of a graph, constants and their broadcasts left out."""
    return [n.op.name for n in graph.nodes if n.op.name not in ("constant", "broadcast")]


@pytest.mark.parametrize(
    ("build", "left"),
    [
        (lambda: X * 1, []),
        (lambda: 1 * X, []),
        (lambda: X / 1, []),
        (lambda: X + -0.0, []),
        (lambda: X + 0.0, ["add"]),
        (lambda: X - 0.0, []),
        (lambda: X - -0.0, ["subtract"]),
        (lambda: K + 0, []),
        (lambda: X * 0, ["multiply"]),
        (lambda: X * -1, ["negative"]),
        (lambda: X / -1, ["negative"]),
        (lambda: ops.negative(-X), []),
        (lambda: ops.abs(-K), ["abs"]),
        (lambda: ops.abs(-U), ["negative", "abs"]),  # 0 - 1 is 255
        (lambda: X - (-Y), ["add"]),
        (lambda: X + (-Y), ["subtract"]),
        (lambda: (-X) + Y, ["subtract"]),
        (lambda: (-X) * (-Y), ["multiply"]),
        (lambda: (-X) / (-Y), ["divide"]),
        (lambda: X / 4, ["multiply"]),
        (lambda: X / 3, ["divide"]),
        (lambda: X / 2.0**-127, ["divide"]),
        (lambda: X / np.float32(np.inf), ["divide"]),
        (lambda: abs(abs(X)), ["abs"]),
        (lambda: abs(-X), ["abs"]),
        (lambda: abs(ops.square(X)), ["square"]),
        (lambda: abs(ops.square(K)), ["square", "abs"]),
        (lambda: X - X, ["subtract"]),
        (lambda: ops.maximum(X, X), []),
        (lambda: ops.maximum(X, Y), ["maximum"]),
        (lambda: ops.where(B, X, X), []),
        (lambda: ops.where(True, X, Y), []),
        (lambda: ops.where(~B, X, Y), ["where"]),
        (lambda: ~~B, []),
        (lambda: B & True, []),
        (lambda: B & False, []),
        (lambda: B | False, []),
        (lambda: B | B, []),
        (lambda: B & C, ["logical_and"]),
        (lambda: X.astype("float64").astype("float32"), []),
        (lambda: X.astype("float64").astype("int32"), ["astype"]),
        (lambda: K.astype("float32").astype("int32"), ["astype", "astype"]),
        (lambda: K.astype("float64").astype("int32"), []),
        (lambda: K.astype("int64").astype("uint8"), ["astype"]),
        (lambda: K.astype("float64").astype("uint8"), ["astype", "astype"]),
        (lambda: U.astype("bool").astype("uint8"), ["astype", "astype"]),
        (lambda: B.astype("uint8").astype("bool"), []),
    ],
)
def test_simplify(build: Callable[[], Tensor], left: list[str]) -> None:
    result = after(Simplify(), build())
    assert names(result) == left, text(result)


@pytest.mark.skipif(not hasattr(ops, "power"), reason="needs power")
@pytest.mark.parametrize(
    ("build", "left"),
    [
        (lambda: X**1, []),
        (lambda: X**2, ["square"]),
        (lambda: X**-1, ["reciprocal"]),
        (lambda: X**0, []),
        (lambda: X**0.5, ["power"]),
        (lambda: abs(X) ** 0.5, ["abs", "sqrt"]),
        (lambda: X**3, ["power"]),
    ],
)
def test_powers(build: Callable[[], Tensor], left: list[str]) -> None:
    assert names(after(Simplify(), build())) == left


@pytest.mark.parametrize(
    ("build", "left"),
    [
        (lambda: X.T.T, []),
        (lambda: ops.permute_dims(ops.expand_dims(X, 0), (1, 0, 2)), ["reshape"]),
        (lambda: X.reshape((-1,)).reshape(("N", 3)), []),
        (lambda: ops.squeeze(ops.expand_dims(X, 1), 1), []),
        (lambda: ops.expand_dims(X, 1), ["reshape"]),
        (lambda: ops.flip(ops.flip(X, 0), (0, 1)), ["flip"]),
        (lambda: ops.flip(ops.expand_dims(X, 0), 0), ["reshape"]),
        (lambda: X[:], []),
        (lambda: X[:, :2], ["slice"]),
        (lambda: ops.concat([X, X[:0]]), []),
        (lambda: ops.pad(X, 0), []),
        (lambda: ops.stop_gradient(X), []),
        (lambda: ops.full((2, 3), 2.0).reshape((3, 2)), []),
    ],
)
def test_canonicalize_rearrangements(build: Callable[[], Tensor], left: list[str]) -> None:
    assert names(after(Canonicalize(), build())) == left


def test_axes_of_size_1_are_given_after_arithmetic() -> None:
    total = ops.expand_dims(ops.sum(X, 1), 1)
    graph = after(Canonicalize(), ops.squeeze(ops.abs(total * 2 + total), 1))
    assert names(graph) == ["sum", "multiply", "add", "abs"]
    mixed = after(Canonicalize(), total + ops.input("z", ("N", 1)))
    assert names(mixed) == ["sum", "reshape", "add"]
    merged = after(Canonicalize(), ops.abs(X.reshape((-1,))))
    assert names(merged) == ["reshape", "abs"]


def test_broadcasts_compose() -> None:
    x = ops.input("x", (3,))
    wide = ops.broadcast_to(ops.broadcast_to(x, (4, 3)), (2, 4, 3))
    result = after(Canonicalize(), wide).outputs["r0"]
    assert result.node.op.name == "broadcast" and result.node.attributes["axes"] == (2,)
    turned = ops.permute_dims(ops.broadcast_to(x, (4, 3)), (1, 0))
    result = after(Canonicalize(), turned).outputs["r0"]
    assert result.node.attributes == {"shape": turned.shape, "axes": (0,)}


def test_reductions_have_one_axis() -> None:
    x = ops.input("x", (4, "N", 5, 6))
    result = after(Canonicalize(), ops.sum(x)).outputs["r0"]
    # 5 * 6 = 30 elements are still a short row, so N is merged as well; then 4 stays alone.
    outer = result.node
    assert outer.attributes["axes"] == (0,)
    inner = outer.operands[0].node
    assert inner.attributes["axes"] == (1,)
    assert str(inner.operands[0].type) == "f32[4, 30*N]"
    apart = after(Canonicalize(), ops.sum(ops.input("x", (8, 64, 7)), (0, 2)))
    assert names(apart) == ["sum", "sum"]
    assert [n.attributes["axes"] for n in apart.nodes] == [(2,), (0,)]


def test_reduction_before_ones_is_along_the_last_axis() -> None:
    x = ops.input("x", ("N", 1, 1))
    result = after(Canonicalize(), ops.sum(x, 0))
    assert names(result) == ["reshape", "sum", "reshape"]
    ordered = run(result, [Order()]).graph
    assert [n.attributes["order"] for n in ordered.nodes if n.op.name == "sum"] == ["lanes"]


def test_reduction_of_no_axes() -> None:
    assert names(after(Canonicalize(), ops.sum(X, ()))) == []


@pytest.mark.parametrize(
    ("build", "order"),
    [
        (lambda: ops.sum(X, 1), "lanes"),
        (lambda: ops.sum(X, 0), "tree"),
        (lambda: ops.max(X, 0), "tree"),
        (lambda: X @ ops.input("w", (3, 4)), "ascending"),
        (lambda: X @ ops.input("w", (3, 1)), "lanes"),
        (lambda: ops.input("v", (1, 3)) @ ops.input("w", (3, 5)), "ascending"),
    ],
)
def test_order(build: Callable[[], Tensor], order: str) -> None:
    graph = after(Order(), build())
    assert graph.outputs["r0"].node.attributes["order"] == order
    assert run(graph, [Order()]).graph == graph


def test_constants_fold() -> None:
    folded = after(ConstantFold(), ops.constant([1.0, 2.0]) * 3 + 1)
    assert [n.op.name for n in folded.nodes] == ["constant"]
    assert folded.outputs["r0"].node.attributes["value"].tolist() == [4.0, 7.0]
    numbers = after(ConstantFold(), X * (ops.full(("N", 3), 2.0) * 3))
    assert [n.op.name for n in numbers.nodes] == ["constant", "broadcast", "multiply"]
    big = ops.constant(np.zeros(5000, np.float32))
    assert names(after(ConstantFold(), -big)) == ["negative"]
    assert names(after(ConstantFold(), ops.sum(ops.constant([1.0, 2.0])))) == ["sum"]
    assert names(after(ConstantFold(), ops.constant([1.0, 2.0])[::-1])) == []


def test_equal_computations_are_done_once() -> None:
    result = after(CommonSubexpressions(), (X + Y) * (Y + X), X - Y, Y - X, ops.sum(X, 0))
    assert names(result) == ["add", "multiply", "subtract", "subtract", "sum"]
    constants = after(CommonSubexpressions(), X + 0.0, X + -0.0)
    assert names(constants) == ["add", "add"]
    zeros = after(CommonSubexpressions(), ops.maximum(X, Y), ops.maximum(Y, X))
    assert names(zeros) == ["maximum", "maximum"]


def test_dead_code_goes_and_the_interface_stays() -> None:
    w = ops.parameter("w", [1.0])
    graph = collect("g", {"r": X.value}, [(w.value, w.value)], inputs=[X.value, Y.value])
    result = run(graph, [DeadCode()]).graph
    assert result.updates == () and len(result.inputs) == 2 and len(result.parameters) == 1


def test_decompose_keeps_names_and_lines() -> None:
    here = Location("train.py", 7)
    mean = ops.mean(X)
    named = Node(
        mean.value.node.op, mean.value.node.operands, mean.value.node.attributes,
        [mean.value.type], location=here, name="loss",
    ).result  # fmt: skip
    result = run(collect("g", {"r": named}), [Decompose()]).graph
    assert result.outputs["r"].name == "loss"
    assert {n.location for n in result.nodes} == {here}
    assert "mean" not in names(result)


def test_expansion_that_holds_itself_is_an_error() -> None:
    def expand(x: Tensor) -> Any:
        return itself(x)

    itself = composite(
        "itself_of_tests",
        numpy=lambda x: x,
        expand=expand,
        infer=lambda types, attributes: (types[0],),
    )
    with pytest.raises(GraphcError, match="hold themselves"):
        after(Decompose(), itself(X))


_HAVE_FUNCTIONS = all(hasattr(ops, n) for n in ("log", "log1p", "expm1", "softplus", "sigmoid"))


@pytest.mark.skipif(not _HAVE_FUNCTIONS, reason="needs exp, log and their kin")
@pytest.mark.parametrize(
    ("build", "left", "at"),
    [
        (lambda: ops.log(ops.softmax(X)), ["log_softmax"], 200.0),
        (lambda: ops.log(ops.sigmoid(X)), ["negative", "softplus", "negative"], -200.0),
        (lambda: ops.log(1 - ops.sigmoid(X)), ["softplus", "negative"], 200.0),
        (lambda: ops.log(1 + X), ["log1p"], 1e-9),
        (lambda: ops.log(X + 1), ["log1p"], 1e-9),
        (lambda: ops.log(1 - X), ["negative", "log1p"], 1e-9),
        (lambda: ops.log(1 + ops.exp(X)), ["softplus"], 200.0),
        (lambda: ops.log1p(ops.exp(X)), ["softplus"], 200.0),
        (lambda: ops.log(ops.exp(X)), [], 200.0),
        (lambda: ops.exp(X) - 1, ["expm1"], 1e-9),
        (lambda: ops.exp(X) + -1, ["expm1"], 1e-9),
        (lambda: 1 - ops.sigmoid(X), ["negative", "sigmoid"], 50.0),
        (lambda: ops.log(ops.sum(ops.exp(X), 1)), ["logsumexp"], 200.0),
        (lambda: ops.log(ops.sum(ops.exp(X), 1, keepdims=True)), ["logsumexp", "reshape"], 200.0),
        (lambda: ops.log(ops.sum(X, 1)), ["sum", "log"], 1.0),
        (lambda: ops.log(2 + X), ["add", "log"], 1.0),
    ],
)
def test_stabilize(build: Callable[[], Tensor], left: list[str], at: float) -> None:
    result = after(Stabilize(), build())
    assert names(result) == left, text(result)
    for place in (at, 0.4):
        x = np.full((2, 3), place, np.float32) * np.array([1, 1.25, 1.5], np.float32)
        found = evaluate(result, {"x": x})[0]["r0"]
        truth = evaluate(graph_of(build()), {"x": x.astype(np.float64)}, precise=True)[0]["r0"]
        assert np.isfinite(found).all()
        if abs(place) < 1:  # elsewhere the unstable form is of no use in float64 either
            np.testing.assert_allclose(found, truth, rtol=2e-6)


def test_manager_reports_and_stops() -> None:
    report = run(graph_of(ops.mean(X) * 1), OPTIMIZE)
    assert [s.name for s in report.steps] == [p.name for p in OPTIMIZE]
    assert report.graph is report.steps[-1].graph
    stopped = run(graph_of(ops.mean(X)), OPTIMIZE, stop_after="decompose")
    assert stopped.steps[-1].name == "decompose"
    assert stopped.snapshot("stabilize").nodes and "decompose" in str(stopped)
    with pytest.raises(ArgumentError, match="no pass 'fold'; there are stabilize, decompose"):
        run(graph_of(X * 2), OPTIMIZE, stop_after="fold")
    with pytest.raises(ArgumentError, match="no pass 'order' ran"):
        stopped.snapshot("order")


def test_manager_names_the_pass_at_fault() -> None:
    class Broken:
        name = "broken"

        def run(self, graph: Graph) -> Graph:
            return collect(graph.name, graph.outputs, inputs=())

    with pytest.raises(VerifyError, match="after broken: operand 0 of negative, input %x"):
        run(graph_of(-X), [Broken()])


def test_long_chain() -> None:
    x = X
    for _ in range(10_000):
        x = abs(-x)
    result = run(graph_of(x), OPTIMIZE)
    assert names(result.graph) == ["abs"]


def test_golden_pipeline(golden: Callable[[str, str], None]) -> None:
    shown = []
    loss = ops.mean(ops.square(X @ ops.parameter("w", np.ones((3, 2), np.float32))))
    for step in run(graph_of(loss / 2), OPTIMIZE).steps:
        shown.append(f"; {step.name}\n{text(step.graph, locations=False)}")
    golden("passes/mean_square.txt", "\n".join(shown))
