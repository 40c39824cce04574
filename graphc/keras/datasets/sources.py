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
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runtime.atomic import write_atomically
from runtime.errors import DataFileError

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
