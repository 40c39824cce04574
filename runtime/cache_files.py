"""Files that processes share in one directory, so that what was compiled once starts at once.

A reader gets exactly what was written under that name, or nothing: a file that is torn, damaged,
renamed or another user's is no entry, and a directory that cannot be read or written is no error.
The directory is $GRAPHC_CACHE_DIR, else graphc/objects in the user's cache directory.  It holds at
most $GRAPHC_CACHE_BYTES (1 GiB unless said; 0 keeps nothing): what was not used for longest goes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Sequence

_DIGEST_BYTES = 32
_MOST_BYTES = 1 << 30
_AGE_OF_LEFTOVERS = 3600.0  # seconds after which nobody is still writing a temporary file
_AGE_OF_USE = 600.0  # seconds for which a use need not be noted again
_SUFFIXES = (".o", ".program", ".target")
_BINARY = getattr(os, "O_BINARY", 0)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY
# A named pipe in the directory must not make a reader wait for a writer.
_OLD_FILE = os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0)
# What the file system and a directory's name may raise.
_REFUSED = (OSError, RuntimeError, ValueError)


class _Written:
    """Bytes this process wrote since it last looked at the whole directory; -1: never looked."""

    bytes = -1


def directory() -> str:
    """Where the files are kept."""
    chosen = os.environ.get("GRAPHC_CACHE_DIR")
    if chosen:
        return chosen
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return os.path.join(base or os.path.expanduser("~/.cache"), "graphc", "objects")


def limit() -> int:
    """The most bytes that the directory is to hold."""
    given = os.environ.get("GRAPHC_CACHE_BYTES", "")
    return int(given) if given.isascii() and given.isdigit() else _MOST_BYTES


def load(name: str) -> bytes | None:
    """The content kept under ``name``, or ``None``."""
    try:
        content = _own_content(os.path.join(directory(), name))
    except _REFUSED:
        return None
    digest, content = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return content if content and _digest(name, (content,)) == digest else None


def store(name: str, parts: Sequence[bytes]) -> None:
    """Keep ``parts``, one after another, under ``name``; a reader sees all of it or nothing."""
    size, most = sum(map(len, parts)), limit()
    if size > most // 4:
        return
    temporary = None
    try:
        folder = directory()
        os.makedirs(folder, exist_ok=True)
        temporary = os.path.join(folder, f"{os.urandom(8).hex()}.tmp")
        descriptor = os.open(temporary, _NEW_FILE, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_digest(name, parts))
            file.writelines(parts)
        # Not flushed to the disk, which may take long: what a loss of power tears is found by its
        # digest, and made again.
        os.replace(temporary, os.path.join(folder, name))
        temporary = None
        _bound(folder, size, most)
    except _REFUSED:
        return
    finally:
        if temporary is not None:
            _discard(temporary)


def _digest(name: str, parts: Iterable[bytes]) -> bytes:
    found = hashlib.sha256(name.encode() + b"\0")
    for part in parts:
        found.update(part)
    return found.digest()


def _own_content(path: str) -> bytes:
    """The content of a plain file that nobody but this user (or root) could have written."""
    descriptor = os.open(path, _OLD_FILE)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise OSError("not a plain file")
        if hasattr(os, "geteuid"):
            foreign = about.st_uid not in (os.geteuid(), 0)
            if foreign or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise OSError("others may have written it")
        content = file.read()
    if time.time() - about.st_mtime > _AGE_OF_USE:
        _note_use(path)
    return content


def _note_use(path: str) -> None:
    try:
        os.utime(path)
    except OSError:
        return  # a directory that is shared for reading is not ours to put in order


def _bound(folder: str, size: int, most: int) -> None:
    """Now and then remove what was not used for longest, and what broken-off writers left."""
    _Written.bytes += size
    if 0 <= _Written.bytes - size < most // 16:
        return
    _Written.bytes = 0
    kept: list[tuple[float, int, str]] = []
    now = time.time()
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith((*_SUFFIXES, ".tmp")):
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # another process was faster
            if not entry.name.endswith(".tmp"):
                kept.append((about.st_mtime, about.st_size, entry.path))
            elif now - about.st_mtime > _AGE_OF_LEFTOVERS:
                _discard(entry.path)
    excess = sum(each for _, each, _ in kept) - most
    if excess <= 0:
        return
    excess += most // 8  # so that the next file does not ask for this again
    for _, each, path in sorted(kept):
        if excess <= 0:
            return
        _discard(path)
        excess -= each


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
