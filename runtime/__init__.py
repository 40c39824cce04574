"""Runs compiled programs: loads, calls and trains them without the compiler.

Never imports ``graphc``; importing this package loads nothing but itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.executable import Executable, load
    from runtime.program import Program
    from runtime.state import State
    from runtime.trainer import Trainer

__all__ = ["Executable", "Program", "State", "Trainer", "load"]

_HOMES = {
    "Executable": "runtime.executable",
    "load": "runtime.executable",
    "Program": "runtime.program",
    "State": "runtime.state",
    "Trainer": "runtime.trainer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'runtime' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
