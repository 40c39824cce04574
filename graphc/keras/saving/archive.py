"""Files of models and weights: ``.keras``, ``.weights.h5``, ``.safetensors``.

Written whole or not at all: whatever interrupts it, an old file stays.  Reading executes nothing
and takes no paths from a file.
"""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from graphc.keras.saving import hdf5, weights
from graphc.keras.saving.hdf5 import DamagedFileError
from graphc.keras.saving.objects import (
    UnknownObjectError,
    custom_object_scope,
    deserialize_keras_object,
    serialize_keras_object,
)
from runtime.atomic import write_atomically

CONFIG, METADATA = "config.json", "metadata.json"
WEIGHTS, PLAIN_WEIGHTS = "model.weights.h5", "model.weights.safetensors"
_LAYOUT = "3.15.0"  # the version of Keras whose layout this is
_LARGEST_TEXT = 256 << 20


def save_model(model: Any, filepath: Any, overwrite: bool = True, **_: Any) -> None:
    """Writes a model to one archive: configuration, weights, and how it was compiled.

    The weights are HDF5 where h5py is installed, as Keras reads them, else safetensors.  Raises
    ``ValueError`` for another ending or a model that is not built, ``FileExistsError`` without
    ``overwrite``, ``OSError`` where it cannot be written.
    """
    path = _writable(filepath, (".keras",), overwrite)
    write_atomically(path, [packed(model, path)])


def packed(model: Any, where: str) -> bytes:
    """The bytes of a model's archive; ``where`` names it in errors."""
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built: it has no weights to save yet")
    config = serialize_keras_object(model)
    try:
        config["compile_config"] = model.get_compile_config()
    except TypeError as error:
        warnings.warn(f"{where}: saved without its compilation: {error}", stacklevel=4)
    saved = datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    arrays = weights.collected(model)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(METADATA, json.dumps({"keras_version": _LAYOUT, "date_saved": saved}))
        archive.writestr(CONFIG, json.dumps(config))
        if hdf5.is_there():
            archive.writestr(WEIGHTS, hdf5.written(arrays, _names(model)))
        else:
            archive.writestr(PLAIN_WEIGHTS, _safetensors(arrays))
    return content.getvalue()


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model of an archive that this package or Keras 3 wrote, compiled as it was.

    ``custom_objects`` gives the user's own layers and functions by name.  Raises ``OSError``,
    ``DamagedFileError`` for a file that is truncated or of another format or version,
    ``UnknownObjectError`` for layers that are not known.
    """
    path = os.fspath(filepath)
    if not path.endswith(".keras"):
        raise ValueError(f"{path}: load_model reads .keras archives; weights: model.load_weights")
    return unpacked(Path(path).read_bytes(), path, custom_objects, compile)


def unpacked(content: bytes, path: str, custom_objects: Any = None, compile: bool = True) -> Any:
    """The model of an archive's bytes; ``path`` names it in errors."""
    parts = _parts(path, content)
    _check_version(path, parts[METADATA])
    config = _json(path, CONFIG, parts[CONFIG])
    with custom_object_scope(dict(custom_objects or {})):
        try:
            model = deserialize_keras_object(config)
        except UnknownObjectError as error:
            raise UnknownObjectError(f"{path}: {error}") from error
        except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedFileError(f"{path}: its configuration is not sound ({error!r})") from error
        how = config.get("compile_config")
        if compile and how:
            _compile(path, model, how)
    weights.restore(model, _arrays(path, parts), path, skip=False)
    return model


def _compile(path: str, model: Any, how: Any) -> None:
    try:
        model.compile_from_config(how)
    except (ValueError, TypeError) as error:
        warnings.warn(f"{path}: loaded, but not compiled: {error}", stacklevel=4)


def save_weights(model: Any, filepath: Any, overwrite: bool = True, **_: Any) -> None:
    """Writes the weights to a file ending in ``.weights.h5`` or ``.safetensors``."""
    path = _writable(filepath, (".weights.h5", ".safetensors"), overwrite)
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built: it has no weights to save yet")
    arrays = weights.collected(model)
    as_plain = path.endswith(".safetensors")
    content = _safetensors(arrays) if as_plain else hdf5.written(arrays, _names(model))
    write_atomically(path, [content])


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **_: Any) -> None:
    """Reads weights from ``.weights.h5``, ``.safetensors`` or a ``.keras`` archive; all or none.

    Raises ``OSError``, ``DamagedFileError``, and ``ValueError`` naming the layer where the file is
    of another model.
    """
    path = os.fspath(filepath)
    if not model.built:
        raise ValueError(
            f"model {model.name!r} is not built: call it on data or build(input_shape) first"
        )
    if path.endswith(".keras"):
        arrays = _arrays(path, _parts(path, Path(path).read_bytes()))
    elif path.endswith(".safetensors"):
        arrays = _plain_arrays(path, Path(path).read_bytes())
    elif path.endswith(".h5"):
        arrays = hdf5.read(Path(path).read_bytes(), path)
    else:
        raise ValueError(f"{path}: weights are in .weights.h5, .safetensors or .keras files")
    weights.restore(model, arrays, path, skip_mismatch)


# -- parts of a file ------------------------------------------------------------------------------


def _writable(filepath: Any, endings: tuple[str, ...], overwrite: bool) -> str:
    path = str(os.fspath(filepath))
    if not path.endswith(endings):
        raise ValueError(f"{path!r}: the name of the file has to end in {' or '.join(endings)}")
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists: give overwrite=True to replace it")
    return path


def _names(model: Any) -> dict[str, str]:
    return {path: own.name for path, (own, _) in weights.places(model, optimizer=True).items()}


def _safetensors(arrays: dict[str, np.ndarray]) -> bytes:
    import safetensors.numpy

    contiguous = {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in arrays.items()}
    saved: bytes = safetensors.numpy.save(contiguous, {"format": "graphc keras weights"})
    return saved


def _plain_arrays(path: str, content: bytes) -> dict[str, np.ndarray]:
    import safetensors
    import safetensors.numpy

    try:
        return dict(safetensors.numpy.load(content))
    except safetensors.SafetensorError as error:
        raise DamagedFileError(f"{path}: truncated or damaged ({error})") from error


def _parts(path: str, content: bytes) -> dict[str, bytes]:
    """The members of an archive that this module knows; all others are not even looked at."""
    known = (CONFIG, METADATA, WEIGHTS, PLAIN_WEIGHTS)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            _check_members(path, names)
            if any(archive.getinfo(n).file_size > _LARGEST_TEXT for n in names if n in known[:2]):
                raise DamagedFileError(f"{path}: its configuration is too large to be one")
            parts = {name: archive.read(name) for name in known if name in names}
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DamagedFileError(f"{path}: truncated or damaged, or no .keras archive") from error
    for name in (CONFIG, METADATA):
        if name not in parts:
            raise DamagedFileError(f"{path}: has no {name}: not a .keras archive")
    return parts


def _check_members(path: str, names: list[str]) -> None:
    for name in names:
        if name.startswith(("/", "\\")) or ".." in Path(name).parts or ":" in name:
            raise DamagedFileError(f"{path}: has a member {name!r} that leads outside: not read")
    if len(set(names)) != len(names):
        raise DamagedFileError(f"{path}: has a member twice: not read")


def _json(path: str, name: str, content: bytes) -> Any:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path}: its {name} is damaged") from error
    if not isinstance(found, dict):
        raise DamagedFileError(f"{path}: its {name} is damaged")
    return found


def _check_version(path: str, content: bytes) -> None:
    version = str(_json(path, METADATA, content).get("keras_version", ""))
    major = version.split(".")[0]
    if major != "3":
        told = f"by version {version}" if version else "by an unknown version"
        raise DamagedFileError(f"{path}: written {told} of Keras; this package reads version 3")


def _arrays(path: str, parts: dict[str, bytes]) -> dict[str, np.ndarray]:
    if WEIGHTS in parts:
        return hdf5.read(parts[WEIGHTS], f"{path}: {WEIGHTS}")
    if PLAIN_WEIGHTS in parts:
        return _plain_arrays(path, parts[PLAIN_WEIGHTS])
    raise DamagedFileError(f"{path}: has no weights")
