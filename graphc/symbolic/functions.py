"""Functions that sympy writes as sums and quotients, but that graphc computes without cancellation
or overflow: ``expm1``, ``log1p``, ``sigmoid`` and ``softplus``, and the rewriting towards them.

Responsible for finding their patterns in an expression.  Each rule here is an identity over the
reals; whether a rewritten form is the better one is decided in ``graphc.symbolic.stability``.
"""

from __future__ import annotations

from typing import Any

import sympy as sp


class Expm1(sp.Function):  # type: ignore[misc]
    """``exp(x) - 1``."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sp.exp(self.args[0])

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> Any:
        return sp.exp(args[0]) - 1


class Log1p(sp.Function):  # type: ignore[misc]
    """``log(1 + x)``."""

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 / (1 + self.args[0])

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> Any:
        return sp.log(1 + args[0])


class Sigmoid(sp.Function):  # type: ignore[misc]
    """``1 / (1 + exp(-x))``."""

    def fdiff(self, argindex: int = 1) -> Any:
        return Sigmoid(self.args[0]) * Sigmoid(-self.args[0])

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> Any:
        return 1 / (1 + sp.exp(-args[0]))


class Softplus(sp.Function):  # type: ignore[misc]
    """``log(1 + exp(x))``."""

    def fdiff(self, argindex: int = 1) -> Any:
        return Sigmoid(self.args[0])

    def _eval_rewrite(self, rule: Any, args: Any, **hints: Any) -> Any:
        return sp.log(1 + sp.exp(args[0]))


def plain(expression: Any) -> Any:
    """``expression`` in sympy's own functions only.

    >>> plain(Sigmoid(sp.Symbol("x")))
    1/(1 + exp(-x))
    """
    return expression.replace(
        lambda e: isinstance(e, Expm1 | Log1p | Sigmoid | Softplus),
        lambda e: e._eval_rewrite(None, e.args),
    )


def stabilised(expression: Any) -> Any:
    """``expression`` with the patterns of the functions above replaced by them, innermost first.

    >>> x = sp.Symbol("x")
    >>> stabilised(sp.log(1 + sp.exp(x))), stabilised(sp.exp(x) - 1)
    (Softplus(x), Expm1(x))
    """
    if not expression.args or isinstance(expression, sp.logic.boolalg.BooleanAtom):
        return expression
    inner = expression.func(*(stabilised(argument) for argument in expression.args))
    if isinstance(inner, sp.log):
        return _logarithm(inner)
    if isinstance(inner, sp.Add):
        return _sum(inner)
    if isinstance(inner, sp.Mul):
        return _product(inner)
    if isinstance(inner, sp.Pow):
        return _power(inner)
    return inner


def _logarithm(expression: Any) -> Any:
    argument = expression.args[0]
    if not isinstance(argument, sp.Add):
        return expression
    rest = argument - 1
    if isinstance(rest, sp.exp):
        return Softplus(rest.args[0])
    return Log1p(rest) if 1 in argument.args and rest.free_symbols else expression


def _sum(expression: Any) -> Any:
    """``c*exp(u) - c``, ``c - c*tanh(u)**2`` and ``c - c*Sigmoid(u)``, among other terms."""
    terms = list(sp.Add.make_args(expression))
    for term in terms:
        factors = sp.Mul.make_args(term)
        for factor in factors:
            replacement = _difference_from_one(factor)
            if replacement is None:
                continue
            coefficient = term / factor
            if -coefficient not in terms:
                continue
            others = list(terms)
            others.remove(term)
            others.remove(-coefficient)
            return sp.Add(*others, coefficient * replacement)
    return expression


def _difference_from_one(factor: Any) -> Any | None:
    """``factor - 1`` without cancellation, where there is such a form."""
    if isinstance(factor, sp.exp):
        return Expm1(factor.args[0])
    if isinstance(factor, Sigmoid):
        return -Sigmoid(-factor.args[0])
    if isinstance(factor, sp.Pow) and isinstance(factor.base, sp.tanh) and factor.exp == 2:
        return -(sp.cosh(factor.base.args[0]) ** -2)
    if isinstance(factor, sp.Pow) and isinstance(factor.base, sp.sin) and factor.exp == 2:
        return -(sp.cos(factor.base.args[0]) ** 2)
    if isinstance(factor, sp.Pow) and isinstance(factor.base, sp.cos) and factor.exp == 2:
        return -(sp.sin(factor.base.args[0]) ** 2)
    return None


def _power(expression: Any) -> Any:
    """``(1 + exp(u))**-n``."""
    base, exponent = expression.base, expression.exp
    if not (exponent.is_Integer and exponent < 0 and isinstance(base, sp.Add)):
        return expression
    argument = base - 1
    if not isinstance(argument, sp.exp):
        return expression
    return Sigmoid(-argument.args[0]) ** (-exponent)


def _product(expression: Any) -> Any:
    """``exp(u) * Sigmoid(-u)`` is ``Sigmoid(u)``; in powers, and with ``exp(n*u)`` too."""
    powers = dict(_power_of(factor) for factor in sp.Mul.make_args(expression))
    for base, exponent in list(powers.items()):
        if not (isinstance(base, Sigmoid) and exponent.is_Integer and exponent > 0):
            continue
        argument = -base.args[0]
        for other in list(powers):
            count = _exponential_multiple(other, argument)
            if count is None or powers[other] != 1:
                continue
            moved = min(count, int(exponent))
            powers[base] = exponent - moved
            powers[Sigmoid(argument)] = powers.get(Sigmoid(argument), 0) + moved
            del powers[other]
            powers[sp.exp((count - moved) * argument)] = sp.Integer(1)
            return sp.Mul(*(b**e for b, e in powers.items()))
    return expression


def _power_of(factor: Any) -> tuple[Any, Any]:
    if isinstance(factor, sp.Pow) and not isinstance(factor, sp.exp):
        return factor.base, factor.exp
    return factor, sp.Integer(1)


def _exponential_multiple(factor: Any, argument: Any) -> int | None:
    """n > 0 where ``factor`` is ``exp(n * argument)``."""
    if not isinstance(factor, sp.exp):
        return None
    ratio = sp.cancel(factor.args[0] / argument) if argument != 0 else sp.Integer(0)
    whole = ratio.is_number and ratio > 0 and ratio == int(ratio)
    return int(ratio) if whole else None
