"""Groups of nodes that become one kernel, and the rule that says which may be joined.

A group is one of

* ``loop``: a nest over ``domain`` with at most one axis ``along`` that reductions fold; values are
  either full (shape ``domain``) or outer (``domain`` without ``along``).  Reductions of long
  columns fold another axis, ``down``: the rows stream past them, so nothing in the group reads what
  they give;
* ``product``: a matrix product over ``domain`` [..., M, N] with scalar work on its elements in
  registers, and sums of its columns;
* ``alone``: a node that shares its kernel with no other.

``joined(a, b)`` decides whether the producer group ``a`` may be joined to its consumer ``b`` and,
where it may not, says why.  It is the only place that knows, and ``Executable.why_not_fused``
quotes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from graphc.analysis.access import is_view
from graphc.errors import shape_text
from graphc.ir import dims
from graphc.ir.dims import Shape
from graphc.ir.nodes import Node
from graphc.ir.op import Blocks, Contraction, Elementwise, Gather, Op, Rearrange, Reduction, Scatter
from graphc.passes.uses import Edge, Uses

_PLACES = ("argmax", "argmin")
BODY_LIMIT = 200  # ops a kernel: LLVM's time is superlinear in the length of a block
LONG = 64  # rows from which columns are folded while the rows stream past
WIDE = 128  # elements of a row that is worth streaming
CHEAP = 4  # flops that may be repeated for every row instead of being stored once
# Flops an element that may be done for elements which come from elsewhere: parts of a ``concat``
# are all computed everywhere.  A float that goes to memory and comes back takes as long as 46.
ASIDE = 64


class Reason(NamedTuple):
    """Why two groups may not share a kernel."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(eq=False, repr=False)
class Group:
    """``inside`` are the nodes computed at another index than the domain's (read through a view
    within the group), which therefore can't be outputs.  ``again`` are nodes of other groups that
    are computed here too, in place of reading them.  ``last`` is the place of its last node in the
    graph; no node of the group, or of a group that needs it, comes before the place ``first``."""

    kind: str
    nodes: list[Node]
    domain: Shape
    along: int | None = None
    down: int | None = None
    inside: set[Node] = field(default_factory=set)
    again: set[Node] = field(default_factory=set)
    first: int = 0
    last: int = 0

    @property
    def name(self) -> str:
        return "+".join(dict.fromkeys(node.name or node.op.name for node in self.nodes))

    def outer(self) -> Shape | None:
        """The shape of values that the reduced axis has been folded out of."""
        if self.along is None:
            return None
        return self.domain[: self.along] + self.domain[self.along + 1 :]

    def place(self, position: int | None) -> int | None:
        """Which of the axes longer than 1 an axis is; ``None`` where that is of length 1."""
        if position is None or self.domain[position] == 1:
            return None
        return len(units_dropped(self.domain[:position]))


def units_dropped(shape: Shape) -> Shape:
    """The shape without axes of length 1, which no loop needs."""
    return tuple(size for size in shape if size != 1)


def group_of(node: Node, position: int) -> Group:
    """The group of one node."""
    kind, domain = "loop", node.result.type.shape
    along = down = None
    if isinstance(node.op, Contraction):
        kind = "product"
    elif isinstance(node.op, Rearrange) and not is_view(node):
        kind = "alone"
    elif is_column(node):
        domain, down = node.operands[0].type.shape, folded_axis(node)
    elif isinstance(node.op, Reduction):
        domain, along = node.operands[0].type.shape, folded_axis(node)
    return Group(kind, [node], domain, along, down, first=position, last=position)


def folded_axis(node: Node) -> int:
    """The axis that a reduction of one axis, or of blocks, folds; or along which it scatters."""
    if isinstance(node.op, Blocks | Scatter):
        return int(node.attributes["axis"])
    (axis,) = node.attributes["axes"]
    return int(axis)


def is_column(node: Node) -> bool:
    """Whether ``node`` folds columns while rows stream past: blocks, what is added at computed
    places, and long columns of wide rows, where strips down the rows would take a few bytes of
    each."""
    if not isinstance(node.op, Reduction) or node.op.combine in _PLACES:
        return isinstance(node.op, Blocks | Scatter)
    shape, axis = node.operands[0].type.shape, folded_axis(node)
    rows, width = shape[axis], dims.product(shape[axis + 1 :])
    short = isinstance(rows, int) and rows < LONG
    narrow = isinstance(width, int) and width <= WIDE
    return node.attributes.get("order") == "tree" and not short and not narrow


def joined(a: Group, b: Group, uses: Uses) -> Group | Reason:
    """The group that computes producer ``a`` and consumer ``b`` in one kernel, or why there is
    none."""
    for group in (a, b):
        if group.kind == "alone":
            return Reason(f"{group.name} is another name for the same memory, not a computation")
    if len(a.nodes) + len(b.nodes) > BODY_LIMIT:
        return Reason(f"together they exceed {BODY_LIMIT} ops, the limit of one kernel")
    if a.kind == b.kind == "product":
        return Reason("a kernel computes one matrix product")
    found = uses.between(a, b)
    for edge in found:
        if isinstance(edge.reader.op, Contraction):
            return Reason(
                f"{_named(edge)} is an operand of a matrix product, which reads each element "
                "many times"
            )
        if isinstance(edge.reader.op, Gather) and edge.operand == 0:
            return Reason(f"{_named(edge)} is read at computed places, so it must be stored first")
    if a.kind == "product":
        return _epilogue(a, b, found, uses)
    if b.kind == "product":
        return _beside_epilogue(a, b, found)
    return _loops(a, b, found, uses)


def _named(edge: Edge) -> str:
    return edge.read.value.name or edge.read.value.node.op.name


def _union(
    a: Group, b: Group, kind: str, domain: Shape, along: int | None, down: int | None = None
) -> Group:
    nodes, inside = [*a.nodes, *b.nodes], a.inside | b.inside
    first, last = min(a.first, b.first), max(a.last, b.last)
    return Group(kind, nodes, domain, along, down, inside, first=first, last=last)


def _epilogue(product: Group, loop: Group, found: list[Edge], uses: Uses) -> Group | Reason:
    if any(is_view(edge.read.value.node) for edge in found):
        return Reason("the product is stored in another layout than its tiles have")
    if len(loop.nodes) == 1 and is_view(loop.nodes[0]):
        stored_only = found and not uses.between(loop, product)
        if stored_only and all(_keeps_columns(edge) for edge in found):
            return _union(product, loop, "product", product.domain, None)
        return Reason("the elements of a tile's rows would not lie behind each other in memory")
    for edge in found:
        if edge.repeated != () or edge.shape != product.domain:
            return Reason(
                f"{_named(edge)} comes out of the product's tiles in the product's shape; "
                f"{edge.reader.op.name} reads it in another"
            )
    if loop.domain != product.domain:
        return Reason(
            f"the product is {shape_text(product.domain)}, its use {shape_text(loop.domain)}"
        )
    rows = len(product.domain) - 2
    if not {loop.along, loop.down} <= {rows, None}:
        return Reason("a row's reduction needs the whole row, and a tile holds a part of it")
    if any(isinstance(n.op, Reduction) and n.op.combine in _PLACES for n in loop.nodes):
        return Reason("the place of an extreme is not found tile by tile")
    if any(isinstance(n.op, Scatter) for n in loop.nodes):
        return Reason("a tile holds several rows, and they are added one after the other")
    if loop.along is not None and product.domain[rows] == 1:
        return Reason("a tile of one row has no loop in which a column is folded")
    if loop.along is not None and len(loop.nodes) > 1:
        return Reason("the sum of a column is complete only after the last tile")
    return _union(product, loop, "product", product.domain, None)


def _keeps_columns(edge: Edge) -> bool:
    """Whether a view takes each element once, all of them, and leaves the last axis where it is."""
    shape = edge.read.value.type.shape
    indices = zip(edge.read.index, shape, strict=True)
    taken = [(index.single, size) for index, size in indices if size != 1]
    axes = [(axis, size) for axis, size in enumerate(edge.shape) if size != 1]
    once = not edge.read.partial and sorted(taken, key=str) == sorted(axes, key=str)
    rows = shape[-1] != 1 and edge.shape[-1:] != (1,)
    return once and rows and taken[-1:] == axes[-1:]


def _beside_epilogue(loop: Group, product: Group, found: list[Edge]) -> Group | Reason:
    if loop.along is not None or loop.down is not None:
        return Reason("a reduction cannot be computed inside a product's tile")
    if loop.domain != product.domain or any(edge.repeated != () for edge in found):
        return Reason("it would be computed anew for every row of the product's tiles")
    return _union(loop, product, "product", product.domain, None)


def _loops(a: Group, b: Group, found: list[Edge], uses: Uses) -> Group | Reason:
    if any(is_column(edge.read.value.node) for edge in found):
        return Reason("the sum of a column is complete only after the last row")
    if any(edge.reader in b.inside for edge in found):
        return _through_view(a, b, found, uses)
    if all(edge.repeated == () for edge in found):
        return _same_loops(a, b)
    repeated = {(edge.repeated, edge.shape) for edge in found if edge.repeated != ()}
    if len(repeated) == 1:
        ((axes, shape),) = repeated
        if axes is not None and len(axes) == 1 and units_dropped(shape) == units_dropped(b.domain):
            axis = _axis_at(b.domain, len(units_dropped(shape[: axes[0]])))
            # Rows of memory are gone along anyhow; columns are, only if something folds them.
            folded = (a.along, b.along) != (None, None)
            along = folded or axis == _axis_at(b.domain, -1)
            joint = _same_loops(a, replace(b, along=axis)) if b.along in (None, axis) else None
            if along and isinstance(joint, Group):
                return joint
    return _through_view(a, b, found, uses)


def _same_loops(a: Group, b: Group) -> Group | Reason:
    """Both run over one domain, each value full or outer."""
    if (a.domain, a.along, a.down) == (b.domain, b.along, b.down) and a.along is None:
        return _union(a, b, "loop", a.domain, None, a.down)
    places = {g.place(g.down) for g in (a, b) if g.down is not None}
    if len(places) > 1:
        return Reason("they fold columns along different axes")
    for frame, other in ((b, a), (a, b)):
        if frame.along is None and other.along is not None:
            continue
        fits = [units_dropped(frame.domain)]
        if frame.along is not None:
            fits.append(units_dropped(frame.outer() or ()))
        same_axis = other.along is None or (
            units_dropped(other.domain) == fits[0]
            and units_dropped(other.outer() or ()) == fits[-1]
            and other.place(other.along) == frame.place(frame.along)
        )
        if same_axis and units_dropped(other.domain) in fits:
            down = next((_axis_at(frame.domain, place) for place in places), None)
            joint = _union(a, b, "loop", frame.domain, frame.along, down)
            return _rows_and_columns(joint) or joint
    return Reason(f"one runs over {_loop_text(a)}, the other over {_loop_text(b)}")


def _axis_at(domain: Shape, place: int | None) -> int | None:
    """The axis that is number ``place`` of those longer than 1."""
    return [axis for axis, size in enumerate(domain) if size != 1][place or 0]


def _rows_and_columns(group: Group) -> Reason | None:
    """What forbids that rows are folded whole while columns are folded by blocks of rows."""
    if group.along is None or group.down is None:
        return None
    if any(is_column(node) and not isinstance(node.op, Blocks) for node in group.nodes):
        return Reason("rows are shared among threads, a column is folded down all of them")
    behind = units_dropped(group.domain[group.down :])
    if group.place(group.along) != len(units_dropped(group.domain)) - 1 or len(behind) != 2:
        return Reason("columns are folded by blocks of whole rows")
    return None


def _through_view(a: Group, b: Group, found: list[Edge], uses: Uses) -> Group | Reason:
    """``a`` is computed where ``b`` reads it, at the index the views between say."""
    if a.along is not None:
        return Reason("the result of a reduction is used along the axis it was folded over")
    if a.down is not None:
        return Reason("the sum of a column is complete only after the last row")
    if uses.needed_beyond(a, b):
        return Reason(f"{a.name} is needed elsewhere too, in its own shape")
    per_value = [edge.read.value for edge in found]
    again = any(edge.grows for edge in found) or len(set(per_value)) < len(per_value)
    if again and cost(a.nodes) > CHEAP:
        return Reason(f"{a.name} would be computed again for every element that reads it")
    aside = any(edge.read.partial for edge in found) and _is_much_smaller(a, b)
    if aside and not again and cost(a.nodes) + cost(b.inside) > ASIDE:
        return Reason(f"{a.name} would be computed for many elements that come from elsewhere")
    joint = _union(a, b, "loop", b.domain, b.along, b.down)
    joint.inside.update(a.nodes)
    return joint


def _is_much_smaller(a: Group, b: Group) -> bool:
    """Whether the loop of ``a`` has at most half the elements, named sizes left aside."""
    own, other = (math.prod(s for s in g.domain if isinstance(s, int)) for g in (a, b))
    return 2 * own <= other


def _loop_text(group: Group) -> str:
    along = "" if group.along is None else f" folding axis {group.along}"
    return f"{shape_text(group.domain)}{along}"


def cost(nodes: Iterable[Node]) -> int:
    """Flops an element."""
    return sum(node.op.cost for node in nodes if isinstance(node.op, Elementwise))


def is_expensive(op: Op) -> bool:
    """Whether computing an element anew costs more than storing and reading it."""
    return isinstance(op, Elementwise) and op.cost >= 8
