"""What the emission of one kernel carries along: its buffers, the axes and names in scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphc.codegen.affine import Affine, element
from graphc.codegen.grid import Grid, Position, TileAxis
from graphc.codegen.scalar_llvm import LLVMBuilder
from graphc.codegen.sizes import SizeValues
from graphc.codegen.values import POINTER, Value, constant, lanes_constant, llvm_type
from graphc.codegen.writer import Writer
from graphc.ir import dtypes
from graphc.ir.dims import Size
from graphc.loops.ir import Argument, Expr, Load, Statement
from runtime.target import Target

if TYPE_CHECKING:
    from graphc.codegen.blocking import Block


class Context:
    """State of the emission.

    In scope are the tile's ``axes`` (``only`` is its position, where it has but one), the grids of
    ``names``, the integers' ``definitions``, through which indices are looked, the ``loop`` whose
    body is written, and the ``block`` of a reduction that goes in blocks.

    Of buffers: their ``pointers``; ``versions`` count the stores to each, so that a load is used
    again only while nothing was stored.  A load that is ``staged`` reads a copy instead, one that
    is ``turned`` is in registers already, where a store replaces it.  Stores to what is
    ``streamed`` pass by the caches.  ``wanted`` is to be prefetched by the next reduction, and what
    is ``ahead`` by its load: in which loop, and how many bytes further on.

    ``elements`` and ``lowerings`` keep what was found of an access and an op before; the ops of
    ``repeated`` are called; ``frame`` is where a failed check is reported.
    """

    def __init__(
        self,
        writer: Writer,
        builder: LLVMBuilder,
        sizes: SizeValues,
        target: Target,
        arguments: Sequence[Argument],
    ) -> None:
        self.writer = writer
        self.builder = builder
        self.sizes = sizes
        self.target = target
        self.arguments = {argument.name: argument for argument in arguments}
        self.pointers: dict[str, Value] = {}
        self.versions = dict.fromkeys(self.arguments, 0)
        self.axes: list[TileAxis] = []
        self.only: Position | None = {}
        self.names: dict[str, Grid] = {}
        self.definitions: dict[str, Expr] = {}
        self.lowerings: dict[int, Callable[..., Value]] = {}
        self.repeated: frozenset[str] = frozenset()
        self.elements: dict[tuple[str, tuple[Expr, ...]], Affine] = {}
        self.staged: dict[Load, Load] = {}
        self.copies = True  # whether panels that are read again may be
        self.turned: dict[Load, Grid] = {}
        self.block: Block | None = None
        self.wanted: list[tuple[str, tuple[Expr, ...], bool]] = []
        self.ahead: dict[Load, tuple[Statement, int]] = {}
        self.loop: Statement | None = None
        self.frame: Value | None = None
        self.streamed: frozenset[str] = frozenset()
        self.owned: tuple[Value, Value] | None = None

    def axis(self, name: str) -> TileAxis:
        return next(axis for axis in self.axes if axis.name == name)

    @property
    def vector_axis(self) -> TileAxis | None:
        """The axis in scope whose positions are vectors."""
        return next((axis for axis in self.axes if axis.width), None)

    @property
    def around(self) -> list[TileAxis]:
        """The axes in scope that are at one point."""
        return [axis for axis in self.axes if axis.count == 1 and not axis.width]

    @contextmanager
    def within(self, axis: TileAxis) -> Iterator[None]:
        """In a tile of ``axis``; names bound inside are not seen outside.  The vector axis stays
        last, so that what a row has in common is used while it is at hand."""
        before = self.axes, self.only, self.names, self.definitions, self.staged
        self.names, self.definitions = dict(self.names), dict(self.definitions)
        self.staged = dict(self.staged)
        self._enter(sorted([*self.axes, axis], key=lambda each: each.width > 0))
        try:
            yield
        finally:
            self.axes, self.only, self.names, self.definitions, self.staged = before

    @contextmanager
    def at(self, axes: Sequence[TileAxis]) -> Iterator[None]:
        """With ``axes`` instead of those in scope."""
        before = self.axes, self.only
        self._enter(list(axes))
        try:
            yield
        finally:
            self.axes, self.only = before

    def _enter(self, axes: list[TileAxis]) -> None:
        """``only`` is the position that there is, where there is but one."""
        self.axes = axes
        single = all(axis.count == 1 for axis in axes)
        self.only = {axis.name: axis.first for axis in axes} if single else None

    def size(self, size: Size) -> Value:
        return self.sizes.value(size)

    def element(self, buffer: str, indices: tuple[Expr, ...]) -> Affine:
        """Which element of ``buffer`` is at ``indices``."""
        known = self.elements.get((buffer, indices))
        if known is not None:
            return known
        found = element(indices, self.arguments[buffer], self.definitions)
        if not self.definitions:
            self.elements[buffer, indices] = found
        return found

    def point(self, axis: TileAxis, position: int) -> tuple[Value, int]:
        """The index of a scalar position, or of the first lane of a vector, as a value and a
        number to add to it; clamped where the tile may reach beyond the extent."""
        if axis.width:
            return axis.base, position * axis.width
        if axis.limit is None:
            return axis.base, position
        writer = self.writer
        last = writer.subtract(axis.limit, constant(1, dtypes.int64))
        return writer.smaller(writer.add(axis.base, constant(position, dtypes.int64)), last), 0

    def valid(self, axis: TileAxis, position: int) -> Value | None:
        """Whether a scalar position lies within the extent; ``None`` where it surely does."""
        if axis.width or axis.limit is None:
            return None
        here = self.writer.add(axis.base, constant(position, dtypes.int64))
        return self.writer.compare("slt", here, axis.limit)

    def mask(self, axis: TileAxis, position: int) -> Value | None:
        """The lanes of a vector position within the extent; ``None`` where all are."""
        if not axis.width:
            return None
        start = position * axis.width
        if axis.valid is not None:
            lanes = tuple(start + lane < axis.valid for lane in range(axis.width))
            return None if all(lanes) else lanes_constant(lanes, dtypes.bool_)
        if axis.limit is None:
            return None
        writer = self.writer
        rest = writer.subtract(axis.limit, axis.base)
        short = writer.pure(f"trunc i64 {rest.text} to i32", dtypes.int32, 1, rest.level)
        lanes_from = lanes_constant(tuple(range(start, start + axis.width)), dtypes.int32)
        bound = self.builder.splat(short, axis.width)
        kind = llvm_type(dtypes.int32, axis.width)
        text = f"icmp slt {kind} {lanes_from.text}, {bound.text}"
        return writer.pure(text, dtypes.bool_, axis.width, bound.level)

    def stored(self, buffer: str) -> None:
        """A store to ``buffer`` was written: what was loaded from it is no longer known."""
        self.versions[buffer] += 1

    def advance(self, pointer: Value, offset: Value) -> Value:
        """``pointer`` plus bytes."""
        if offset.literal == 0:
            return pointer
        text = f"getelementptr i8, ptr {pointer.text}, i64 {offset.text}"
        return self.writer.pure(text, POINTER, 1, max(pointer.level, offset.level))

    def allocate(self, type: str) -> Value:
        """A place on the stack, aligned to a cache line."""
        return Value(self.writer.allocate(type, 64), POINTER)
