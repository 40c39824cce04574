"""What this machine runs: the levels of instructions, others of which end the process, and whether
its object files are loaded without LLVM."""

from __future__ import annotations

import os
import sys

from runtime.jit import host_target, resolve, why_not_executable

RUNNABLE = tuple(
    name for name in ("avx512", "avx2", "baseline") if why_not_executable(resolve(name)) is None
)
# The machine's own code first, then that of the levels below it.
LEVELS = ("host", *(name for name in RUNNABLE if name != host_target().name))
ENDS = tuple(dict.fromkeys((LEVELS[0], LEVELS[-1])))
LOADS_OBJECTS = sys.platform == "linux" and os.uname().machine == "x86_64"
