"""What loop IR asks of the records of elementwise ops: result dtypes.  Knows no op by name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import graphc.ops  # noqa: F401  (enters the records into the registry)
from graphc.ir.dtypes import DType
from graphc.ir.op import Elementwise, lookup
from graphc.ir.types import TensorType


def elementwise(name: str) -> Elementwise:
    """The record of the elementwise op called ``name``.  ``ValueError`` where there is none."""
    try:
        record = lookup(name)
    except KeyError:
        raise ValueError(f"there is no op named {name!r}") from None
    if not isinstance(record, Elementwise):
        raise ValueError(f"{name!r} is not an elementwise op")
    return record


@lru_cache(maxsize=4096)
def result_dtype(
    name: str, operands: tuple[DType, ...], attributes: tuple[tuple[str, Any], ...] = ()
) -> DType:
    """The dtype of an elementwise op on operands of these dtypes.

    ``ValueError`` or ``TypeError`` with the reason where the op does not take them.
    """
    record = elementwise(name)
    try:
        types = record.infer([TensorType(dtype, ()) for dtype in operands], dict(attributes))
    except (IndexError, KeyError) as error:
        shown = ", ".join(map(str, operands))
        raise ValueError(f"{name} does not take ({shown}): {error}") from error
    return types[0].dtype
