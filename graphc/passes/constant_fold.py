"""What is known when a graph is compiled, computed then.

Responsible for elementwise ops, rearrangements and gathers of constants.  Elementwise ops are
computed by their own scalar arithmetic over NumPy, which gives the bits of native code.  Sums and
products stay: their order is the program's, not NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from graphc.errors import DefinitionError
from graphc.ir.dims import Dim
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Elementwise, Gather, Op, Rearrange
from graphc.ir.scalar_numpy import NumpyBuilder
from graphc.passes.base import Make, rewrite_locally

_BUILDER = NumpyBuilder()


class ConstantFold(NamedTuple):
    """Folds results of up to ``limit`` elements.

    A broadcast is not folded: repeating elements is cheaper than storing them.  Ops on broadcast
    numbers are computed on the numbers and then broadcast.
    """

    name: str = "constant-fold"
    limit: int = 4096

    def run(self, graph: Graph) -> Graph:
        def rule(node: Node, make: Make) -> Value | None:
            if isinstance(node.op, Elementwise) and node.operands:
                return _on_numbers(node, make) or self._folded(node, make)
            return self._folded(node, make) if _computes(node.op) else None

        return rewrite_locally(graph, rule, _computes)

    def _folded(self, node: Node, make: Make) -> Value | None:
        kind = node.result.type
        shape = [size for size in kind.shape if isinstance(size, int)]
        if len(shape) < kind.rank or math.prod(shape) > self.limit:
            return None
        arrays = [_array(value) for value in node.operands]
        if any(array is None for array in arrays):
            return None
        if any(map(_has_dims, node.attributes.values())):
            return None
        with np.errstate(all="ignore"):
            if isinstance(node.op, Elementwise):
                result = _lowered(node.op, arrays, node)
            else:
                result = node.op.numpy(*arrays, **node.attributes)
        value = np.array(np.broadcast_to(result, shape), kind.dtype.numpy, order="C")
        value.setflags(write=False)
        return make("constant", like=node, value=value)


def _computes(op: Op) -> bool:
    return isinstance(op, Elementwise | Rearrange | Gather) and op.name != "broadcast"


def _lowered(op: Elementwise, arrays: Sequence[Any], node: Node) -> Any:
    try:
        return op.lower(_BUILDER, *arrays, **node.attributes)
    except Exception as error:
        told = DefinitionError.raised("lowering", error)
        raise told.with_operands(op.name, node.operands, node.location) from error


def _on_numbers(node: Node, make: Make) -> Value | None:
    """``op(broadcast(a), broadcast(b))`` as ``broadcast(op(a, b))`` for constants of rank 0."""
    numbers = []
    for operand in node.operands:
        source = operand.node
        if source.op.name != "broadcast" or _array(source.operands[0]) is None:
            return None
        if source.operands[0].type.rank:
            return None
        numbers.append(source.operands[0])
    result = make(node.op, *numbers, like=node, **node.attributes)
    return make("broadcast", result, like=node, shape=node.result.type.shape, axes=())


def _array(value: Value) -> np.ndarray | None:
    """The elements of a constant, or of one that is repeated to a static shape."""
    node = value.node
    repeated = node.op.name == "broadcast" and not _has_dims(value.type.shape)
    source = node.operands[0].node if repeated else node
    array = source.attributes.get("value") if source.op.name == "constant" else None
    if not isinstance(array, np.ndarray):
        return None
    return np.asarray(node.op.numpy(array, **node.attributes)) if repeated else array


def _has_dims(attribute: Any) -> bool:
    if isinstance(attribute, tuple):
        return any(map(_has_dims, attribute))
    return isinstance(attribute, Dim)
