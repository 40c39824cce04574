"""A graph as mathematics: one formula for each value that has a name or several readers.

The rest is written into the formulas that read it.  Elementwise ops are their mathematics; a matrix
product, a sum or another op that is no function of single elements appears as a function of its
name.  sympy is imported when the first formula is made.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from graphc.autodiff.reverse import is_backward
from graphc.errors import UnsupportedError
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Source, lookup
from graphc.ir.printer import value_names
from graphc.tensor import Tensor
from graphc.viz.view import size_text

if TYPE_CHECKING:
    from graphc.symbolic.typeset import Formula

_SILENT = frozenset({"broadcast", "expand_dims", "squeeze", "astype", "stop_gradient"})


def mathematics(graph: Graph) -> tuple[Formula, ...]:
    """The formulas of ``graph``, in the order of its nodes; then those of outputs and updates.

    A value of the backward graph is named ``d_`` and what it is the gradient at.

    >>> import graphc
    >>> x = graphc.input("x", ("N",))
    >>> y = graphc.Graph("g", outputs={"y": x * x + 1})
    >>> [formula.text for formula in mathematics(y.ir)]
    ['y = x**2 + 1']
    """
    from graphc.symbolic.typeset import formula

    names = _names(graph)
    symbols = {value: _symbol(value, name) for value, name in names.items()}
    new: dict[Value, Value] = {}
    formulas = []
    for node in graph.nodes:
        _copy(node, new)
        value = node.results[0]
        size = size_text(node, [v.node for v in node.operands])
        if size is not None:
            new[value] = _symbol(value, size if size.isidentifier() else f"({size})")
        if value in names:
            formulas.append(_formula_or_text(formula, names[value], node, new[value]))
            new[value] = symbols[value]
    ends = [*graph.outputs.items(), *((f"new_{p.name}", v) for p, v in graph.updates)]
    for name, value in ends:
        if names.get(value) != name:
            formulas.append(_formula_or_text(formula, name, value.node, new.get(value, value)))
    return tuple(formulas)


def _names(graph: Graph) -> dict[Value, str]:
    """The values that get a formula of their own, and what they are called."""
    readers = Counter(v for node in graph.nodes for v in dict.fromkeys(node.operands))
    output_of = {value: name for name, value in graph.outputs.items()}
    printed = value_names(graph)
    names: dict[Value, str] = {}
    for node in graph.nodes:
        value = node.results[0]
        if isinstance(node.op, Source) or node.op.name in _SILENT:
            continue
        if value in output_of:
            names[value] = output_of[value]
        elif (node.name and not is_backward(node)) or readers[value] > 1 or len(node.results) > 1:
            names[value] = _readable(node, printed[value])
    return names


def _readable(node: Node, printed: str) -> str:
    base, _, number = printed.lstrip("%").partition("#")
    base = base.strip('"')
    if is_backward(node):
        base = "d_" + base.removeprefix("grad.")
    if base[:1].isdigit():
        base = f"t{base}"
    return f"{base}_{number}" if number else base


def _symbol(value: Value, name: str) -> Value:
    """An input of the same type that stands for a value in the formulas that read it."""
    kind = value.type
    attributes = {"shape": kind.shape, "dtype": kind.dtype}
    return Node(lookup("input"), (), attributes, [kind], name=name).result


def _copy(node: Node, new: dict[Value, Value]) -> None:
    operands = [new.get(v, v) for v in node.operands]
    kinds = [value.type for value in node.results]
    copy = Node(node.op, operands, node.attributes, kinds, name=node.name, body=node.body)
    new.update(zip(node.results, copy.results, strict=True))


def _formula_or_text(make: object, name: str, node: Node, value: Value) -> Formula:
    from graphc.symbolic.typeset import Formula

    try:
        return make(name, Tensor(value))  # type: ignore[operator, no-any-return]
    except UnsupportedError:
        text = f"{name} = {node.op.name}(...)"
        return Formula(name, text, rf"\text{{{text}}}", f"<math><mtext>{text}</mtext></math>")
