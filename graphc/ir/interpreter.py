"""The reference interpreter: what a graph means, by the NumPy references of its records.

Responsible for values and for errors of the data; it is slow, and nothing compiled depends on it.
Records see attributes with every size as a number.  It neither flushes denormals nor fixes the
order of a sum beyond what the records' references do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.errors import (
    DefinitionError,
    DTypeError,
    GraphcError,
    ShapeError,
    UnknownInputError,
    UnsupportedError,
    VerifyError,
)
from graphc.ir import binding, dtypes
from graphc.ir.attributes import ConstantReference
from graphc.ir.dims import Dim
from graphc.ir.dtypes import DType
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.types import TensorType

Arrays = dict[str, np.ndarray]


def evaluate(
    graph: Graph,
    inputs: Mapping[str, Any],
    state: Mapping[str, Any] | None = None,
    *,
    precise: bool = False,
) -> tuple[Arrays, Arrays]:
    """The outputs, and the state after the graph's updates.

    ``inputs`` are arrays by name (anything ``np.asarray`` takes), of the declared dtypes; ``state``
    the parameters' values, their initial values where it is ``None``.  With ``precise`` every
    float32 becomes float64, which makes the result an oracle for float32 code.

    Raises ``UnknownInputError``, ``DTypeError``, ``ShapeError`` or ``DimError`` for inputs that do
    not fit, and whatever the records raise for data that does not (``IndexRangeError``).

    >>> from graphc import ops
    >>> from graphc.ir.graphs import collect
    >>> x = ops.input("x", ("N",))
    >>> outputs, _ = evaluate(collect("g", {"y": (-x).value}), {"x": [1.0, 2.0]})
    >>> outputs["y"].tolist()
    [-1.0, -2.0]
    """
    run = _Run(precise)
    arrays = run.bind(graph, inputs)
    parameters = _state(graph, state)
    for value in graph.parameters:
        run.values[value] = run.given(value, parameters[str(value.name)])
    for value, array in zip(graph.inputs, arrays, strict=True):
        run.values[value] = array
    with np.errstate(all="ignore"):
        run.nodes(graph)
    outputs = {name: run.values[value] for name, value in graph.outputs.items()}
    after = {str(value.name): run.values[value] for value in graph.parameters}
    after.update({str(old.name): run.values[new] for old, new in graph.updates})
    return outputs, after


class _Run:
    """One evaluation: the values so far and the dims' values."""

    def __init__(self, precise: bool, sizes: Mapping[str, int] | None = None) -> None:
        self.precise = precise
        self.values: dict[Value, np.ndarray] = {}
        self.sizes: Mapping[str, int] = sizes or {}

    def bind(self, graph: Graph, inputs: Mapping[str, Any]) -> list[np.ndarray]:
        """The inputs' arrays in order; solves the dims."""
        _check_names(graph, inputs)
        arrays = [self.given(value, inputs[str(value.name)]) for value in graph.inputs]
        shaped = [
            binding.Shaped(f"%{value.name}", value.type.shape, array.shape)
            for value, array in zip(graph.inputs, arrays, strict=True)
        ]
        self.sizes = binding.solve(shaped, graph.constraints)
        return arrays

    def dtype(self, dtype: DType) -> DType:
        return dtypes.float64 if self.precise and dtype is dtypes.float32 else dtype

    def given(self, value: Value, array: Any) -> np.ndarray:
        """An input's or parameter's array, checked against its declaration and converted."""
        declared = value.type
        if isinstance(array, ConstantReference):
            raise unknown_constant(value.node, array)
        if not isinstance(array, np.ndarray | np.generic):
            array = np.asarray(array, declared.dtype.numpy)
        allowed = (declared.dtype.numpy, self.dtype(declared.dtype).numpy)
        if array.dtype not in allowed:
            raise DTypeError(f"%{value.name} is {declared.dtype}, given {array.dtype}").at(
                value.node.location
            )
        if array.ndim != declared.rank:
            reason = binding.rank_reason(declared.shape, array.shape)
            raise ShapeError(f"%{value.name}: {reason}").at(value.node.location)
        return np.asarray(array, self.dtype(declared.dtype).numpy)

    def nodes(self, graph: Graph) -> None:
        """Evaluate all nodes, dropping each value after its last use."""
        last = {operand: node for node in graph.nodes for operand in node.operands}
        kept = {*graph.results, *graph.parameters}
        for node in graph.nodes:
            operands = [self.values[value] for value in node.operands]
            results = self.node(node, operands)
            for value, array in zip(node.results, results, strict=True):
                self.values[value] = self.checked(array, value.type, node)
            for value in {*node.operands}:
                if last[value] is node and value not in kept:
                    del self.values[value]

    def node(self, node: Node, operands: list[np.ndarray]) -> tuple[Any, ...]:
        if node.body is not None:
            return self.body(node.body, operands)
        attributes = {name: self.attribute(v, node) for name, v in node.attributes.items()}
        try:
            results = node.op.numpy(*operands, **attributes)
        except GraphcError as error:
            raise error.with_operands(node.op.name, node.operands, node.location) from None
        except Exception as error:
            told = DefinitionError.raised("NumPy reference", error)
            raise told.with_operands(node.op.name, node.operands, node.location) from error
        return results if isinstance(results, tuple) else (results,)

    def body(self, body: Graph, operands: list[np.ndarray]) -> tuple[Any, ...]:
        inner = _Run(self.precise, self.sizes)
        inner.values.update(zip(body.inputs, operands, strict=True))
        inner.nodes(body)
        return tuple(inner.values[value] for value in body.results)

    def attribute(self, value: Any, node: Node) -> Any:
        """An attribute as references see it: sizes are numbers, arrays have the run's dtype."""
        if isinstance(value, Dim):
            return binding.value_of(value, self.sizes)
        if isinstance(value, tuple):
            return tuple(self.attribute(v, node) for v in value)
        if isinstance(value, ConstantReference):
            raise unknown_constant(node, value)
        if isinstance(value, np.ndarray):
            return value.astype(self.dtype(dtypes.as_dtype(value.dtype)).numpy, copy=False)
        return value

    def checked(self, array: Any, kind: TensorType, node: Node) -> np.ndarray:
        """The result as declared.  A reference may compute wider (NumPy before 2 does for rank 0),
        but its shape must be the declared one."""
        result = np.asarray(array, self.dtype(kind.dtype).numpy)
        shape = tuple(binding.value_of(size, self.sizes) for size in kind.shape)
        if result.shape != shape:
            raise VerifyError(
                f"the reference of {node.op.name} gives shape {result.shape} for {kind}"
            ).at(node.location)
        return result


def _check_names(graph: Graph, inputs: Mapping[str, Any]) -> None:
    names = [str(value.name) for value in graph.inputs]
    listed = ", ".join(names) or "none"
    for name in inputs:
        if name not in names:
            raise UnknownInputError(f"{graph.name} has no input {name!r}; its inputs: {listed}")
    for name in names:
        if name not in inputs:
            raise UnknownInputError(f"{graph.name} needs the input {name!r}")


def _state(graph: Graph, state: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if state is None:
        return {str(v.name): v.node.attributes["initial"] for v in graph.parameters}
    for value in graph.parameters:
        if value.name not in state:
            raise UnknownInputError(f"the state has no parameter {value.name!r}")
    return state


def unknown_constant(node: Node, reference: ConstantReference) -> UnsupportedError:
    """The error of running a graph whose text gave a constant by its digest alone."""
    return UnsupportedError(
        f"{node.name or node.op.name} is known only by its digest {reference.digest}",
        advice="give parse() the table of constants that text() filled",
    ).at(node.location)
