"""Values of a graph in float64 with a bound on how far float32 code may be from them.

``bounded`` evaluates an optimized graph (primitive ops only).  Beside each element goes an error:
what the operands' errors become (the op is tried at the ends of their intervals, which is right for
ops that are monotone there) plus the op's own rounding.  An infinite error says that nothing is
known: after a jump whose place is uncertain, a pole inside the interval, or a possible overflow.
An error of 0 asks for the very value, NaN and infinities included.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.ir import binding, dtypes
from graphc.ir.dims import Dim
from graphc.ir.dtypes import DType
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import (
    Check,
    Contraction,
    Elementwise,
    Gather,
    Rearrange,
    Reduction,
    Scatter,
    Source,
)

SAFETY = 3.0  # by how much the error at the ends of intervals may be short of that within
ROUNDINGS = 8.0  # half units in the last place that one elementwise op may be off
# Operands at whose zero (for log1p: -1) an op has a pole or a jump that the ends may not show.
_POLES = {
    "divide": 1, "reciprocal": 0, "rsqrt": 0, "floor_divide": 1, "remainder": 1, "power": 0,
    "log": 0, "log2": 0, "log1p": 0,
}  # fmt: skip
_PERIODIC = ("sin", "cos", "tan", "atan2")


@dataclass(frozen=True)
class Bounded:
    """``value`` (floats in float64) and ``error`` of each element."""

    value: np.ndarray
    error: np.ndarray

    @property
    def exact(self) -> bool:
        return not self.error.any()

    def scaled(self, factor: float) -> Bounded:
        """With all errors ``factor`` times as large."""
        return Bounded(self.value, self.error * factor)


def bounded(
    graph: Graph,
    inputs: Mapping[str, np.ndarray],
    state: Mapping[str, np.ndarray],
    declared: Graph,
) -> dict[Value, Bounded]:
    """The values of the graph's inputs, parameters and nodes.  Raises what references raise.

    Float constants that are none of the ``declared`` graph's were folded, hence rounded."""
    shaped = [
        binding.Shaped(str(v.name), v.type.shape, inputs[str(v.name)].shape) for v in graph.inputs
    ]
    run = _Run(binding.solve(shaped, graph.constraints), graph.flush_denormals)
    run.given = _given_constants(declared)
    constants = (node for node in declared.nodes if node.op.name == "constant")
    if any(node.result.type.dtype is dtypes.float32 for node in constants):
        run.coarsest = dtypes.float32
    for value in (*graph.inputs, *graph.parameters):
        given = inputs if value in graph.inputs else state
        with np.errstate(all="ignore"):
            run.values[value] = run.exactly(given[str(value.name)], value.type.dtype)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            run.values[node.result] = run.node(node)
    return run.values


class _Run:
    def __init__(self, sizes: Mapping[str, int], flush: bool) -> None:
        self.sizes = sizes
        self.flush = flush
        self.values: dict[Value, Bounded] = {}
        self.given: set[bytes] = set()
        self.coarsest = dtypes.float64  # in which constants may have been folded

    def exactly(self, array: np.ndarray, dtype: DType) -> Bounded:
        value = np.asarray(array, np.float64 if dtype.is_float else dtype.numpy)
        return self.rounded(value, np.zeros(value.shape), dtype, 0.0)

    def rounded(
        self, value: np.ndarray, error: np.ndarray, dtype: DType, roundings: float | np.ndarray
    ) -> Bounded:
        """With the rounding of one op; unknown where the sum of both may overflow."""
        if not dtype.is_float:
            return Bounded(value, np.asarray(error))
        limits = np.finfo(dtype.numpy)
        size = np.abs(value)
        least = float(limits.tiny) if self.flush else float(limits.smallest_subnormal) * roundings
        error = error + np.where(np.isfinite(size), size * float(limits.eps) / 2 * roundings, 0)
        error = error + np.where((value != 0) & (size < 2 * float(limits.tiny)), least, 0)
        beyond = np.isfinite(size) & (size + error >= float(limits.max) * (1 - 1e-6))
        unknown = beyond | np.isnan(error) | ((error > 0) & ~np.isfinite(size))
        return Bounded(value, np.where(unknown, np.inf, error))

    def attribute(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return binding.value_of(value, self.sizes)
        if isinstance(value, tuple):
            return tuple(self.attribute(v) for v in value)
        return value

    def node(self, node: Node) -> Bounded:
        operands = [self.values[v] for v in node.operands]
        attributes = {k: self.attribute(v) for k, v in node.attributes.items()}
        dtype = node.result.type.dtype
        if isinstance(node.op, Elementwise):
            return self.elementwise(node, operands, attributes)
        if isinstance(node.op, Reduction):
            return self.rounded(*_reduced(node, operands[0], attributes), dtype, 0)
        if isinstance(node.op, Contraction):
            return self.rounded(*_product(*operands, dtype), dtype, 1)
        if isinstance(node.op, Gather):
            source, index = operands
            value = node.op.numpy(source.value, index.value, **attributes)
            error = node.op.numpy(source.error, index.value, **attributes)
            return Bounded(value, np.where(np.isinf(index.error), np.inf, error))
        if isinstance(node.op, Scatter):
            return self.rounded(*_scattered(node, *operands, attributes), dtype, 0)
        if isinstance(node.op, Rearrange):
            value = node.op.numpy(*(x.value for x in operands), **attributes)
            fill = {"fill": 0.0} if "fill" in attributes else {}
            return Bounded(value, node.op.numpy(*(x.error for x in operands), **attributes | fill))
        if isinstance(node.op, Check):
            node.op.numpy(operands[0].value, **attributes)
            return operands[0]
        made = self.exactly(node.op.numpy(**attributes), dtype)
        if node.op.name == "constant" and dtype.is_float and _key(node) not in self.given:
            folded = np.where(made.value == np.round(made.value), 0.0, 4 * ROUNDINGS)
            return self.rounded(made.value, made.error, self.coarsest, folded)
        return made

    def elementwise(
        self, node: Node, operands: Sequence[Bounded], attributes: Mapping[str, Any]
    ) -> Bounded:
        dtype, name = node.result.type.dtype, node.op.name
        if name == "where":
            return _chosen(*operands)
        wide = dict(attributes)
        if name == "astype" and dtype.is_float:
            wide["dtype"] = dtypes.float64

        def apply(*arrays: np.ndarray) -> np.ndarray:
            result = node.op.numpy(*arrays, **wide)
            return np.asarray(result, np.float64 if dtype.is_float else dtype.numpy)

        value = apply(*(x.value for x in operands))
        error = np.zeros(value.shape)
        if not all(x.exact for x in operands):
            error = _spread(apply, value, operands)
        if name in ("sin", "cos", "tan", "remainder") and dtype.is_float:
            # Without FMA an angle is reduced by a multiple of pi, and a remainder by one of the
            # divisor, with a rounding of what they are taken from.
            rounding = 2 * float(np.finfo(dtype.numpy).eps)
            rough = Bounded(operands[0].value, rounding * np.abs(operands[0].value))
            error = error + _spread(apply, value, [rough, *operands[1:]])
            if name == "remainder":  # the ends do not show what turns once or more between them
                turns = 4 * (operands[0].error + rough.error) >= np.abs(operands[1].value)
                error = np.where(turns, np.inf, error)
        error = np.where(_near_a_pole(name, operands), np.inf, error)
        if name in ("equal", "not_equal"):
            error = np.where(_may_meet(*operands), np.inf, error)
        exact = name in ("negative", "abs", "relu", "maximum", "minimum", "clip", "stop_gradient")
        return self.rounded(value, error, dtype, 0.0 if exact else ROUNDINGS)


def _given_constants(graph: Graph) -> set[bytes]:
    """The constants that are none that folding has made; none where it may have made any, since a
    folded one may equal a declared one."""
    folded: set[Value] = set()
    for node in graph.nodes:
        if not isinstance(node.op, Source) and all(v in folded for v in node.operands):
            if not isinstance(node.op, Rearrange):
                return set()
            folded.update(node.results)
        elif node.op.name == "constant":
            folded.update(node.results)
    return {_key(node) for node in graph.nodes if node.op.name == "constant"}


def _key(node: Node) -> bytes:
    array = node.attributes["value"]
    return array.dtype.str.encode() + array.tobytes()


def _chosen(condition: Bounded, x: Bounded, y: Bounded) -> Bounded:
    value = np.where(condition.value, x.value, y.value)
    error = np.where(condition.value, x.error, y.error)
    if value.dtype.kind == "f":
        either = np.abs(x.value - y.value) + x.error + y.error
        either = np.where(x.value == y.value, x.error + y.error, either)
    else:
        either = np.where(x.value == y.value, x.error + y.error, np.inf)
    either = np.where(np.isnan(either), np.inf, either)
    return Bounded(value, np.where(np.isinf(condition.error), either, error))


def _spread(apply: Any, value: np.ndarray, operands: Sequence[Bounded]) -> np.ndarray:
    """How far the op is from ``value`` at the ends of its operands' intervals."""
    moves = [(0.0,) if x.exact else (-1.0, 0.0, 1.0) for x in operands]
    points = [
        [_moved(x, sign) for x, sign in zip(operands, signs, strict=True)]
        for signs in itertools.product(*moves)
        if any(signs)
    ]
    points.append([_zero_within(x) for x in operands])
    largest = np.zeros(value.shape)
    for point in points:
        there = apply(*point)
        if value.dtype.kind == "f":
            off = np.abs(there - value)
            same = (there == value) | (np.isnan(there) & np.isnan(value))
            off = np.where(same, 0.0, np.where(np.isnan(off), np.inf, off))
        else:
            off = np.where(there == value, 0.0, np.inf)
        largest = np.maximum(largest, off)
    unknown = np.any([np.isinf(x.error) for x in operands], axis=0)
    return np.where(unknown, np.inf, largest * SAFETY)


def _moved(x: Bounded, sign: float) -> np.ndarray:
    if x.value.dtype.kind != "f" or sign == 0:
        return x.value
    return x.value + sign * np.where(np.isinf(x.error), 0.0, x.error)


def _zero_within(x: Bounded) -> np.ndarray:
    """0 where it is possible (flushed denormals are 0), else the value."""
    if x.value.dtype.kind != "f":
        return x.value
    return np.where(np.abs(x.value) <= x.error, 0.0, x.value)


def _near_a_pole(name: str, operands: Sequence[Bounded]) -> np.ndarray | bool:
    if name in _PERIODIC:
        far = np.any([x.error > 0.1 for x in operands], axis=0)
        return far | _by_the_cut(*operands) if name == "atan2" else far
    if name not in _POLES:
        return False
    x = operands[_POLES[name]]
    if x.value.dtype.kind != "f":
        return False
    pole = -1.0 if name == "log1p" else 0.0
    near = 2 * x.error >= np.abs(x.value - pole)  # at 0 itself the sign of 0 is not known
    return near | _maybe_whole(*operands) if name == "power" else near


def _maybe_whole(base: Bounded, exponent: Bounded) -> np.ndarray:
    """Whether a negative number's exponent may be whole, and may be another, of which comes NaN."""
    least, most = (exponent.value + sign * 2 * exponent.error for sign in (-1, 1))
    return (base.value < 0) & (exponent.error > 0) & (np.floor(most) >= least)


def _by_the_cut(y: Bounded, x: Bounded) -> np.ndarray:
    """Whether the angle of (x, y) may be on either side of the half axis where it jumps."""
    return (2 * y.error >= np.abs(y.value)) & (x.value <= x.error)


def _may_meet(x: Bounded, y: Bounded) -> np.ndarray:
    """Whether two uncertain operands can be equal, also between the ends of their intervals."""
    error = x.error + y.error
    if x.value.dtype.kind != "f":
        return error > 0
    return (error > 0) & ~(np.abs(x.value - y.value) > error)


def _reduced(
    node: Node, x: Bounded, attributes: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Value and error of a reduction along one axis, its roundings included."""
    (axis,) = attributes["axes"]
    combine = node.op.combine  # type: ignore[attr-defined]
    value = np.asarray(node.op.numpy(x.value, **attributes))
    unknown = np.isinf(x.error).any(axis)
    if combine in ("any", "all"):
        known = np.where(np.isinf(x.error), combine == "all", x.value)
        decided = known.any(axis) if combine == "any" else ~known.all(axis)
        return value, np.where(unknown & ~decided, np.inf, 0.0)
    if combine in ("argmax", "argmin"):
        return value, np.where(_is_clear(x, value, axis, combine), 0.0, np.inf)
    if combine in ("maximum", "minimum"):
        error = x.error.max(axis, initial=0.0) + np.zeros(value.shape)
        return value, np.where(unknown, np.inf, error)
    if value.dtype.kind != "f":
        return value, np.where(unknown, np.inf, 0.0)
    most = np.abs(x.value) + x.error
    rounding = (x.value.shape[axis] + 1) * float(np.finfo(node.result.type.dtype.numpy).eps) / 2
    if combine == "add":
        error = x.error.sum(axis) + rounding * most.sum(axis)
        overflow = most.sum(axis)
    else:
        error = most.prod(axis) - np.abs(x.value).prod(axis) + rounding * most.prod(axis)
        overflow = np.maximum(most, 1.0).prod(axis)
        error = error + float(np.finfo(node.result.type.dtype.numpy).tiny) * overflow
    exact_special = ~np.isfinite(value) & ~(x.error > 0).any(axis)
    limit = float(np.finfo(node.result.type.dtype.numpy).max) * 0.99
    finite = np.where(np.isfinite(x.value), most, 0.0)
    overflow = finite.sum(axis) if combine == "add" else overflow
    error = np.where(exact_special, 0.0, error)
    return value, np.where(unknown | (overflow >= limit) | np.isnan(error), np.inf, error)


def _scattered(
    node: Node, x: Bounded, index: Bounded, attributes: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Value and error of sums at computed places."""
    dtype, axis = node.result.type.dtype, attributes["axis"]

    def added(array: np.ndarray) -> np.ndarray:
        return np.asarray(node.op.numpy(array, index.value, **attributes))

    value, unknown = added(x.value), np.isinf(index.error).any()
    if not dtype.is_float:
        return value, np.where(unknown | (added(x.error) > 0), np.inf, 0.0)
    limits, most = np.finfo(dtype.numpy), np.abs(x.value) + x.error
    rounding = (x.value.shape[axis] + 1) * float(limits.eps) / 2
    error = added(x.error) + rounding * added(most)
    error = np.where(~np.isfinite(value) & (added(x.error) == 0), 0.0, error)
    overflow = added(np.where(np.isfinite(x.value), most, 0.0)) >= float(limits.max) * 0.99
    return value, np.where(unknown | overflow | np.isnan(error), np.inf, error)


def _is_clear(x: Bounded, index: np.ndarray, axis: int, combine: str) -> np.ndarray:
    """Whether the place of the extreme does not depend on the errors."""
    if x.value.shape[axis] == 0:
        return np.ones(index.shape, bool)
    values = x.value.astype(np.float64) * (1 if combine == "argmax" else -1)
    place = np.expand_dims(index, axis)
    best = np.take_along_axis(values - x.error, place, axis)
    others = values + x.error
    np.put_along_axis(others, place, -np.inf, axis)
    without_error = ~(x.error > 0).any(axis)
    return without_error | (best > others.max(axis, keepdims=True)).all(axis)


def _product(x: Bounded, y: Bounded, dtype: DType) -> tuple[np.ndarray, np.ndarray]:
    value = np.matmul(x.value, y.value)
    if not dtype.is_float:
        wrong = np.isinf(x.error).any(-1)[..., :, None] | np.isinf(y.error).any(-2)[..., None, :]
        return value, np.where(wrong, np.inf, 0.0)
    left, right = np.abs(x.value), np.abs(y.value)
    rounding = (x.value.shape[-1] + 1) * float(np.finfo(dtype.numpy).eps) / 2
    most = np.matmul(left + x.error, right + y.error)
    error = np.matmul(left, y.error) + np.matmul(x.error, right + y.error) + rounding * most
    least = float(np.finfo(dtype.numpy).tiny) * x.value.shape[-1]
    error = np.where(most > 0, error + least, 0.0)
    beyond = ~(most < float(np.finfo(dtype.numpy).max) * 0.99)
    return value, np.where(beyond | np.isnan(error), np.inf, error)


def off(array: np.ndarray, expected: Bounded) -> np.ndarray:
    """Where ``array`` is further from the expected values than their errors allow."""
    known = np.isfinite(expected.error)
    if array.dtype.kind != "f":
        return known & (array != expected.value)
    with np.errstate(all="ignore"):
        wide = array.astype(np.float64)
        near = np.abs(wide - expected.value) <= expected.error
        same = (wide == expected.value) | (np.isnan(wide) & np.isnan(expected.value))
    return known & ~near & ~same
