"""Loop IR: kernels as loop nests with scalar bodies, affine accesses and a schedule.

The grammar, whole (``[]`` optional, ``*`` repeated, ``,*`` separated by commas)::

    kernel    = "kernel" name ["<" name,* ">"] "(" argument,* ")" block
    argument  = ["out" | "inout" | "temp" | "stream"] name ":" dtype "[" size,* "]"
                ["panels(" int ")"]
    block     = "{" statement* "}"          statements end with ";" or the line
    statement = for | (let | store | reduce | column) ["loc(" string ":" int ")"] | check
    for       = "for" axis,* ["parallel"] block
    axis      = name "<" size ["tile(" int ")"] ["vector(" int ")"]
    let       = name "=" expr
    store     = access "=" expr
    reduce    = name,* "=" "reduce" kind,* axis "order(" order ")" ["unroll(" int ")"]
                ["across(" name ")"] "{" statement* expr,* "}"
    column    = access "=" "reduce" kind name "order(" order | "block" ")" "{" expr "}"
    check     = "check" int "," expr "," expr "," expr
    access    = name "[" expr,* "]"
    expr      = literal | name | "size(" size ")" | access ["if" "(" expr ")"] | "-" expr
              | expr infix expr | op "(" expr,* ")" ["{" name "=" attribute ,* "}"] | "(" expr ")"
    infix     = "*" | "/"  over  "+" | "-"  over  "<" | "<=" | ">" | ">=" | "==" | "!="
    literal   = ["-"] (number | "inf" | "nan") ["f32" | "f64" | "i32" | "i64" | "u8"]
              | "true" | "false"
    attribute = literal | string | dtype | "none" | "size(" size ")" | "(" attribute,* ")"
    kind      = "add" | "multiply" | "maximum" | "minimum" | "argmax" | "argmin" | "any" | "all"
              | "fma"
    order     = "ascending" | "lanes" | "tree"

A literal without suffix is f32 where it has a point or an exponent (or is inf or nan), else i64.
A ``name`` in an expression is a bound value, the index of a loop axis, or a named size.  An infix
sign is the op add, subtract, multiply, divide, less, less_equal, greater, greater_equal, equal or
not_equal; "-" alone is negative.  Expressions nest at most 100 deep, statements 12.

Meaning.  Each statement is executed for all points of the loops around it before the next statement
is; iterations of one loop never depend on each other (the verifier holds that), so a schedule
changes nothing but speed.  An access whose guard is false reads zero and touches no memory.  A
store is by the point that owns its index.  A ``column`` reduces over an axis of the ``for`` around
it.

The order of a reduction is its meaning.  With identity e (add +0, multiply 1, maximum the lowest,
for floats -inf, ...):

* ``ascending``: e, then each element in turn; ``fma`` is acc = fma(x, y, acc) from +0 (of
  integers x*y + acc, which wraps).
* ``lanes``: blocks of 8192 elements.  In a block, element k goes to lane k mod L (L =
  ``lane_count``), each lane folds ascending from e, then lanes fold by halves (lane l with lane
  l + L/2, ...).  The blocks' results fold ascending from e.
* ``tree``: blocks of 8 elements, folded by halves (element l with l + 4, then l + 2, l + 1), absent
  ones being e; the blocks' results fold ascending from e.

A column in order ``ascending`` may say where: then one expression of its index depends on the
axis, the others being axes of loops or literals, each element is e and in turn what goes there, and
of a buffer without elements nothing is asked.

A column in order ``block`` stops before the last step: each block of 8 is folded by halves into an
element of its own, and in the index the axis stands for the number of the block.  Such blocks are
independent of each other; folded ascending they are the tree.

``fma`` is never a tree; in lanes each lane is a chain of fma, and lanes and blocks are added.
maximum and minimum propagate NaN and, of equals, keep the left operand; argmax and argmin give the
first index (i64) of the extremum, a NaN being the extremum, and 0 where there is nothing.

The schedule: ``tile(t)`` holds t points of the axis in registers, ``vector(w)`` makes w of them one
vector (a tile of 1 is then one vector); ``unroll(u)`` repeats a reduction's body; ``across(a)``
makes the points of the tile's axis a its vectors while an ascending one folds.  A reduction in
lanes that has vectors inside a vector axis folds the lanes of all points of that one side by side.
``parallel`` lets
the tiles of a kernel's outermost loop be handed to threads.  In a nest of several axes the panels
of the last axis are outermost, and the tiles of the others run within a panel in order.  A kernel's
body is one loop nest, or statements and nests, which are phases that run one after the other (see
``graphc.loops.phases``).  The ``tile(t)`` of an ascending reduction cuts it into blocks: the tiles
of the last two axes go through one block after the other, what they have so far waiting in memory;
axes before these are then outermost.  ``stream`` is ``out`` for a result which, where the kernel
goes through more than the last cache holds, is not to be kept in any.

An argument is contiguous and row-major; with ``panels(w)`` it is cut along its last axis into
panels of w, the last one padded, which follow each other: what is used together lies together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import field
from typing import Any, Union

import numpy as np

from graphc.ir import dtypes
from graphc.ir.dims import Shape, Size
from graphc.ir.dtypes import DType
from graphc.location import Location
from runtime.frozen import frozen

BLOCK = 8192
TREE = 8
MAX_NESTING = 100
MAX_LOOPS = 12
REDUCTIONS = (
    "add", "multiply", "maximum", "minimum", "argmax", "argmin", "any", "all", "fma",
)  # fmt: skip
_SURELY_FINITE = 3e38  # below it no float32 overflows; to say what is to happen if one does is slow


COLUMN_ORDERS = ("tree", "block", "ascending")


def lane_count(extent: Size, dtype: DType) -> int:
    """Lanes of the order ``lanes``: four vectors of 64 bytes, or one where the static extent is so
    short that four would stay mostly empty."""
    one = 64 // max(dtype.size, 4)
    return one if isinstance(extent, int) and extent <= 4 * one else 4 * one


def value_count(kinds: Sequence[str]) -> int:
    """How many values a reduce of these kinds folds."""
    return len(kinds) + sum(kind == "fma" for kind in kinds)


def folded_dtype(kind: str, dtype: DType) -> DType:
    """The dtype of folding values of ``dtype`` by ``kind``."""
    return dtypes.int64 if kind in ("argmax", "argmin") else dtype


@frozen
class Literal:
    """A constant.  Of the float64 that round to one float32 the value kept is the shortest decimal.
    Literals are equal where their bits are: NaN is, 0.0 and -0.0 are not."""

    value: float | int | bool
    dtype: DType

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _normal(self.value, self.dtype))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, DType]:
        return repr(self.value), self.dtype


def _normal(value: float | int | bool, dtype: DType) -> float | int | bool:
    if dtype.is_bool:
        return bool(value)
    if dtype.is_integer:
        return int(value)
    if dtype == dtypes.float64 or not math.isfinite(value):
        return float(value)
    if abs(value) < _SURELY_FINITE:
        return float(str(np.float32(value)))
    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))


@frozen
class Name:
    """The value bound by a let or a reduce."""

    name: str
    dtype: DType


@frozen
class AxisIndex:
    """The index of the loop axis ``name``."""

    name: str

    @property
    def dtype(self) -> DType:
        return dtypes.int64


@frozen
class SizeOf:
    """A size as a number."""

    size: Size

    @property
    def dtype(self) -> DType:
        return dtypes.int64


@frozen
class Load:
    """An element of a buffer; 0 where the ``guard`` is false."""

    buffer: str
    index: tuple[Expr, ...]
    dtype: DType
    guard: Expr | None = None


@frozen
class Apply:
    """An elementwise op, by the name of its record."""

    op: str
    operands: tuple[Expr, ...]
    dtype: DType
    attributes: tuple[tuple[str, Any], ...] = ()


Expr = Union[Literal, Name, AxisIndex, SizeOf, Load, Apply]


@frozen
class Axis:
    """A loop axis 0 <= name < extent and its schedule; ``vector`` 0 means scalar."""

    name: str
    extent: Size
    tile: int = 1
    vector: int = 0


@frozen
class Let:
    """Binds ``value`` to a name."""

    name: str
    value: Expr
    location: Location | None = field(default=None, compare=False)


@frozen
class Store:
    """Writes ``value`` to an element of a buffer."""

    buffer: str
    index: tuple[Expr, ...]
    value: Expr
    location: Location | None = field(default=None, compare=False)


@frozen
class Reduce:
    """Folds ``values`` (``fma`` takes two, every other kind one) along ``axis`` into ``names``."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    axis: Axis
    order: str
    body: tuple[Statement, ...]
    values: tuple[Expr, ...]
    unroll: int = 1
    across: str = ""
    location: Location | None = field(default=None, compare=False)

    @property
    def operands(self) -> list[tuple[Expr, ...]]:
        """Those of ``values`` that each kind folds."""
        rest = iter(self.values)
        return [tuple(itertools.islice(rest, value_count((kind,)))) for kind in self.kinds]


@frozen
class Column:
    """Folds ``value`` along the enclosing axis ``axis`` in order tree, block or ascending into
    ``buffer[index]``."""

    buffer: str
    index: tuple[Expr, ...]
    kind: str
    axis: str
    value: Expr
    order: str = "tree"
    location: Location | None = field(default=None, compare=False)

    @property
    def where(self) -> int | None:
        """The expression of the index, by its number, that says where, in order ascending."""
        if self.order != "ascending":
            return None
        for number, part in enumerate(self.index):
            if not isinstance(part, (AxisIndex, Literal)) or part == AxisIndex(self.axis):
                return number
        return None


@frozen
class Check:
    """Where ``condition`` is false the entry returns status ``code`` with ``index`` and ``value``
    (both i64), before anything was written."""

    code: int
    condition: Expr
    index: Expr
    value: Expr


@frozen
class For:
    """Nested loops over ``axes``, the outermost first; ``parallel`` ones threads may share."""

    axes: tuple[Axis, ...]
    body: tuple[Statement, ...]
    parallel: bool = False


Statement = Union[Let, Store, Reduce, Column, Check, For]


@frozen
class Argument:
    """A contiguous row-major buffer, in panels of ``panels`` along its last axis where that is not
    0.  ``mode`` is in, out, inout, temp or stream."""

    name: str
    dtype: DType
    shape: Shape
    mode: str = "in"
    panels: int = 0


@frozen
class Kernel:
    """Statements on buffers, for any value of its ``dims``."""

    name: str
    arguments: tuple[Argument, ...]
    body: tuple[Statement, ...]
    dims: tuple[str, ...] = ()
