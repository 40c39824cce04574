"""Object files on disk, so that a program compiled once starts at once.

A directory that cannot be read or written, or a torn file, is no error: then there is no entry.
Where it is: $GRAPHC_CACHE_DIR, else graphc/objects in the user's cache directory.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from runtime.target import Target

GENERATOR_VERSION = 1
_DIGEST_BYTES = 32


def directory() -> Path:
    """Where the object files are kept."""
    chosen = os.environ.get("GRAPHC_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "graphc" / "objects"


def key(text: str, llvm_version: str, target: Target) -> str:
    """The name under which the code of ``text`` for ``target`` is kept."""
    parts = (str(GENERATOR_VERSION), llvm_version, target.triple, target.cpu, target.features, text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load(name: str) -> bytes | None:
    """The object file kept under ``name``, or ``None``."""
    try:
        content = (directory() / f"{name}.o").read_bytes()
    except (OSError, RuntimeError):
        return None
    digest, image = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return image if image and hashlib.sha256(image).digest() == digest else None


def store(name: str, image: bytes) -> None:
    """Keep ``image`` under ``name``; a reader sees all of it or nothing."""
    temporary = None
    try:
        folder = directory()
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(image).digest() + image)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, folder / f"{name}.o")
    except (OSError, RuntimeError):
        _discard(temporary)


def _discard(temporary: str | None) -> None:
    if temporary is None:
        return
    try:
        os.unlink(temporary)
    except OSError:
        return
