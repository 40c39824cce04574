"""Index expressions as a constant, a stride an axis, and what is left over.

Responsible for the arithmetic of addresses only; emits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphc.ir import dims
from graphc.ir.dims import Size
from graphc.loops.ir import Apply, Argument, AxisIndex, Expr, Literal, Name, SizeOf


@dataclass(eq=False, repr=False)
class Affine:
    """``constant + sum(stride * axis) + sum(factor * expression)``.  With ``panels`` (axis, width,
    distance) another ``distance`` for each whole ``width`` of that axis."""

    constant: Size = 0
    strides: dict[str, Size] = field(default_factory=dict)
    others: list[tuple[Size, Expr]] = field(default_factory=list)
    panels: tuple[str, int, Size] | None = None

    def add(self, other: Affine, factor: Size) -> None:
        """Add ``factor`` times ``other``."""
        self.constant = self.constant + other.constant * factor
        for name, stride in other.strides.items():
            self.strides[name] = self.strides.get(name, 0) + stride * factor
        self.others += [(scale * factor, expression) for scale, expression in other.others]

    @property
    def is_constant(self) -> bool:
        return not self.others and not any(s != 0 for s in self.strides.values())


def analyse(expression: Expr, definitions: Mapping[str, Expr]) -> Affine:
    """``expression`` (an i64) as an affine form; ``definitions`` are the lets it may look into."""
    if isinstance(expression, AxisIndex):
        return Affine(0, {expression.name: 1})
    if isinstance(expression, Literal):
        return Affine(int(expression.value))
    if isinstance(expression, SizeOf):
        return Affine(expression.size)
    if isinstance(expression, Name) and expression.name in definitions:
        inner = analyse(definitions[expression.name], definitions)
        if all(isinstance(other, Name) for _, other in inner.others):
            return inner
    if isinstance(expression, Apply):
        found = _arithmetic(expression, definitions)
        if found is not None:
            return found
    return Affine(0, {}, [(1, expression)])


def _arithmetic(expression: Apply, definitions: Mapping[str, Expr]) -> Affine | None:
    if expression.op not in ("add", "subtract", "multiply", "negative"):
        return None
    parts = [analyse(operand, definitions) for operand in expression.operands]
    total = Affine()
    if expression.op == "negative":
        total.add(parts[0], -1)
        return total
    left, right = parts
    if expression.op == "multiply":
        if not left.is_constant and not right.is_constant:
            return None
        scaled, factor = (right, left) if left.is_constant else (left, right)
        total.add(scaled, factor.constant)
        return total
    total.add(left, 1)
    total.add(right, 1 if expression.op == "add" else -1)
    return total


def element(index: Sequence[Expr], argument: Argument, definitions: Mapping[str, Expr]) -> Affine:
    """The number of an element of a buffer, from its index."""
    total = Affine()
    stride: Size = 1
    sizes = list(argument.shape)
    if argument.panels:
        *sizes, depth, _ = sizes
        rows, last = analyse(index[-2], definitions), index[-1]
        width, count = argument.panels, dims.ceil_divide(argument.shape[-1], argument.panels)
        assert isinstance(last, AxisIndex)
        total.add(analyse(last, definitions), 1)
        total.add(rows, width)
        total.panels = (last.name, width, (depth - 1) * width)
        index, stride = index[:-2], depth * count * width
    for expression, size in zip(reversed(index), reversed(sizes), strict=True):
        total.add(analyse(expression, definitions), stride)
        stride = stride * size
    total.strides = {name: stride for name, stride in total.strides.items() if stride != 0}
    return total
