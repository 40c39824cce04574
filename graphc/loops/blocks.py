"""Blocks of straight-line code: items become lets and expressions.

An item used once is written where it is used, as far as the expression stays readable; an item used
twice, or too deep, is bound by a let.  All lets of a block come before its stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.ir.index import Index
from graphc.location import Location
from graphc.loops import ir
from graphc.loops.items import Item, index_expr
from graphc.loops.names import Names
from runtime.frozen import frozen

DEPTH = 4  # of an expression that is still easily read


@frozen
class StoreOf:
    """``item`` is to be stored at ``index`` of ``buffer``."""

    buffer: str
    index: tuple[Index, ...]
    item: Item
    location: Location | None = None


class Block:
    """Statements of one loop body; ``known`` are the items that have an expression already."""

    def __init__(self, names: Names, known: dict[Item, ir.Expr], bind_all: bool = False) -> None:
        self.names = names
        self.known = known
        self.bind_all = bind_all
        self.statements: list[ir.Statement] = []

    def closure(self, roots: Iterable[Item]) -> list[Item]:
        """The items that must be computed for ``roots``, operands first.  What a reduction folds
        is computed in its own loop."""
        found: set[Item] = set()
        pending = list(roots)
        while pending:
            item = pending.pop()
            if item not in found and item not in self.known:
                found.add(item)
                pending.extend(() if item.reduction is not None else item.operands)
        return sorted(found, key=lambda item: item.number)

    def expressions(self, roots: Sequence[Item]) -> list[ir.Expr]:
        """The expressions of ``roots``; what they share is bound first."""
        order = self.closure(roots)
        uses: dict[Item, int] = {}
        for item in [*roots, *(operand for user in order for operand in user.operands)]:
            uses[item] = uses.get(item, 0) + 1
        for item in uses:
            self._reload(item)
        found: dict[Item, ir.Expr] = {}
        depth: dict[Item, int] = {}
        for item in order:
            expr = item.build([found.get(o) or self.known[o] for o in item.operands])
            depth[item] = 1 + max((depth.get(o, 0) for o in item.operands), default=0)
            bind = self.bind_all or uses[item] > 1 or depth[item] > DEPTH
            if bind and not item.free and not isinstance(expr, (ir.Name, ir.Literal)):
                name = self.names.new(item.name or "t")
                self.statements.append(ir.Let(name, expr, item.location))
                expr = self.known[item] = ir.Name(name, expr.dtype)
                depth[item] = 0
            found[item] = expr
        return [found.get(root) or self.known[root] for root in roots]

    def _reload(self, item: Item) -> None:
        """Bind what an earlier loop left in memory before a store of this one may overwrite it."""
        kept = self.known.get(item)
        if isinstance(kept, ir.Load):
            name = self.names.new(item.name or "t")
            self.statements.append(ir.Let(name, kept, item.location))
            self.known[item] = ir.Name(name, kept.dtype)

    def store(self, stores: Sequence[StoreOf], also: Sequence[Item] = ()) -> list[ir.Expr]:
        """Compute all, then store; returns the expressions of ``also``."""
        values = self.expressions([*(s.item for s in stores), *also])
        for s, value in zip(stores, values, strict=False):
            index = tuple(index_expr(i, {}) for i in s.index)
            self.statements.append(ir.Store(s.buffer, index, value, s.location))
        return values[len(stores) :]
