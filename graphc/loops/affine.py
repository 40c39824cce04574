"""Index expressions as sums of axes times sizes, and which axes such an index determines."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from graphc.ir.dims import Dim, Size
from graphc.loops.ir import Apply, AxisIndex, Expr, Literal, Name, SizeOf
from runtime.frozen import frozen

Key = Hashable


@frozen
class Affine:
    """``constant + sum(coefficient * axis)``; no coefficient is zero."""

    constant: Size
    terms: Mapping[Key, Size]

    def plus(self, other: Affine, factor: Size = 1) -> Affine:
        """``self + factor * other``."""
        terms = dict(self.terms)
        for key, coefficient in other.terms.items():
            terms[key] = terms.get(key, 0) + factor * coefficient
        kept = {key: coefficient for key, coefficient in terms.items() if coefficient != 0}
        return Affine(self.constant + factor * other.constant, kept)

    def renamed(self, names: Mapping[Key, Key]) -> Affine:
        """With other keys for the axes; those not in ``names`` keep theirs."""
        return Affine(self.constant, {names.get(k, k): c for k, c in self.terms.items()})


ZERO = Affine(0, {})


def affine(
    expr: Expr, axes: Mapping[str, Key], values: Mapping[str, Affine | None]
) -> Affine | None:
    """``expr`` as an affine form, or ``None`` where it is none.  ``axes`` gives the key of each
    loop axis in scope, ``values`` the form of each bound name that has one."""
    if isinstance(expr, Literal):
        return Affine(int(expr.value), {}) if expr.dtype.is_integer else None
    if isinstance(expr, SizeOf):
        return Affine(expr.size, {})
    if isinstance(expr, AxisIndex):
        return Affine(0, {axes[expr.name]: 1})
    if isinstance(expr, Name):
        return values.get(expr.name)
    if not isinstance(expr, Apply) or expr.op not in ("add", "subtract", "multiply", "negative"):
        return None
    operands = [affine(operand, axes, values) for operand in expr.operands]
    known = [operand for operand in operands if operand is not None]
    if len(known) != len(operands):
        return None
    if expr.op == "negative":
        return ZERO.plus(known[0], -1)
    left, right = known
    if expr.op != "multiply":
        return left.plus(right, 1 if expr.op == "add" else -1)
    if left.terms and right.terms:
        return None
    return ZERO.plus(left, right.constant) if left.terms else ZERO.plus(right, left.constant)


def determined(index: Sequence[Affine], extents: Mapping[Key, Size]) -> set[Key]:
    """The axes whose value follows from that of ``index``, where ``extents`` says how far each axis
    goes.  Conservative: an axis left out may be determined all the same."""
    known = {key for key, extent in extents.items() if isinstance(extent, int) and extent <= 1}
    pending = list(index)
    while pending:
        solved = [form for form in pending if _is_mixed_radix(form, known, extents)]
        if not solved:
            return known
        for form in solved:
            known.update(form.terms)
        pending = [form for form in pending if form not in solved]
    return known


def _is_mixed_radix(form: Affine, known: set[Key], extents: Mapping[Key, Size]) -> bool:
    """Whether the unknown axes are the digits of a number: each coefficient is at least the one
    before it times the extent of that one's axis.  Signs do not matter, by counting backwards."""
    unknown = [(_magnitude(c), extents[key]) for key, c in form.terms.items() if key not in known]
    if any(coefficient is None for coefficient, _ in unknown):
        return False
    reach: Size = 1
    while unknown:
        for position, (coefficient, extent) in enumerate(unknown):
            rest = unknown[:position] + unknown[position + 1 :]
            assert coefficient is not None
            span = coefficient * extent
            if _at_least(coefficient, reach) and all(_at_least(c, span) for c, _ in rest):
                reach, unknown = span, rest
                break
        else:
            return False
    return True


def _magnitude(coefficient: Size) -> Size | None:
    if isinstance(coefficient, int):
        return abs(coefficient)
    signs = {factor > 0 for _, factor in coefficient.terms}
    if len(signs) != 1:
        return None
    return coefficient if signs.pop() else -coefficient


def _at_least(left: Size | None, right: Size) -> bool:
    """Whether ``left >= right`` for all named dims >= 0 for which an axis has points at all."""
    if left is None:
        return False
    if right == 1 and isinstance(left, Dim):
        return True  # a stride of 0 belongs to an axis inside that has no points
    difference = left - right
    if isinstance(difference, int):
        return difference >= 0
    return all(factor >= 0 for _, factor in difference.terms)
