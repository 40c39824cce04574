"""From what a user passes to the operands of a node: conversion, promotion, broadcasting, building.

The one place of NumPy's promotion and broadcasting, both of which become visible nodes.  Where
NumPy needs a dtype that graphc lacks, ``COMPUTED_IN`` says which one stands in.  What an op means
is the affair of its record.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from graphc import location
from graphc.errors import ArgumentError, DTypeError, GraphcError, Mark, ShapeError, shape_text
from graphc.ir import dtypes
from graphc.ir.dims import Dim, Shape, Size
from graphc.ir.dtypes import DType
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Op, lookup
from graphc.ir.types import TensorType
from graphc.naming import assigned_name
from graphc.tensor import Tensor, functions

_FLOATS = {dtypes.float32: dtypes.float32, dtypes.float64: dtypes.float64}
_WIDE = {dtypes.int32: dtypes.float64, dtypes.int64: dtypes.float64}
_INTEGERS = {d: d for d in (dtypes.int32, dtypes.int64, dtypes.uint8)}
_BOOL = {dtypes.bool_: dtypes.bool_}

# In which dtype an op of a domain computes, by the promoted dtype of its operands: NumPy's answer,
# but float32 for its float16 (``exp`` of uint8 and bool) and int64 for its int8 (of bool).
COMPUTED_IN: Mapping[str, Mapping[DType, DType]] = {
    "float": _FLOATS | _WIDE | {dtypes.uint8: dtypes.float32, dtypes.bool_: dtypes.float32},
    "quotient": _FLOATS | {d: dtypes.float64 for d in (*_INTEGERS, *_BOOL)},
    "numeric": _FLOATS | _INTEGERS | {dtypes.bool_: dtypes.int64},
    "signed": _FLOATS | _INTEGERS,
    "integer": _INTEGERS | {dtypes.bool_: dtypes.int64},
    "bits": _INTEGERS | _BOOL,
    "bool": {d: dtypes.bool_ for d in dtypes.ALL},
    "any": {d: d for d in dtypes.ALL},
}

Scalar = bool | int | float | Dim
Function = TypeVar("Function", bound=Callable[..., Any])


def is_scalar(argument: object) -> bool:
    """Whether ``argument`` is a Python number or a size, which adapts to the others' dtype."""
    return isinstance(argument, (bool, int, float, Dim)) and not isinstance(argument, np.generic)


def fail(error: GraphcError, name: str, operands: Sequence[Value | Tensor] = ()) -> GraphcError:
    """``error`` completed with the op's name, its operands and the user's line, to be raised."""
    values = [o.value if isinstance(o, Tensor) else o for o in operands]
    return error.with_operands(name, values, location.capture())


def supported_dtype(like: Any, name: str = "dtype") -> DType:
    """``like`` as a graphc dtype; ``DTypeError`` at the user's line where graphc has none such."""
    try:
        return dtypes.as_dtype(like)
    except (KeyError, TypeError, ValueError):
        known = ", ".join(d.name for d in dtypes.ALL)
        shown = like.__name__ if isinstance(like, type) else like
        raise fail(
            DTypeError(f"graphc has no element type {shown}; it has {known}"), name
        ) from None


def as_array(like: Any, dtype: DType | None = None, name: str = "constant") -> np.ndarray:
    """``like`` as a contiguous array of its own, native-endian, of a dtype graphc has.

    Python floats, and lists of them, are float32 unless ``dtype`` says otherwise.
    """
    if isinstance(like, Tensor):
        raise fail(ArgumentError("wants elements, not a Tensor"), name, [like])
    array = _read(like, name)
    if dtype is None:
        plain = not isinstance(like, np.generic) and not hasattr(like, "__array__")
        as_default = plain and array.dtype == np.float64
        dtype = dtypes.float32 if as_default else supported_dtype(array.dtype, name)
    if array.dtype == dtype.numpy:
        converted = np.array(array, dtype=dtype.numpy, order="C")
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            converted = np.array(array, dtype=dtype.numpy, order="C")
        _check_range(array, converted, name)
    converted.setflags(write=False)
    return converted


def _read(like: Any, name: str) -> np.ndarray:
    """``like`` read as an array of numbers, refused where NumPy would have to guess."""
    # Asked of what is derived from arrays alone: numpy.ma takes a while to import.
    derived = isinstance(like, np.ndarray) and type(like) is not np.ndarray
    if derived and isinstance(like, np.ma.MaskedArray):
        advice = "fill it first, as in value.filled(0)"
        raise fail(ArgumentError("takes no masked array", advice=advice), name)
    try:
        array = np.asarray(like)
    except (TypeError, ValueError) as error:
        if isinstance(error, GraphcError) and isinstance(like, (list, tuple)):
            advice = "put them beside each other first: graphc.stack([x, y])"
            raise fail(ArgumentError("takes no list of tensors", advice=advice), name) from None
        if isinstance(error, GraphcError):
            raise
        told = ArgumentError(f"cannot read {type(like).__name__} as an array: {error}")
        raise fail(told, name) from None
    if array.dtype.kind in "OSUV" and array.dtype.names is None:
        raise fail(_no_numbers(like), name)
    if array.dtype.kind not in "fiub":
        supported_dtype(array.dtype, name)
    return array


def _no_numbers(like: Any) -> DTypeError:
    """What to say of something that is no number and holds none."""
    if isinstance(like, np.ndarray):
        return DTypeError(f"takes numbers, not an array of dtype {like.dtype}")
    if isinstance(like, (list, tuple)):
        strange = [x for x in like if not isinstance(x, (float, list, tuple)) and not _is_int64(x)]
        told = f", not {strange[0]!r:.40}" if strange else ""
        return DTypeError(f"takes lists of numbers{told}")
    return DTypeError(f"takes tensors, arrays and numbers, not {type(like).__name__}")


def _is_int64(x: Any) -> bool:
    return isinstance(x, int) and -(1 << 63) <= x < 1 << 63


def _check_range(given: np.ndarray, converted: np.ndarray, name: str) -> None:
    """``DTypeError`` for an element that ``converted`` cannot hold: out of its range, or a fraction
    or NaN among integers."""
    wanted = converted.dtype
    if given.dtype == wanted or wanted.kind == "b" or given.size == 0:
        return
    if wanted.kind == "f":
        lost = np.isfinite(given) & ~np.isfinite(converted)
    elif given.dtype.kind == "f":
        lost = ~np.isfinite(given) | (converted != given)
    else:
        bounds = np.iinfo(wanted)
        lost = (given < bounds.min) | (given > bounds.max)
    if lost.any():
        reason = f"{given[lost].flat[0]} does not fit into {wanted}"
        raise fail(DTypeError(reason), name)


def as_tensor(like: Any, dtype: DType | None = None, name: str = "constant") -> Tensor:
    """``like`` as a Tensor: itself, or a constant of it, or the value of a symbolic size.

    What stands for a Tensor, such as a layer's variable, says so by ``__graphc_tensor__()``.
    """
    if isinstance(like, Tensor):
        return like if dtype is None else cast(like, dtype)
    if isinstance(like, Dim):
        return cast(functions["size_of"](like), dtype or dtypes.int64)
    declared = getattr(type(like), "__graphc_tensor__", None)
    if declared is not None:
        return as_tensor(declared(like), dtype, name)
    scalar = dtype is not None and is_scalar(like)
    array = _number(like, dtype, name) if scalar and dtype else as_array(like, dtype, name)
    return single(build(lookup("constant"), (), {"value": array}))


def _number(number: Any, dtype: DType, name: str) -> np.ndarray:
    """A Python number as an array of rank 0; ``DTypeError`` for an integer that does not fit."""
    if isinstance(number, int) and not dtype.is_bool and not _fits(number, dtype):
        shown = str(number) if abs(number) < 10**40 else f"of {number.bit_length()} bits"
        raise fail(DTypeError(f"the integer {shown} does not fit into {dtype}"), name)
    with np.errstate(over="ignore"):
        array = np.asarray(number if dtype.is_integer else float(number), dtype.numpy)
    array.setflags(write=False)
    return array


def _fits(number: int, dtype: DType) -> bool:
    if dtype.is_float:
        return abs(number) < 1 << 1023
    if dtype.is_bool:
        return True
    limits = np.iinfo(dtype.numpy)
    return int(limits.min) <= number <= int(limits.max)


def promote(arguments: Sequence[Any], *, widen: bool = False) -> DType:
    """NumPy's common dtype of tensors and arrays, to which Python numbers adapt.

    With ``widen`` an integer that does not fit makes it int64 instead of an error (comparisons).
    """
    strong: DType | None = None
    weak = ""
    for argument in arguments:
        if is_scalar(argument):
            weak = max(weak, _weak_kind(argument))
            continue
        strong = argument.dtype if strong is None else dtypes.promote(strong, argument.dtype)
    if strong is None:
        return {"b": dtypes.bool_, "i": dtypes.int64}.get(weak[1:], dtypes.float32)
    if weak == "2f" and not strong.is_float:
        return dtypes.float64
    if weak == "1i" and strong.is_bool:
        return dtypes.int64
    if widen and not all(_fits(a, strong) for a in arguments if isinstance(a, int)):
        return dtypes.int64
    return strong


def _weak_kind(number: Any) -> str:
    if isinstance(number, bool):
        return "0b"
    return "2f" if isinstance(number, float) else "1i"


def convert(
    name: str, arguments: Sequence[Any], domain: str = "any", *, widen: bool = False
) -> list[Tensor]:
    """All ``arguments`` as tensors of the one dtype in which an op of ``domain`` computes."""
    known = [a if is_scalar(a) else as_tensor(a, name=name) for a in arguments]
    common = promote(known, widen=widen)
    dtype = COMPUTED_IN[domain].get(common)
    if dtype is None:
        tensors = [as_tensor(a, common, name) for a in known]
        raise fail(dtype_error(domain, common), name, [t.value for t in tensors])
    return [as_tensor(a, dtype, name) for a in known]


def dtype_error(domain: str, dtype: DType) -> DTypeError:
    """An op of ``domain`` does not take ``dtype``."""
    taken = ", ".join(d.name for d, computed in COMPUTED_IN[domain].items() if d == computed)
    return DTypeError(f"takes {taken}, not {dtype}", advice="convert with graphc.astype(x, dtype)")


def cast(x: Tensor, dtype: DType) -> Tensor:
    """``x`` as ``dtype``; no node where it is that already."""
    if x.dtype is dtype:
        return x
    return single(build(lookup("astype"), (x.value,), {"dtype": dtype}))


def broadcast_shape(name: str, operands: Sequence[Tensor]) -> Shape:
    """The shape that all ``operands`` broadcast to by NumPy's rule; a symbolic size equals only
    itself, and only the literal 1 stretches."""
    rank = max((x.ndim for x in operands), default=0)
    shape: list[Size] = [1] * rank
    owner = [0] * rank
    for position, operand in enumerate(operands):
        for axis, size in enumerate(operand.shape, start=rank - operand.ndim):
            if size == 1 or size == shape[axis]:
                continue
            if shape[axis] != 1:
                pair = (operands[owner[axis]], operand)
                raise fail(_broadcast_error(*pair, axis - rank), name, operands)
            shape[axis], owner[axis] = size, position
    return tuple(shape)


def _broadcast_error(left: Tensor, right: Tensor, axis: int) -> ShapeError:
    sizes = left.shape[axis], right.shape[axis]
    note = f"{sizes[0]} and {sizes[1]} differ and neither is 1"
    reason = f"cannot broadcast {shape_text(left.shape)} with {shape_text(right.shape)}"
    return ShapeError(reason, mark=Mark(1, axis, note))


def broadcast(x: Tensor, shape: Shape) -> Tensor:
    """``x`` stretched to ``shape``, which it broadcasts to; no node where it has it already."""
    if x.shape == shape:
        return x
    offset = len(shape) - x.ndim
    stretched = [i for i, size in enumerate(x.shape) if size == 1 and shape[i + offset] != 1]
    if stretched:
        kept = tuple(size for i, size in enumerate(x.shape) if i not in stretched)
        axes = tuple(i + offset for i in range(x.ndim) if i not in stretched)
        x = single(build(lookup("squeeze"), (x.value,), {"axes": tuple(stretched)}))
        if kept == shape:
            return x
    else:
        axes = tuple(range(offset, len(shape)))
    return single(build(lookup("broadcast"), (x.value,), {"shape": shape, "axes": axes}))


def elementwise_operands(
    name: str, arguments: Sequence[Any], domain: str, *, widen: bool = False
) -> list[Tensor]:
    """``arguments`` converted, promoted and broadcast to one shape."""
    if _agree(arguments, COMPUTED_IN[domain]):
        return list(arguments)
    tensors = convert(name, arguments, domain, widen=widen)
    shape = broadcast_shape(name, tensors)
    return [broadcast(x, shape) for x in tensors]


def _agree(arguments: Sequence[Any], computed_in: Mapping[DType, DType]) -> bool:
    """Whether the arguments are tensors of one type that need no conversion."""
    first: TensorType | None = None
    for argument in arguments:
        if not isinstance(argument, Tensor):
            return False
        if first is None:
            first = argument.value.type
        elif argument.value.type != first:
            return False
    return first is not None and computed_in.get(first.dtype) is first.dtype


_naming: ContextVar[str | None] = ContextVar("graphc_naming", default=None)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Within it nodes that are given no name of their own are called ``name``."""
    token = _naming.set(name)
    try:
        yield
    finally:
        _naming.reset(token)


def build(
    op: Op, operands: Sequence[Value], attributes: Mapping[str, Any], name: str | None = None
) -> tuple[Tensor, ...]:
    """The results of a new node at the user's line; ``GraphcError`` where the op's rule says so."""
    try:
        types = op.infer([v.type for v in operands], attributes)
    except GraphcError as error:
        error.with_operands(op.name, operands, location.capture())
        raise
    place = _call.place if _call.running and not location.is_set() else location.capture()
    node = Node(op, operands, attributes, types, location=place, name=name or _naming.get())
    _call.newest = node
    return tuple(map(Tensor, node.results))


class _Call(threading.local):
    """The user's call of a public function that is running, and the node built last."""

    running: bool = False
    place: location.Location | None = None
    newest: Node | None = None


_call = _Call()


def named(function: Function) -> Function:
    """``function`` such that the node it makes has the name of the variable the user assigns it to.

    The user's line is looked up once for all nodes made on the way; of these only the last, the
    result's, is named, before anyone has seen it.
    """

    @functools.wraps(function)
    def outermost(*arguments: Any, **keywords: Any) -> Any:
        if _call.running:
            return function(*arguments, **keywords)
        _call.running, _call.place, _call.newest = True, location.capture(), None
        try:
            result = function(*arguments, **keywords)
        finally:
            _call.running = False
        node = _call.newest
        if isinstance(result, Tensor) and node is not None and result.value.node is node:
            name = assigned_name() if node.name is None and not location.is_set() else None
            if name is not None:
                object.__setattr__(node, "name", name)
        return result

    return outermost  # type: ignore[return-value]


def single(results: tuple[Tensor, ...]) -> Tensor:
    """The only one of ``results``."""
    (result,) = results
    return result
