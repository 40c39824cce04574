"""Op records and their registry: everything the compiler knows of an operation, in one place.

One record an op; every stage looks an op up by what its record says, never by its name.  The kind
of a record (its class) says how the op becomes loops:

=============== ==================================================================================
Source          no operands that are computed: input, parameter, constant, iota
Elementwise     equal shapes in, the same shape out; scalar arithmetic in ``lower``
Rearrange       every result element is one operand element or a constant: views, pad, concat
Reduction       one operand, folded along ``axes`` by ``combine`` in the order of attribute "order"
Blocks          one operand, each block of eight elements along ``axis`` folded by ``combine``
Contraction     matrix product [..., M, K] x [..., K, N]; attribute "order"
Gather          like Rearrange with an index read from an operand
Scatter         operand 0 summed, in ascending order, where operand 1 says along ``axis``
Check           its operand clamped into a range; the entry fails first where any element is outside
Composite       defined by other ops (``expand``); seen whole by autodiff and by ``stabilize``
Region          owns a body graph: ``fusion``
=============== ==================================================================================

A gradient rule is ``grad(cotangents, outputs, *operands, **attributes) -> sequence`` over Tensors,
with one entry an operand (``None``: no gradient flows).  A reference is ``numpy(*arrays,
**attributes)``, the interpreter's meaning of the op.  ``infer(types, attributes)`` gives the result
types or raises an error of ``graphc.errors`` that says what is wrong with the operands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.errors import ArgumentError
from graphc.ir.dims import Size
from graphc.ir.types import TensorType

Attributes = Mapping[str, Any]
Infer = Callable[[Sequence[TensorType], Attributes], tuple[TensorType, ...]]
Constraint = tuple[Size, str, Size]  # (left, "==" or ">=", right)


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """What every record has.  Equality is identity: one record an op.

    ``requires(types, attributes)`` gives the constraints on symbolic sizes without which a node has
    no meaning (``x[5:]`` needs ``N >= 5``); they are checked when the named dims are bound."""

    name: str
    infer: Infer
    numpy: Callable[..., Any]
    grad: Callable[..., Sequence[Any]] | None = None
    doc: str = ""
    requires: Callable[[Sequence[TensorType], Attributes], Sequence[Constraint]] | None = None

    def __repr__(self) -> str:
        return f"<op {self.name}>"


@dataclass(frozen=True, eq=False, kw_only=True)
class Source(Op):
    """``iota`` and ``constant`` compute; ``input`` and ``parameter`` stand for buffers."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Elementwise(Op):
    """``lower(builder, *scalars, **attributes)`` is scalar arithmetic against ``ScalarBuilder``;
    ``math(sympy, *symbols, **attributes)`` its meaning, where it has one; ``cost`` in flops: the
    time of a vector of float32, measured, in that of a vector of multiply-adds."""

    lower: Callable[..., Any]
    math: Callable[..., Any] | None = None
    cost: int = 1


@dataclass(frozen=True)
class Piece:
    """Where a result element comes from: ``operand`` at ``index``; or, when ``operand`` is
    ``None``, the constant ``fill``.  The piece holds where each ``(expression, low, high)`` of
    ``where`` has ``low <= expression < high`` (sizes); the first piece that holds wins, the last
    one has an empty ``where``."""

    operand: int | None
    index: tuple[Any, ...] = ()
    fill: Any = None
    where: tuple[tuple[Any, Any, Any], ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Rearrange(Op):
    """``pieces(index, operand_types, result_type, attributes)`` maps a result index (one expression
    an axis, with ``+ - *`` among themselves and sizes) to the pieces it may fall into."""

    pieces: Callable[..., Sequence[Piece]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Reduction(Op):
    """Folds ``attributes["axes"]`` (sorted, non-negative) away; ``combine`` is one of add,
    multiply, maximum, minimum, argmax, argmin, any, all."""

    combine: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Blocks(Op):
    """Folds each block of eight elements along ``attributes["axis"]`` by halves: all but the last
    step of a reduction in the order "tree".  ``attributes["combine"]`` as for ``Reduction``."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Contraction(Op):
    """The matrix product; operands of equal rank >= 2 and equal batch sizes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Gather(Op):
    """Operand 0 (the source) read at a computed place.  ``index_at(index, attributes)`` is where
    the result's element reads operand 1 (integers); ``source_at(index, taken, attributes)`` is
    where it then reads operand 0.  The integer is clamped to the source's axis."""

    index_at: Callable[..., tuple[Any, ...]]
    source_at: Callable[..., tuple[Any, ...]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scatter(Op):
    """Operand 0 added to zeros of ``attributes["size"]`` along ``attributes["axis"]``, where
    operand 1 (integers of the same shape, clamped into the range) says.  Each element of the
    result is +0 and then, in the order of that axis, what goes there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Check(Op):
    """Integers clamped into [0, ``attributes["limit"]``).  Where any is outside, the entry fails
    before it has written anything."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Composite(Op):
    """``expand(*tensors, **attributes)`` builds it from other ops, returning a Tensor or a
    tuple."""

    expand: Callable[..., Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Region(Op):
    """An op whose meaning is the body graph of its node."""


_registry: dict[str, Op] = {}


def register(op: Op, *, again: bool = False) -> Op:
    """Enter ``op`` into the registry.  ``ValueError`` where the name is taken by another record,
    unless it is declared ``again``."""
    if _registry.get(op.name, op) is not op and not again:
        raise ArgumentError(f"an op named {op.name!r} exists already; choose another name")
    _registry[op.name] = op
    return op


def lookup(name: str) -> Op:
    """The record of the op called ``name``; ``KeyError`` where there is none."""
    return _registry[name]


def registered() -> tuple[Op, ...]:
    """All records, in the order in which they were made."""
    return tuple(_registry.values())
