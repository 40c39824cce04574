"""Strips: loops over columns whose inner loops go down the rows, a vector of columns at a time.

What is folded along an axis in the middle and then used lies side by side along the axis after it.
Decides only; the inner loops stay scalar within the vectors of the strip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphc.loops import ir
from graphc.loops.repetition import costly
from graphc.loops.walk import accesses, expressions, statements

_VECTORS = 4  # of a strip: chains of folds that do not wait for each other
_COSTLY = 2  # where the body is long, eight rows of which a tree writes out
_FEWEST = 4  # columns: fewer fill no vector


def strips(loop: ir.For, lanes: int) -> ir.For | None:
    """``loop`` with its last axis in vectors, of which each inner loop takes row after row;
    ``None`` where what the inner loops touch does not lie along it."""
    *outer, last = loop.axes
    if isinstance(last.extent, int) and last.extent <= _FEWEST:
        return None
    inner = [s for s in loop.body if isinstance(s, (ir.For, ir.Reduce))]
    if any(not isinstance(s, (ir.Let, ir.Store, ir.For, ir.Reduce)) for s in statements(loop.body)):
        return None
    if any(s.order == "lanes" or "fma" in s.kinds for s in _folds(loop)):
        return None
    if not all(_lies_along(index, last.name) for _, index in accesses(loop.body)):
        return None
    if not any(ir.AxisIndex(last.name) in index for _, index in accesses(tuple(inner))):
        return None
    tile = lanes * (_COSTLY if costly(loop.body) else _VECTORS)
    if isinstance(last.extent, int):
        tile = min(tile, -(-last.extent // lanes) * lanes)
    return replace(loop, axes=(*outer, replace(last, vector=lanes, tile=tile)))


def _folds(loop: ir.For) -> Iterator[ir.Reduce]:
    return (s for s in statements(loop.body) if isinstance(s, ir.Reduce))


def _lies_along(index: tuple[ir.Expr, ...], axis: str) -> bool:
    """Whether neighbours along ``axis`` are the same element or lie side by side."""
    name = ir.AxisIndex(axis)
    within = [part for part in index if name in expressions((ir.Let("", part),))]
    return not within or (within == [name] and index[-1] == name)
