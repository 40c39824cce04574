"""Which of several equal expressions computes best.

Two forms of a derivative that are equal over the reals differ in floating point: ``1 - tanh(x)**2``
is 0 at 10, where ``cosh(x)**-2`` is right.  Responsible for making the forms and for choosing one:
each is computed in float32 by the records' own references and compared with the value to 30 digits,
relatively, at ordinary, tiny and large (+-100) points; the fewest bad points win, then the
cheapest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from graphc.errors import UnsupportedError
from graphc.ir import op as records
from graphc.symbolic.functions import stabilised
from graphc.symbolic.steps import Steps, translate

_TOLERANCE = 1e-5
_DIGITS = 160  # so that differences near 1 at +-100 keep 30 digits
_POINTS = (0.7, -0.3, 1.9, -2.6, 5.5, -7.2, 13.0, -19.0, 42.0, -42.0, 100.0, -100.0, 1e-3, -1e-6,
           1e-12, -1e-30)  # fmt: skip
_ATTRIBUTE_POINT = 0.6
_MOST_POINTS = 600
_LONGEST_TO_SIMPLIFY = 60  # operations; beyond it sympy's simplify takes seconds


def best(expression: Any, function: Any, operands: Sequence[Any], others: Sequence[Any]) -> Steps:
    """The steps of the best form of ``expression``, a partial derivative of ``function``.

    ``operands`` vary over all points; ``others`` are the cotangent ``g`` and attributes.  The steps
    may use the symbol ``out``, the value of ``function``.
    """
    points = _points(operands, others)
    truth = _truth(expression, points)
    output = _in_float32(translate([stabilised(function)]), points)[0]
    ranked = []
    for form in _forms(expression, function):
        try:
            steps = translate([form])
        except UnsupportedError:
            continue
        value = _in_float32(steps, {**points, "out": output})[0]
        ranked.append((_bad_points(value, truth), _cost(steps), len(steps.steps), steps))
    if not ranked:
        translate([expression])  # raises, naming what graphc cannot compute
    return min(ranked, key=lambda entry: entry[:3])[-1]


def _forms(expression: Any, function: Any) -> Iterator[Any]:
    """Forms equal to ``expression``, each also with the function's output in it; no repetition."""
    seen = set()
    rewrites = [lambda e: e, sp.factor, sp.together, sp.cancel, sp.expand, sp.powsimp]
    if expression.count_ops() <= _LONGEST_TO_SIMPLIFY and not expression.has(sp.Piecewise):
        rewrites.append(sp.simplify)
    out = sp.Symbol("out", real=True)
    outputs = [f for f in (function, stabilised(function)) if not f.is_Atom]
    for rewrite in rewrites:
        for form in _attempts(rewrite, expression):
            for used in (form, *(form.subs(f, out) for f in outputs)):
                if used not in seen:
                    seen.add(used)
                    yield used


def _attempts(rewrite: Any, expression: Any) -> Iterator[Any]:
    try:
        rewritten = rewrite(expression)
        yield from (rewritten, stabilised(rewritten), rewrite(stabilised(expression)))
    except (sp.PolynomialError, NotImplementedError):  # a form that sympy cannot make
        return


def _points(operands: Sequence[Any], others: Sequence[Any]) -> dict[str, np.ndarray]:
    per_operand = max(3, int(_MOST_POINTS ** (1 / max(1, len(operands)))))
    chosen = [_POINTS[i::3] + _POINTS for i in range(len(operands))]  # differing, so no ties first
    grid = list(itertools.product(*(values[:per_operand] for values in chosen)))
    columns = np.array(grid, np.float32).reshape(len(grid), len(operands)).T
    points = {str(symbol): column for symbol, column in zip(operands, columns, strict=True)}
    for symbol in others:
        points[str(symbol)] = np.full(len(grid), _ATTRIBUTE_POINT, np.float32)
    return points


def _truth(expression: Any, points: Mapping[str, np.ndarray]) -> list[Any]:
    """The value at each point as an mpmath number; ``None`` where it is not real and finite."""
    names = list(points)
    symbols = {str(s): s for s in expression.free_symbols}
    function = sp.lambdify([symbols.get(n, sp.Symbol(n)) for n in names], expression, "mpmath")
    found: list[Any] = []
    with mpmath.workdps(_DIGITS):
        for values in zip(*points.values(), strict=True):
            try:
                value = mpmath.mpmathify(function(*map(mpmath.mpf, map(float, values))))
                found.append(value if mpmath.isfinite(value) and value.imag == 0 else None)
            except (ValueError, ZeroDivisionError, OverflowError, TypeError):
                found.append(None)
    return found


def _in_float32(steps: Steps, points: Mapping[str, np.ndarray]) -> tuple[Any, ...]:
    with np.errstate(all="ignore"):
        return steps.run(
            lambda name, *values: records.lookup(name).numpy(*values),
            points,
            lambda value: value if isinstance(value, bool) else np.float32(value),
        )


def _bad_points(computed: Any, truth: Sequence[Any]) -> int:
    """At how many points the value is wrong; beyond float32's normal range only NaN is wrong."""
    info = np.finfo(np.float32)
    bad = 0
    for value, true in zip(np.broadcast_to(computed, len(truth)).tolist(), truth, strict=True):
        if true is None:
            continue
        if value != value:
            bad += 1
        elif info.tiny <= abs(true) <= info.max:
            bad += not abs(value - true.real) <= _TOLERANCE * abs(true)
    return bad


def _cost(steps: Steps) -> int:
    return sum(getattr(records.lookup(step.op), "cost", 1) for step in steps.steps)
