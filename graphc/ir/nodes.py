"""Nodes and values: the graph IR in SSA form.

A node applies one op to operand values and has a tuple of result values.  Nodes are immutable and
compare by identity, so a program is a DAG of shared nodes; graphs compare structurally
(``graphc.ir.graphs``).  Nothing here infers, checks or prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from graphc.ir.types import TensorType

if TYPE_CHECKING:
    from graphc.ir.graphs import Graph
    from graphc.ir.op import Op
    from graphc.location import Location


_NONE: Mapping[str, Any] = MappingProxyType({})


class Node:
    """One application of ``op``.  ``attributes`` are static (ints, floats, strings, bools, tuples
    of them, dtypes, arrays of constants); ``body`` is the graph owned by a ``fusion`` node."""

    __slots__ = ("attributes", "body", "location", "name", "op", "operands", "results")

    op: Op
    operands: tuple[Value, ...]
    attributes: Mapping[str, Any]
    results: tuple[Value, ...]
    location: Location | None
    name: str | None
    body: Graph | None

    def __init__(
        self,
        op: Op,
        operands: Sequence[Value],
        attributes: Mapping[str, Any],
        types: Sequence[TensorType],
        *,
        location: Location | None = None,
        name: str | None = None,
        body: Graph | None = None,
    ) -> None:
        set_slot = object.__setattr__
        set_slot(self, "op", op)
        set_slot(self, "operands", tuple(operands))
        # Those of another node are immutable already; that they are the same says so at once.
        if type(attributes) is not MappingProxyType:
            attributes = MappingProxyType(dict(attributes)) if attributes else _NONE
        set_slot(self, "attributes", attributes)
        set_slot(self, "results", tuple([Value(self, i, t) for i, t in enumerate(types)]))
        set_slot(self, "location", location)
        set_slot(self, "name", name)
        set_slot(self, "body", body)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a node is immutable; cannot set {name!r}")

    @property
    def result(self) -> Value:
        """The only result; an error where there are several."""
        (value,) = self.results
        return value

    def __repr__(self) -> str:
        return f"<{self.op.name} {self.name or ''}: {', '.join(str(v.type) for v in self.results)}>"


class Value:
    """Result number ``index`` of ``node``."""

    __slots__ = ("index", "node", "type")

    def __init__(self, node: Node, index: int, type: TensorType) -> None:
        self.node = node
        self.index = index
        self.type = type

    @property
    def name(self) -> str | None:
        """The name hint of the node (inputs and parameters: their name)."""
        return self.node.name

    def __repr__(self) -> str:
        return f"<value {self.index} of {self.node!r}>"
