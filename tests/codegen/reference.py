"""Reductions in NumPy, in the orders that loop IR defines."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtypes
from graphc.loops.ir import BLOCK, TREE, lane_count

IDENTITIES = {"add": 0, "multiply": 1, "any": False, "all": True}


def identity(kind: str, dtype: np.dtype) -> np.ndarray:
    if kind in IDENTITIES:
        return np.array(IDENTITIES[kind], dtype)
    if dtype.kind == "b":
        return np.array(kind == "minimum")
    if dtype.kind == "f":
        return np.array(-np.inf if kind == "maximum" else np.inf, dtype)
    limits = np.iinfo(dtype)
    return np.array(limits.min if kind == "maximum" else limits.max, dtype)


def combine(kind: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if kind == "add":
            return left + right
        if kind == "multiply":
            return left * right
        if kind == "any":
            return left | right
        if kind == "all":
            return left & right
        taken = right > left if kind == "maximum" else right < left
        if left.dtype.kind == "f":
            taken = taken | np.isnan(right)
        return np.where(taken, right, left)


def halves(kind: str, parts: np.ndarray) -> np.ndarray:
    while len(parts) > 1:
        half = len(parts) // 2
        parts = combine(kind, parts[:half], parts[half:])
    return parts[0]


def fold(kind: str, order: str, x: np.ndarray, static: bool = True) -> np.ndarray:
    """``x`` folded along its first axis."""
    start = np.broadcast_to(identity(kind, x.dtype), x.shape[1:]).copy()
    if order == "ascending":
        for row in x:
            start = combine(kind, start, row)
        return start
    if order == "tree":
        for first in range(0, len(x), TREE):
            block = np.broadcast_to(identity(kind, x.dtype), (TREE, *x.shape[1:])).copy()
            block[: len(x) - first] = x[first : first + TREE][:TREE]
            start = combine(kind, start, halves(kind, block))
        return start
    extent = len(x) if static else dtypes_named()
    lanes = lane_count(extent, dtypes.as_dtype(x.dtype))
    for first in range(0, len(x), BLOCK):
        block = x[first : first + BLOCK]
        held = np.broadcast_to(identity(kind, x.dtype), (lanes, *x.shape[1:])).copy()
        for at in range(0, len(block), lanes):
            some = block[at : at + lanes]
            held[: len(some)] = combine(kind, held[: len(some)], some)
        start = combine(kind, start, halves(kind, held))
    return start


def dtypes_named():
    from graphc.ir.dims import named

    return named("N")
