"""Who reads what in a graph, through views.

Responsible for the edges between computing nodes and for what must be in memory; which nodes share
a kernel is the affair of ``graphc.passes.groups``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphc.analysis.access import Read, is_free_source, is_view, must_be_stored, reads
from graphc.analysis.ways import crossroads
from graphc.ir.dims import Shape
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Rearrange

if TYPE_CHECKING:
    from graphc.passes.groups import Group


class Edge(NamedTuple):
    """``reader`` (of the consumer group) reads ``read.value`` (of the producer group) through its
    operand number ``operand``; a reader that is a view reads at the index of its result."""

    reader: Node
    operand: int
    read: Read

    @property
    def shape(self) -> Shape:
        """The shape of what is looked at: the operand, or the view."""
        if is_view(self.reader):
            return self.reader.result.type.shape
        return self.reader.operands[self.operand].type.shape

    @property
    def is_plain(self) -> bool:
        """Whether each element of the value is read once, at its own index."""
        through_none = self.reader.operands[self.operand] is self.read.value
        return through_none and not isinstance(self.reader.op, Rearrange)

    @property
    def repeated(self) -> tuple[int, ...] | None:
        """``Read.missing`` for the axes of length other than 1."""
        if self.is_plain:
            return ()
        shape = self.shape
        missing = self.read.missing(len(shape))
        return None if missing is None else tuple(a for a in missing if shape[a] != 1)

    @property
    def grows(self) -> bool:
        """Whether elements of the value are read more than once."""
        if self.is_plain:
            return False
        shape = self.shape
        atoms = {atom for index in self.read.index for atom in index.atoms}
        return any(size != 1 and axis not in atoms for axis, size in enumerate(shape))


class Uses:
    """Who reads what in a graph, through views; which values must be in memory; and the group that
    is ``home`` to each node, which whoever makes the groups enters."""

    def __init__(self, graph: Graph) -> None:
        self.operand_reads: dict[Value, list[Read]] = {}
        self.edges_of: dict[Node, list[Edge]] = {}
        self.readers: dict[Value, list[Node]] = {}
        self.edges_to: dict[Value, list[Edge]] = {}
        self.stored: set[Value] = set(graph.results)
        self.home: dict[Node, Group] = {}
        for node in graph.nodes:
            needed = (v for i, v in enumerate(node.operands) if must_be_stored(node, i))
            self.stored.update(needed)
        self.stored |= crossroads(graph.nodes, self.stored)
        self.stored_nodes = {value.node for value in self.stored}
        for node in graph.nodes:
            if self.computes(node):
                self._enter(node)

    def computes(self, node: Node) -> bool:
        """Whether ``node`` has a group: it computes, or is a view or free source to be stored."""
        if node.op.name == "constant" and not is_free_source(node):
            return False
        if is_view(node) or is_free_source(node):
            return node in self.stored_nodes
        return True

    def _enter(self, node: Node) -> None:
        if is_view(node):
            found = [Edge(node, 0, read) for read in reads(node.result, self.stored_nodes, node)]
        else:
            found = [
                Edge(node, number, read)
                for number, operand in enumerate(node.operands)
                for read in self._reads(operand)
            ]
        for edge in found:
            self.readers.setdefault(edge.read.value, []).append(node)
            self.edges_to.setdefault(edge.read.value, []).append(edge)
        self.edges_of[node] = found

    def _reads(self, value: Value) -> list[Read]:
        if value not in self.operand_reads:
            self.operand_reads[value] = reads(value, self.stored_nodes)
        return self.operand_reads[value]

    def between(self, producer: Group, consumer: Group) -> list[Edge]:
        """All reads of the producer's values by the consumer's nodes."""
        home = self.home
        read = [self.edges_of[node] for node in consumer.nodes]
        count = sum(map(len, read))
        if count > len(producer.nodes):  # a view may join very many values, and have many readers
            values = (value for node in producer.nodes for value in node.results)
            made = [self.edges_to.get(value, []) for value in values]
            if sum(map(len, made)) < count:
                return [e for edges in made for e in edges if home.get(e.reader) is consumer]
        return [e for edges in read for e in edges if home.get(e.read.value.node) is producer]

    def needed_beyond(self, group: Group, other: Group) -> bool:
        """Whether a value of ``group`` is needed outside the two groups."""
        home, both = self.home, (group, other)
        return any(
            value in self.stored or any(home[r] not in both for r in self.readers.get(value, ()))
            for node in group.nodes
            for value in node.results
        )
