"""Where the time of an entry went, kernel by kernel, as plain data.

Kernels count cycles when a call brings a profile buffer; this module owns that buffer and turns
cycles into seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.binding import Binding
from runtime.entry_point import EntryPoint
from runtime.memory import address_of


@dataclass(frozen=True)
class KernelTime:
    """What one kernel took, over all recorded calls: ``seconds`` of native time and its ``share``,
    how often it ran, and the flops and bytes that its description predicts for those calls."""

    name: str
    kind: str
    nodes: tuple[str, ...]
    locations: tuple[str, ...]
    seconds: float
    share: float
    calls: int
    flops: int
    bytes: int


class Profile:
    """Records calls of an entry::

        profile = Profile(exe.step)
        with exe.step.recording(profile):
            exe.step(x=batch)
        for row in profile.rows(): ...

    The cycles of all kernels together are the measured native time: what lies between kernels is
    spread over them.  Record from one thread at a time.
    """

    def __init__(self, entry: EntryPoint) -> None:
        self.entry = entry
        self.seconds = 0.0
        self.calls = 0
        self._counts = np.zeros((len(entry.entry.kernels) + 1, 2), np.int64)
        self._bindings: dict[int, tuple[Binding, int]] = {}
        self.address = address_of(self._counts)

    def add(self, binding: Binding, seconds: float) -> None:
        """One call's time; called by the entry."""
        self.seconds += seconds
        self.calls += 1
        _, count = self._bindings.get(id(binding), (binding, 0))
        self._bindings[id(binding)] = (binding, count + 1)

    def cycles(self) -> tuple[int, ...]:
        """What the processor's counter counted in each kernel so far, in the order of the program;
        its rate is constant, but not the processor's."""
        return tuple(max(0, int(spent)) for spent in self._counts[:-1, 0])

    def rows(self) -> tuple[KernelTime, ...]:
        """A row for each kernel, in the order of the program."""
        cycles = self.cycles()
        total = sum(cycles) or 1
        return tuple(
            KernelTime(
                kernel.name,
                kernel.kind,
                kernel.nodes,
                kernel.locations,
                self.seconds * spent / total,
                spent / total,
                int(self._counts[number, 1]),
                self._predicted(kernel.flops),
                self._predicted(kernel.bytes),
            )
            for number, (kernel, spent) in enumerate(
                zip(self.entry.entry.kernels, cycles, strict=True)
            )
        )

    def text(self, most: int = 20) -> str:
        """The costliest kernels as a table of text."""
        rows = sorted(self.rows(), key=lambda row: -row.seconds)
        lines = [f"{self.entry.name}: {self.calls} calls, {self.seconds * 1e3:.3f} ms"]
        for row in rows[:most]:
            rates = [f"{row.share:6.1%} {row.seconds * 1e3:10.3f} ms"]
            if row.seconds > 0:
                rates.append(f"{row.flops / row.seconds / 1e9:8.2f} GFLOP/s")
                rates.append(f"{row.bytes / row.seconds / 1e9:8.2f} GB/s")
            lines.append(f"  {'  '.join(rates)}  {row.name} ({row.kind})")
        if len(rows) > most:
            lines.append(f"  and {len(rows) - most} more")
        return "\n".join(lines)

    def _predicted(self, size: int | str) -> int:
        return sum(binding.size(size) * count for binding, count in self._bindings.values())
