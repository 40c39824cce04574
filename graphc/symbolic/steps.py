"""sympy expressions as a straight line of graphc ops, and that line run over anything.

Responsible for the correspondence between sympy's functions and graphc's records.  A ``Steps`` is
independent of what it computes on: ``run`` takes the meaning of an op as an argument, and is used
with Tensors (a graph), with a record's ``numpy`` (values), with a record's ``lower`` (scalar code)
and with names (source text).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from graphc.errors import UnsupportedError
from graphc.symbolic import functions


@dataclass(frozen=True)
class Reference:
    """The result of step number ``step``."""

    step: int


Argument = Reference | str | float | bool  # str: the symbol of that name


@dataclass(frozen=True)
class Step:
    op: str
    operands: tuple[Argument, ...]


@dataclass(frozen=True)
class Steps:
    """``steps`` in order; ``results`` are what they are for."""

    steps: tuple[Step, ...]
    results: tuple[Argument, ...]

    def run(
        self,
        apply: Callable[..., Any],
        symbols: Mapping[str, Any],
        constant: Callable[[float | bool], Any] = lambda value: value,
    ) -> tuple[Any, ...]:
        """The results, where ``apply(op, *operands)`` is the meaning of an op."""
        computed: list[Any] = []

        def meaning(argument: Argument) -> Any:
            if isinstance(argument, Reference):
                return computed[argument.step]
            return symbols[argument] if isinstance(argument, str) else constant(argument)

        for step in self.steps:
            computed.append(apply(step.op, *map(meaning, step.operands)))
        return tuple(map(meaning, self.results))


_UNARY = {
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.sinh: "sinh",
    sp.cosh: "cosh", sp.tanh: "tanh", sp.erf: "erf", sp.Abs: "abs", sp.sign: "sign",
    sp.floor: "floor", sp.ceiling: "ceil", sp.Not: "logical_not",
    functions.Expm1: "expm1", functions.Log1p: "log1p",
    functions.Sigmoid: "sigmoid", functions.Softplus: "softplus",
}  # fmt: skip
_BINARY = {
    sp.atan2: "atan2", sp.Mod: "remainder", sp.Max: "maximum", sp.Min: "minimum",
    sp.And: "logical_and", sp.Or: "logical_or", sp.Xor: "logical_xor",
    sp.Eq: "equal", sp.Ne: "not_equal", sp.Lt: "less", sp.Le: "less_equal",
    sp.Gt: "greater", sp.Ge: "greater_equal",
}  # fmt: skip


def relation(op: str) -> Any | None:
    """sympy's comparison or logical function that the op ``op`` is; ``None`` for other ops."""
    found = {name: function for function, name in _BINARY.items()} | {"logical_not": sp.Not}
    function = found.get(op)
    return (
        function
        if function is not None
        and issubclass(function, sp.Basic)
        and issubclass(function, sp.logic.boolalg.Boolean)
        else None
    )


def translate(expressions: Sequence[Any]) -> Steps:
    """The steps that compute ``expressions``, common parts once.

    Raises ``UnsupportedError`` naming a function that no op of graphc computes.

    >>> x = sp.Symbol("x")
    >>> [step.op for step in translate([sp.exp(x) / 2, 1 - sp.exp(x)]).steps]
    ['exp', 'multiply', 'subtract']
    """
    parts, reduced = sp.cse(list(expressions), symbols=sp.numbered_symbols("common_"), order="none")
    writer = _Writer()
    for symbol, part in parts:
        writer.known[symbol] = writer.write(part)
    results = tuple(writer.write(expression) for expression in reduced)
    return Steps(tuple(writer.steps), results)


class _Writer:
    """Appends steps; each distinct subexpression and each distinct step once."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.known: dict[Any, Argument] = {}
        self._numbers: dict[Step, Reference] = {}

    def emit(self, op: str, *operands: Argument) -> Argument:
        step = Step(op, operands)
        if step not in self._numbers:
            self._numbers[step] = Reference(len(self.steps))
            self.steps.append(step)
        return self._numbers[step]

    def write(self, expression: Any) -> Argument:
        if expression not in self.known:
            self.known[expression] = self._write(expression)
        return self.known[expression]

    def _write(self, expression: Any) -> Argument:
        if expression.is_Symbol:
            return str(expression.name)
        if expression in (sp.true, sp.false):
            return bool(expression)
        if expression.is_number:
            return _number(expression)
        if isinstance(expression, sp.Add):
            return self._sum(expression)
        if isinstance(expression, sp.Mul):
            return self._product(expression)
        if isinstance(expression, sp.Pow) and not isinstance(expression, sp.exp):
            return self._power(expression.base, expression.exp)
        if isinstance(expression, sp.Piecewise):
            return self._piecewise(expression)
        if isinstance(expression, sp.Heaviside):
            return self._step_function(expression)
        return self._function(expression)

    def _function(self, expression: Any) -> Argument:
        op = _UNARY.get(expression.func)
        if op is not None:
            return self.emit(op, self.write(expression.args[0]))
        op = _BINARY.get(expression.func)
        if op is None:
            raise UnsupportedError(
                f"no op of graphc computes {expression.func.__name__}, met in {expression}",
                advice="declare an op of that meaning with graphc.elementwise",
            )
        total, *rest = map(self.write, expression.args)
        for operand in rest:
            total = self.emit(op, total, operand)
        return total

    def _sum(self, expression: Any) -> Argument:
        positive: list[Any] = []
        negative: list[Any] = []
        for term in expression.args:
            flipped = _is_negative(term)
            (negative if flipped else positive).append(-term if flipped else term)
        if not positive:
            return self.emit("negative", self._sum_of(negative))
        total = self._sum_of(positive)
        for term in negative:
            total = self.emit("subtract", total, self.write(term))
        return total

    def _sum_of(self, terms: Sequence[Any]) -> Argument:
        first, *rest = sorted(terms, key=lambda term: bool(term.is_number))
        total = self.write(first)
        for term in rest:
            total = self.emit("add", total, self.write(term))
        return total

    def _product(self, expression: Any) -> Argument:
        if _is_negative(expression):
            return self.emit("negative", self.write(-expression))
        number, rest = expression.as_coeff_Mul()
        top: list[Any] = []
        bottom: list[Any] = []
        for factor in sp.Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            below = not isinstance(factor, sp.exp) and _is_negative(exponent)
            (bottom if below else top).append(base**-exponent if below else factor)
        constants = [f for f in top if f.is_number] + [1 / f for f in bottom if f.is_number]
        number = sp.Mul(number, *constants)
        variable_top = [f for f in top if not f.is_number]
        variable_bottom = [f for f in bottom if not f.is_number]
        return self._quotient(number, variable_top, variable_bottom)

    def _quotient(self, number: Any, top: Sequence[Any], bottom: Sequence[Any]) -> Argument:
        total: Argument | None = None
        for factor in top:
            written = self.write(factor)
            total = written if total is None else self.emit("multiply", total, written)
        if total is None:
            total = _number(number)
        elif number != 1:
            total = self.emit("multiply", total, _number(number))
        if not bottom:
            return total
        below = self.write(bottom[0])
        for factor in bottom[1:]:
            below = self.emit("multiply", below, self.write(factor))
        return self.emit("divide", total, below)

    def _power(self, base: Any, exponent: Any) -> Argument:
        if base == sp.E:
            return self.emit("exp", self.write(exponent))
        below = self.write(base)
        named = {sp.Rational(1, 2): "sqrt", sp.Rational(-1, 2): "rsqrt"}.get(exponent)
        if named is not None:
            return self.emit(named, below)
        if not (exponent.is_Integer and abs(exponent) <= 64):
            return self.emit("power", below, self.write(exponent))
        whole = self._whole_power(below, abs(int(exponent)))
        return whole if exponent > 0 else self.emit("reciprocal", whole)

    def _whole_power(self, base: Argument, exponent: int) -> Argument:
        if exponent == 1:
            return base
        half = self.emit("square", self._whole_power(base, exponent // 2))
        return self.emit("multiply", half, base) if exponent % 2 else half

    def _piecewise(self, expression: Any) -> Argument:
        *cases, (last, condition) = expression.args
        total = self.write(last) if condition == sp.true else float("nan")
        pairs = cases if condition == sp.true else expression.args
        for value, condition in reversed(pairs):
            total = self.emit("where", self.write(condition), self.write(value), total)
        return total

    def _step_function(self, expression: Any) -> Argument:
        """1, 0 or, at the jump, half (what makes ties share a gradient equally)."""
        argument = self.write(expression.args[0])
        below = self.emit("where", self.emit("less", argument, 0.0), 0.0, 0.5)
        return self.emit("where", self.emit("greater", argument, 0.0), 1.0, below)


def _is_negative(term: Any) -> bool:
    return bool(term.could_extract_minus_sign()) and bool(term.as_coeff_Mul()[0].is_negative)


def _number(expression: Any) -> float:
    value = complex(expression.evalf(20)) if expression.is_finite else complex(float(expression))
    if value.imag:
        raise UnsupportedError(f"{expression} is not a real number")
    return value.real
