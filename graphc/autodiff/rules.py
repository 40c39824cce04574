"""Which gradient rule an op has.

Responsible for the order of precedence: the record's own ``grad``; the derivative of its
mathematics (stored for graphc's own ops, derived at first use for a user's); for a composite the
gradient of its expansion.  Says nothing of how rules are chained (``graphc.autodiff.reverse``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import GradientError
from graphc.ir.op import Composite, Elementwise, Op
from graphc.ops import derivatives

Rule = Callable[..., Sequence[Any]]

_derived: dict[Op, Rule] = {}


def rule_of(op: Op) -> Rule | None:
    """The gradient rule of ``op``; ``None`` for a composite without one, whose expansion is
    differentiated.  ``GradientError`` where there is no rule to be had."""
    if op.grad is not None:
        return op.grad
    if isinstance(op, Composite):
        return None
    if not isinstance(op, Elementwise):
        raise GradientError("it has no gradient", advice="put graphc.stop_gradient around it")
    stored = derivatives.RULES.get(op.name)
    if stored is not None:
        return stored
    if op.math is None:
        raise GradientError(
            "it has neither a gradient rule nor mathematics to derive one from",
            advice="give the op grad= or math=, or put graphc.stop_gradient around it",
        )
    if op not in _derived:
        from graphc.symbolic.differentiate import derived_rule

        _derived[op] = derived_rule(op)
    return _derived[op]
