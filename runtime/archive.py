"""The file of a saved program: a zip archive of JSON, arrays and LLVM text, with a digest of each.

Parts: ``manifest.json`` (format, version, digests), ``program.json`` (everything that is neither an
array nor LLVM text), ``arrays.safetensors`` (``initial:<name>`` and ``constant:<name>``) and
``llvm/<number>.ll``, numbered as ``program.json`` lists the targets, so that no name of the file
ever becomes a path.  Nothing is unpacked to the disk and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from runtime.atomic import write_atomically
from runtime.errors import ProgramError
from runtime.program import VERSION, Program
from runtime.records import from_plain, to_plain
from runtime.validation import validate

FORMAT = "graphc program"
_MANIFEST, _PROGRAM, _ARRAYS = "manifest.json", "program.json", "arrays.safetensors"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ARRAY_FIELDS = {"initial": "initial:", "constants": "constant:"}

# What zipfile, json and safetensors raise for content that is not theirs.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, EOFError, ValueError, RuntimeError,
    TypeError, AttributeError,
    RecursionError, OverflowError, safetensors.SafetensorError,
)  # fmt: skip


def save_program(program: Program, path: str | os.PathLike[str]) -> None:
    """See ``Program.save``."""
    validate(program)
    write_atomically(path, [program_to_bytes(program)])


def load_program(path: str | os.PathLike[str]) -> Program:
    """See ``Program.load``."""
    return program_from_bytes(Path(path).read_bytes(), os.fspath(path))


def program_to_bytes(program: Program) -> bytes:
    """The content of a saved program's file; equal programs give equal bytes."""
    parts = {_PROGRAM: _as_json(_description(program)), _ARRAYS: _array_bytes(program)}
    for number, text in enumerate(program.llvm.values()):
        parts[f"llvm/{number}.ll"] = text.encode()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    manifest = {"format": FORMAT, "version": program.version, "digests": digests}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        _add(archive, _MANIFEST, _as_json(manifest))
        for name, content in parts.items():
            _add(archive, name, content)
    return stream.getvalue()


def program_from_bytes(content: bytes, name: str) -> Program:
    """The program that ``program_to_bytes`` wrote; ``name`` is the file's, for messages."""
    if not content.startswith(b"PK"):
        raise ProgramError(f"{name}: not a saved program (it does not start as a zip archive)")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _UNREADABLE as error:
        raise ProgramError(f"{name}: truncated or damaged ({error})") from error
    with archive:
        digests = _check_manifest(archive, name)
        parts = {part: _read(archive, part, name) for part in digests}
    for part, digest in digests.items():
        if hashlib.sha256(parts[part]).hexdigest() != digest:
            raise ProgramError(f"{name}: damaged: {part} is not what was saved (digests differ)")
    try:
        program = _assemble(parts)
        validate(program)
    except ProgramError as error:
        raise ProgramError(f"{name}: {error}") from error
    except _UNREADABLE as error:
        raise ProgramError(f"{name}: damaged ({type(error).__name__}: {error})") from error
    return program


def _description(program: Program) -> dict[str, Any]:
    """The program without its arrays and its texts, which are parts of their own."""
    plain: dict[str, Any] = to_plain(program)
    for field in _ARRAY_FIELDS:
        plain[field] = list(plain[field])
    plain["llvm"] = list(program.llvm)
    return plain


def _assemble(parts: Mapping[str, bytes]) -> Program:
    plain = json.loads(parts[_PROGRAM])
    if not isinstance(plain, dict):
        raise ProgramError("program.json is not an object")
    arrays = safetensors.numpy.load(parts[_ARRAYS])
    plain["llvm"] = {
        target: parts[f"llvm/{number}.ll"].decode() for number, target in enumerate(plain["llvm"])
    }
    for field, prefix in _ARRAY_FIELDS.items():
        plain[field] = {key: arrays[prefix + key] for key in plain[field]}
    program = from_plain(Program, plain)
    assert isinstance(program, Program)
    return program


def _array_bytes(program: Program) -> bytes:
    arrays = {
        prefix + key: np.ascontiguousarray(array).reshape(np.shape(array))
        for field, prefix in _ARRAY_FIELDS.items()
        for key, array in getattr(program, field).items()
    }
    return bytes(safetensors.numpy.save(arrays))


def _as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).encode()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Texts are packed; arrays are not, since random weights do not shrink."""
    method = zipfile.ZIP_STORED if name == _ARRAYS else zipfile.ZIP_DEFLATED
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, method)


def _read(archive: zipfile.ZipFile, part: str, name: str) -> bytes:
    try:
        return archive.read(part)
    except _UNREADABLE as error:
        raise ProgramError(f"{name}: damaged: {part} cannot be read ({error})") from error


def _check_manifest(archive: zipfile.ZipFile, name: str) -> Mapping[str, str]:
    """The digests, once format and version are known to be ours."""
    if _MANIFEST not in archive.namelist():
        raise ProgramError(f"{name}: a zip archive, but not a saved program (no {_MANIFEST})")
    try:
        manifest = json.loads(_read(archive, _MANIFEST, name))
    except ValueError as error:
        raise ProgramError(f"{name}: damaged: {_MANIFEST} is not JSON ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ProgramError(f"{name}: not a saved program (its manifest is of another format)")
    version = manifest.get("version")
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        cure = "update this package" if newer else "save the program again with this version"
        raise ProgramError(
            f"{name}: of format version {version!r}, this package reads {VERSION}; {cure}"
        )
    digests = manifest.get("digests")
    if not isinstance(digests, dict) or not {_PROGRAM, _ARRAYS} <= digests.keys():
        raise ProgramError(f"{name}: damaged: the manifest lacks the digests of the parts")
    return digests
