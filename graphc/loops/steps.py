"""Steps: the kernels of an entry before they are ordered, and the order among them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graphc.ir.nodes import Node, Value
from graphc.loops.lowering import Lowered


@dataclass(eq=False, repr=False)
class Step:
    """One kernel to run: its lowering, the values it reads and makes, and what they are of the
    user's program.  ``in_place`` says which made value overwrites which of those
    it reads, or which parameter."""

    lowered: Lowered
    reads: list[Value]
    makes: list[Value]
    nodes: tuple[str, ...]
    locations: tuple[str, ...]
    kind: str
    in_place: dict[Value, Value] = field(default_factory=dict)


class Readers:
    """The steps that read each value."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self.of: dict[Value, list[Step]] = {}
        for step in steps:
            self.add(step)

    def add(self, step: Step) -> None:
        for value in dict.fromkeys(step.reads):
            self.of.setdefault(value, []).append(step)


def needed_first(step: Step, readers: Readers, maker: Mapping[Value, Step]) -> list[Step]:
    """The steps that must run before ``step``: makers of what it reads, and readers of what it
    overwrites."""
    before = [maker[v] for v in step.reads if v in maker]
    for parameter in step.in_place.values():
        before += [s for s in readers.of.get(parameter, ()) if s is not step]
    return before


def reaches(
    start: Step, goals: Collection[Step], readers: Readers, overwriter: Mapping[Value, Step]
) -> bool:
    """Whether one of ``goals`` must run after ``start``; ``overwriter`` is the step that writes a
    parameter in place.  Searched from ``start`` on: few steps follow what updates a parameter."""
    pending, seen = [start], {start}
    while pending:
        step = pending.pop()
        if step in goals:
            return True
        later = [reader for value in step.makes for reader in readers.of.get(value, ())]
        later += [overwriter[value] for value in step.reads if value in overwriter]
        for follower in later:
            if follower not in seen:
                seen.add(follower)
                pending.append(follower)
    return False


def in_order(steps: Sequence[Step], maker: Mapping[Value, Step]) -> list[Step]:
    """The steps, each after those it must follow."""
    readers = Readers(steps)
    order: dict[Step, None] = {}
    for last in steps:
        stack = [last]
        while stack:
            step = stack[-1]
            before = needed_first(step, readers, maker)
            waiting = [s for s in before if s not in order] if step not in order else []
            if waiting:
                stack += waiting
                continue
            order.setdefault(stack.pop())
    return list(order)


def kernel_name(entry: str, node: Node, number: int) -> str:
    """An LLVM identifier that says what the kernel computes."""
    label = re.sub(r"\W+", "_", node.name or "kernel")[:60]
    return f"{entry}.{number}.{label}"


def origin(node: Node) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """The names and places of a fusion node's ops, and its kind."""
    assert node.body is not None
    inner = node.body.nodes
    names = tuple(dict.fromkeys(n.name or n.op.name for n in inner))
    places = tuple(dict.fromkeys(place_text(n) for n in inner if n.location is not None))
    return names, places, str(node.attributes["kind"])


def place_text(node: Node) -> str:
    """Where the user wrote ``node``; empty where that is not known."""
    return "" if node.location is None else f"{node.location.file}:{node.location.line}"
