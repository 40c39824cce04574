"""Fusion: nodes become groups, and each group one ``fusion`` node that owns a body graph.

Greedy, in topological order: a node's group is joined with the groups that produce its operands
(products first, then reductions, then the rest), then groups that read the same values over the
same loop are joined.  What may be joined is decided by ``graphc.passes.groups.joined`` and by the
requirement that no other kernel lies between.  With ``enabled=False`` each node is a group of its
own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from graphc.ir import dims
from graphc.ir import op as records
from graphc.ir.dims import Shape
from graphc.ir.graphs import Graph, clone, collect, substitute
from graphc.ir.nodes import Node, Value
from graphc.passes import columns, recompute
from graphc.passes.groups import Group, Reason, group_of, joined
from graphc.passes.uses import Uses

SMALL = 1 << 13  # elements of a loop that takes no longer than a kernel's call
NEAR = 1000  # nodes between two loops that are looked at for joining


class Fuse(NamedTuple):
    """The pass."""

    enabled: bool = True
    name: str = "fuse"

    def run(self, graph: Graph) -> Graph:
        """``graph`` as fusion nodes, and reshapes that only rename memory."""
        return _rebuild(*self.grouped(graph))

    def grouped(self, graph: Graph) -> tuple[Graph, Grouping]:
        """The groups, of ``graph`` or of one equal to it that joins further."""
        grouping = self._joined(graph)
        better = columns.in_blocks(graph, grouping) if self.enabled else None
        if better is not None:
            graph, grouping = better, self._joined(better)
        if self.enabled:
            recompute.choose(graph, grouping)
            grouping.drop_unread()
        return graph, grouping

    def _joined(self, graph: Graph) -> Grouping:
        grouping = Grouping(Uses(graph), graph)
        if self.enabled:
            grouping.join_producers()
            grouping.join_siblings()
            grouping.join_small()
        return grouping


class Grouping:
    """Which group each computing node belongs to."""

    def __init__(self, uses: Uses, graph: Graph) -> None:
        self.uses = uses
        self.position = {node: i for i, node in enumerate(graph.nodes)}
        self.group = uses.home
        self.group.update(
            (node, group_of(node, i)) for node, i in self.position.items() if node in uses.edges_of
        )
        self._sources: dict[Group, dict[Node, None]] = {}
        self._readers: dict[Group, dict[Node, None]] = {}
        self._read_again: dict[Value, dict[Group, None]] = {}

    def groups(self) -> list[Group]:
        """All groups, by the position of their last node."""
        return sorted(dict.fromkeys(self.group.values()), key=lambda g: g.last)

    def producers(self, group: Group) -> list[Group]:
        """The other groups whose values ``group`` reads."""
        return list(dict.fromkeys([self.group[node] for node in self._read_by(group)]))

    def _read_by(self, group: Group) -> dict[Node, None]:
        """The computing nodes outside that ``group`` reads; a group's nodes are searched once."""
        known = self._sources.get(group)
        if known is not None:
            return known
        members = {*group.nodes, *group.again}
        found: dict[Node, None] = {}
        for node in (*group.nodes, *sorted(group.again, key=self.position.__getitem__)):
            for edge in self.uses.edges_of[node]:
                source = edge.read.value.node
                if source in self.group and source not in members:
                    found[source] = None
        self._sources[group] = found
        return found

    def _readers_of(self, group: Group) -> dict[Node, None]:
        """The computing nodes outside that read ``group``, searched once like ``_read_by``."""
        known = self._readers.get(group)
        if known is None:
            readers, members = self.uses.readers, set(group.nodes)
            values = (value for node in group.nodes for value in node.results)
            found = (reader for value in values for reader in readers.get(value, ()))
            known = {reader: None for reader in found if reader not in members}
            self._readers[group] = known
        return known

    def sources(self, group: Group) -> set[Value]:
        """The values outside all groups that ``group`` reads."""
        edges = (e for node in group.nodes for e in self.uses.edges_of[node])
        return {e.read.value for e in edges if e.read.value.node not in self.group}

    def compute_again(self, group: Group, nodes: Iterable[Node]) -> None:
        """Let ``group`` compute ``nodes`` of other groups too, in place of reading them."""
        group.again.update(nodes)
        self._sources.pop(group, None)
        for node in nodes:
            for edge in self.uses.edges_of[node]:
                self._read_again.setdefault(edge.read.value, {})[group] = None

    def is_kept(self, value: Value) -> bool:
        """Whether a group reads ``value`` from memory because another computes it."""
        home = self.group[value.node]
        for reader in self.uses.readers.get(value, ()):
            group = self.group[reader]
            if group is not home and value.node not in group.again:
                return True
        again = self._read_again.get(value, ())
        return any(g is not home and value.node not in g.again for g in again)

    def drop_unread(self) -> None:
        """Forget the nodes that nothing needs any more, as all readers compute them again."""
        readers = self.uses.readers
        for node in reversed(list(self.group)):
            home = self.group[node]
            if any(self._is_read(value, home) for value in node.results):
                continue
            home.nodes.remove(node)
            self._sources.pop(home, None)
            del self.group[node]
            for edge in self.uses.edges_of[node]:
                kept = [r for r in readers[edge.read.value] if r is not node]
                readers[edge.read.value] = kept

    def _is_read(self, value: Value, home: Group) -> bool:
        if value in self.uses.stored:
            return True
        inside = any(self.group.get(r) is home for r in self.uses.readers.get(value, ()))
        return inside or self.is_kept(value)

    def join_producers(self) -> None:
        """Join each node's group with its producers' where it may be."""
        for node in list(self.group):
            for producer in sorted(self.producers(self.group[node]), key=_preference):
                self._try(producer, self.group[node])

    def join_siblings(self) -> None:
        """Join groups that read the same values over the same loop: one pass instead of two."""
        for readers in list(self.uses.readers.values()):
            first = self.group[readers[0]]
            for reader in readers[1:]:
                other = self.group[reader]
                both_loops = first.kind == other.kind == "loop"
                if other is not first and both_loops and first.domain == other.domain:
                    early, late = sorted((first, other), key=lambda g: g.last)
                    if not self.depends(late, early) and not self.uses.between(early, late):
                        self._try(early, late)
                first = self.group[reader]

    def join_small(self) -> None:
        """Join small loops of one domain that have nothing to do with each other, such as updates
        of biases: a kernel of its own costs more than such a loop."""
        latest: dict[tuple[Shape, int | None, int | None], Group] = {}
        for group in self.groups():
            if group.kind != "loop" or not _is_small(group.domain):
                continue
            key = (group.domain, group.along, group.down)
            other = latest.get(key)
            near = other is not None and group.last - other.last <= NEAR
            if other is not None and near and self._are_apart(group, other):
                self._try(other, group)
            latest[key] = self.group[group.nodes[0]]

    def _are_apart(self, a: Group, b: Group) -> bool:
        return not self.depends(a, b) and not self.depends(b, a)

    def _try(self, producer: Group, consumer: Group) -> None:
        if producer is consumer:
            return
        joint = self._joint(producer, consumer)
        if isinstance(joint, Group):
            self._merge(producer, consumer, joint)

    def _merge(self, producer: Group, consumer: Group, joint: Group) -> None:
        """Let the larger of the two become ``joint``.  What it reads and is read by is known: work
        is for the smaller one alone, so that a group of many nodes may grow by one at a time."""
        late = [group for group in (producer, consumer) if group.first > joint.first]
        needed = [node for group in late for node in self._read_by(group)]
        small, large = consumer, producer
        if len(small.nodes) > len(large.nodes):
            small, large = large, small
        sources, readers = self._read_by(large), self._readers_of(large)
        more, others = self._read_by(small), self._readers_of(small)
        if large is producer:
            sources.update(more)
        else:
            sources = self._sources[large] = {**more, **sources}
        readers.update(others)
        for node in small.nodes:
            self.group[node] = large
            sources.pop(node, None)
            readers.pop(node, None)
        for known, new in ((sources, more), (readers, others)):
            for node in [node for node in new if self.group[node] is large]:
                known.pop(node, None)
        vars(large).update(vars(joint))
        self._lower(needed, large.first)

    def _lower(self, sources: Iterable[Node], first: int) -> None:
        """What a group reads is needed by all of it, by what stands before the reader too."""
        pending = [sources]
        while pending:
            for group in dict.fromkeys(map(self.group.__getitem__, pending.pop())):
                if group.first > first:
                    group.first = first
                    pending.append(self._read_by(group))

    def joinable(self, producer: Group, consumer: Group) -> Reason | None:
        """Why the two may not be one kernel; ``None`` where they may."""
        joint = self._joint(producer, consumer)
        return joint if isinstance(joint, Reason) else None

    def _joint(self, producer: Group, consumer: Group) -> Group | Reason:
        """The two as one kernel, or why they may not be."""
        joint = joined(producer, consumer, self.uses)
        if isinstance(joint, Reason):
            return joint
        if self.depends(producer, consumer):  # each reads the other: both ways must be legal
            back = joined(consumer, producer, self.uses)
            if isinstance(back, Reason):
                return back
        for one, other in ((consumer, producer), (producer, consumer)):
            if self._any_depends([g for g in self.producers(one) if g is not other], other):
                reason = "another kernel between them needs the one and is needed by the other"
                return Reason(reason)
        return joint

    def depends(self, group: Group, on: Group) -> bool:
        """Whether ``group`` is ``on`` or needs it, directly or through others."""
        return self._any_depends([group], on)

    def _any_depends(self, groups: Iterable[Group], on: Group) -> bool:
        """Whether one of ``groups`` is ``on`` or needs it.  A group that needs another is ``first``
        no earlier, so those that are end the search."""
        pending = [group for group in groups if group.first >= on.first]
        seen = set(pending)
        while pending:
            current = pending.pop()
            if current is on:
                return True
            # The early ones first: of a backward pass, the way that does not lead over the loss.
            for producer in sorted(self.producers(current), key=lambda g: -g.first):
                if producer not in seen and producer.first >= on.first:
                    seen.add(producer)
                    pending.append(producer)
        return False


def _is_small(domain: Shape) -> bool:
    size = dims.product(domain)
    return isinstance(size, int) and size <= SMALL


def _preference(group: Group) -> tuple[int, int]:
    rank = 0 if group.kind == "product" else 1 if group.along is not None else 2
    return rank, -group.last


def _rebuild(graph: Graph, grouping: Grouping) -> Graph:
    new: dict[Value, Value] = {}
    for group in _in_order(grouping):
        if group.kind == "alone":
            (node,) = group.nodes
            operands = [new.get(v, v) for v in node.operands]
            new.update(zip(node.results, clone(node, operands).results, strict=True))
        else:
            new.update(_fusion_node(group, grouping, new))
    return substitute(graph, new)


def _in_order(grouping: Grouping) -> Iterable[Group]:
    """Groups, each after those it reads."""
    done: set[Group] = set()
    for root in grouping.groups():
        stack = [root]
        while stack:
            group = stack[-1]
            waiting = [g for g in grouping.producers(group) if g not in done]
            if group in done or waiting:
                stack.extend(waiting)
                if group in done:
                    stack.pop()
                continue
            done.add(stack.pop())
            yield group


def _fusion_node(group: Group, grouping: Grouping, new: dict[Value, Value]) -> dict[Value, Value]:
    """The fusion node of ``group``; what its values outside are, by the values they replace."""
    outputs = _outputs(group, grouping)
    nodes = sorted({*group.nodes, *group.again}, key=grouping.position.__getitem__)
    body = _Body(set(nodes), grouping.uses)
    for node in nodes:
        operands = [body.inner(v) for v in node.operands]
        body.new.update(zip(node.results, clone(node, operands).results, strict=True))
    inner = collect(
        group.name,
        {str(i): body.new[v] for i, v in enumerate(outputs)},
        inputs=[inside for _, inside in body.inputs],
    )
    outer_operands = [new.get(outside, outside) for outside, _ in body.inputs]
    fusion = Node(
        records.lookup("fusion"),
        outer_operands,
        {
            "kind": group.kind,
            "domain": group.domain,
            "along": group.along,
            "down": group.down,
        },
        [v.type for v in outputs],
        location=group.nodes[-1].location,
        name="_".join(dict.fromkeys(v.name or v.node.op.name for v in outputs)),
        body=inner,
    )
    return dict(zip(outputs, fusion.results, strict=True))


def _outputs(group: Group, grouping: Grouping) -> list[Value]:
    """What ``group`` stores, in the graph's order."""
    return [
        value
        for node in sorted(group.nodes, key=grouping.position.__getitem__)
        for value in node.results
        if value in grouping.uses.stored or grouping.is_kept(value)
    ]


class _Body:
    """The body graph of one group while it is built: views are copied into every reader's body."""

    def __init__(self, members: set[Node], uses: Uses) -> None:
        self.members = members
        self.uses = uses
        self.new: dict[Value, Value] = {}
        self.inputs: list[tuple[Value, Value]] = []

    def inner(self, value: Value) -> Value:
        """What stands for ``value`` inside the body."""
        stack = [value]
        while stack:
            at = stack[-1]
            if at in self.new:
                stack.pop()
                continue
            outside = at.node.op.name in ("input", "parameter", "constant")
            if outside or at.node in self.uses.edges_of:
                self.new[at] = self._input(at)
                continue
            waiting = [v for v in at.node.operands if v not in self.new]
            stack.extend(waiting)
            if not waiting:
                copy = clone(at.node, [self.new[v] for v in at.node.operands])
                self.new.update(zip(at.node.results, copy.results, strict=True))
        return self.new[value]

    def _input(self, value: Value) -> Value:
        if value.node.op.name == "constant" and value.type.size == 1:
            return clone(value.node, ()).result
        name = f"{value.name or value.node.op.name}"
        taken = {inside.name for _, inside in self.inputs}
        unique = name if name not in taken else f"{name}_{len(self.inputs)}"
        node = Node(
            records.lookup("input"), (), {}, [value.type], location=value.node.location, name=unique
        )
        self.inputs.append((value, node.result))
        return node.result
