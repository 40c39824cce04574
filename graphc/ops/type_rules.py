"""Rules of result types that several kinds of ops share.  Raises what is wrong; builds nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DTypeError, Mark, ShapeError
from graphc.ir.dtypes import DType, bool_
from graphc.ir.op import Attributes, Infer
from graphc.ir.types import TensorType
from graphc.operands import COMPUTED_IN, dtype_error
from graphc.ops.faces import call

_MOST_KNOWN = 1 << 12


def exactly(types: Sequence[TensorType], count: int) -> Sequence[TensorType]:
    if len(types) != count:
        raise ArgumentError(f"takes {count} operands, not {len(types)}")
    return types


def check_domain(domain: str, dtype: DType) -> None:
    if COMPUTED_IN[domain].get(dtype) is not dtype:
        raise dtype_error(domain, dtype)


def same_types(arity: int, domain: str, result: str | DType) -> Infer:
    """The type rule of elementwise ops: equal shapes and dtypes in, that shape out."""
    dtype = bool_ if result == "bool" else result

    def infer(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
        first, *rest = exactly(types, arity)
        check_domain(domain, first.dtype)
        for position, other in enumerate(rest, start=1):
            if other.dtype is not first.dtype:
                reason = f"operands of {first.dtype} and {other.dtype}; an astype is missing"
                raise DTypeError(reason, mark=Mark(position, None))
            if other.shape != first.shape:
                reason = f"operands of {first} and {other}; a broadcast is missing"
                raise ShapeError(reason, mark=Mark(position, None))
        return (first.with_dtype(dtype) if isinstance(dtype, DType) else first,)

    return infer


def types_of_expansion(expand: Callable[..., Any]) -> Infer:
    """The types that ``expand`` gives, found by expanding once on stand-ins; remembered, because
    every pass that verifies asks again."""
    known: dict[Any, tuple[TensorType, ...]] = {}

    def infer(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
        key = (*types, *((name, _hashable(attributes[name])) for name in sorted(attributes)))
        if key not in known:
            stand_ins = [call.input(f"operand{i}", t.shape, t.dtype) for i, t in enumerate(types)]
            results = expand(*stand_ins, **attributes)
            results = results if isinstance(results, tuple) else (results,)
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[key] = tuple(result.value.type for result in results)
        return known[key]

    return infer


def _hashable(value: Any) -> Any:
    """An attribute as part of a key: an array by its bits."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return tuple(map(_hashable, value)) if isinstance(value, (tuple, list)) else value
