"""Identities between ops whose right side is accurate where the left is not.

``log(softmax(x))`` is ``-inf`` where softmax underflows; ``log_softmax(x)`` is exact there.
Responsible for recognising such expressions, composites whole; who asks (the pass ``stabilize``, a
gradient) decides what becomes of the answer.

=========================== ==================
log(softmax(x))             log_softmax(x)
log(sigmoid(x))             -softplus(-x)
log(1 - sigmoid(x))         -softplus(x)
log(1 + exp(x))             softplus(x)
log(1 + x), log(1 - x)      log1p(x), log1p(-x)
log(exp(x))                 x
log(sum(exp(x)))            logsumexp(x)
log1p(exp(x))               softplus(x)
exp(x) - 1                  expm1(x)
1 - sigmoid(x)              sigmoid(-x)
=========================== ==================
"""

from __future__ import annotations

from collections.abc import Callable

from graphc import location
from graphc.ir.nodes import Node, Value
from graphc.ir.uniform import is_uniform
from graphc.ops.declare import call
from graphc.tensor import Tensor

_SHAPES = ("expand_dims", "squeeze", "reshape", "broadcast")


def stable_form(node: Node) -> Value | None:
    """The value that ``node`` should be computed as, built at its line from operands of what it
    replaces; ``None`` where it is accurate as it stands."""
    rule = _RULES.get(node.op.name)
    if rule is None:
        return None
    with location.at(node.location):
        found = rule(node)
    return found.value if found is not None else None


def _log(node: Node) -> Tensor | None:
    return _log_of(node.operands[0])


def _log_of(value: Value) -> Tensor | None:
    inner = value.node
    form = _LOG_OF.get(inner.op.name)
    if form is not None:
        return form(inner)
    # log(sum(exp(x), keepdims=True)): an axis of size 1 between the two.
    if inner.op.name in _SHAPES and len(inner.operands) == 1:
        below = inner.operands[0].node
        found = _log_of_sum(below) if below.op.name == "sum" else None
        return call.reshape(found, value.type.shape) if found is not None else None
    return None


def _log_of_sigmoid(sigmoid: Node) -> Tensor:
    return -call.softplus(_negated(sigmoid.operands[0]))  # type: ignore[no-any-return]


def _log_of_softmax(softmax: Node) -> Tensor:
    return call.log_softmax(_operand(softmax), **softmax.attributes)  # type: ignore[no-any-return]


def _log_of_sum(total: Node) -> Tensor | None:
    inner = total.operands[0].node
    axes = total.attributes["axes"]
    if inner.op.name != "exp" or not axes:
        return None
    return call.logsumexp(_operand(inner), axes)  # type: ignore[no-any-return]


def _log_of_addition(addition: Node) -> Tensor | None:
    left, right = addition.operands
    if is_uniform(left, 1):
        left, right = right, left
    if not is_uniform(right, 1):
        return None
    ramp = _log1p_of(left)
    return ramp if ramp is not None else call.log1p(Tensor(left))


def _log_of_subtraction(subtraction: Node) -> Tensor | None:
    left, right = subtraction.operands
    if not is_uniform(left, 1):
        return None
    if right.node.op.name == "sigmoid":
        return -call.softplus(_operand(right.node))  # type: ignore[no-any-return]
    return call.log1p(_negated(right))  # type: ignore[no-any-return]


def _log1p(node: Node) -> Tensor | None:
    return _log1p_of(node.operands[0])


def _log1p_of(value: Value) -> Tensor | None:
    inner = value.node
    if inner.op.name == "exp":
        return call.softplus(_operand(inner))  # type: ignore[no-any-return]
    if inner.op.name == "negative" and inner.operands[0].node.op.name == "sigmoid":
        return -call.softplus(_operand(inner.operands[0].node))  # type: ignore[no-any-return]
    return None


def _subtract(node: Node) -> Tensor | None:
    left, right = node.operands
    if left.node.op.name == "exp" and is_uniform(right, 1):
        return call.expm1(_operand(left.node))  # type: ignore[no-any-return]
    if right.node.op.name == "sigmoid" and is_uniform(left, 1):
        return call.sigmoid(_negated(right.node.operands[0]))  # type: ignore[no-any-return]
    return None


def _add(node: Node) -> Tensor | None:
    left, right = node.operands
    if is_uniform(left, -1):
        left, right = right, left
    if left.node.op.name == "exp" and is_uniform(right, -1):
        return call.expm1(_operand(left.node))  # type: ignore[no-any-return]
    return None


def _operand(node: Node) -> Tensor:
    return Tensor(node.operands[0])


def _negated(value: Value) -> Tensor:
    return _operand(value.node) if value.node.op.name == "negative" else -Tensor(value)


_LOG_OF: dict[str, Callable[[Node], Tensor | None]] = {
    "softmax": _log_of_softmax,
    "sigmoid": _log_of_sigmoid,
    "exp": _operand,
    "sum": _log_of_sum,
    "add": _log_of_addition,
    "subtract": _log_of_subtraction,
}
_RULES: dict[str, Callable[[Node], Tensor | None]] = {
    "log": _log,
    "log1p": _log1p,
    "subtract": _subtract,
    "add": _add,
}
IMPROVED = frozenset(_RULES)  # the names of ops of which ``stable_form`` may know a better form
