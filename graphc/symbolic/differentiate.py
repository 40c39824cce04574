"""Gradient rules derived from what a record says in ``math``.

Responsible for partial derivatives as steps and as a rule that autodiff can call.  The derived
rules of graphc's own records stand in ``graphc.ops.derivatives``, written by
``graphc.symbolic.derive``, so only a user's own op comes here while a graph is declared.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import sympy as sp

from graphc import tensor
from graphc.errors import GradientError
from graphc.ir.op import Elementwise
from graphc.symbolic import stability
from graphc.symbolic.steps import Steps


def operand_names(record: Elementwise) -> tuple[str, ...]:
    """The names of the operands in ``record.math``, after the first, which is sympy itself."""
    assert record.math is not None
    parameters = list(inspect.signature(record.math).parameters.values())[1:]
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)


def attribute_names(record: Elementwise) -> tuple[str, ...]:
    """The names of the attributes in ``record.math``: its keyword-only parameters."""
    assert record.math is not None
    parameters = inspect.signature(record.math).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


@cache
def gradient_steps(record: Elementwise) -> tuple[Steps, ...]:
    """For each operand the steps of cotangent times partial derivative, over the symbols ``g``
    (the cotangent), ``out`` (the result), and the names of operands and attributes.

    Raises ``GradientError`` where sympy knows no derivative, ``UnsupportedError`` where the
    derivative needs a function that graphc has no op for.
    """
    assert record.math is not None
    operands = [sp.Symbol(name, real=True) for name in operand_names(record)]
    attributes = [sp.Symbol(name, real=True) for name in attribute_names(record)]
    cotangent = sp.Symbol("g", real=True)
    function = sp.sympify(record.math(sp, *operands, **{str(a): a for a in attributes}))
    found = []
    for operand in operands:
        partial = _without_jumps(sp.diff(function, operand))
        full = (
            sp.piecewise_fold(cotangent * partial)
            if partial.has(sp.Piecewise)
            else (cotangent * partial)
        )
        found.append(stability.best(full, function, operands, [cotangent, *attributes]))
    return tuple(found)


def _without_jumps(partial: Any) -> Any:
    """Steps as cases, their middle (a tie) being half; the impulses of jumps as nothing."""
    partial = partial.replace(sp.DiracDelta, lambda *_: sp.Integer(0))
    partial = partial.replace(
        sp.Derivative, lambda inner, *_: sp.Integer(0) if _is_flat(inner) else _refuse(inner)
    )
    return partial.replace(
        sp.Heaviside,
        lambda t, *_: sp.Piecewise((1, t > 0), (sp.Rational(1, 2), sp.Eq(t, 0)), (0, True)),
    )


def _is_flat(inner: Any) -> bool:
    return isinstance(inner, sp.floor | sp.ceiling | sp.sign)


def _refuse(inner: Any) -> Any:
    raise GradientError(f"sympy knows no derivative of {inner}")


def derived_rule(record: Elementwise) -> Callable[..., Sequence[Any]]:
    """A gradient rule with the signature of ``Op.grad``, derived from ``record.math``."""
    names = operand_names(record)
    steps = gradient_steps(record)

    def rule(
        cotangents: Sequence[Any], outputs: Sequence[Any], *operands: Any, **attributes: Any
    ) -> Sequence[Any]:
        symbols = dict(zip(names, operands, strict=True)) | attributes
        symbols |= {"g": cotangents[0], "out": outputs[0]}
        return [in_tensors(one, symbols) for one in steps]

    return rule


def in_tensors(steps: Steps, symbols: dict[str, Any]) -> Any:
    """The one result of ``steps`` as a Tensor, ``None`` where it is 0; attributes may be Python
    numbers in ``symbols``."""
    typed = next(s for s in symbols.values() if isinstance(s, tensor.Tensor))

    def apply(name: str, *operands: Any) -> Any:
        if not any(isinstance(operand, tensor.Tensor) for operand in operands[-2:]):
            # numbers alone, e.g. the two sides of a choice: they take the operands' dtype
            first = 1 if name == "where" else 0
            number = tensor.functions["constant"](operands[first], typed.dtype)
            operands = (*operands[:first], number, *operands[first + 1 :])
        return tensor.functions[name](*operands)

    (result,) = steps.run(apply, symbols)
    # The cotangent is a factor of every step but that of no dependence at all, which is 0.
    return result if isinstance(result, tensor.Tensor) else None
