"""One form for things that can be said in several ways.

After it (and ``decompose`` before it) a graph holds only sources, elementwise ops, rearrangements,
reductions of exactly one axis with nothing but that axis' elements behind each other where they can
be, products, gathers and checks; and of the rearrangements

* ``reshape`` stands for ``squeeze`` and ``expand_dims``, and for a ``permute_dims`` that moves only
  axes of size 1: three names of one thing would hide that two of them cancel;
* none is the identity, and none follows another of its kind where one can say both;
* elementwise ops on values that were given axes of size 1 (``keepdims``) are done before these are
  given, so that a gradient's arithmetic meets the forward pass' own.

What it may not do: change any element's bits, except by the order of a sum over several axes, which
has none before this pass.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.dims import Shape
from graphc.ir.graphs import Graph, topological
from graphc.ir.nodes import Node, Value
from graphc.ir.op import Elementwise, Op, Rearrange, Reduction
from graphc.passes.base import Make, rewrite_locally

# A row of fewer elements is too short for the lanes of a sum: it is merged with the axis before.
_SHORT_ROW = 32
_MOST_RESHAPED = 16  # ops that are done once more where others need them too
_DATA = ("input", "parameter", "constant")


class Canonicalize:
    """See the module."""

    __slots__ = ()
    name = "canonicalize"

    def run(self, graph: Graph) -> Graph:
        return rewrite_locally(graph, _rule, _concerns)


def _concerns(op: Op) -> bool:
    return isinstance(op, Reduction | Elementwise) or op.name in _REARRANGEMENTS


def _rule(node: Node, make: Make) -> Value | None:
    if isinstance(node.op, Reduction):
        return _reduction(node, make)
    if isinstance(node.op, Rearrange):
        rule = _REARRANGEMENTS.get(node.op.name)
        return rule(node, make) if rule is not None else None
    if isinstance(node.op, Elementwise) and node.operands:
        return _elementwise(node, make)
    return None


# -- elementwise ops ---------------------------------------------------------------------------


def _elementwise(node: Node, make: Make) -> Value | None:
    # Neither computes anything: only gradients and dtypes that differ have a use for them.
    if node.op.name == "stop_gradient":
        return node.operands[0]
    if node.op.name == "astype" and node.result.type == node.operands[0].type:
        return node.operands[0]
    if all(v.node.op.name != "reshape" for v in node.operands):
        return None
    shapes = {_shape_before_ones(v) for v in node.operands if not _is_number(v)}
    (shape,) = shapes if len(shapes) == 1 else (None,)
    if shape is None:
        return None
    operands = [
        make("broadcast", v.node.operands[0], like=node, shape=shape, axes=())
        if _is_number(v)
        else v.node.operands[0]
        for v in node.operands
    ]
    result = make(node.op, *operands, like=node, **node.attributes)
    return make("reshape", result, like=node, shape=node.result.type.shape)


def _is_number(value: Value) -> bool:
    """Whether ``value`` repeats a value of rank 0."""
    return value.node.op.name == "broadcast" and not value.node.operands[0].type.rank


def _shape_before_ones(value: Value) -> Shape | None:
    """The operand's shape where ``value`` is a reshape that only added axes of size 1."""
    if value.node.op.name != "reshape":
        return None
    before, after = value.node.operands[0].type.shape, value.type.shape
    same = tuple(s for s in before if s != 1) == tuple(s for s in after if s != 1)
    return before if same and len(before) < len(after) else None


# -- reductions --------------------------------------------------------------------------------


def _reduction(node: Node, make: Make) -> Value | None:
    """One axis each, from the innermost outward; the reduced axis last where only 1s follow it."""
    (x,) = node.operands
    axes: tuple[int, ...] = node.attributes["axes"]
    if "nonempty" in node.attributes:  # the graph demands it by now
        return make(node.op, x, like=node, axes=axes)
    if not axes:
        return x if x.type == node.result.type else None
    if x.node.op.name == "permute_dims":
        return _as_it_lies(node, make)
    if len(axes) == 1:
        return _without_ones_behind(node, x, axes[0], make)
    shape, last = x.type.shape, axes[-1]
    extent = shape[last]
    if isinstance(extent, int) and extent < _SHORT_ROW and axes[-2] == last - 1:
        merged = (*shape[: last - 1], shape[last - 1] * extent, *shape[last + 1 :])
        x = _reshaped(x, merged, node, make)
    else:
        x = make(node.op, x, like=node, **{**node.attributes, "axes": (last,)})
    return make(node.op, x, like=node, **{**node.attributes, "axes": axes[:-1]})


def _as_it_lies(node: Node, make: Make) -> Value:
    """A reduction of permuted axes reduces what there was before, whose last axis lies in order."""
    (x,) = node.operands
    places: tuple[int, ...] = x.node.attributes["axes"]
    axes = tuple(sorted(places[axis] for axis in node.attributes["axes"]))
    folded = make(node.op, x.node.operands[0], like=node, **{**node.attributes, "axes": axes})
    left = [place for at, place in enumerate(places) if at not in node.attributes["axes"]]
    moved = tuple(sorted(left).index(place) for place in left)
    return make("permute_dims", folded, like=node, axes=moved)


def _reshaped(x: Value, shape: Shape, node: Node, make: Make) -> Value:
    """``x`` of another shape: the ops that it comes from done in that shape, where they are few and
    nothing but data stands before them, so that the reduction does them on its way."""
    met, chain, pending = {x}, 0, [x]
    leaves: set[Value] = set()
    while pending:
        value = pending.pop()
        if _is_number(value) or value.node.op.name in _DATA:
            leaves.add(value)
            continue
        chain += 1
        if not isinstance(value.node.op, Elementwise) or chain > _MOST_RESHAPED:
            return make("reshape", x, like=node, shape=shape)
        pending += {*value.node.operands} - met
        met.update(value.node.operands)
    made: dict[Value, Value] = {}
    for value in leaves:
        if _is_number(value):
            (number,) = value.node.operands
            made[value] = make("broadcast", number, like=node, shape=shape, axes=())
        else:
            made[value] = make("reshape", value, like=node, shape=shape)
    for each in topological([x], {leaf.node for leaf in leaves}):
        operands = [made[operand] for operand in each.operands]
        made[each.result] = make(each.op, *operands, like=each, **each.attributes)
    return made[x]


def _without_ones_behind(node: Node, x: Value, axis: int, make: Make) -> Value | None:
    behind = x.type.shape[axis + 1 :]
    if not behind or any(size != 1 for size in behind):
        return None
    row = make("reshape", x, like=node, shape=x.type.shape[: axis + 1])
    folded = make(node.op, row, like=node, **node.attributes)
    return make("reshape", folded, like=node, shape=node.result.type.shape)


# -- rearrangements ----------------------------------------------------------------------------


def _reshape(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    shape = node.result.type.shape
    if shape == x.type.shape:
        return x
    if x.node.op.name == "reshape":
        return make("reshape", x.node.operands[0], like=node, shape=shape)
    if x.node.op.name == "broadcast" and x.node.operands[0].type.rank == 0:
        return make("broadcast", x.node.operands[0], like=node, shape=shape, axes=())
    return None


def _to_reshape(node: Node, make: Make) -> Value | None:
    return make("reshape", node.operands[0], like=node, shape=node.result.type.shape)


def _permute(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    axes: tuple[int, ...] = node.attributes["axes"]
    moved = [axis for axis in axes if x.type.shape[axis] != 1]
    if moved == sorted(moved):
        return _to_reshape(node, make)
    if x.node.op.name == "permute_dims":
        first = x.node.attributes["axes"]
        composed = tuple(first[axis] for axis in axes)
        return make("permute_dims", x.node.operands[0], like=node, axes=composed)
    if x.node.op.name == "broadcast":
        placed = tuple(axes.index(axis) for axis in x.node.attributes["axes"])
        if list(placed) == sorted(placed):
            shape = node.result.type.shape
            return make("broadcast", x.node.operands[0], like=node, shape=shape, axes=placed)
    return None


def _broadcast(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    if node.result.type == x.type:
        return x
    if x.node.op.name != "broadcast":
        return None
    axes = tuple(node.attributes["axes"][axis] for axis in x.node.attributes["axes"])
    shape = node.result.type.shape
    return make("broadcast", x.node.operands[0], like=node, shape=shape, axes=axes)


def _slice(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    whole = _is_whole(x.type.shape, node)
    if whole:
        return x
    if x.node.op.name == "broadcast" and x.node.operands[0].type.rank == 0:
        shape = node.result.type.shape
        return make("broadcast", x.node.operands[0], like=node, shape=shape, axes=())
    return None


def _is_whole(shape: Shape, node: Node) -> bool:
    bounds = (node.attributes["start"], node.attributes["stop"], node.attributes["step"])
    return all(
        start == 0 and stop == size and step == 1
        for size, start, stop, step in zip(shape, *bounds, strict=True)
    )


def _flip(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    axes = tuple(axis for axis in node.attributes["axes"] if x.type.shape[axis] != 1)
    if x.node.op.name == "flip":
        axes = tuple(sorted({*axes} ^ {*x.node.attributes["axes"]}))
        return make("flip", x.node.operands[0], like=node, axes=axes)
    if not axes:
        return x
    return None if axes == node.attributes["axes"] else make("flip", x, like=node, axes=axes)


def _pad(node: Node, make: Make) -> Value | None:
    return node.operands[0] if node.result.type == node.operands[0].type else None


def _concat(node: Node, make: Make) -> Value | None:
    """Without empty operands."""
    axis = node.attributes["axis"]
    kept = [value for value in node.operands if value.type.shape[axis] != 0]
    if len(kept) == 1:
        return kept[0]
    if not kept:
        return node.operands[0]
    return make("concat", *kept, like=node, axis=axis) if len(kept) < len(node.operands) else None


_REARRANGEMENTS: dict[str, Callable[[Node, Make], Value | None]] = {
    "reshape": _reshape,
    "squeeze": _to_reshape,
    "expand_dims": _to_reshape,
    "permute_dims": _permute,
    "broadcast": _broadcast,
    "slice": _slice,
    "flip": _flip,
    "pad": _pad,
    "concat": _concat,
}
