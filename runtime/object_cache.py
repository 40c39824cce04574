"""Object files on disk, by what they were compiled from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from runtime import cache_files
from runtime.target import Target

GENERATOR_VERSION = 3
_LENGTH_BYTES = 8


def key(text: str, compiler: str, target: Target) -> str:
    """The name under which the code that ``compiler`` makes of ``text`` for ``target`` is kept."""
    parts = (str(GENERATOR_VERSION), compiler, target.triple, target.cpu, target.features, text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load(name: str) -> list[bytes] | None:
    """The object files kept under ``name``, or ``None``."""
    content = cache_files.load(f"{name}.o")
    if content is None:
        return None
    images, place = [], 0
    while place < len(content):
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(content[place:start], "little")
        images.append(content[start:place])
    return images


def store(name: str, images: Sequence[bytes]) -> None:
    """Keep ``images`` under ``name``."""
    content: list[bytes] = []
    for image in images:
        content += [len(image).to_bytes(_LENGTH_BYTES, "little"), image]
    cache_files.store(f"{name}.o", content)
