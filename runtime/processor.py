"""What this machine's processor is, without asking LLVM each time.

LLVM says what it is called and has; that is kept on disk under all that the system and NumPy say of
the processor and of LLVM, so that a program whose code is there starts without loading LLVM.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec

import numpy as np

from runtime import cache_files
from runtime.target import Target

_VERSION = 1  # of the file
_SAID = "/proc/cpuinfo"
_SAID_BYTES = 16 << 10  # of the first processor, and more
# What the system says of a processor that stays as it is; its clock, say, does not.
_LASTING = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
_CACHES = "/sys/devices/system/cpu/cpu0/cache"


def host_target(detect: Callable[[], Target]) -> Target:
    """The target that ``detect`` finds, which is not called where it was found before."""
    kept = kept_target()
    if kept is not None:
        return kept
    target, name = detect(), _name()
    if name is not None:
        cache_files.store(name, [json.dumps(asdict(target)).encode()])
    return target


def kept_target() -> Target | None:
    """The target that was found before; ``None`` where there is none."""
    name = _name()
    content = cache_files.load(name) if name is not None else None
    if content is None:
        return None
    try:
        return Target(**json.loads(content))
    except (ValueError, TypeError):
        return None  # of another form; it is written again


def count() -> int:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_sizes() -> dict[str, int]:
    """Bytes of the first core's caches by level, where the system says them."""
    found: dict[str, int] = {}
    try:
        folders = sorted(name for name in os.listdir(_CACHES) if name.startswith("index"))
    except OSError:
        return found
    for folder in folders:
        try:
            kind, level, size = (_said(folder, name) for name in ("type", "level", "size"))
        except OSError:
            continue
        if kind != "Instruction" and level in "123" and size[:-1].isdigit():
            found[level] = int(size[:-1]) << {"K": 10, "M": 20}.get(size[-1], 0)
    return found


def _said(folder: str, name: str) -> str:
    with open(os.path.join(_CACHES, folder, name)) as file:
        return file.read().strip()


@cache
def _name() -> str | None:
    """Of the file for this processor and LLVM; ``None`` where the system says too little."""
    try:
        with open(_SAID, "rb") as file:
            first = file.read(_SAID_BYTES).decode(errors="replace").split("\n\n")[0]
    except OSError:
        return None
    said = dict(line.split(":", 1) for line in first.splitlines() if ":" in line)
    lasting = {name.strip(): value.strip() for name, value in said.items()}
    if not all(lasting.get(name) for name in _LASTING):
        return None
    parts = [str(_VERSION), compiler(), *(lasting[name] for name in _LASTING)]
    parts += [repr(cache_sizes()), repr(_instructions())]
    return f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.target"


def _instructions() -> list[str]:
    """Those that NumPy found by asking the processor itself: under an emulator or a tracing tool
    (qemu-user, valgrind) the system still speaks of the machine around it."""
    found = np.show_config(mode="dicts") or {}
    return list(found.get("SIMD Extensions", {}).get("found", ()))


@cache
def compiler() -> str:
    """What LLVM is here: the name, size and time of its library's files, which are not loaded."""
    folder, lines = library_folder(), []
    with os.scandir(folder or ".") as entries:
        for entry in entries:
            if entry.name.endswith((".so", ".dll", ".dylib")):
                about = entry.stat()
                lines.append(f"{entry.name} {about.st_size} {about.st_mtime_ns}")
    return "\n".join([folder, *sorted(lines)])


def library_folder() -> str:
    """Where LLVM's library is; empty where there is none."""
    found = find_spec("llvmlite")
    return os.path.join(os.path.dirname(found.origin), "binding") if found and found.origin else ""
