"""Solving the named dims of a graph from the shapes of arrays.

Responsible for the values of dims and for naming conflicts; looks at no elements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from graphc.errors import DimError, shape_text
from graphc.ir import dims
from graphc.ir.dims import Dim, Shape, Size


class Shaped(NamedTuple):
    """An array as its declaration and the call give it."""

    name: str
    declared: Shape
    actual: tuple[int, ...]


class _Equation(NamedTuple):
    size: Size
    actual: int
    name: str
    axis: int

    @property
    def place(self) -> str:
        return f"axis {self.axis} of {self.name}"


def solve(
    arrays: Sequence[Shaped], constraints: Sequence[tuple[Size, str, Size]] = ()
) -> dict[str, int]:
    """The value of each named dim.  Ranks must agree already.

    A dim is bound by a size that is its name, else by one that is linear in it once the others are
    known.  ``DimError`` names a conflict with both values, an unbound dim, or a broken constraint.

    >>> n = dims.named("N")
    >>> solve([Shaped("x", (n, 2 * n + 1), (3, 7))])
    {'N': 3}
    """
    equations = [
        _Equation(size, actual, array.name, axis)
        for array in arrays
        for axis, (size, actual) in enumerate(zip(array.declared, array.actual, strict=True))
    ]
    bound: dict[str, int] = {}
    origin: dict[str, _Equation] = {}
    pending = [e for e in equations if isinstance(e.size, Dim)]
    pending.sort(key=lambda e: not _is_name(e.size))
    progress = True
    while pending and progress:
        later = [e for e in pending if not _bind(e, bound, origin)]
        progress, pending = len(later) < len(pending), later
    for equation in equations:
        _check(equation, bound, origin)
    for left, relation, right in constraints:
        _check_constraint(left, relation, right, bound)
    return bound


def value_of(size: Size, bound: Mapping[str, int]) -> int:
    """``dims.evaluate`` with a ``DimError`` for a dim without a value or a division by zero."""
    try:
        return size if isinstance(size, int) else dims.evaluate(size, bound)
    except KeyError as error:
        raise DimError(
            f"the dim {error.args[0]} has no value; no input's shape tells it",
            advice=f"give an input with {error.args[0]} alone as one of its sizes",
        ) from None
    except ZeroDivisionError:
        raise DimError(f"{size} divides by zero where {_shown(size, bound)}") from None


def _is_name(size: Size) -> bool:
    return str(size).isidentifier()


def _bind(equation: _Equation, bound: dict[str, int], origin: dict[str, _Equation]) -> bool:
    """Bind the one dim still unknown in ``equation``; whether nothing in it is unknown now."""
    unknown = dims.names(equation.size) - bound.keys()
    if not unknown:
        return True
    if len(unknown) > 1:
        return False
    (name,) = unknown
    slope = _slope(equation.size, name, bound)
    if slope is None:
        return False
    rest = value_of(_without(equation.size, name), bound)
    value, over = divmod(equation.actual - rest, slope)
    if over or value < 0:
        raise DimError(
            f"{equation.place} is {equation.size}, which is {equation.actual} for no size {name}"
        )
    bound[name], origin[name] = value, equation
    return True


def _slope(size: Size, name: str, bound: Mapping[str, int]) -> int | None:
    """The factor of ``name`` in a size linear in it; ``None`` where it is not linear or is 0."""
    terms = size.terms if isinstance(size, Dim) else ()
    slope = 0
    for monomial, coefficient in terms:
        if monomial.count(name) > 1:
            return None
        if any(not isinstance(atom, str) and name in dims.names(Dim((((atom,), 1),)))
               for atom in monomial):  # fmt: skip
            return None
        if name in monomial:
            others = [atom for atom in monomial if atom != name]
            slope += coefficient * value_of(Dim(((tuple(others), 1),)), bound)
    return slope or None


def _without(size: Size, name: str) -> Size:
    """``size`` without the terms that have ``name`` as a factor: its value where ``name`` is 0."""
    terms = size.terms if isinstance(size, Dim) else ()
    return Dim(tuple((m, c) for m, c in terms if name not in m))


def _check(equation: _Equation, bound: Mapping[str, int], origin: Mapping[str, _Equation]) -> None:
    expected = value_of(equation.size, bound)
    if expected == equation.actual:
        return
    if isinstance(equation.size, int):
        raise DimError(f"{equation.place} must be {expected}, not {equation.actual}")
    if _is_name(equation.size):
        first = origin[str(equation.size)]
        raise DimError(
            f"{equation.size} is {expected} by {first.place}, "
            f"but {equation.actual} by {equation.place}"
        )
    raise DimError(
        f"{equation.place} must be {equation.size} = {expected}, not {equation.actual}, "
        f"where {_shown(equation.size, bound)}"
    )


def _check_constraint(left: Size, relation: str, right: Size, bound: Mapping[str, int]) -> None:
    a, b = value_of(left, bound), value_of(right, bound)
    if a == b or (relation == ">=" and a >= b):
        return
    used = dims.names(left) | dims.names(right)
    where = ", ".join(f"{name} = {bound[name]}" for name in sorted(used))
    raise DimError(f"the graph demands {left} {relation} {right}, but {where}")


def _shown(size: Size, bound: Mapping[str, int]) -> str:
    return ", ".join(f"{n} = {bound[n]}" for n in sorted(dims.names(size)) if n in bound)


def rank_reason(declared: Shape, actual: Sequence[int]) -> str:
    """The reason for an array of the wrong rank."""
    return f"declared with shape {shape_text(declared)}, given {shape_text(actual)}"
