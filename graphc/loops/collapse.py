"""Collapsing: two neighbouring loop axes become one where all memory allows it.

Axes a, b (b directly inside a) become one of extent a*b when every access either uses both, side by
side and whole, or neither, and nothing else asks for their indices.  The buffers' axes are merged
with them; their elements stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphc.loops import ir
from graphc.loops.walk import accesses, axis_uses, map_accesses


def collapse(kernel: ir.Kernel) -> ir.Kernel:
    """``kernel`` with as few loop axes as its accesses allow."""
    merged = True
    while merged:
        merged = False
        for outer, inner in _neighbours(kernel.body):
            if _may_merge(kernel, outer, inner):
                kernel = _merge(kernel, outer, inner)
                merged = True
                break
    return kernel


def _neighbours(body: tuple[ir.Statement, ...]) -> Iterator[tuple[ir.Axis, ir.Axis]]:
    """Pairs of axes, the second directly inside the first."""
    while len(body) == 1 and isinstance(body[0], ir.For):
        loop = body[0]
        if not _is_product(loop):
            yield from zip(loop.axes, loop.axes[1:], strict=False)
        inside = loop.body
        if len(inside) == 1 and isinstance(inside[0], ir.For):
            yield loop.axes[-1], inside[0].axes[0]
        body = inside


def _is_product(loop: ir.For) -> bool:
    return any(isinstance(s, ir.Reduce) and s.kinds == ("fma",) for s in loop.body)


def _may_merge(kernel: ir.Kernel, outer: ir.Axis, inner: ir.Axis) -> bool:
    shapes = {a.name: a.shape for a in kernel.arguments}
    panels = {a.name: a.panels for a in kernel.arguments}
    pairs = 0
    # An axis of a buffer is merged in all accesses alike, or in none.
    merged_at: dict[str, int] = {}
    for buffer, index in accesses(kernel.body):
        found = [getattr(i, "name", None) if isinstance(i, ir.AxisIndex) else None for i in index]
        if panels[buffer] and not {outer.name, inner.name}.isdisjoint(found[-2:]):
            return False
        if outer.name not in found and inner.name not in found:
            if merged_at.setdefault(buffer, -1) != -1:
                return False
            continue
        if found.count(outer.name) != 1 or found.count(inner.name) != 1:
            return False
        at = found.index(outer.name)
        if found[at + 1 : at + 2] != [inner.name] or merged_at.setdefault(buffer, at) != at:
            return False
        if shapes[buffer][at : at + 2] != (outer.extent, inner.extent):
            return False
        pairs += 1
    # Every mention of the two axes must be one of those pairs.
    return axis_uses(kernel.body, outer.name) == axis_uses(kernel.body, inner.name) == pairs


def _merge(kernel: ir.Kernel, outer: ir.Axis, inner: ir.Axis) -> ir.Kernel:
    touched: dict[str, int] = {}

    def access(buffer: str, index: tuple[ir.Expr, ...]) -> tuple[ir.Expr, ...]:
        if ir.AxisIndex(outer.name) not in index:
            return index
        at = touched[buffer] = index.index(ir.AxisIndex(outer.name))
        return (*index[: at + 1], *index[at + 2 :])

    body = map_accesses(kernel.body, access)
    joint = ir.Axis(outer.name, outer.extent * inner.extent)
    arguments = []
    for argument in kernel.arguments:
        at = touched.get(argument.name)
        if at is not None:
            shape = argument.shape
            argument = replace(
                argument, shape=(*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :])
            )
        arguments.append(argument)
    stays, gone = outer.name, inner.name
    if _are_rows(kernel.body, inner):
        stays, gone = gone, stays
    return replace(kernel, arguments=tuple(arguments), body=_joined(body, joint, stays, gone))


def _joined(
    body: tuple[ir.Statement, ...], joint: ir.Axis, stays: str, gone: str
) -> tuple[ir.Statement, ...]:
    """The loops with ``joint`` in the place of axis ``stays`` and without axis ``gone``."""
    if len(body) != 1 or not isinstance(body[0], ir.For):
        return body
    loop = body[0]
    axes = tuple(joint if a.name == stays else a for a in loop.axes if a.name != gone)
    inside = _joined(loop.body, joint, stays, gone)
    return (replace(loop, axes=axes, body=inside),) if axes else inside


def _are_rows(body: tuple[ir.Statement, ...], axis: ir.Axis) -> bool:
    """Whether ``axis`` are the rows of a product, whose tiles they fill."""
    while len(body) == 1 and isinstance(body[0], ir.For):
        if axis in body[0].axes:
            return _is_product(body[0])
        body = body[0].body
    return False
