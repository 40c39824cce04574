"""``blocks``: the first half of a long column's reduction.

A reduction in the order "tree" folds blocks of eight elements by halves, then the blocks in order.
Where the rows of a column are shared among threads, its blocks are a value of their own; the fusion
pass alone makes such nodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.ir import dims
from graphc.ir.op import Attributes, Blocks, register
from graphc.ir.types import TensorType

SIZE = 8

_UFUNCS: dict[str, Any] = {
    "add": np.add,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "any": np.logical_or,
    "all": np.logical_and,
}


def _infer(types: Any, attributes: Attributes) -> tuple[TensorType, ...]:
    (x,) = types
    axis, combine = attributes["axis"], attributes["combine"]
    if not 0 <= axis < x.rank or combine not in _UFUNCS:
        raise UnsupportedError(f"no blocks of axis {axis} are folded by {combine!r}")
    count = dims.ceil_divide(x.shape[axis], SIZE)
    return (x.with_shape((*x.shape[:axis], count, *x.shape[axis + 1 :])),)


def _numpy(x: np.ndarray, *, axis: int, combine: str) -> Any:
    starts = np.arange(0, x.shape[axis], SIZE)
    with np.errstate(all="ignore"):
        return _UFUNCS[combine].reduceat(x, starts, axis=axis)


register(
    Blocks(
        name="blocks",
        infer=_infer,
        numpy=_numpy,
        doc="Blocks of eight elements along an axis, each folded to one.",
    )
)
