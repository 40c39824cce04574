"""Reverse-mode differentiation, graph to graph.

Responsible for chaining the gradient rules of the records backwards from an output.  What a rule
says is the record's affair.  The result is ordinary graph, to be differentiated again.

Contributions to one value are added in a fixed order: that of the consumers, last first, and of
their operands from left to right.  A value that nothing flows to has a gradient of zeros.
No gradient flows into or through integers and booleans.

An expression that has an accurate form (``graphc.ops.stable_forms``) is differentiated in it.

Every node made here carries the line of the forward node it belongs to, and the name ``grad.h``,
where ``h`` is the name of that node (or of its op); ``is_backward`` asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from graphc import location
from graphc.autodiff.rules import rule_of
from graphc.collector import collection_paused
from graphc.errors import ArgumentError, DefinitionError, GradientError, GraphcError
from graphc.ir.graphs import topological
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Composite
from graphc.operands import as_tensor, broadcast, fail, naming
from graphc.ops.stable_forms import stable_form
from graphc.tensor import Tensor

_PREFIX = "grad."
_LARGEST_FORM = 32  # values in a rewritten expression; more is the graph beyond a boundary


def grad(
    y: Tensor, wrt: Sequence[Tensor], *, cotangent: Tensor | None = None
) -> tuple[Tensor, ...]:
    """The gradients of the scalar ``y`` with respect to each tensor of ``wrt``, as new graph.

    Each has the shape and dtype of its tensor, and is zeros where ``y`` does not depend on it.
    With a ``cotangent`` (of the shape and dtype of ``y``) ``y`` may have any shape, and the result
    is the product of the cotangent with the Jacobian.  ``wrt`` may be inputs, parameters or values
    computed on the way.  Gradients may be differentiated again.

    Raises ``GradientError`` where ``y`` is no scalar and has no cotangent, where ``y`` or a tensor
    of ``wrt`` is not floating point, and where an op on the way has no gradient.

    >>> import graphc
    >>> x = graphc.input("x", ())
    >>> (dx,) = graphc.grad(x * x, [x])
    >>> float(graphc.evaluate(dx, x=3.0))
    6.0
    """
    _check_output(y)
    sources = _checked_sources(wrt)
    if cotangent is None:
        if y.shape != ():
            raise fail(
                GradientError(
                    "the gradient is that of a scalar",
                    advice="sum or average it first, or give cotangent=",
                ),
                "grad",
                [y],
            )
        with _standing_for(y.value.node):
            cotangent = as_tensor(1.0, y.dtype)
    return vjp([y], wrt, [cotangent]) if sources else ()


def vjp(
    outputs: Sequence[Tensor], wrt: Sequence[Tensor], cotangents: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """The vector-Jacobian product: for each tensor of ``wrt`` the sum over all ``outputs`` of
    cotangent times Jacobian.  Types and errors as for ``grad``.

    >>> import graphc
    >>> x = graphc.input("x", (3,))
    >>> (back,) = graphc.vjp([x * x], [x], [graphc.ones((3,))])
    >>> back.shape
    (3,)
    """
    check_lists("vjp", outputs=outputs, cotangents=cotangents)
    if len(outputs) != len(cotangents):
        reason = f"{len(outputs)} outputs and {len(cotangents)} cotangents"
        raise fail(ArgumentError(reason), "vjp")
    sources = _checked_sources(wrt)
    for output, given in zip(outputs, cotangents, strict=True):
        _check_output(output)
        _check_cotangent(output, given)
    pairs = [(y.value, g) for y, g in zip(outputs, cotangents, strict=True)]
    with collection_paused():
        found = pull_back(pairs, sources)
    return tuple(
        total if total is not None else zeros_like(x) for x, total in zip(wrt, found, strict=True)
    )


def check_lists(name: str, **given: Any) -> None:
    """``ArgumentError`` where an argument that is a list of tensors is something else."""
    for argument, value in given.items():
        if isinstance(value, Tensor):
            error = ArgumentError(f"{argument} is a list of tensors", advice="write [x]")
            raise fail(error, name, [value])
        if not isinstance(value, Sequence) or isinstance(value, str):
            reason = f"{argument} is a list of tensors, not {type(value).__name__}"
            raise fail(ArgumentError(reason), name)


def is_backward(node: Node) -> bool:
    """Whether ``node`` was made by differentiation.

    The mark is the name, ``grad.h``, because names survive printing, parsing and passes; a name of
    a second derivative begins ``grad.grad.``.  Inputs and parameters are never backward.
    """
    if node.op.name in ("input", "parameter"):
        return False
    return node.name is not None and node.name.startswith(_PREFIX)


def pull_back(
    seeds: Sequence[tuple[Value, Tensor]],
    sources: Sequence[Value],
    boundary: Sequence[Value] = (),
) -> list[Tensor | None]:
    """For each source the total cotangent, or ``None`` where nothing flows to it.  Nodes that
    produce values of ``boundary`` are not entered."""
    inside = topological([value for value, _ in seeds], {value.node for value in boundary})
    entered = set(inside)
    kept = {source.node for source in sources}
    active = _active(inside, sources)
    received: dict[Value, list[Tensor]] = {}
    for value, cotangent in seeds:
        if value in active:
            received.setdefault(value, []).append(cotangent)
    for node in reversed(inside):
        if not any(result in received for result in node.results):
            continue
        if not any(operand in active for operand in node.operands):
            continue
        with _standing_for(node):
            totals = [_total(received, result) for result in node.results]
            stable = _of_stable_form(node, totals, active, entered, kept)
            sent = _contributions(node, totals, active) if stable is None else stable
            for operand, gradient in sent:
                received.setdefault(operand, []).append(gradient)
    found = []
    for source in sources:
        with _standing_for(source.node):
            found.append(_total(received, source))
    return found


def zeros_like(x: Tensor) -> Tensor:
    """Zeros of the shape and dtype of ``x``."""
    with _standing_for(x.value.node):
        return broadcast(as_tensor(0.0, x.dtype), x.shape)


def _active(nodes: Sequence[Node], sources: Sequence[Value]) -> set[Value]:
    """The floating-point values that depend on a source, sources among them."""
    active = set(sources)
    for node in nodes:
        if any(operand in active for operand in node.operands):
            active.update(v for v in node.results if v.type.dtype.is_float)
    return active


def _total(received: dict[Value, list[Tensor]], value: Value) -> Tensor | None:
    """The sum of what ``value`` received, which stands for all of it from now on."""
    parts = received.get(value)
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    received[value] = [total]
    return total


def _of_stable_form(
    node: Node,
    totals: Sequence[Tensor | None],
    active: set[Value],
    entered: set[Node],
    kept: set[Node],
) -> list[tuple[Value, Tensor]] | None:
    """What flows through the accurate form of ``node``, e.g. through ``log_softmax(x)`` for
    ``log(softmax(x))``, whose own gradient is 0/0 where softmax underflows.  It goes straight to
    the operands of that form.

    ``None`` where there is no such form, where it reaches beyond the nodes ``entered``, and where
    it leaves out a node whose gradient must be ``kept``.
    """
    form = stable_form(node)
    leaves = _leaves(form, entered) if form is not None else None
    if form is None or leaves is None:
        return None
    left_out = set(topological(node.results, {leaf.node for leaf in leaves})) - {node}
    if not left_out <= entered or left_out & kept:
        return None
    (total,) = totals
    assert total is not None
    wanted = [leaf for leaf in leaves if leaf in active]
    found = zip(wanted, pull_back([(form, total)], wanted, leaves), strict=True)
    return [(leaf, gradient) for leaf, gradient in found if gradient is not None]


def _leaves(form: Value, entered: set[Node]) -> list[Value] | None:
    """The values of nodes ``entered`` that ``form`` is made of; ``None`` where there are others."""
    leaves: dict[Value, None] = {}
    pending, seen = [form], {form}
    while pending:
        value = pending.pop()
        if value.node in entered:
            leaves[value] = None
            continue
        if len(seen) > _LARGEST_FORM or value.node.op.name in ("input", "parameter"):
            return None
        fresh = [operand for operand in value.node.operands if operand not in seen]
        seen.update(fresh)
        pending += fresh
    return list(leaves)


def _contributions(
    node: Node, totals: Sequence[Tensor | None], active: set[Value]
) -> Iterator[tuple[Value, Tensor]]:
    """What the rule of ``node`` sends to each active operand."""
    outputs = [Tensor(result) for result in node.results]
    operands = [Tensor(operand) for operand in node.operands]
    try:
        rule = rule_of(node.op)
        if rule is None:
            gradients = _of_expansion(node, totals, operands, active)
        else:
            complete = [
                total if total is not None else zeros_like(output)
                for total, output in zip(totals, outputs, strict=True)
            ]
            gradients = list(rule(complete, outputs, *operands, **node.attributes))
    except GraphcError as error:
        raise error.with_operands(node.op.name, node.operands, node.location) from None
    except Exception as error:
        told = DefinitionError.raised("gradient rule", error)
        raise told.with_operands(node.op.name, node.operands, node.location) from error
    if len(gradients) != len(operands):
        reason = f"its gradient rule gave {len(gradients)} gradients for {len(operands)} operands"
        raise GradientError(reason).with_operands(node.op.name, node.operands, node.location)
    for operand, gradient in zip(node.operands, gradients, strict=True):
        if gradient is None or operand not in active:
            continue
        _check_gradient(node, operand, gradient)
        yield operand, gradient


def _of_expansion(
    node: Node, totals: Sequence[Tensor | None], operands: Sequence[Tensor], active: set[Value]
) -> list[Tensor | None]:
    """The gradient of a composite's expansion.  An operand that stands twice gets it once."""
    assert isinstance(node.op, Composite)
    expanded = node.op.expand(*operands, **node.attributes)
    results = expanded if isinstance(expanded, tuple) else (expanded,)
    seeds = [(r.value, t) for r, t in zip(results, totals, strict=True) if t is not None]
    sources = [v for v in dict.fromkeys(node.operands) if v in active]
    found = dict(zip(sources, pull_back(seeds, sources, node.operands), strict=True))
    return [found.pop(value, None) for value in node.operands]


@contextmanager
def _standing_for(node: Node) -> Iterator[None]:
    with location.at(node.location), naming(f"{_PREFIX}{node.name or node.op.name}"):
        yield


def _check_output(y: Tensor) -> None:
    if not isinstance(y, Tensor):
        raise fail(
            ArgumentError(f"wants a Tensor to differentiate, not {type(y).__name__}"), "grad"
        )
    if not y.dtype.is_float:
        raise fail(GradientError(f"a value of {y.dtype} has no gradient"), "grad", [y])


def _check_cotangent(y: Tensor, cotangent: Tensor) -> None:
    if not isinstance(cotangent, Tensor) or cotangent.value.type != y.value.type:
        shown = cotangent.value.type if isinstance(cotangent, Tensor) else type(cotangent).__name__
        reason = f"the cotangent of {y.value.type} must be a Tensor of that type, not {shown}"
        raise fail(GradientError(reason), "grad", [y])


def _checked_sources(wrt: Sequence[Tensor]) -> list[Value]:
    if isinstance(wrt, Tensor):
        raise fail(ArgumentError("wrt is a list of tensors", advice="write [x]"), "grad", [wrt])
    if not isinstance(wrt, Iterable):
        raise fail(ArgumentError(f"wrt is a list of tensors, not {type(wrt).__name__}"), "grad")
    for x in wrt:
        if not isinstance(x, Tensor):
            raise fail(ArgumentError(f"wrt holds a {type(x).__name__}, not a Tensor"), "grad")
        if not x.dtype.is_float:
            reason = f"there is no gradient with respect to a value of {x.dtype}"
            raise fail(GradientError(reason), "grad", [x])
    return [x.value for x in wrt]


def _check_gradient(node: Node, operand: Value, gradient: Tensor) -> None:
    if isinstance(gradient, Tensor) and gradient.value.type == operand.type:
        return
    shown = gradient.value.type if isinstance(gradient, Tensor) else type(gradient).__name__
    reason = f"its gradient rule gave {shown} for the operand of {operand.type}"
    raise GradientError(reason).with_operands(node.op.name, node.operands, node.location)
