"""Which part of a training step a node belongs to: forward, backward or update.

Decided from the structure alone, so that a graph read from text is coloured as the one declared.
Draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from graphc.autodiff.reverse import is_backward
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Elementwise, Source

FORWARD, BACKWARD, UPDATE = "forward", "backward", "update"
PHASES = (FORWARD, BACKWARD, UPDATE)

_FOLLOWS_SHAPE = frozenset({"broadcast", "reshape", "expand_dims", "squeeze"})


def phases(
    nodes: Sequence[Node],
    operands: Mapping[Node, Sequence[Value]],
    outputs: Iterable[Value],
    updates: Iterable[Value],
) -> dict[Node, str]:
    """The phase of each of ``nodes`` (operands first; ``operands`` says what each one reads).

    Forward is what the outputs need.  Of the rest, which only the updates need, the update itself
    is the elementwise arithmetic next to the new values that nothing else reads and that
    differentiation did not make, and everything before it is backward; in a graph without outputs,
    which keeps what it measures, that is what differentiation made.  Sources belong to the earliest
    phase that reads them.
    """
    needed = {value.node for value in outputs}
    new = {value.node for value in updates}
    users: dict[Node, list[Node]] = {node: [] for node in nodes}
    phase: dict[Node, str] = {}
    for node in reversed(nodes):
        read_by = [phase[user] for user in users[node]]
        if isinstance(node.op, Source) and read_by:
            phase[node] = min(read_by, key=PHASES.index)
        elif node in needed or FORWARD in read_by:
            phase[node] = FORWARD
        elif _is_update(node, read_by, node in new):
            phase[node] = UPDATE
        elif not needed and not is_backward(node):
            phase[node] = FORWARD
        else:
            phase[node] = BACKWARD
        for value in operands[node]:
            if value.node in users:
                users[value.node].append(node)
    return phase


def _is_update(node: Node, read_by: Sequence[str], is_new_value: bool) -> bool:
    if not isinstance(node.op, Elementwise) and node.op.name not in _FOLLOWS_SHAPE:
        return False
    if is_backward(node):
        return False
    return (is_new_value or bool(read_by)) and all(phase == UPDATE for phase in read_by)
