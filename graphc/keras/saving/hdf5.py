"""The only home of h5py: arrays by path, as bytes of an HDF5 file and back.

A file may come from anywhere: links and storage outside of it are refused.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np


class DamagedFileError(ValueError):
    """A file that is truncated, damaged, or not of the format that its name says."""


def is_there() -> bool:
    """Whether h5py is installed."""
    from importlib.util import find_spec

    return find_spec("h5py") is not None


def _h5py(what: str) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"{what} needs h5py: pip install 'graphc[keras]', or use a name ending in .safetensors"
        ) from error
    return h5py


def written(arrays: Mapping[str, np.ndarray], names: Mapping[str, str]) -> bytes:
    """The bytes of a file with ``arrays`` by their paths; ``names`` are noted at each ``vars``."""
    h5py = _h5py("writing .h5 files")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for path, name in names.items():
            group = file.create_group(f"{path}/vars" if path else "vars")
            group.attrs["name"] = name
        for path, array in arrays.items():
            file.create_dataset(path, data=array)
    return content.getvalue()


def read(content: bytes, where: str) -> dict[str, np.ndarray]:
    """All arrays of a file by their paths; ``DamagedFileError`` for one that is not sound."""
    h5py = _h5py("reading .h5 files")
    found: dict[str, np.ndarray] = {}
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            stack = [("", file)]
            while stack:
                path, group = stack.pop()
                for name in group:
                    inner = f"{path}/{name}" if path else name
                    link = group.get(name, getlink=True)
                    if not isinstance(link, h5py.HardLink):
                        raise DamagedFileError(f"{where}: {inner!r} is a link: it is not followed")
                    item = group[name]
                    if isinstance(item, h5py.Group):
                        stack.append((inner, item))
                    elif isinstance(item, h5py.Dataset):
                        found[inner] = _array(item, f"{where}: {inner!r}")
    except (OSError, RuntimeError, KeyError) as error:
        raise DamagedFileError(f"{where}: truncated or damaged, or no HDF5 file") from error
    return found


def _array(item: Any, where: str) -> np.ndarray:
    if item.external or item.is_virtual:
        raise DamagedFileError(f"{where} has its values in another file: they are not read")
    if item.dtype.kind not in "fiub":
        raise DamagedFileError(f"{where} holds {item.dtype}, not numbers")
    return np.asarray(item[()])
