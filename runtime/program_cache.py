"""Programs on disk, by the identity of the graphs they were compiled from.

Responsible for a program's form in such a file.  What identifies it is said by the compiler; the
parameters' initial values are no part of it, they come with the graphs.  The files are this
machine's and this version's own: saved programs have another form, ``runtime.archive``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from runtime import cache_files
from runtime.errors import ProgramError
from runtime.program import Program
from runtime.records import from_plain, to_plain
from runtime.validation import validate

_LENGTH_BYTES = 8
# What a file with another form than ours may raise, its digest notwithstanding.
_UNREADABLE = (ProgramError, KeyError, IndexError, ValueError, TypeError, AttributeError)


def wanted() -> bool:
    """Whether programs are kept: not where $GRAPHC_CACHE_PROGRAMS is 0."""
    return os.environ.get("GRAPHC_CACHE_PROGRAMS") != "0" and cache_files.limit() > 0


def load(identity: str, initial: Mapping[str, np.ndarray]) -> Program | None:
    """The program kept under ``identity``, with these ``initial`` values; or ``None``."""
    content = cache_files.load(f"{identity}.program")
    if content is None:
        return None
    try:
        program = replace(_from_bytes(content), initial=dict(initial))
        validate(program)
    except _UNREADABLE:
        return None
    return program


def store(identity: str, program: Program) -> None:
    """Keep ``program`` under ``identity``."""
    plain: dict[str, Any] = to_plain(replace(program, initial={}, llvm={}, constants={}))
    texts = [text.encode() for text in program.llvm.values()]
    arrays = [np.ascontiguousarray(array) for array in program.constants.values()]
    plain["llvm"] = [[name, len(text)] for name, text in zip(program.llvm, texts, strict=True)]
    plain["constants"] = [
        [name, array.dtype.name, list(np.shape(program.constants[name]))]
        for name, array in zip(program.constants, arrays, strict=True)
    ]
    about = json.dumps(plain).encode()
    length = len(about).to_bytes(_LENGTH_BYTES, "little")
    images = [array.tobytes() for array in arrays]
    cache_files.store(f"{identity}.program", (length, about, *texts, *images))


def _from_bytes(content: bytes) -> Program:
    place = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    plain = json.loads(content[_LENGTH_BYTES:place])
    texts: dict[str, str] = {}
    for name, length in plain["llvm"]:
        texts[name] = content[place : place + length].decode()
        place += length
    constants: dict[str, np.ndarray] = {}
    for name, dtype, shape in plain["constants"]:
        count = int(np.prod(shape, dtype=np.int64))
        constants[name] = np.frombuffer(content, dtype, count, place).reshape(shape)
        place += constants[name].nbytes
    made = from_plain(Program, {**plain, "llvm": texts, "constants": constants})
    assert isinstance(made, Program)
    return made
