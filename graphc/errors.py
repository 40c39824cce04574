"""Every error class of the compiler, and the text a user sees.

Responsible for how an error reads; decides nothing.  Knows values only by what they show (type,
name, location), so that it stays below the IR.

An error is completed in two steps.  A record's ``infer`` knows what is wrong but neither names nor
lines, and raises with the reason, an optional ``Mark`` of the operand's axis at fault, and an
optional advice::

    raise ShapeError("cannot broadcast (N, 10) with (12)",
                     mark=Mark(1, 0, "10 and 12 differ and neither is 1"))

The tensor layer, which has the operands, completes it and lets it go on::

    try:
        types = op.infer([v.type for v in operands], attributes)
    except GraphcError as error:
        error.with_operands(op.name, operands, location.capture())
        raise

The text is made when it is asked for::

    ShapeError: add: cannot broadcast (N, 10) with (12)
        (N, 10)   %scores   scores = x @ w                train.py:8
           (12)   %bias     bias = graphc.parameter(...   train.py:6
            ^^ 10 and 12 differ and neither is 1
      train.py:9   logits = scores + bias
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from graphc.location import Location

_SOURCE_WIDTH = 44


@dataclass(frozen=True)
class Mark:
    """What carets point at: ``axis`` of operand number ``operand`` (the dtype where ``axis`` is
    ``None``), with a ``note`` after them."""

    operand: int
    axis: int | None
    note: str = ""


@dataclass(frozen=True)
class Operand:
    """One operand as an error shows it."""

    dtype: str
    shape: tuple[str, ...]
    name: str
    location: Location | None = None

    @classmethod
    def of(cls, value: Any) -> Operand:
        """Of an IR value, or of anything with a NumPy ``dtype`` and ``shape``.

        A value that was only converted to another dtype is shown as what the user wrote.
        """
        kind = getattr(value, "type", value)
        node = getattr(value, "node", None)
        while node is not None and node.op.name == "astype" and not node.name:
            node = node.operands[0].node
        name = getattr(value, "name", None) if node is None else node.name
        shown = f"%{name}" if name else node.op.name if node is not None else ""
        return cls(
            str(kind.dtype),
            tuple(map(str, kind.shape)),
            shown,
            getattr(node, "location", None),
        )


def shape_text(shape: Sequence[object]) -> str:
    """``(N, 10)``; no comma after a single size.

    >>> shape_text((12,))
    '(12)'
    """
    return f"({', '.join(map(str, shape))})"


class GraphcError(Exception):
    """Base of all errors of the compiler.  ``reason`` is the first line without the op's name."""

    shows_dtype = False

    def __init__(self, reason: str, *, mark: Mark | None = None, advice: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mark = mark
        self.advice = advice
        self.op: str | None = None
        self.operands: tuple[Operand, ...] = ()
        self.location: Location | None = None

    def with_operands(
        self, op: str, operands: Sequence[Any], location: Location | None = None
    ) -> Self:
        """Complete the error with the op's name, its operands (IR values) and the user's line.

        What an inner op has filled in already stays: the innermost knows best.
        """
        if self.op is None:
            self.op = op
            self.operands = tuple(o if isinstance(o, Operand) else Operand.of(o) for o in operands)
        return self.at(location)

    def at(self, location: Location | None) -> Self:
        """Complete the error with the user's line, where it has none yet."""
        if self.location is None:
            self.location = location
        return self

    def __str__(self) -> str:
        head = self.reason if self.op is None else f"{self.op}: {self.reason}"
        lines = [head, *_operand_lines(self)]
        if self.location is not None:
            source = self.location.text
            lines.append(f"  {self.location.short}" + (f"   {source}" if source else ""))
        if self.advice:
            lines.append(f"  {self.advice}")
        return "\n".join(lines)


class ShapeError(GraphcError, ValueError):
    """Shapes or ranks that do not fit."""


class DTypeError(GraphcError, TypeError):
    """An element type that an op does not take, or that graphc lacks."""

    shows_dtype = True


class AxisError(GraphcError, ValueError, IndexError):
    """An axis out of range or given twice."""


class DimError(GraphcError, ValueError):
    """A named dim that is unbound, bound to two values, or breaks a constraint."""


class UnknownInputError(GraphcError, TypeError):
    """A name that is no input, parameter, output or entry; or an input that was not given."""


class ArgumentError(GraphcError, ValueError):
    """An argument that is none of those above, e.g. a negative count or two equal names."""


class GradientError(GraphcError, ValueError):
    """A gradient that does not exist, e.g. of a value that is no scalar."""


class UnsupportedError(GraphcError, NotImplementedError):
    """Something meaningful that graphc does not do."""


class VerifyError(GraphcError, ValueError):
    """A graph that breaks the rules of the IR; the fault of a pass, or of hand-made text."""


class IndexRangeError(GraphcError, IndexError):
    """An index or label outside its range, found in the data while a program ran."""


class ProgramError(GraphcError, ValueError):
    """A saved program that is truncated, damaged, or of another version."""


class SignatureError(GraphcError, TypeError):
    """A call whose arguments are not those that the function has."""


class IterationError(GraphcError, TypeError):
    """Iteration over a tensor whose length is not known."""


class DefinitionError(GraphcError, RuntimeError):
    """A user's own definition of an op that raised, or gave something that is of no use.  What it
    raised is the cause (``__cause__``)."""

    @classmethod
    def raised(cls, part: str, error: BaseException) -> Self:
        """``part`` of an op's definition (such as "gradient rule") raised ``error``."""
        told = str(error).strip()
        shown = f"{type(error).__name__}: {told}" if told else type(error).__name__
        return cls(f"its {part} raised {shown}")


class ParseError(GraphcError, ValueError):
    """Text that is not a graph.  ``line`` and ``column`` count from 1; ``source`` is the line."""

    def __init__(self, reason: str, source: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.args = (reason, source, line, column)
        self.source = source
        self.line = line
        self.column = column

    def __str__(self) -> str:
        # Tabs stay tabs in the line of carets, so that it lines up however they are shown.
        indent = "".join("\t" if c == "\t" else " " for c in self.source[: self.column - 1])
        place = f"  line {self.line}, column {self.column}"
        return f"{self.reason}\n{place}\n    {self.source}\n    {indent}^"


def _operand_lines(error: GraphcError) -> list[str]:
    """The table of operands, shapes right-aligned so that trailing axes stand above each other."""
    shown = [_cell(o, error.shows_dtype) for o in error.operands]
    sources = [_shortened(o.location.text if o.location else "") for o in error.operands]
    widths = [max(map(len, column), default=0) for column in (shown, sources)]
    name_width = max((len(o.name) for o in error.operands), default=0)
    lines: list[str] = []
    for position, operand in enumerate(error.operands):
        place = operand.location.short if operand.location else ""
        cells = (
            shown[position].rjust(widths[0]),
            operand.name.ljust(name_width),
            sources[position].ljust(widths[1]),
            place,
        )
        lines.append("    " + "   ".join(cell for cell in cells if cell).rstrip())
    return _with_carets(lines, error, shown, widths[0])


def _with_carets(lines: list[str], error: GraphcError, shown: list[str], width: int) -> list[str]:
    mark = error.mark
    if mark is None or mark.operand >= len(shown):
        return lines
    start, length = _span(error.operands[mark.operand], mark.axis, error.shows_dtype)
    column = 4 + width - len(shown[mark.operand]) + start
    carets = " " * column + "^" * length + (f" {mark.note}" if mark.note else "")
    return [*lines[: mark.operand + 1], carets, *lines[mark.operand + 1 :]]


def _cell(operand: Operand, with_dtype: bool) -> str:
    shape = shape_text(operand.shape)
    return f"{operand.dtype} {shape}" if with_dtype else shape


def _span(operand: Operand, axis: int | None, with_dtype: bool) -> tuple[int, int]:
    """Where in its cell the marked part of an operand begins, and how long it is."""
    before = f"{operand.dtype} " if with_dtype else ""
    if axis is None or not -len(operand.shape) <= axis < len(operand.shape):
        return (0, len(operand.dtype)) if with_dtype else (0, len(shape_text(operand.shape)))
    axis %= len(operand.shape)
    start = len(before) + 1 + sum(len(size) + 2 for size in operand.shape[:axis])
    return start, len(operand.shape[axis])


def _shortened(source: str) -> str:
    return source if len(source) <= _SOURCE_WIDTH else source[: _SOURCE_WIDTH - 3] + "..."
