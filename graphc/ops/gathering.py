"""Elements at computed places: take_along_axis reads them, scatter_add adds to them; one_hot; and
the check of indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.errors import DTypeError, IndexRangeError, Mark, ShapeError, shape_text
from graphc.ir import dtypes
from graphc.ir.dims import Size
from graphc.ir.dtypes import DType
from graphc.ir.op import Attributes, Check, Rearrange, register
from graphc.ir.types import TensorType
from graphc.operands import (
    as_tensor,
    broadcast,
    build,
    cast,
    convert,
    fail,
    single,
    supported_dtype,
)
from graphc.ops.declare import call, composite, gather, public, scatter
from graphc.ops.shapes import normal_axes
from graphc.ops.sources import as_size
from graphc.ops.type_rules import check_domain
from graphc.tensor import Tensor

Types = Sequence[TensorType]


def _check_integers(types: Types, position: int = 0) -> None:
    if not types[position].dtype.is_integer:
        reason = f"indices are integers, not {types[position].dtype}"
        raise DTypeError(reason, mark=Mark(position, None))


# -- check_index -------------------------------------------------------------------------------


def _check_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    _check_integers(types)
    return (types[0],)


def _check_reference(index: np.ndarray, *, limit: int, low: int = 0) -> np.ndarray:
    outside = (index < low) | (index >= limit)
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        reason = f"index {index[place]} at {shape_text(place)} is outside {low} to {limit - 1}"
        raise IndexRangeError(reason)
    return index


CHECK_INDEX = register(
    Check(
        name="check_index",
        infer=_check_type,
        numpy=_check_reference,
        grad=lambda cotangents, outputs, index, **attributes: (None,),
        doc="The indices themselves, which must be at least 0 (or low) and below a limit.",
    )
)


@public(CHECK_INDEX)
def check_index(index: Any, limit: Any, *, low: Any = 0) -> Tensor:
    """The indices themselves; the call fails with the first that is not in [``low``, ``limit``).

    Raises ``DTypeError`` for indices that are no integers, ``IndexRangeError`` at once for a
    constant that is out of range.

    >>> import graphc
    >>> graphc.check_index(graphc.input("labels", ("N",), graphc.int32), 10)
    Tensor check_index: i32[N]
    """
    tensor = as_tensor(index, name="check_index")
    attributes: dict[str, Any] = {"limit": as_size(limit, "check_index")}
    if low != 0:
        attributes["low"] = low
    result = single(build(CHECK_INDEX, (tensor.value,), attributes))
    node = tensor.value.node
    if node.op.name == "constant" and all(isinstance(x, int) for x in attributes.values()):
        try:
            _check_reference(node.attributes["value"], **attributes)
        except IndexRangeError as error:
            raise fail(error, "check_index", [tensor]) from None
    return result


def is_given(index: Tensor) -> bool:
    """Whether an index is the caller's data or a constant, perhaps moved or cast, and so must be
    right; indices that the graph computes are clamped where they are used."""
    node = index.value.node
    while isinstance(node.op, Rearrange) or node.op.name == "astype":
        node = node.operands[0].node
    return node.op.name in ("input", "constant")


# -- take_along_axis ---------------------------------------------------------------------------


def _take_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    x, index = types
    _check_integers(types, 1)
    axis = attributes["axis"]
    if x.rank != index.rank:
        raise ShapeError(f"ranks {x.rank} and {index.rank} differ", mark=Mark(1, None))
    for i, (have, want) in enumerate(zip(index.shape, x.shape, strict=True)):
        if i != axis and have != want:
            raise ShapeError(f"only axis {axis} may differ", mark=Mark(1, i, f"{want} expected"))
    return (x.with_shape(index.shape),)


def _take_reference(x: np.ndarray, index: np.ndarray, *, axis: int) -> np.ndarray:
    if x.shape[axis] == 0:
        return np.zeros(index.shape, x.dtype)
    clamped = np.clip(index.astype(np.int64), 0, x.shape[axis] - 1)
    return np.take_along_axis(x, clamped, axis)


def _take_grad(cotangents: Any, outputs: Any, x: Tensor, index: Tensor, *, axis: int) -> Any:
    """Each element of x gets the sum of the cotangents of what was read from it."""
    return (_scatter_add(cotangents[0], index, axis=axis, size=x.shape[axis]), None)


_take_along_axis = gather(
    "take_along_axis",
    infer=_take_type,
    numpy=_take_reference,
    index_at=lambda index, attributes: index,
    source_at=lambda index, taken, attributes: tuple(
        taken if i == attributes["axis"] else at for i, at in enumerate(index)
    ),
    grad=_take_grad,
    doc="Elements of x at the indices along one axis; an index outside reads the nearest element.",
)


@public(_take_along_axis)
def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Tensor:
    """``x[..., indices[..., j], ...]`` along ``axis``, as in NumPy; other axes broadcast.

    Negative indices count from the end.  Indices that are given by the caller are checked when the
    graph runs; computed ones are clamped.  Raises ``ShapeError``, ``DTypeError``, ``AxisError``.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 10))
    >>> labels = graphc.input("labels", ("N", 1), graphc.int32)
    >>> graphc.take_along_axis(x, labels, axis=1)
    Tensor take_along_axis: f32[N, 1]
    """
    source, index = as_tensor(x, name="take_along_axis"), as_tensor(indices)
    along = _axis_along("take_along_axis", axis, [source, index])
    size, shape = source.shape[along], _other_sizes("take_along_axis", [source, index], along)
    index = _counted_from_start(index, size)
    source = broadcast(source, tuple(size if i == along else s for i, s in enumerate(shape)))
    count = index.shape[along]
    index = broadcast(index, tuple(count if i == along else s for i, s in enumerate(shape)))
    result: Tensor = _take_along_axis(source, index, axis=along)
    return result


def _axis_along(name: str, axis: int, operands: list[Tensor]) -> int:
    """Which axis the integers of the second operand are along, counted from the first."""
    source, index = operands
    if not index.dtype.is_integer:
        error = DTypeError(f"indices are integers, not {index.dtype}", mark=Mark(1, None))
        raise fail(error, name, operands)
    (along,) = normal_axes(name, axis, source.ndim, source)
    if source.ndim != index.ndim:
        error_ranks = ShapeError(f"ranks {source.ndim} and {index.ndim} differ")
        raise fail(error_ranks, name, operands)
    return along


def _counted_from_start(index: Tensor, size: Size) -> Tensor:
    """Negative indices made positive; what is out of range keeps its value for the error."""
    signed = index.dtype.kind == "i"
    if is_given(index):
        index = check_index(index, size, low=-size if signed else 0)
    if not signed:
        return index
    count = as_tensor(size, index.dtype)
    return call.where((index < 0) & (index >= -count), index + count, index)  # type: ignore[no-any-return]


def _other_sizes(name: str, operands: list[Tensor], axis: int) -> list[Size]:
    sizes: list[Size] = []
    for i, (ours, theirs) in enumerate(zip(operands[0].shape, operands[1].shape, strict=True)):
        if i != axis and ours != theirs and 1 not in (ours, theirs):
            note = f"{ours} and {theirs} differ and neither is 1"
            error = ShapeError(f"only axis {axis} may differ", mark=Mark(1, i, note))
            raise fail(error, name, operands)
        sizes.append(theirs if ours == 1 else ours)
    return sizes


# -- scatter_add -------------------------------------------------------------------------------


def _scatter_type(types: Types, attributes: Attributes) -> tuple[TensorType, ...]:
    x, index = types
    _check_integers(types, 1)
    check_domain("signed", x.dtype)
    axis = attributes["axis"]
    if x.shape != index.shape or not 0 <= axis < x.rank:
        raise ShapeError(f"{x} has no place of its own in {index} along axis {axis}")
    return (x.with_shape((*x.shape[:axis], attributes["size"], *x.shape[axis + 1 :])),)


def _scatter_reference(x: np.ndarray, index: np.ndarray, *, axis: int, size: int) -> np.ndarray:
    result = np.zeros((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
    places: list[Any] = list(np.indices(x.shape, sparse=True))
    places[axis] = np.clip(index.astype(np.int64), 0, size - 1)
    if size:
        with np.errstate(all="ignore"):
            np.add.at(result, tuple(places), x)
    return result


def _scatter_grad(
    cotangents: Any, outputs: Any, x: Tensor, index: Tensor, *, axis: int, size: Size
) -> Any:
    return (_take_along_axis(cotangents[0], index, axis=axis), None)


_scatter_add = scatter(
    "scatter_add",
    infer=_scatter_type,
    numpy=_scatter_reference,
    grad=_scatter_grad,
    doc="Zeros, to which each element of x is added where the indices say along one axis.",
)


@public(_scatter_add)
def scatter_add(x: Any, indices: Any, size: Any, axis: int = -1) -> Tensor:
    """Zeros of ``size`` along ``axis``, to which the elements of ``x`` are added in turn, each
    where ``indices`` says along that axis: what ``take_along_axis`` reads, put back.

    ``indices`` has the rank of ``x`` and its size along ``axis``; other axes broadcast.  Negative
    indices count from the end.  Indices that are given by the caller are checked when the graph
    runs; computed ones are clamped.  Integers wrap; booleans are added as int64.  Raises
    ``ShapeError``, ``DTypeError``, ``AxisError``.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 8))
    >>> rows = graphc.input("rows", ("N", 1), graphc.int32)
    >>> graphc.scatter_add(x, rows, 100, axis=0)
    Tensor scatter_add: f32[100, 8]
    """
    (source,) = convert("scatter_add", [x], "numeric")
    index = as_tensor(indices)
    along, extent = _axis_along("scatter_add", axis, [source, index]), as_size(size, "scatter_add")
    if source.shape[along] != index.shape[along]:
        reason = f"{source.shape[along]} elements and {index.shape[along]} places"
        error = ShapeError(f"{reason} along axis {along}", mark=Mark(1, along))
        raise fail(error, "scatter_add", [source, index])
    shape = tuple(_other_sizes("scatter_add", [source, index], along))
    index = broadcast(_counted_from_start(index, extent), shape)
    result: Tensor = _scatter_add(broadcast(source, shape), index, axis=along, size=extent)
    return result


# -- one_hot -----------------------------------------------------------------------------------


def _one_hot_expand(index: Tensor, *, num_classes: Size, axis: int, dtype: DType) -> Tensor:
    shape = (*index.shape[:axis], num_classes, *index.shape[axis:])
    wide = cast(index, dtypes.int64)
    repeated = broadcast(call.expand_dims(wide, axis), shape)
    return cast(repeated == call.iota(shape, axis), dtype)


def _one_hot_reference(index: np.ndarray, *, num_classes: int, axis: int, dtype: DType) -> Any:
    classes = np.arange(num_classes).reshape((-1,) + (1,) * (index.ndim - axis))
    return (np.expand_dims(index, axis) == classes).astype(dtype.numpy)


_one_hot = composite(
    "one_hot",
    numpy=_one_hot_reference,
    expand=_one_hot_expand,
    grad=lambda cotangents, outputs, index, **attributes: (None,),
    doc="1 at the index, 0 elsewhere, along a new axis.",
)


@public(_one_hot)
def one_hot(index: Any, num_classes: Any, *, axis: int = -1, dtype: Any = dtypes.float32) -> Tensor:
    """1 at the place that ``index`` says along a new ``axis`` of ``num_classes``, 0 elsewhere.

    An index outside makes zeros only.  Raises ``DTypeError`` for indices that are no integers.

    >>> import graphc
    >>> graphc.one_hot(graphc.input("labels", ("N",), graphc.int32), 10)
    Tensor one_hot: f32[N, 10]
    """
    tensor = as_tensor(index, name="one_hot")
    if not tensor.dtype.is_integer:
        error = DTypeError(f"indices are integers, not {tensor.dtype}", mark=Mark(0, None))
        raise fail(error, "one_hot", [tensor])
    (along,) = normal_axes("one_hot", axis, tensor.ndim + 1, tensor)
    result: Tensor = _one_hot(
        tensor,
        num_classes=as_size(num_classes, "one_hot"),
        axis=along,
        dtype=supported_dtype(dtype, "one_hot"),
    )
    return result
