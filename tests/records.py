"""Small records and builders for tests of the IR, independent of the library of ops."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import ShapeError
from graphc.ir import dims, dtypes, op
from graphc.ir.nodes import Node, Value
from graphc.ir.types import TensorType

with contextlib.suppress(ImportError):
    import graphc.ops  # noqa: F401


def _known(record: type[op.Op], name: str, **fields: Any) -> op.Op:
    try:
        return op.lookup(name)
    except KeyError:
        return op.register(record(name=name, **fields))


def _same(types: Sequence[TensorType], attributes: Any) -> tuple[TensorType, ...]:
    if any(t != types[0] for t in types):
        raise ShapeError(f"operands are {types[0]} and {types[1]}")
    return (types[0],)


def _constant(types: Any, attributes: Any) -> tuple[TensorType, ...]:
    value = attributes["value"]
    return (TensorType(dtypes.as_dtype(value.dtype), value.shape),)


def _fold(types: Sequence[TensorType], attributes: Any) -> tuple[TensorType, ...]:
    (x,) = types
    kept = tuple(s for axis, s in enumerate(x.shape) if axis not in attributes["axes"])
    return (x.with_shape(kept),)


def _nothing(*arguments: Any, **attributes: Any) -> Any:
    raise AssertionError("not to be called")


INPUT = _known(op.Source, "input", infer=_nothing, numpy=_nothing)
PARAMETER = _known(op.Source, "parameter", infer=_nothing, numpy=_nothing)
CONSTANT = _known(op.Source, "constant", infer=_constant, numpy=lambda *, value: value)
FUSION = _known(op.Region, "fusion", infer=_nothing, numpy=_nothing)
ADD = _known(op.Elementwise, "add", infer=_same, numpy=np.add, lower=_nothing)
MULTIPLY = _known(op.Elementwise, "multiply", infer=_same, numpy=np.multiply, lower=_nothing)
NEGATIVE = _known(op.Elementwise, "negative", infer=_same, numpy=np.negative, lower=_nothing)
SUM = _known(
    op.Reduction,
    "sum",
    infer=_fold,
    combine="add",
    numpy=lambda x, *, axes, order="lanes": np.sum(x, axis=axes),
)
SPLIT = _known(
    op.Region.__mro__[1],
    "split_of_tests",
    infer=lambda types, attributes: (types[0], types[0]),
    numpy=lambda x: (x, -x),
)


def tensor(dtype: str, *shape: int | str) -> TensorType:
    sizes = tuple(dims.parse(s) if isinstance(s, str) else s for s in shape)
    return TensorType(dtypes.BY_SHORT[dtype], sizes)


def source(name: str, kind: TensorType, **keywords: Any) -> Value:
    return Node(INPUT, (), {}, (kind,), name=name, **keywords).result


def parameter(name: str, initial: np.ndarray, **keywords: Any) -> Value:
    kind = TensorType(dtypes.as_dtype(initial.dtype), initial.shape)
    return Node(PARAMETER, (), {"initial": initial}, (kind,), name=name, **keywords).result


def constant(value: Any, dtype: Any = np.float32, **keywords: Any) -> Value:
    return apply(CONSTANT, value=np.asarray(value, dtype), **keywords)


def apply(
    record: op.Op,
    *operands: Value,
    name: str | None = None,
    location: Any = None,
    **attributes: Any,
) -> Value:
    """The only result of a node whose type the record infers."""
    return node(record, *operands, name=name, location=location, **attributes).result


def node(
    record: op.Op,
    *operands: Value,
    name: str | None = None,
    location: Any = None,
    **attributes: Any,
) -> Node:
    types = record.infer([v.type for v in operands], attributes)
    return Node(record, operands, attributes, types, name=name, location=location)
