"""Packing: a product whose right operand is large reads it from panels that a kernel before it
copies, each as wide as a register tile and as deep as the product.

In place, the rows of such a panel lie far apart: in a few sets of the caches and on a page each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from graphc.ir.dims import Shape
from graphc.ir.dims import ceil_divide as panels_of
from graphc.loops import ir
from graphc.loops.collapse import collapse
from graphc.loops.lowering import Lowered
from graphc.loops.names import Names
from graphc.loops.scheduling import lanes_of, product_in, product_sizes
from graphc.loops.tiling import packed_width
from graphc.loops.walk import expressions, with_dims, with_parts
from runtime.target import Target


class Packed(NamedTuple):
    """The kernel that packs, which reads the operands ``packs`` of the product, and the product,
    which reads its operands ``reads`` and then what was packed, of ``shape`` in memory."""

    packing: Lowered
    packs: tuple[int, ...]
    product: Lowered
    reads: tuple[int, ...]
    shape: Shape


def pack(lowered: Lowered, target: Target) -> Packed | None:
    """``lowered`` in two kernels, where it is a product that is faster so."""
    nest = list(_nest(lowered.kernel.body))
    if not nest or product_in(nest[-1]) is None:
        return None
    kernel = collapse(lowered.kernel)
    nest = list(_nest(kernel.body))
    reduce = product_in(nest[-1])
    if reduce is None or reduce.order != "ascending" or reduce.body or len(nest[-1].axes) != 2:
        return None
    lanes = lanes_of(kernel, target)
    vectors = packed_width(product_sizes(kernel, nest[-1], reduce, lanes, target), target)
    if vectors is None or not _is_apart(reduce.values[1], nest[-1].axes[0].name):
        return None
    return _split(lowered, kernel, nest, reduce, vectors * lanes)


def _nest(body: Sequence[ir.Statement]) -> Iterator[ir.For]:
    """The loops of a kernel, each alone in the one before it."""
    while len(body) == 1 and isinstance(body[0], ir.For):
        yield body[0]
        body = body[0].body


def _is_apart(right: ir.Expr, rows: str) -> bool:
    """Whether the right operand can be computed before the product."""
    inside = with_parts((right,))
    return ir.AxisIndex(rows) not in inside and not any(isinstance(e, ir.Name) for e in inside)


def _split(
    lowered: Lowered, kernel: ir.Kernel, nest: list[ir.For], reduce: ir.Reduce, width: int
) -> Packed:
    left, right = reduce.values
    used = {e.name for e in with_parts((right,)) if isinstance(e, ir.AxisIndex)}
    batch = tuple(axis for loop in nest[:-1] for axis in loop.axes if axis.name in used)
    axes = (*batch, replace(reduce.axis), nest[-1].axes[-1])
    name = Names(a.name for a in kernel.arguments).new("packed")
    index = tuple(ir.AxisIndex(axis.name) for axis in axes)
    made = ir.Argument(name, right.dtype, tuple(axis.extent for axis in axes), "out", width)
    body: ir.Statement = ir.For(axes[-2:], (ir.Store(name, index, right, reduce.location),))
    body = ir.For(batch, (body,)) if batch else body
    packing, packs = _lowered(lowered, kernel, f"{kernel.name}.pack", body, made)
    product = replace(reduce, values=(left, ir.Load(name, index, right.dtype)))
    loops = _replaced(nest, reduce, product)
    read = replace(made, mode="in")
    rest, reads = _lowered(lowered, kernel, kernel.name, loops, read)
    columns = axes[-1].extent
    shape = (*made.shape[:-1], panels_of(columns, width) * width)
    return Packed(packing, packs, rest, reads, shape)


def _replaced(nest: list[ir.For], old: ir.Reduce, new: ir.Reduce) -> ir.For:
    inner = nest[-1]
    loop = replace(inner, body=tuple(new if s is old else s for s in inner.body))
    for around in reversed(nest[:-1]):
        loop = replace(around, body=(loop,))
    return loop


def _lowered(
    lowered: Lowered, kernel: ir.Kernel, name: str, body: ir.Statement, packed: ir.Argument
) -> tuple[Lowered, tuple[int, ...]]:
    """The kernel of ``body`` with those arguments of ``kernel`` that it mentions, and ``packed``
    after the last operand; and which operands they are."""
    mentioned = {e.buffer for e in expressions((body,)) if isinstance(e, ir.Load)}
    inputs, others, reads = [], [], []
    results: list[int | None] = []
    for argument, operand, result in zip(
        kernel.arguments, lowered.operands, lowered.results, strict=True
    ):
        if operand is not None and argument.name in mentioned:
            inputs.append(argument)
            reads.append(operand)
        elif operand is None and packed.mode == "in":
            others.append(argument)
            results.append(result)
    made = ir.Kernel(name, (*inputs, packed, *others), (body,))
    count = len(inputs)
    if packed.mode == "in":
        numbers: tuple[int | None, ...] = (*range(count + 1), *(None for _ in others))
        ends: tuple[int | None, ...] = (*(None for _ in range(count + 1)), *results)
    else:
        numbers, ends = (*range(count), None), (*(None for _ in inputs), 0)
    return Lowered(with_dims(made), numbers, ends), tuple(reads)
