"""``fusion``: a group of nodes that becomes one kernel; its meaning is its body graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from graphc.errors import UnsupportedError
from graphc.ir.op import Attributes, Region, register
from graphc.ir.types import TensorType


def _infer(types: Sequence[TensorType], attributes: Attributes) -> NoReturn:
    raise UnsupportedError("the types of a fusion are those of its body")


def _numpy(*arrays: Any, **attributes: Any) -> NoReturn:
    raise UnsupportedError("a fusion is evaluated by evaluating its body")


register(
    Region(
        name="fusion",
        infer=_infer,
        numpy=_numpy,
        doc="Ops computed by one kernel; made by the compiler, one body graph a node.",
    )
)
