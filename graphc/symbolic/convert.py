"""Mathematics to ops, and graphs to mathematics.

Responsible for ``from_sympy``, which makes an elementwise op out of an expression, and
``to_sympy``, which says a graph as an expression, to be read or to be typeset.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from keyword import iskeyword
from typing import Any

import numpy as np
import sympy as sp

from graphc.errors import ArgumentError, GraphcError, UnsupportedError
from graphc.ir.dtypes import bool_
from graphc.ir.graphs import topological
from graphc.ir.nodes import Node
from graphc.ir.op import Elementwise, lookup
from graphc.operands import fail
from graphc.ops.declare import OpFunction, elementwise
from graphc.symbolic.functions import stabilised
from graphc.symbolic.steps import Steps, relation, translate
from graphc.tensor import Tensor

_DEEPEST = 150  # sympy is recursive


def from_sympy(
    name: str, expression: Any, *, operands: Sequence[Any] | None = None, doc: str = ""
) -> OpFunction:
    """An elementwise op that computes ``expression``, with a derived gradient.

    ``operands`` are its symbols in the order in which the function takes them; by default all free
    symbols, sorted by name.  The op is computed in the form that is numerically better where graphc
    knows one (``log(1 + exp(x))`` as softplus), in float32 or float64; integers become floats.

    Raises ``UnsupportedError`` where no op of graphc computes a function of the expression,
    ``ArgumentError`` where a symbol is no operand, and ``ValueError`` where ``name`` is taken.

    >>> import graphc, sympy
    >>> x = sympy.Symbol("x")
    >>> bump = graphc.from_sympy("bump_of_docs", sympy.exp(-(x**2)))
    >>> bump(graphc.input("x", ("N",)))
    Tensor bump_of_docs: f32[N]
    """
    try:
        expression = sp.sympify(expression)
    except (sp.SympifyError, TypeError) as error:
        reason = f"sympy reads no expression in {expression!r:.60}"
        raise fail(ArgumentError(reason), name) from error
    symbols = _symbols(name, expression, operands)
    names = [str(symbol) for symbol in symbols]
    real = {symbol: sp.Symbol(str(symbol), real=True) for symbol in expression.free_symbols}
    meaning = expression.subs(real)
    try:
        steps = translate([stabilised(meaning)])
    except GraphcError as error:
        raise fail(error, name) from None
    _check_records(name, steps)

    return elementwise(
        name,
        math=_meaning(meaning, names),
        numpy=_reference(steps, names),
        lower=_lowering(steps, names),
        doc=doc or f"``{expression}``, element by element.",
        cost=sum(_elementwise(step.op).cost for step in steps.steps),
    )


def _meaning(expression: Any, names: Sequence[str]) -> Callable[..., Any]:
    own = [sp.Symbol(name, real=True) for name in names]

    def math(sympy: Any, *given: Any) -> Any:
        return expression.subs(dict(zip(own, given, strict=True)), simultaneous=True)

    return _with_parameters(math, [_unlike("sympy", names), *names])


def _reference(steps: Steps, names: Sequence[str]) -> Callable[..., Any]:
    """The value of ``steps`` by the references of their records."""

    def numpy(*arrays: Any) -> Any:
        dtype = np.result_type(*arrays)
        (result,) = steps.run(
            lambda op, *values: lookup(op).numpy(*values),
            dict(zip(names, arrays, strict=True)),
            lambda value: value if isinstance(value, bool) else np.asarray(value, dtype),
        )
        return np.broadcast_to(result, np.broadcast_shapes(*(np.shape(a) for a in arrays)))

    return _with_parameters(numpy, names)


def _lowering(steps: Steps, names: Sequence[str]) -> Callable[..., Any]:
    """The scalar code of ``steps``, made of that of their records."""

    def lower(b: Any, *scalars: Any) -> Any:
        dtype = b.dtype(scalars[0])
        (result,) = steps.run(
            lambda op, *values: _elementwise(op).lower(b, *values),
            dict(zip(names, scalars, strict=True)),
            lambda value: b.constant(value, bool_ if isinstance(value, bool) else dtype),
        )
        return result

    return _with_parameters(lower, [_unlike("builder", names), *names])


def _symbols(name: str, expression: Any, operands: Sequence[Any] | None) -> list[Any]:
    free = sorted(expression.free_symbols, key=str)
    if operands is None:
        chosen = free
    else:
        chosen = [sp.Symbol(s) if isinstance(s, str) else s for s in operands]
    missing = {str(s) for s in free} - {str(s) for s in chosen}
    if missing:
        reason = f"{', '.join(sorted(missing))} of the expression is not among the operands"
        raise fail(ArgumentError(reason), name)
    if not chosen:
        raise fail(ArgumentError(f"{expression} has no symbol that could be an operand"), name)
    bad = [str(s) for s in chosen if not str(s).isidentifier() or iskeyword(str(s))]
    if bad:
        error = ArgumentError(f"the symbol {bad[0]!r} is no identifier for an operand")
        raise fail(error, name)
    return chosen


def _check_records(name: str, steps: Steps) -> None:
    for step in steps.steps:
        try:
            _elementwise(step.op)
        except KeyError:
            raise fail(UnsupportedError(f"graphc has no op {step.op!r}"), name) from None


def _elementwise(op: str) -> Elementwise:
    record = lookup(op)
    if not isinstance(record, Elementwise):
        raise UnsupportedError(f"{op} is not an elementwise op")
    return record


def _unlike(name: str, others: Sequence[str]) -> str:
    """``name``, or one like it that is none of ``others``."""
    while name in others:
        name += "_"
    return name


def _with_parameters(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """``function`` with a signature that names its positional arguments."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in names]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def to_sympy(y: Tensor) -> Any:
    """``y`` as a sympy expression, element by element.

    Inputs and parameters become real symbols of their names; elementwise ops their mathematics;
    broadcasting is silent; any other op, such as a sum or a product of matrices, becomes a function
    of its name.  Raises ``UnsupportedError`` where the graph is deeper than sympy can hold.

    >>> import graphc
    >>> x = graphc.input("x", ("N",))
    >>> graphc.to_sympy(graphc.exp(-x) * 2)
    2*exp(-x)
    """
    found: dict[Node, Any] = {}
    depth: dict[Node, int] = {}
    for node in topological([y.value]):
        below = [operand.node for operand in node.operands]
        depth[node] = 1 + max((depth[n] for n in below), default=0)
        if depth[node] > _DEEPEST:
            reason = f"the graph is more than {_DEEPEST} ops deep, which sympy cannot hold"
            raise fail(UnsupportedError(reason), "to_sympy", [y])
        found[node] = _expression(node, [found[n] for n in below])
    return found[y.value.node]


def _expression(node: Node, operands: Sequence[Any]) -> Any:
    op = node.op.name
    if op in ("input", "parameter"):
        return sp.Symbol(str(node.name), real=True)
    if op == "constant":
        return _constant(node)
    if op in ("broadcast", "expand_dims", "squeeze", "stop_gradient", "check_index", "astype"):
        return operands[0]
    if op == "where":
        return sp.Piecewise((operands[1], operands[0]), (operands[2], True))
    known = relation(op)
    if known is not None:
        return known(*operands)
    if isinstance(node.op, Elementwise) and node.op.math is not None:
        return node.op.math(sp, *operands, **node.attributes)
    return sp.Function(op)(*operands)


def _constant(node: Node) -> Any:
    value = node.attributes["value"]
    if value.size != 1:
        return sp.Symbol(node.name or "constant", real=True)
    number = value.item()
    if isinstance(number, bool):
        return sp.true if number else sp.false
    if number == number // 1:
        return sp.Integer(int(number))
    return sp.Float(str(value.reshape(())[()]))
