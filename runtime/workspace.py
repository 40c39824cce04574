"""What one running call needs to itself: an arena, and a frame for each entry.

Calls take a workspace from a pool and put it back, so that calls in several threads, or one inside
another (from a signal handler), never share one.  Taking and putting back are single list
operations, which Python makes atomic.  Calls that pass by Python (``native_call``) use the
workspace of an earlier one, and take it by its word ``claim`` alone, which is 1 while it is in use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from runtime.memory import Arena, address_of
from runtime.program import FRAME_BUFFERS, Entry


class Frame:
    """The words of an entry's frame; those of parameters and constants are filled for good."""

    def __init__(self, entry: Entry, fixed: Sequence[int]) -> None:
        inputs = FRAME_BUFFERS + len(entry.inputs)
        self._memory = np.zeros(inputs + len(fixed) + len(entry.outputs), np.int64)
        self._memory[inputs : inputs + len(fixed)] = fixed
        self.words = memoryview(self._memory)  # type: ignore[arg-type]
        self.address = address_of(self._memory)
        self.first_output = inputs + len(fixed)
        self.calls = 0


class Workspace:
    """An arena shared by the entries of one executable, and their frames."""

    def __init__(self, poison: bool) -> None:
        self.poison = poison
        self.arena = Arena(poison)
        self.frames: dict[str, Frame] = {}
        self._word = np.ones(1, np.int64)
        self.claim = address_of(self._word)

    def release(self) -> None:
        """Whoever claims it next has it."""
        self._word[0] = 0


class Workspaces:
    """The pool: as many workspaces as calls ever ran at once.  ``claim`` takes the word at an
    address, if it is 0, in one step; whether it did."""

    def __init__(self, poison: bool, claim: Callable[[int], bool]) -> None:
        self._poison = poison
        self._claim = claim
        self._all: list[Workspace] = []
        self._idle: list[Workspace] = []

    def take(self) -> Workspace:
        for _ in range(len(self._idle)):
            try:
                workspace = self._idle.pop()
            except IndexError:
                break
            if self._claim(workspace.claim):
                return workspace
            self._idle.insert(0, workspace)
        workspace = Workspace(self._poison)
        self._all.append(workspace)
        return workspace

    def put_back(self, workspace: Workspace) -> None:
        workspace.release()
        self._idle.append(workspace)

    def calls(self, entry: str) -> int:
        """Native calls made of ``entry``, in all workspaces."""
        frames = [workspace.frames.get(entry) for workspace in list(self._all)]
        return sum(frame.calls for frame in frames if frame is not None)

    def high_water(self) -> int:
        """The most bytes of an arena ever written to; only counted in poisoned runs."""
        return max((workspace.arena.high_water for workspace in list(self._all)), default=0)
