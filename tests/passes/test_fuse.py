"""What is fused into one kernel, what is not, and the reasons given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import graphc
from graphc.ir import printer
from graphc.passes import manager
from graphc.passes.fuse import Fuse
from graphc.passes.pipelines import OPTIMIZE
from tests.random_graphs.generate import case


def _fused(outputs: Any, updates: Any = ()) -> Any:
    graph = graphc.Graph("g", outputs, updates)
    return manager.run(graph.ir, (*OPTIMIZE, Fuse())).graph


def _kernels(outputs: Any, updates: Any = ()) -> list[list[str]]:
    """The computing ops of each kernel, in order."""
    views = {"broadcast", "reshape", "permute_dims", "constant", "iota", "slice", "flip", "pad"}
    return [
        [n.op.name for n in node.body.nodes if n.op.name not in views]
        for node in _fused(outputs, updates).nodes
        if node.body is not None
    ]


def _input(name: str, *shape: Any, dtype: Any = graphc.float32) -> Any:
    return graphc.input(name, shape, dtype)


def _parameter(name: str, *shape: int) -> Any:
    return graphc.parameter(name, np.zeros(shape, "float32"))


def test_an_elementwise_chain_is_one_kernel() -> None:
    x = _input("x", "N", 4)
    assert _kernels(graphc.relu(-x) * 2 + x) == [["negative", "relu", "multiply", "add"]]


def test_unfused_is_one_kernel_an_op() -> None:
    x = _input("x", "N", 4)
    graph = graphc.Graph("g", graphc.relu(-x) * 2 + x)
    fused = manager.run(graph.ir, (*OPTIMIZE, Fuse(enabled=False))).graph
    assert [len([n for n in f.body.nodes if n.op.name in ("negative", "relu", "multiply", "add")])
            for f in fused.nodes if f.body] == [1, 1, 1, 1]  # fmt: skip


def test_bias_and_activation_are_the_epilogue_of_a_product() -> None:
    x, w, b = _input("x", "N", 8), _parameter("w", 8, 5), _parameter("b", 5)
    assert _kernels(graphc.relu(x @ w + b)) == [["matmul", "add", "relu"]]


def test_a_row_softmax_is_one_kernel() -> None:
    x = _input("x", "N", 40)
    (ops,) = _kernels(graphc.softmax(x))
    assert ops.count("max") == ops.count("sum") == ops.count("exp") == 1


def test_layer_normalization_is_one_kernel() -> None:
    x, scale = _input("x", "N", 40), _parameter("scale", 40)
    centred = x - graphc.mean(x, axis=1, keepdims=True)
    spread = graphc.sqrt(graphc.mean(centred * centred, axis=1, keepdims=True) + 1e-5)
    assert len(_kernels(centred / spread * scale)) == 1


def test_numbers_of_columns_are_computed_before_the_columns_are_gone_through_row_by_row() -> None:
    x, spread = _input("x", "N", 40), _input("spread", 40)
    assert _kernels(x * graphc.rsqrt(spread + 1e-5)) == [["add", "rsqrt"], ["multiply"]]


def test_a_cross_entropy_with_its_gradient_and_accuracy_reads_the_logits_once() -> None:
    z, y = _input("z", "N", 10), _input("y", "N", dtype=graphc.int32)
    losses = graphc.sparse_categorical_crossentropy(y, z, from_logits=True)
    (dz,) = graphc.grad(graphc.sum(losses), [z])
    hits = (graphc.argmax(z, axis=1) == y).astype(graphc.float32)
    assert len(_kernels({"losses": losses, "dz": dz, "hits": hits})) == 1


def test_the_optimizer_is_the_epilogue_of_the_weight_gradient() -> None:
    x, w, v = _input("x", "N", 8), _parameter("w", 8, 5), _parameter("v", 8, 5)
    (dw,) = graphc.grad(graphc.sum(graphc.square(x @ w)), [w])
    new = 0.9 * v + 0.1 * dw * dw
    kernels = _kernels({}, {v: new, w: w - 0.01 * dw / graphc.sqrt(new + 1e-7)})
    assert [ops.count("matmul") for ops in kernels] == [1, 1]
    assert "sqrt" in kernels[1]


def test_a_column_sum_rides_on_the_tiles_of_a_product() -> None:
    x, w = _input("x", "N", 8), _input("w", 8, 5)
    z = graphc.relu(x @ w)
    assert len(_kernels({"z": z, "sum": graphc.sum(z, axis=0)})) == 1


def test_a_gather_reads_a_stored_source() -> None:
    x, i = _input("x", "N", 8), _input("i", "N", 3, dtype=graphc.int32)
    kernels = _kernels(graphc.take_along_axis(graphc.abs(x), i, axis=1) * 2)
    assert [ops[-1] for ops in kernels] == ["abs", "multiply"]


def test_a_chain_longer_than_a_kernel_may_be_is_cut() -> None:
    x = _input("x", 64)
    y = x
    for n in range(450):
        y = graphc.abs(y - float(n + 1))
    sizes = [len(ops) for ops in _kernels(y)]
    assert sum(sizes) == 900 and max(sizes) <= 200 and len(sizes) <= 6


def test_a_kernel_between_two_others_keeps_them_apart() -> None:
    """b needs a, c needs a and b: a and c together would need b in their middle."""
    x, w = _input("x", "N", 16), _input("w", 16, 16)
    a = graphc.abs(x)
    c = a + a @ w
    kernels = _kernels(c)
    assert [sorted(ops) for ops in kernels] == [["abs"], ["add", "matmul"]]


def test_small_updates_of_one_size_are_one_kernel() -> None:
    biases = [_parameter(f"b{n}", 40) for n in range(4)]
    steps = [_input(f"d{n}", 40) for n in range(4)]
    assert len(_kernels({}, {b: b - 0.1 * d for b, d in zip(biases, steps, strict=True)})) == 1


def test_small_loops_that_need_each_other_stay_in_order() -> None:
    x, w = _input("x", 40), _parameter("w", 40, 40)
    y = graphc.abs(x)
    z = graphc.abs(graphc.reshape(graphc.reshape(y, (1, 40)) @ w, (40,)))
    assert next(ops.count("abs") for ops in _kernels({"y": y, "z": z * 2})) == 1


REASONS: Sequence[tuple[str, Any, str, str, str]] = (
    (
        "operand",
        lambda: graphc.abs(_input("x", "N", 8)) @ _input("w", 8, 5),
        "abs",
        "matmul",
        "reads each element many times",
    ),
    (
        "row reduction of a product",
        lambda: graphc.max(_input("x", "N", 8) @ _input("w", 8, 50), axis=1),
        "matmul",
        "max",
        "needs the whole row",
    ),
    (
        "two products",
        lambda: _input("x", "N", 8) @ _input("w", 8, 8) + _input("u", "N", 4) @ _input("v", 4, 8),
        "matmul",
        "add",
        "",
    ),
    (
        "column used in another order",
        lambda: _input("x", "N", 8) - graphc.flip(graphc.max(_input("y", "N", 8), axis=0)),
        "max",
        "subtract",
        "along the axis it was folded over",
    ),
)


@pytest.mark.parametrize(("title", "make", "producer", "consumer", "text"), REASONS)
def test_reasons(title: str, make: Any, producer: str, consumer: str, text: str) -> None:
    exe = graphc.compile(make())
    assert text in exe.why_not_fused(producer, consumer)


def test_why_not_fused_says_when_they_are() -> None:
    exe = graphc.compile(graphc.relu(-_input("x", "N")))
    assert "one kernel computes both" in exe.why_not_fused("negative", "relu")


def test_why_not_fused_of_unknown_names() -> None:
    exe = graphc.compile(graphc.abs(_input("x", "N")))
    with pytest.raises(graphc.errors.ArgumentError, match="no entry has values named"):
        exe.why_not_fused("absent", "abs")


_WOULD_BE_A_CIRCLE = """
graph @g(%x3: f32[3], %x0: f32[8, 7, 3, 3, 3], %a: f32[8, 7, 3, 3], %b: f32[4, 2, 7, 3, 3],
         %c: f32[8, 7, 3, 3, 1], %d: f32[4, 2, 7, 3, 3], %e: f32[8, 7, 3, 3, 3]) {
  %0 = expand_dims(%x3) {axes = [0]} : f32[1, 3]
  %1 = broadcast(%0) {shape = [8, 7, 3, 1, 3], axes = [3, 4]} : f32[8, 7, 3, 1, 3]
  %x1 = elu(%x0) {alpha = 1.0} : f32[8, 7, 3, 3, 3]
  %x4 = sinh(%x1) : f32[8, 7, 3, 3, 3]
  %x5 = multiply(%x0, %x4) : f32[8, 7, 3, 3, 3]
  %x6 = add(%x5, %x4) : f32[8, 7, 3, 3, 3]
  %6 = constant() {value = f32[](1.0)} : f32[]
  %7 = broadcast(%6) {shape = [8, 7, 3, 3, 3], axes = []} : f32[8, 7, 3, 3, 3]
  %x7 = minimum(%x6, %7) : f32[8, 7, 3, 3, 3]
  %x8 = add(%x7, %x4) : f32[8, 7, 3, 3, 3]
  %10 = matmul(%1, %x8) : f32[8, 7, 3, 1, 3]
  %11 = squeeze(%10) {axes = [3]} : f32[8, 7, 3, 3]
  %y = add(%11, %a) : f32[8, 7, 3, 3]
  %12 = reshape(%y) {shape = [4, 2, 7, 3, 3]} : f32[4, 2, 7, 3, 3]
  %result = multiply(%12, %b) : f32[4, 2, 7, 3, 3]
  %scalar = sum(%result) {axes = [0, 1, 2, 3, 4]} : f32[]
  %gx = equal(%x6, %7) : bool[8, 7, 3, 3, 3]
  %gr = multiply(%d, %b) : f32[4, 2, 7, 3, 3]
  %gs = reshape(%gr) {shape = [8, 7, 3, 3]} : f32[8, 7, 3, 3]
  %gt = expand_dims(%gs) {axes = [3]} : f32[8, 7, 3, 1, 3]
  %gm = matmul(%c, %gt) : f32[8, 7, 3, 3, 3]
  %gw = where(%gx, %gm, %e) : f32[8, 7, 3, 3, 3]
  %13 = sum(%12) {axes = [0, 1, 2, 3, 4]} : f32[]
  return loss = %scalar, grad = %gw, sum = %13
}
"""


def test_a_group_needs_what_all_of_another_group_needs() -> None:
    # One reader of a group may stand before the group's last op, and needs what that one needs.
    fused = manager.run(graphc.parse(_WOULD_BE_A_CIRCLE).ir, (*OPTIMIZE, Fuse())).graph
    assert sum(node.body is not None for node in fused.nodes) > 2


@pytest.mark.parametrize("seed", range(12))
def test_what_groups_know_of_each_other_is_what_a_search_finds(seed: int) -> None:
    graph = manager.run(case(4 * seed).graph.ir, OPTIMIZE).graph
    grouping = Fuse()._joined(graph)
    groups = grouping.groups()
    known = [(grouping.producers(group), set(grouping._readers_of(group))) for group in groups]
    grouping._sources.clear()
    grouping._readers.clear()
    for group, (producers, readers) in zip(groups, known, strict=True):
        assert grouping.producers(group) == producers
        assert set(grouping._readers_of(group)) == readers
        assert all(grouping.group[node] is group for node in group.nodes)
        places = [grouping.position[node] for node in group.nodes]
        assert group.first <= min(places) and group.last == max(places)
        assert all(producer.first <= group.first for producer in producers)


def test_fusion_does_not_depend_on_where_its_objects_lie() -> None:
    """Groups of equal rank keep the graph's order, whatever was allocated before."""
    graph = manager.run(case(8).graph.ir, OPTIMIZE).graph
    kept, texts = [], set()
    for number in range(20):
        kept.append([object() for _ in range(37 * number)])
        texts.add(printer.text(Fuse().run(graph)))
    assert len(texts) == 1
