"""Checks of the data: kernels that run first and refuse indices that are out of range.

An index computed from an input or a parameter by nothing but conversions is checked before the
first write; an index computed in another way is clamped where it is used.
"""

from __future__ import annotations

from graphc.analysis.access import reads
from graphc.ir import dims, dtypes
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.loops import ir
from graphc.loops.items import size_expr
from graphc.loops.steps import place_text
from graphc.loops.walk import with_dims

Checked = tuple[Value, ir.Kernel]


def check_kernels(graph: Graph, entry: str) -> tuple[list[Checked], dict[int, tuple[str, str]]]:
    """The kernels that check ``graph``'s indices, each with the input or parameter it reads; and by
    status code the message (formatted with ``index`` and ``value``) and the user's line."""
    kernels: list[Checked] = []
    messages: dict[int, tuple[str, str]] = {}
    done: set[tuple[Value, dims.Size]] = set()
    known = {*graph.inputs, *graph.parameters}
    for fusion in (n for n in graph.nodes if n.body is not None):
        assert fusion.body is not None
        outside = dict(zip(fusion.body.inputs, fusion.operands, strict=True))
        for node in fusion.body.nodes:
            base = _base(node) if node.op.name == "check_index" else None
            value = None if base is None else outside.get(base)
            if value not in known or value is None or (value, _limit(node)) in done:
                continue
            done.add((value, _limit(node)))
            code = len(messages) + 1
            kernels.append((value, _kernel(f"{entry}.check{code}", value, _limit(node), code)))
            messages[code] = (_message(value, node), place_text(node))
    return kernels, messages


def _limit(node: Node) -> dims.Size:
    limit: dims.Size = node.attributes["limit"]
    return limit


def _base(node: Node) -> Value | None:
    """The value whose elements, all of them, ``node`` checks, seen through conversions."""
    value = node.operands[0]
    while True:
        found = reads(value)
        if len(found) != 1 or found[0].partial or found[0].missing(value.type.rank) is None:
            return None
        value = found[0].value
        if value.node.op.name != "astype":
            return value
        value = value.node.operands[0]


def _kernel(name: str, value: Value, limit: dims.Size, code: int) -> ir.Kernel:
    flat = dims.product(value.type.shape)
    loaded: ir.Expr = ir.Load("x", (ir.AxisIndex("i"),), value.type.dtype)
    if value.type.dtype != dtypes.int64:
        loaded = ir.Apply("astype", (loaded,), dtypes.int64, (("dtype", dtypes.int64),))
    x = ir.Name("index", dtypes.int64)
    low = ir.Apply("greater_equal", (x, size_expr(0)), dtypes.bool_)
    high = ir.Apply("less", (x, size_expr(limit)), dtypes.bool_)
    valid = ir.Apply("logical_and", (low, high), dtypes.bool_)
    body = (ir.Let("index", loaded), ir.Check(code, valid, ir.AxisIndex("i"), x))
    argument = ir.Argument("x", value.type.dtype, (flat,))
    loop = ir.For((ir.Axis("i", flat),), body)
    return with_dims(ir.Kernel(name, (argument,), (loop,)))


def _message(value: Value, node: Node) -> str:
    return (
        f"{value.name}: index {{value}} at position {{index}} is out of range for "
        f"{node.attributes['limit']} classes or elements"
    )
