"""Writing a file so that a reader sees the old content or the new, never a part of it."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], parts: Iterable[bytes | memoryview]) -> None:
    """Writes ``parts`` one after another to ``path``.

    They go to a new file beside it, which is flushed to the disk and then takes the name; when
    anything fails (a full disk, an error in ``parts``) an old file keeps its content and the new
    one is removed.  A symbolic link is followed, not replaced.  Raises ``OSError``.

    >>> import tempfile, pathlib
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "greeting"
    >>> write_atomically(target, [b"good ", b"day"])
    >>> target.read_bytes()
    b'good day'
    """
    final = Path(os.path.realpath(path))
    temporary = final.with_name(f".{final.name[:200]}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    if final.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    try:
        descriptor = os.open(temporary, flags, 0o666)
    except OSError as error:
        # Say the name that was asked for, not that of the file beside it.
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_directory(final.parent)


def _flush_directory(folder: Path) -> None:
    """Makes the new name itself survive a loss of power, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some file systems refuse to flush a directory; the file itself is whole already.
        return
    finally:
        os.close(descriptor)
