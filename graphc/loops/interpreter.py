"""The reference interpreter of loop IR: what a kernel means, on NumPy arrays.

The axes of the loops around a statement are the leading dimensions of its arrays, and each
statement runs over the whole iteration space at once; schedules are ignored.  Reductions fold in
the program's order (``graphc.loops.orders``) and ops compute by their records' ``lower``, so
results have the bits of native code.  Every access is checked against its buffer's bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.ir import dims, dtypes
from graphc.ir.dtypes import DType
from graphc.ir.scalar_numpy import NumpyBuilder, as_constant
from graphc.loops import ir
from graphc.loops.ir import BLOCK
from graphc.loops.orders import COMBINE, Fold, fold_blocks, identity
from graphc.loops.scalars import elementwise

Array = Any
_CHUNK_ELEMENTS = 1 << 22  # of one array that holds values still to be folded
_SMALLEST_CHUNK = 64  # no smaller: the most lanes there are


class CheckError(Exception):
    """A ``check`` was false at ``index`` with ``value``; nothing has been written."""

    def __init__(self, code: int, index: int, value: int) -> None:
        super().__init__(f"check {code} failed at index {index} with value {value}")
        self.code = code
        self.index = index
        self.value = value


def run(
    kernel: ir.Kernel,
    arrays: Mapping[str, np.ndarray[Any, Any]],
    bindings: Mapping[str, int] | None = None,
    *,
    fused: bool = True,
) -> None:
    """Run a kernel that the verifier accepts; its out, inout and temp arrays are written in place.

    ``arrays`` has one for each argument, of its dtype and, under ``bindings`` of the named dims, of
    its shape (``ValueError`` where not).  ``fused=False`` is a target without FMA.  Raises
    ``CheckError`` where a check is false, ``IndexError`` where an access is out of its buffer.
    """
    bindings = bindings or {}
    for argument in kernel.arguments:
        array = arrays[argument.name]
        shape = tuple(dims.evaluate(size, bindings) for size in argument.shape)
        if array.shape != shape or array.dtype != argument.dtype.numpy:
            raise ValueError(
                f"{argument.name} must be {argument.dtype} {shape}, not {array.dtype} {array.shape}"
            )
    writable = {a.name for a in kernel.arguments if a.mode != "in"}
    machine = _Machine(arrays, writable, bindings, NumpyBuilder(fused=fused))
    machine.execute(kernel.body, _Space((), (), (), {}))


@dataclass(frozen=True)
class _Space:
    """The iteration space around a statement: its axes, in order the dimensions of arrays, each
    with its first index and length, and the values bound so far."""

    axes: tuple[str, ...]
    starts: tuple[int, ...]
    shape: tuple[int, ...]
    values: dict[str, Array]

    def within(self, axis: str, start: int, length: int) -> _Space:
        return _Space(
            (*self.axes, axis), (*self.starts, start), (*self.shape, length), dict(self.values)
        )

    def index(self, axis: str) -> Array:
        """The index of an axis as an array."""
        at = len(self.axes) - 1 - self.axes[::-1].index(axis)
        counted = np.arange(self.starts[at], self.starts[at] + self.shape[at], dtype=np.int64)
        return counted.reshape([-1 if i == at else 1 for i in range(len(self.axes))])

    def lifted(self, value: Array) -> Array:
        """A value made in a space around this one, as an array of this one."""
        missing = len(self.axes) - np.ndim(value)
        if missing == 0 or np.ndim(value) == 0:
            return value
        return value.reshape(value.shape + (1,) * missing)


class _Machine:
    def __init__(
        self,
        arrays: Mapping[str, Array],
        writable: set[str],
        bindings: Mapping[str, int],
        builder: NumpyBuilder,
    ) -> None:
        self.arrays = arrays
        self.writable = writable
        self.bindings = bindings
        self.builder = builder

    # Statements.

    def execute(self, body: Sequence[ir.Statement], space: _Space) -> None:
        for statement in body:
            if isinstance(statement, ir.Let):
                space.values[statement.name] = self.evaluate(statement.value, space)
            elif isinstance(statement, ir.Store):
                value = self.evaluate(statement.value, space)
                self.store(statement.buffer, statement.index, value, space)
            elif isinstance(statement, ir.For):
                inner = space
                for axis in statement.axes:
                    inner = inner.within(axis.name, 0, self.size(axis.extent))
                self.execute(statement.body, inner)
            elif isinstance(statement, ir.Reduce):
                self.reduce(statement, space)
            elif isinstance(statement, ir.Column):
                self.column(statement, space)
            else:
                self.check(statement, space)

    def reduce(self, statement: ir.Reduce, space: _Space) -> None:
        folds: list[Fold] = []
        types: list[DType] = []
        for kind, value in zip(statement.kinds, statement.operands, strict=True):
            folds.append(Fold(kind, statement.order, statement.axis.extent, self.builder))
            types.append(value[0].dtype)
        extent = self.size(statement.axis.extent)
        chunk = BLOCK
        while chunk > _SMALLEST_CHUNK and chunk * int(np.prod(space.shape)) > _CHUNK_ELEMENTS:
            chunk //= 2
        for start in range(0, extent, chunk):
            inner = space.within(statement.axis.name, start, min(chunk, extent - start))
            self.execute(statement.body, inner)
            for folding, exprs in zip(folds, statement.operands, strict=True):
                folding.update(*(self._along_last(expr, inner) for expr in exprs))
        for name, folding, dtype in zip(statement.names, folds, types, strict=True):
            space.values[name] = folding.finish(dtype)

    def _along_last(self, expr: ir.Expr, space: _Space) -> Array:
        """The values of ``expr`` with the last axis of ``space`` at its full length."""
        value = np.asarray(self.evaluate(expr, space))
        value = value.reshape(value.shape or (1,) * len(space.shape))
        return np.broadcast_to(value, (*value.shape[:-1], space.shape[-1]))

    def column(self, statement: ir.Column, space: _Space) -> None:
        at = space.axes.index(statement.axis)
        value = self._spread(self.evaluate(statement.value, space), space)
        if statement.order == "ascending":
            self._in_turn(statement, at, value, space)
            return
        moved = np.moveaxis(value, at, -1)
        if statement.order == "block":
            folded = fold_blocks(statement.kind, moved, self.builder.dtype(value))
            blocks = tuple(folded.shape[-1] if i == at else n for i, n in enumerate(space.shape))
            inside = _Space(space.axes, space.starts, blocks, {})
            self.store(statement.buffer, statement.index, np.moveaxis(folded, -1, at), inside)
            return
        folding = Fold(statement.kind, "tree", space.shape[at], self.builder)
        if moved.shape[-1]:
            folding.update(moved)
        result = folding.finish(dtypes.as_dtype(value.dtype), moved.shape[:-1])
        once = _Space(
            space.axes,
            space.starts,
            tuple(1 if i == at else n for i, n in enumerate(space.shape)),
            {name: v for name, v in space.values.items() if np.ndim(v) <= at or v.shape[at] == 1},
        )
        self.store(statement.buffer, statement.index, np.expand_dims(result, at), once)

    def _in_turn(self, statement: ir.Column, at: int, value: Array, space: _Space) -> None:
        """A column that says where: the elements of its buffer start anew, then take what comes."""
        buffer, fold = self.arrays[statement.buffer], COMBINE[statement.kind]
        if buffer.size == 0:
            return
        one = tuple(1 if n == at else size for n, size in enumerate(space.shape))
        once = _Space(space.axes, space.starts, one, {})
        begun: list[Any] = [
            slice(None) if n == statement.where else self._spread(self.evaluate(i, once), once)
            for n, i in enumerate(statement.index)
        ]
        buffer[tuple(begun)] = identity(statement.kind, dtypes.as_dtype(value.dtype))
        places = self._places(statement.buffer, statement.index, space, None)
        spread = [np.moveaxis(self._spread(place, space), at, 0) for place in places]
        for row, *there in zip(np.moveaxis(value, at, 0), *spread, strict=True):
            buffer[tuple(there)] = fold(buffer[tuple(there)], row)

    def check(self, statement: ir.Check, space: _Space) -> None:
        wrong = ~self._spread(self.evaluate(statement.condition, space), space)
        if not wrong.any():
            return
        first = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        index, value = (
            int(self._spread(self.evaluate(expr, space), space)[first])
            for expr in (statement.index, statement.value)
        )
        raise CheckError(statement.code, index, value)

    def store(self, name: str, index: tuple[ir.Expr, ...], value: Array, space: _Space) -> None:
        if 0 in space.shape:
            return
        view = self._plain_view(name, index, space)
        if view is not None and view.shape == space.shape:
            view[...] = value
            return
        places = self._places(name, index, space, None)
        spread = tuple(self._spread(place, space) for place in places)
        self.arrays[name][spread] = self._spread(value, space)

    # Expressions.

    def evaluate(self, expr: ir.Expr, space: _Space) -> Array:
        """The value of ``expr`` at every point: an array of the space's rank that broadcasts to its
        shape, or a scalar."""
        if isinstance(expr, ir.Literal):
            return as_constant(expr.value, expr.dtype)
        if isinstance(expr, ir.Name):
            return space.lifted(space.values[expr.name])
        if isinstance(expr, ir.AxisIndex):
            return space.index(expr.name)
        if isinstance(expr, ir.SizeOf):
            return np.int64(self.size(expr.size))
        if isinstance(expr, ir.Load):
            return self.load(expr, space)
        operands = [self.evaluate(operand, space) for operand in expr.operands]
        record = elementwise(expr.op)
        result = record.lower(self.builder, *operands, **dict(expr.attributes))
        if result.dtype != expr.dtype.numpy:
            raise TypeError(f"{expr.op} gave {result.dtype} where {expr.dtype} was promised")
        return result

    def load(self, expr: ir.Load, space: _Space) -> Array:
        view = None if expr.guard else self._plain_view(expr.buffer, expr.index, space)
        if view is not None:
            return view.copy() if expr.buffer in self.writable else view
        guard = None if expr.guard is None else self.evaluate(expr.guard, space)
        places = self._places(expr.buffer, expr.index, space, guard)
        buffer = self.arrays[expr.buffer]
        zero = as_constant(0, expr.dtype)
        if buffer.size == 0 or 0 in space.shape:  # no point reads, or ``_places`` had refused
            shape = np.broadcast_shapes(*(np.shape(place) for place in places))
            return np.full(shape, zero)
        loaded = buffer[tuple(places)]
        return loaded if guard is None else np.where(guard, loaded, zero)

    def _plain_view(self, name: str, index: tuple[ir.Expr, ...], space: _Space) -> Array | None:
        """The elements accessed as a view, where the index is distinct axes in whatever order."""
        buffer = self.arrays[name]
        axes = [expr.name for expr in index if isinstance(expr, ir.AxisIndex)]
        positions = [space.axes.index(axis) for axis in axes]
        if len(set(positions)) != len(index):
            return None
        for size, at in zip(buffer.shape, positions, strict=True):
            if space.starts[at] + space.shape[at] > size:
                return None
        ranges = tuple(
            slice(space.starts[at], space.starts[at] + space.shape[at]) for at in positions
        )
        ordered = buffer[(*ranges, ...)].transpose(np.argsort(positions))
        shape = [space.shape[at] if at in positions else 1 for at in range(len(space.shape))]
        return ordered.reshape(shape)

    def _places(
        self, name: str, index: tuple[ir.Expr, ...], space: _Space, guard: Array | None
    ) -> list[Array]:
        """The index arrays of an access, 0 where the guard is false; none may be out of range."""
        places: list[Array] = []
        for axis, expr in enumerate(index):
            place = self.evaluate(expr, space)
            size = self.arrays[name].shape[axis]
            wrong = (place < 0) | (place >= size)
            wrong = wrong if guard is None else wrong & guard
            if 0 not in space.shape and np.any(wrong):
                found = np.broadcast_to(place, np.shape(wrong))[wrong][0]
                raise IndexError(f"{name}: index {found} of axis {axis} is not in 0..{size - 1}")
            places.append(place if guard is None else np.where(guard, place, 0))
        return places

    def _spread(self, value: Array, space: _Space) -> Array:
        return np.broadcast_to(value, space.shape)

    def size(self, size: dims.Size) -> int:
        return dims.evaluate(size, self.bindings)
