"""Times works in turn: every framework in its own process, one computing at a time.

Each round gives every framework a slice of time, so that all meet the same moods of the machine;
quoted is the least over all rounds, and the median of the rounds' medians.  All of them read their
inputs from memory that is placed alike.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from catalogue import LISTS
from frameworks import limits

OURS = ("graphc", "graphc unfused")
PEERS = ("numpy", "jax", "torch", "torch.compile", "openvino")
# Short slices and many: a virtual machine's cores move about, and then the memory is twice as fast
# or half as fast for some seconds; everyone is to meet both.
ROUNDS, SECONDS = 12, 0.05
_SETTLE = 0.01  # seconds for threads of the framework before to go to sleep


@dataclass(frozen=True)
class Row:
    """A work's times in seconds by framework, why others have none, and the peers' versions."""

    work: str
    threads: int
    minimum: dict[str, float] = field(default_factory=dict)
    median: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    flops: float = 0.0

    @property
    def best_peer(self) -> str | None:
        """The fastest of the peers."""
        peers = [name for name in self.minimum if name in PEERS]
        return min(peers, key=self.minimum.__getitem__, default=None)

    @property
    def ratio(self) -> float | None:
        """graphc's time over the best peer's."""
        peer = self.best_peer
        if peer is None or "graphc" not in self.minimum:
            return None
        return self.minimum["graphc"] / self.minimum[peer]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "best_peer": self.best_peer, "ratio": self.ratio}


class Process:
    """A worker, which answers orders one by one."""

    def __init__(
        self, form: str, threads: int, python: str, script: str = "worker.py", **environment: str
    ) -> None:
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name(script)), form, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**limits(threads), **environment},
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        self.tell(**order)
        return self.hear()

    def tell(self, **order: Any) -> None:
        """Give an order, and do not wait."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # ``hear`` says that it has ended
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """The answer to the oldest order that has none yet."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return {"failed": f"the process ended with status {self._process.wait()}"}
        return dict(json.loads(line))

    def close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


def compare(
    listed: str,
    chosen: Sequence[int],
    forms: Sequence[str],
    threads: int,
    *,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    peers_python: str | None = None,
) -> Iterator[Row]:
    """The rows of those works of the catalogue's list ``listed`` whose places are ``chosen``;
    ``peers_python`` runs what is not graphc."""
    works = LISTS[listed]()
    elsewhere = peers_python or sys.executable
    processes = {
        form: Process(form, threads, sys.executable if form in OURS else elsewhere)
        for form in forms
    }
    try:
        told = {form: processes[form].ask(version=True) for form in forms if form in PEERS}
        versions = {form: answer.get("version", "") for form, answer in told.items()}
        for index in chosen:
            row = Row(works[index].name, threads, versions=versions, flops=works[index].flops)
            yield _timed(row, {"prepare": index, "of": listed}, processes, rounds, seconds)
    finally:
        for process in processes.values():
            process.close()


def _timed(
    row: Row, order: dict[str, Any], processes: dict[str, Process], rounds: int, seconds: float
) -> Row:
    """``row``, filled with what the processes answer."""
    for process in processes.values():  # all at once: compiling is not what is timed
        process.tell(**order)
    ready: dict[str, Process] = {}
    for form, process in processes.items():
        answer = process.hear()
        if "first" in answer:
            ready[form] = process
        else:
            row.missing[form] = answer.get("skipped") or answer["failed"]
    medians: dict[str, list[float]] = {form: [] for form in ready}
    for _ in range(rounds):
        for form, process in ready.items():
            time.sleep(_SETTLE)
            answer = process.ask(time=seconds)
            if "failed" in answer:
                row.missing[form] = answer["failed"]
                continue
            least = row.minimum.get(form, answer["minimum"])
            row.minimum[form] = min(least, answer["minimum"])
            medians[form].append(answer["median"])
    row.median.update({form: statistics.median(m) for form, m in medians.items() if m})
    return row
