"""Object files on disk, by what they were compiled from."""

from __future__ import annotations

import hashlib

from runtime import cache_files
from runtime.target import Target

GENERATOR_VERSION = 2


def key(text: str, llvm_version: str, target: Target) -> str:
    """The name under which the code of ``text`` for ``target`` is kept."""
    parts = (str(GENERATOR_VERSION), llvm_version, target.triple, target.cpu, target.features, text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load(name: str) -> bytes | None:
    """The object file kept under ``name``, or ``None``."""
    return cache_files.load(f"{name}.o")


def store(name: str, image: bytes) -> None:
    """Keep ``image`` under ``name``."""
    cache_files.store(f"{name}.o", (image,))
