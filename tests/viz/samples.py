"""Graphs for the tests of pictures, made of nodes by hand so that they need no front end."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.ir import dtypes
from graphc.ir.dims import parse
from graphc.ir.graphs import Graph, collect
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Contraction, Elementwise, Op, Rearrange, Reduction, Region, Source
from graphc.ir.types import TensorType
from graphc.location import Location
from graphc.viz.phases import phases

_KINDS: dict[str, type[Op]] = {
    **dict.fromkeys(["input", "parameter", "constant", "iota"], Source),
    **dict.fromkeys(["broadcast", "permute_dims", "reshape"], Rearrange),
    **dict.fromkeys(["sum", "mean", "max", "argmax"], Reduction),
    "matmul": Contraction,
    "fusion": Region,
}
_EXTRA: dict[type[Op], dict[str, Any]] = {
    Elementwise: {"lower": None},
    Rearrange: {"pieces": None},
    Reduction: {"combine": "add"},
}
_records: dict[str, Op] = {}


def record(name: str) -> Op:
    """A record that only has a name and a kind."""
    if name not in _records:
        kind = _KINDS.get(name, Elementwise)
        extra = _EXTRA.get(kind, {})
        _records[name] = kind(name=name, infer=None, numpy=None, **extra)  # type: ignore[arg-type]
    return _records[name]


class Lines:
    """Makes nodes; each takes the next line of ``train.py``."""

    def __init__(self) -> None:
        self.line = 0

    def __call__(
        self, op: str, shape: str, *operands: Value, name: str | None = None, **attributes: Any
    ) -> Value:
        self.line += 1
        dtype = attributes.pop("dtype", dtypes.float32)
        sizes = tuple(parse(size) for size in shape.split(",") if size.strip())
        return Node(
            record(op),
            operands,
            attributes,
            [TensorType(dtype, sizes)],
            location=Location("train.py", self.line),
            name=name,
        ).result

    def number(self, value: float, shape: str = "") -> Value:
        scalar = self("constant", "", value=np.float32(value))
        return self("broadcast", shape, scalar, axes=()) if shape else scalar


def training_step() -> Graph:
    """Two dense layers, softmax, cross-entropy, accuracy and RMSprop: about 60 cards."""
    n = Lines()
    x = n("input", "N, 784", name="images")
    labels = n("input", "N", name="labels", dtype=dtypes.int32)
    sizes = {"hidden": "784, 512", "scores": "512, 10"}
    kernel = {k: n("parameter", s, name=f"{k}.kernel") for k, s in sizes.items()}
    bias = {k: n("parameter", s.split(",")[1], name=f"{k}.bias") for k, s in sizes.items()}
    dense = n("matmul", "N, 512", x, kernel["hidden"])
    biased = n("add", "N, 512", dense, n("broadcast", "N, 512", bias["hidden"], axes=(1,)))
    hidden = n("relu", "N, 512", biased, name="hidden")
    dense = n("matmul", "N, 10", hidden, kernel["scores"])
    scores = n("add", "N, 10", dense, n("broadcast", "N, 10", bias["scores"], axes=(1,)))
    shifted = n("subtract", "N, 10", scores, _rows(n, "max", scores, "N, 10"))
    exponential = n("exp", "N, 10", shifted)
    total = n("sum", "N", exponential, axes=(1,))
    wanted = n("one_hot", "N, 10", labels, axis=1)
    picked = n("sum", "N", n("multiply", "N, 10", shifted, wanted), axes=(1,))
    loss = n("mean", "", n("subtract", "N", n("log", "N", total), picked), axes=(0,), name="loss")
    guess = n("argmax", "N", scores, axes=(1,), dtype=dtypes.int64)
    hits = n("equal", "N", guess, labels, dtype=dtypes.bool_)
    accuracy = n("mean", "", n("astype", "N", hits, dtype=dtypes.float32), axes=(0,))

    share = n("broadcast", "N, 10", total, axes=(0,))
    softmax = n("divide", "N, 10", exponential, share)
    d_scores = n("subtract", "N, 10", softmax, wanted)
    d_hidden = n("matmul", "N, 512", d_scores, _turned(n, kernel["scores"], "10, 512"))
    positive = n("greater", "N, 512", hidden, n.number(0, "N, 512"), dtype=dtypes.bool_)
    d_biased = n("where", "N, 512", positive, d_hidden, n.number(0, "N, 512"))
    gradient = {
        "scores.kernel": n("matmul", "512, 10", _turned(n, hidden, "512, N"), d_scores),
        "scores.bias": n("sum", "10", d_scores, axes=(0,)),
        "hidden.kernel": n("matmul", "784, 512", _turned(n, x, "784, N"), d_biased),
        "hidden.bias": n("sum", "512", d_biased, axes=(0,)),
    }
    updates = []
    for layer in ("scores", "hidden"):
        for parameter in (kernel[layer], bias[layer]):
            updates += _rmsprop(n, parameter, gradient[str(parameter.name)])
    return collect("first_network", {"loss": loss, "accuracy": accuracy}, updates)


def fused_training_step() -> Graph:
    """The training step with the groups that fusion would make: products with what follows them."""
    graph = training_step()
    phase = phases(
        graph.nodes,
        {node: node.operands for node in graph.nodes},
        graph.outputs.values(),
        (value for _, value in graph.updates),
    )
    groups: list[list[Node]] = []
    for node in graph.nodes:
        before = [g for g in groups if any(v.node in g for v in node.operands)]
        kin = [g for g in before if phase[g[0]] == phase[node] or phase[node] == "update"]
        starts = node.op.name in ("matmul", "max", "sum") and phase[node] != "update"
        if starts or not kin or node.op.name in ("constant", "iota"):
            groups.append([node])
        else:
            kin[-1].append(node)
    kept = [[n.result for n in g] for g in groups if len(g) > 1]
    return fused(graph, kept)


def _rows(n: Lines, op: str, value: Value, shape: str) -> Value:
    return n("broadcast", shape, n(op, "N", value, axes=(1,)), axes=(0,))


def _turned(n: Lines, value: Value, shape: str) -> Value:
    return n("permute_dims", shape, value, axes=(1, 0))


def _rmsprop(n: Lines, w: Value, g: Value) -> list[tuple[Value, Value]]:
    shape = ", ".join(map(str, w.type.shape))
    v = n("parameter", shape, name=f"{w.name}.square")
    kept = n("multiply", shape, v, n.number(0.9, shape))
    squared = n("multiply", shape, g, g)
    new_v = n("add", shape, kept, n("multiply", shape, squared, n.number(0.1, shape)))
    root = n("sqrt", shape, n("add", shape, new_v, n.number(1e-7, shape)))
    step = n("divide", shape, n("multiply", shape, g, n.number(0.001, shape)), root)
    return [(v, new_v), (w, n("subtract", shape, w, step))]


def small() -> Graph:
    """relu(x @ w + b), summed: no updates."""
    n = Lines()
    x, w = n("input", "N, 4", name="x"), n("parameter", "4, 3", name="w")
    b = n("parameter", "3", name="b")
    product = n("matmul", "N, 3", x, w)
    y = n("relu", "N, 3", n("add", "N, 3", product, n("broadcast", "N, 3", b, axes=(1,))), name="y")
    scaled = n("multiply", "N, 3", y, n.number(0.5, "N, 3"))
    return collect("small", {"y": y, "total": n("sum", "N", scaled, axes=(1,))})


def fused(graph: Graph, groups: list[list[Value]]) -> Graph:
    """``graph`` with each group of values (operands first) put into a fusion node."""
    new: dict[Value, Value] = {}
    member = {v.node: i for i, group in enumerate(groups) for v in group}
    pending = [[v.node for v in group] for group in groups]
    pending += [[node] for node in graph.nodes if node not in member]
    made = {v.node for v in (*graph.inputs, *graph.parameters)}
    while pending:
        ready = next(
            i for i, u in enumerate(pending)
            if all(v.node in made or v.node in u for n in u for v in n.operands)
        )  # fmt: skip
        unit = pending.pop(ready)
        if unit[0] in member:
            _fuse(f"group{member[unit[0]]}", unit, graph, new)
        else:
            _copy(unit[0], new)
        made |= set(unit)
    return collect(
        graph.name,
        {name: new.get(v, v) for name, v in graph.outputs.items()},
        [(p, new.get(v, v)) for p, v in graph.updates],
    )


def _copy(node: Node, new: dict[Value, Value]) -> None:
    operands = [new.get(v, v) for v in node.operands]
    copy = Node(node.op, operands, node.attributes, [v.type for v in node.results],
                location=node.location, name=node.name)  # fmt: skip
    new.update(zip(node.results, copy.results, strict=True))


def _fuse(name: str, nodes: list[Node], graph: Graph, new: dict[Value, Value]) -> None:
    inside = set(nodes)
    outer = list(dict.fromkeys(v for n in nodes for v in n.operands if v.node not in inside))
    read = {v for n in graph.nodes if n not in inside for v in n.operands} | set(graph.results)
    given = [n.result for n in nodes if n.result in read]
    local: dict[Value, Value] = {
        v: Node(record("input"), (), {}, [v.type], name=f"p{i}").result
        for i, v in enumerate(outer)
    }
    body_inputs = list(local.values())
    for node in nodes:
        _copy(node, local)
    body = collect(
        name, {f"r{i}": local[v] for i, v in enumerate(given)}, inputs=body_inputs
    )
    fusion = Node(record("fusion"), [new.get(v, v) for v in outer], {}, [v.type for v in given],
                  name=name, body=body)  # fmt: skip
    new.update(zip(given, fusion.results, strict=True))
