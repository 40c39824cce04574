"""Expressions of graphs set as text, LaTeX and MathML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.mathml import mathml

from graphc.symbolic.convert import to_sympy
from graphc.tensor import Tensor


@dataclass(frozen=True)
class Formula:
    """``name = expression`` in three notations; MathML is what browsers set by themselves."""

    name: str
    text: str
    latex: str
    mathml: str


def formula(name: str, y: Tensor) -> Formula:
    """``y`` as a formula for ``name``; raises as ``to_sympy`` does.

    >>> import graphc
    >>> x = graphc.input("x", ("N",))
    >>> formula("y", graphc.sqrt(x) * x).text
    'y = x**(3/2)'
    """
    expression = to_sympy(y)
    left = sp.Symbol(name, real=True)
    return Formula(
        name,
        f"{name} = {expression}",
        f"{sp.latex(left)} = {sp.latex(expression)}",
        _equation(mathml(left, "presentation"), mathml(expression, "presentation")),
    )


def _equation(left: Any, right: Any) -> str:
    space = "http://www.w3.org/1998/Math/MathML"
    return f'<math xmlns="{space}"><mrow>{left}<mo>=</mo>{right}</mrow></math>'
