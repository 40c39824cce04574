"""Square blocks of vectors, transposed in registers."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen.scalar_llvm import LLVMBuilder
from graphc.codegen.values import Value


def transposed(builder: LLVMBuilder, rows: Sequence[Value], width: int) -> list[Value]:
    """The ``width`` columns of ``rows``, up to ``width`` vectors of as many lanes each; lanes of
    rows that there are not are zero.

    Pairs of rows swap halves of every block of 2, 4, 8, ... lanes: ``width`` shuffles for each
    doubling.  The order of the blocks is free: the smallest come first where rows are absent, whose
    pairs cost nothing, and last where they are not, since then unwanted columns cost nothing.
    """
    like = rows[0]
    absent = Value("zeroinitializer", like.dtype, width)
    vectors = [*rows, *[absent] * (width - len(rows))]
    distances = [1 << bit for bit in range((width - 1).bit_length())]
    for distance in distances if len(rows) < width else reversed(distances):
        low = [lane & ~distance | (width if lane & distance else 0) for lane in range(width)]
        high = [lane + distance for lane in low]
        for first in range(width):
            if first & distance:
                continue
            a, b = vectors[first], vectors[first + distance]
            vectors[first] = builder.shuffle(a, b, low)
            vectors[first + distance] = builder.shuffle(a, b, high)
    return vectors
