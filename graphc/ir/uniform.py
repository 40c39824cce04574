"""Constants with one and the same element everywhere.

Responsible for recognising them behind broadcasts and reshapes, which is how declared numbers look:
``2 * x`` holds ``broadcast(constant 2)``.  Builds nothing.
"""

from __future__ import annotations

import numpy as np

from graphc.ir.attributes import ConstantReference
from graphc.ir.nodes import Value
from graphc.ir.op import Rearrange

_MOST_COMPARED = 4096


def uniform(value: Value) -> np.generic | None:
    """The element that every place of ``value`` holds, as a NumPy scalar of its dtype; ``None``
    where they differ, are not known here, or there is none."""
    node = value.node
    while isinstance(node.op, Rearrange) and len(node.operands) == 1 and node.op.name != "pad":
        node = node.operands[0].node
    array = node.attributes.get("value") if node.op.name == "constant" else None
    if array is None or isinstance(array, ConstantReference):
        return None
    if not 0 < array.size <= _MOST_COMPARED:
        return None
    first: np.generic = array.reshape(-1)[0] if array.ndim else array[()]
    if array.size == 1:
        return first
    bits = f"V{array.dtype.itemsize}"
    same = np.ascontiguousarray(array).reshape(-1).view(bits) == first.view(bits)
    return first if bool(np.all(same)) else None


def is_uniform(value: Value, number: float) -> bool:
    """Whether every element of ``value`` is ``number``, a zero of the same sign.

    >>> is_uniform(graphc.constant([1.0, 1.0]).value, 1)  # doctest: +SKIP
    True
    """
    element = uniform(value)
    if element is None or element != number:
        return False
    return bool(np.signbit(element) == np.signbit(number)) if number == 0 else True
