"""Program: a compiled graph as plain data.

The native interface, for each entry, is two functions of the module's text::

    void @<entry>.sizes(ptr table)     fills the derived sizes of the table from the named dims
    i64  @<entry>(ptr frame)           runs the entry; returns a status: 0, or the code of a check

``table`` is an array of i64: the values of ``Entry.dims`` first (the caller's), then one for each
text of ``Entry.sizes`` beyond them.  ``frame`` is an array of 8-byte words::

    word 0  table        1  arena (64-byte aligned)  2  profile (nullable)  3  pool (nullable)
    word 4  status code  5  failing index           6  failing value        7  (reserved, zero)
    word 8 ...           buffers: inputs, parameters, constants, outputs, each in the entry's order

``pool``, where it is not null, is a team of threads: four words, the address of a function that
runs a kernel's units (``runtime/native/pool.ll``), the number of threads, and the picoseconds of
work from which a kernel is worth sharing, and worth waking threads for.

``profile`` is an array of i64, two a kernel: cycles spent (llvm.readcyclecounter) and calls.
All buffers are contiguous row-major.  A bool is one byte, 0 or 1.  Inputs and outputs are aligned
to their element, parameters and constants to 64 bytes.

A program is data, and its LLVM text is code: a saved program is trusted like a shared library.
Loading one runs nothing of it, but the first call of an entry does.  The digests in the file guard
against damage, not against malice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field

import numpy as np

from runtime.frozen import frozen

FRAME_TABLE, FRAME_ARENA, FRAME_PROFILE, FRAME_POOL = 0, 1, 2, 3
FRAME_STATUS, FRAME_INDEX, FRAME_VALUE, FRAME_BUFFERS = 4, 5, 6, 8


@frozen
class TensorSpec:
    """A buffer of the interface; a size is an int or the text of a polynomial of named dims that
    stands in ``Entry.sizes``.  ``location`` is the user's line, as ``file:line``."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    location: str = ""


@frozen
class KernelInfo:
    """One kernel of an entry, for reports: what it computes, and where the user wrote that.
    ``flops`` and ``bytes`` are texts of polynomials in ``Entry.sizes``, or ints."""

    name: str
    kind: str
    nodes: tuple[str, ...]
    locations: tuple[str, ...]
    flops: int | str
    bytes: int | str


@frozen
class CheckInfo:
    """What a status code means: the message is formatted with ``index`` and ``value``."""

    message: str
    location: str


@frozen
class Slot:
    """A value's place in the arena: ``offset`` and ``bytes`` as in ``KernelInfo``."""

    value: str
    offset: int | str
    bytes: int | str


@frozen
class Entry:
    """One native entry.  ``sizes`` are the texts of the table's entries, named dims first;
    ``constraints`` are (left, "==" or ">=", right) of texts in ``sizes`` or ints; ``demands`` says
    of each what needs it and where the user wrote that, as far as that is known.
    ``single_output``: a call returns the only output itself instead of a mapping."""

    name: str
    dims: tuple[str, ...]
    sizes: tuple[str, ...]
    constraints: tuple[tuple[int | str, str, int | str], ...]
    inputs: tuple[TensorSpec, ...]
    parameters: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[TensorSpec, ...]
    updated: tuple[str, ...]
    arena_bytes: int | str
    slots: tuple[Slot, ...]
    kernels: tuple[KernelInfo, ...]
    checks: Mapping[int, CheckInfo]
    flush_denormals: bool
    single_output: bool = False
    demands: tuple[str, ...] = ()


@frozen
class Program:
    """Everything needed to run: one module's LLVM text for each target's name, the entries, the
    parameters with their initial values, and the constants too large for the text.  ``source_map``
    is the text of the user's line for each place that a location names, where it is known."""

    name: str
    version: int
    entries: tuple[Entry, ...]
    parameters: tuple[TensorSpec, ...]
    initial: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray]
    llvm: Mapping[str, str]
    source_map: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the program to one file, atomically.  Raises ``OSError``, and ``ProgramError``
        when the program is not consistent in itself.

        >>> import tempfile
        >>> program = Program("empty", VERSION, (), (), {}, {}, {"baseline": ""})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     program.save(folder + "/empty.graphc")
        ...     Program.load(folder + "/empty.graphc").name
        'empty'
        """
        from runtime.archive import save_program

        save_program(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Program:
        """Reads what ``save`` wrote.  Raises ``OSError``, and ``ProgramError`` for a file that is
        truncated, damaged, foreign or of another version."""
        from runtime.archive import load_program

        return load_program(path)


VERSION = 1
