"""Values without operands: inputs, parameters, constants, counting, and sizes as numbers."""

from __future__ import annotations

import itertools
import keyword
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, AxisError, ShapeError
from graphc.ir import dims, dtypes
from graphc.ir.dims import Dim, Shape, Size
from graphc.ir.dtypes import DType
from graphc.ir.op import Attributes
from graphc.ir.types import TensorType
from graphc.operands import as_array, as_tensor, build, fail, single, supported_dtype
from graphc.ops.declare import call, helper, public, source
from graphc.tensor import Tensor

MAX_RANK = 32
MAX_SIZE = 2**48
_NAME_IT = 'give a size that is not known yet a name, as in ("N", 784)'


def _bound_by_the_caller(**attributes: Any) -> Any:
    raise ArgumentError("has no value of its own; the caller gives it")


def _type_attributes(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    return (TensorType(attributes["dtype"], attributes["shape"]),)


def _initial_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    initial = attributes["initial"]
    return (TensorType(dtypes.as_dtype(initial.dtype), initial.shape),)


def _value_type(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
    value = attributes["value"]
    return (TensorType(dtypes.as_dtype(value.dtype), value.shape),)


def _count(*, shape: tuple[int, ...], axis: int, dtype: DType) -> np.ndarray:
    """Every element's own index along ``axis``."""
    along = [1] * len(shape)
    along[axis] = shape[axis]
    steps = np.arange(shape[axis], dtype=dtype.numpy).reshape(along)
    return np.ascontiguousarray(np.broadcast_to(steps, shape))


INPUT = source(
    "input",
    infer=_type_attributes,
    numpy=_bound_by_the_caller,
    doc="A value given at every call.",
)
PARAMETER = source(
    "parameter",
    infer=_initial_type,
    numpy=_bound_by_the_caller,
    doc="A value kept between calls, which updates may change.",
)
CONSTANT = source(
    "constant", infer=_value_type, numpy=lambda *, value: value, doc="A value that never changes."
)
IOTA = source(
    "iota",
    infer=_type_attributes,
    numpy=_count,
    doc="Every element's own index along one axis.",
)


def as_size(size: Any, name: str) -> Size:
    """A size from an int, a ``Dim``, or a text such as ``"2*N + 1"``."""
    if isinstance(size, Dim):
        return size
    if isinstance(size, str):
        try:
            return dims.parse(size)
        except ValueError as error:
            raise fail(ShapeError(str(error)), name) from None
    if isinstance(size, (int, np.integer)) and not isinstance(size, bool):
        if size < 0:
            advice = _NAME_IT if size == -1 and name == "input" else None
            raise fail(ShapeError(f"a size cannot be negative: {size}", advice=advice), name)
        if size > MAX_SIZE:
            raise fail(ShapeError(f"a size of {size} is beyond the {MAX_SIZE} that fit"), name)
        return int(size)
    advice = _NAME_IT if size is None and name == "input" else None
    reason = f"a size is an int, a name or a polynomial, not {size!r}"
    raise fail(ShapeError(reason, advice=advice), name)


def as_shape(shape: Any, name: str) -> Shape:
    """A shape from one size or a sequence of them."""
    if isinstance(shape, (str, int, np.integer, Dim)):
        shape = (shape,)
    if not isinstance(shape, (tuple, list)):
        raise fail(ShapeError(f"a shape is a tuple of sizes, not {shape!r}"), name)
    if len(shape) > MAX_RANK:
        raise fail(ShapeError(f"rank {len(shape)} is beyond the {MAX_RANK} that fit"), name)
    return tuple(as_size(size, name) for size in shape)


def _checked_name(name: Any, kind: str) -> str:
    parts = name.split(".") if isinstance(name, str) else [""]
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        reason = f"the name must be an identifier, or several with dots between, not {name!r}"
        raise fail(ArgumentError(reason), kind)
    return str(name)


_declarations = itertools.count(1)  # by which a graph takes its inputs in the order declared


@public(INPUT)
def input(name: str, shape: Any, dtype: Any = dtypes.float32) -> Tensor:
    """An array that is given at every call.

    ``shape`` is a tuple of sizes: ints, names such as ``"N"``, or polynomials such as
    ``"2*N + 1"``.  Equal names are equal sizes in all inputs.  Raises ``ShapeError``,
    ``DTypeError`` or ``ArgumentError`` (the name).

    >>> import graphc
    >>> graphc.input("x", ("N", "2*N + 1"), graphc.float64)
    Tensor %x: f64[N, 2*N + 1]
    """
    attributes = {
        "shape": as_shape(shape, "input"),
        "dtype": supported_dtype(dtype, "input"),
        "declared": next(_declarations),
    }
    return single(build(INPUT, (), attributes, _checked_name(name, "input")))


@public(PARAMETER)
def parameter(name: str, initial: Any, dtype: Any = None) -> Tensor:
    """A value that an executable keeps between calls, and that updates may change.

    ``initial`` is an ndarray or anything like one, or a function that returns one (see
    ``graphc.initializers``); an array keeps its dtype unless ``dtype`` says otherwise, Python
    floats are float32.  Raises ``DTypeError`` or ``ArgumentError`` (the name).

    >>> import graphc
    >>> graphc.parameter("w", [[1.0, 2.0]])
    Tensor %w: f32[1, 2]
    """
    wanted = None if dtype is None else supported_dtype(dtype, "parameter")
    made = initial() if isinstance(initial, Callable) else initial  # type: ignore[arg-type]
    array = as_array(made, wanted, "parameter")
    return single(build(PARAMETER, (), {"initial": array}, _checked_name(name, "parameter")))


@public(CONSTANT)
def constant(value: Any, dtype: Any = None) -> Tensor:
    """A value that never changes: a number, a nested list or an array, which is copied.

    An array keeps its dtype unless ``dtype`` says otherwise; Python floats are float32.

    >>> import graphc
    >>> graphc.constant([1.0, 2.0])
    Tensor constant: f32[2]
    """
    wanted = None if dtype is None else supported_dtype(dtype, "constant")
    return as_tensor(value, wanted)


@public(IOTA)
def iota(shape: Any, axis: int = 0, dtype: Any = dtypes.int64) -> Tensor:
    """Every element's own index along ``axis``.

    >>> import graphc
    >>> graphc.iota((2, "N"), axis=1)
    Tensor iota: i64[2, N]
    """
    sizes = as_shape(shape, "iota")
    kind = supported_dtype(dtype, "iota")
    if not isinstance(axis, int) or isinstance(axis, bool):
        raise fail(AxisError(f"an axis is an int, not {axis!r}"), "iota")
    if not -len(sizes) <= axis < len(sizes):
        raise fail(AxisError(f"axis {axis} is out of range for rank {len(sizes)}"), "iota")
    if kind.is_bool:
        return call.astype(call.iota(sizes, axis), kind)  # type: ignore[no-any-return]
    attributes = {"shape": sizes, "axis": axis % len(sizes), "dtype": kind}
    return single(build(IOTA, (), attributes))


@helper
def size_of(size: Any) -> Tensor:
    """A size as a number: an int64 of rank 0, also where the size is symbolic.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 3))
    >>> graphc.size_of(x.shape[0] * 2)
    Tensor squeeze: i64[]
    """
    known = as_size(size, "size_of")
    if isinstance(known, int):
        return as_tensor(known, dtypes.int64)
    # Element number n of 0, 1, ..., n.  Fused, it is n itself; there is no loop and no memory.
    counted = call.iota((known + 1,))
    last: Tensor = call.squeeze(call.getitem(counted, slice(known, known + 1)), 0)
    return last


@helper
def arange(start: Any, stop: Any = None, step: int = 1, *, dtype: Any = dtypes.int64) -> Tensor:
    """``start``, ``start + step``, ... before ``stop``; with one argument from 0 up to it.

    ``start`` and ``stop`` are sizes (ints may be negative), ``step`` an int other than 0.

    >>> import graphc
    >>> graphc.arange("N")
    Tensor iota: i64[N]
    """
    first, last = (0, start) if stop is None else (start, stop)
    bounds = [x if isinstance(x, int) else as_size(x, "arange") for x in (first, last)]
    if not isinstance(step, int) or step == 0:
        raise fail(ArgumentError(f"the step must be an int other than 0, not {step!r}"), "arange")
    span = bounds[1] - bounds[0] if step > 0 else bounds[0] - bounds[1]
    count = dims.ceil_divide(span, abs(step))
    count = max(count, 0) if isinstance(count, int) else count
    kind = supported_dtype(dtype, "arange")
    counted: Tensor = call.iota((count,), dtype=kind)
    scaled = counted if step == 1 else counted * step
    return scaled if bounds[0] == 0 else scaled + bounds[0]


@helper
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """``fill_value`` everywhere.

    >>> import graphc
    >>> graphc.full(("N", 2), 7.0)
    Tensor broadcast: f32[N, 2]
    """
    return call.broadcast_to(constant(fill_value, dtype), shape)  # type: ignore[no-any-return]


@helper
def zeros(shape: Any, dtype: Any = dtypes.float32) -> Tensor:
    """Zeros.

    >>> import graphc
    >>> graphc.zeros((2, 3)).shape
    (2, 3)
    """
    return full(shape, 0, dtype)


@helper
def ones(shape: Any, dtype: Any = dtypes.float32) -> Tensor:
    """Ones.

    >>> import graphc
    >>> graphc.ones((2, 3)).shape
    (2, 3)
    """
    return full(shape, 1, dtype)


@helper
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """``fill_value`` in the shape and, unless told otherwise, the dtype of ``x``.

    >>> import graphc
    >>> graphc.full_like(graphc.input("x", ("N",)), 7)
    Tensor broadcast: f32[N]
    """
    like = as_tensor(x, name="full_like")
    return full(like.shape, fill_value, dtype or like.dtype)


@helper
def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape and, unless told otherwise, the dtype of ``x``.

    >>> import graphc
    >>> graphc.zeros_like(graphc.input("x", ("N",)))
    Tensor broadcast: f32[N]
    """
    return full_like(x, 0, dtype)


@helper
def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of the shape and, unless told otherwise, the dtype of ``x``.

    >>> import graphc
    >>> graphc.ones_like(graphc.input("x", ("N",)))
    Tensor broadcast: f32[N]
    """
    return full_like(x, 1, dtype)
