"""The plan of an entry: which kernels run in which order on which buffers.

Made by ``graphc.loops.planning`` and read by ``graphc.codegen``.  Data only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from graphc.ir.dims import Shape, Size
from graphc.ir.dtypes import DType
from graphc.loops.ir import Kernel
from runtime.frozen import frozen


@frozen
class FrameBuffer:
    """Buffer number ``position`` of the frame: an input, parameter, constant or output."""

    position: int


@frozen
class ArenaSlot:
    """A place in the arena, ``offset`` bytes (a multiple of 64) from its start."""

    offset: Size


Place = FrameBuffer | ArenaSlot


class KernelCall(NamedTuple):
    """One call of a kernel: the place of each of its arguments, in the order of the arguments.
    ``nodes`` and ``locations`` say what it computes and where the user wrote that; ``work`` is
    about how many picoseconds of one thread each of its phases takes."""

    kernel: Kernel
    places: tuple[Place, ...]
    nodes: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    kind: str = "map"
    work: tuple[Size, ...] = (0,)


class BufferInfo(NamedTuple):
    """A buffer of the frame as the interface shows it."""

    name: str
    dtype: DType
    shape: Shape
    location: str = ""


class EntryPlan(NamedTuple):
    """``sizes`` starts with the named dims and holds every size that a kernel, an offset, an
    output's shape or a constraint needs; codegen turns it into the table.  Frame buffers are
    ``inputs``, ``parameters``, ``constants``, ``outputs`` in that order."""

    name: str
    dims: tuple[str, ...]
    sizes: tuple[Size, ...]
    inputs: tuple[BufferInfo, ...]
    parameters: tuple[BufferInfo, ...]
    constants: tuple[BufferInfo, ...]
    outputs: tuple[BufferInfo, ...]
    calls: tuple[KernelCall, ...]
    arena_bytes: Size
    flush_denormals: bool
    slots: Mapping[str, tuple[Size, Size]]
    checks: Mapping[int, tuple[str, str]]
