"""Checkpoints: the parameters and a position, in one safetensors file that is never half written.

The tensors carry the parameters' own names, so that other tools can read them; format, version,
position and a digest of everything are in the file's metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from runtime.atomic import write_atomically
from runtime.callbacks import Callback
from runtime.errors import CheckpointError, StateError
from runtime.state import State

if TYPE_CHECKING:
    from runtime.trainer import Trainer

FORMAT, VERSION = "graphc checkpoint", "1"
_RESERVED = "__metadata__"


@dataclass(frozen=True)
class Checkpoint:
    """What a file held: the parameters' values, and the position as plain data."""

    path: str
    values: Mapping[str, np.ndarray]
    progress: Mapping[str, Any]


def save_checkpoint(
    path: str | os.PathLike[str], state: State, progress: Mapping[str, Any]
) -> None:
    """Writes ``state`` and ``progress`` (plain data) to ``path``; when that fails, as on a full
    disk, an old file there keeps its content.  Raises ``OSError``."""
    if _RESERVED in state:
        raise CheckpointError(f"a parameter named {_RESERVED!r} cannot be saved; rename it")
    values = state.snapshot()
    told = json.dumps(progress)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "progress": told,
        "digest": _digest(values, told),
    }
    write_atomically(path, [safetensors.numpy.save(values, metadata)])


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Reads and verifies a checkpoint; changes nothing.

    Raises ``OSError``, and ``CheckpointError`` for a file that is truncated, damaged, foreign or of
    another version.
    """
    name, content = os.fspath(path), Path(path).read_bytes()
    metadata = _metadata(name, content)
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{name}: not a checkpoint of this package")
    if metadata.get("version") != VERSION:
        raise CheckpointError(
            f"{name}: of version {metadata.get('version')}, this package reads {VERSION}"
        )
    try:
        values = safetensors.numpy.load(content)
        told = metadata["progress"]
        sound = metadata["digest"] == _digest(values, told)
        progress = json.loads(told)
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{name}: truncated or damaged ({error})") from error
    if not sound:
        raise CheckpointError(f"{name}: damaged: its digest does not fit its content")
    return Checkpoint(name, values, progress)


def restore(checkpoint: Checkpoint, state: State) -> None:
    """Writes the checkpoint's values into ``state``, all or none.

    Raises ``CheckpointError`` where names, dtypes or shapes of the parameters differ.
    """
    missing = [name for name in state if name not in checkpoint.values]
    foreign = [name for name in checkpoint.values if name not in state]
    if missing or foreign:
        raise CheckpointError(
            f"{checkpoint.path}: made for other parameters (lacks {missing}, has also {foreign})"
        )
    try:
        state.restore(checkpoint.values)
    except StateError as error:
        raise CheckpointError(f"{checkpoint.path}: made for other parameters: {error}") from error


class Checkpoints(Callback):
    """Saves a checkpoint to ``path`` after each epoch, and after every ``every_steps`` batches.

    ``trainer.fit(..., callbacks=[Checkpoints(path)], resume=path)`` survives being killed.
    """

    def __init__(self, path: str | os.PathLike[str], every_steps: int | None = None) -> None:
        if every_steps is not None and every_steps < 1:
            raise ValueError(f"every_steps should be at least 1, not {every_steps}")
        self.path = path
        self.every_steps = every_steps

    def on_batch_end(self, trainer: Trainer, step: int, metrics: Mapping[str, float]) -> None:
        if self.every_steps is not None and (step + 1) % self.every_steps == 0:
            trainer.save(self.path)

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: Mapping[str, float]) -> None:
        trainer.save(self.path)


def _metadata(name: str, content: bytes) -> Mapping[str, str]:
    """The metadata in the header: its length in 8 bytes, then JSON."""
    if len(content) < 8:
        raise CheckpointError(f"{name}: truncated, or not a checkpoint")
    (length,) = struct.unpack("<Q", content[:8])
    try:
        header = json.loads(content[8 : 8 + length]) if length < len(content) else None
    except ValueError:
        header = None
    metadata = header.get(_RESERVED) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise CheckpointError(f"{name}: truncated, damaged, or not a checkpoint")
    return metadata


def _digest(values: Mapping[str, np.ndarray], progress: str) -> str:
    digest = hashlib.sha256(progress.encode())
    for name in sorted(values):
        array = values[name]
        digest.update(f"\0{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
