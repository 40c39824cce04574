"""Vectors whose elements lie a few places apart: whole vectors of memory, sorted in registers.

A gather takes an access to memory for each lane.  Everything between the first element of a vector
and its last is in the buffer too, so as many whole vectors as the elements lie places apart hold
them all, the last of these ending with the last element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.codegen.scalar_llvm import LLVMBuilder
from graphc.codegen.values import Value, constant
from graphc.loops.direction import MOST_APART


def are_near(stride: object) -> bool:
    """Whether elements ``stride`` apart are worth sorting out of whole vectors."""
    return isinstance(stride, int) and 1 <= abs(stride) <= MOST_APART and stride != 1


def load(
    builder: LLVMBuilder, stride: int, lanes: int, width: int, vector_at: Callable[[int], Value]
) -> Value:
    """Elements 0, ``stride``, 2 ``stride``, ... in the first ``lanes`` of ``width`` lanes;
    ``vector_at`` gives the vector in memory from an element on, as memory holds it."""
    last = (lanes - 1) * stride
    lowest, span = min(0, last), abs(last) + 1
    starts = [min(first, max(0, span - width)) for first in range(0, span, width)]
    places = [min(lane, lanes - 1) * stride - lowest for lane in range(width)]
    homes = [min(place // width, len(starts) - 1) for place in places]
    found = vector_at(lowest + starts[0])
    if len(starts) == 1:
        # Lanes past the elements are of zeros: where they were of the vector, LLVM 22 narrowed a
        # permutation of which only two lanes count to one of both lanes from the first.
        places[lanes:] = [width] * (width - lanes)
        return builder.shuffle(found, constant(0, found.dtype, width), places)
    chosen: Sequence[int] = places
    for number in range(1, len(starts)):
        # Lanes that are in place stay; those of vectors to come do not matter yet.
        sought = [
            width + place - starts[number] if home == number else (at if home < number else 0)
            for place, home, at in zip(places, homes, chosen, strict=True)
        ]
        found = builder.shuffle(found, vector_at(lowest + starts[number]), sought)
        chosen = range(width)
    return found


def mixed(builder: LLVMBuilder, vectors: Sequence[Value], width: int) -> list[Value]:
    """Vectors whose elements take turns in memory, as what memory holds: first that with the first
    element of each, then that with the second, ..."""
    count = len(vectors)
    found = []
    for number in range(count):
        places = range(number * width, (number + 1) * width)
        homes = [place % count for place in places]
        value, chosen = vectors[0], [place // count for place in places]
        for other in range(1, count):
            lanes = [
                width + place // count if home == other else (at if home < other else 0)
                for place, home, at in zip(places, homes, chosen, strict=True)
            ]
            value, chosen = builder.shuffle(value, vectors[other], lanes), list(range(width))
        found.append(value)
    return found
