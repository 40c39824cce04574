"""Memory: places in the arena by liveness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from graphc.ir import dims
from graphc.ir.dims import Size
from graphc.ir.nodes import Value
from graphc.loops.plan import ArenaSlot, Place
from graphc.loops.steps import Step

ALIGNMENT = 64
PAGE = 4096
# Between regions, so that arrays of a power of two do not all start at the same place of a page:
# streams that do compete for the same sets of the cache.  Behind what fills pages it is so much
# that a loop which reads an array and writes the next, or the last but one, does not store a little
# ahead of where it loads: processors tell the two apart by the place in the page at first.
STAGGER, STAGGER_OF_PAGES = 5 * ALIGNMENT, 26 * ALIGNMENT
Region = tuple[Size, Size]  # offset and bytes


class Memory(NamedTuple):
    """``end`` is the arena's size in bytes, used up to the last ``ALIGNMENT`` of them; ``scratch``
    the places of the steps' temp arguments; ``slots`` names the regions for reports."""

    end: Size
    scratch: dict[tuple[int, str], Place]
    slots: dict[str, Region]


def place_slots(order: Sequence[Step], place: dict[Value, Place]) -> Memory:
    """Give every made value that has none yet a place (entered into ``place``), from the step that
    makes it to the last that reads it.  A free region is used again for an equal size, or a number
    that is known to fit; what is made in place has the region of what it overwrites."""
    last_read = {v: n for n, step in enumerate(order) for v in step.reads}
    next_start: Size = 0
    end: Size = 0
    regions: dict[Value, Region] = {}
    free: list[Region] = []
    dying: dict[int, list[Region]] = {}
    scratch: dict[tuple[int, str], Place] = {}
    slots: dict[str, Region] = {}

    def allocate(elements: Size, width: int, until: int, label: str) -> Region:
        nonlocal next_start, end
        size = dims.ceil_divide(elements * width, ALIGNMENT) * ALIGNMENT
        region = next((r for r in free if _fits(size, r[1])), None)
        if region is None:
            region, next_start = _behind(next_start, size)
            end = region[0] + size
        else:
            free.remove(region)
        dying.setdefault(until, []).append(region)
        slots[f"{label}.{len(slots)}"] = region
        return region

    for number, step in enumerate(order):
        for value in step.makes:
            if value in place:
                continue
            until, label = last_read.get(value, number), value.name or step.kind
            overwritten = step.in_place.get(value)
            if overwritten is None:
                region = allocate(value.type.size, value.type.dtype.size, until, label)
            else:
                region = regions[overwritten]
                dying[number].remove(region)
                dying.setdefault(until, []).append(region)
            regions[value] = region
            place[value] = ArenaSlot(region[0])
        for a in step.lowered.kernel.arguments:
            if a.mode == "temp":
                region = allocate(dims.product(a.shape), a.dtype.size, number, a.name)
                scratch[id(step), a.name] = ArenaSlot(region[0])
        free += dying.pop(number, [])
    return Memory(end, scratch, slots)


def _behind(start: Size, size: Size) -> tuple[Region, Size]:
    """A region in what is free from ``start`` on, and where the next may start."""
    small = isinstance(size, int) and size < PAGE
    return (start, size), start + size + (STAGGER if small else STAGGER_OF_PAGES)


def _fits(size: Size, region: Size) -> bool:
    if isinstance(size, int) and isinstance(region, int):
        return size <= region <= max(2 * size, 4096)
    return size == region
