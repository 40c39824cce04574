"""Time and memory from the declaration to the first results, in fresh processes, imports not
counted.

``python compile_time.py PEER JOB THREADS`` does one job and prints what it took; ``report`` runs
all of them in turn, graphc once with an empty cache on disk and once with what that run left there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from frameworks import limits, pin

if TYPE_CHECKING:
    from rich.console import Console

    from work import Work

JOBS = ("training step", "transformer", "chain 10", "chain 100", "chain 1000", "chain 5000")
_PEERS = ("jax", "torch.compile")
_REPEATS = 3
_LONGEST = 120  # seconds
_CALLS = 20  # after the first, before the memory is looked at


@dataclass(frozen=True)
class Cost:
    """What a job took: seconds to its first result, and megabytes at most, beyond those that the
    process had once the framework was imported and the data were there."""

    seconds: float
    megabytes: float

    def least(self, other: Cost) -> Cost:
        return Cost(min(self.seconds, other.seconds), min(self.megabytes, other.megabytes))

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s, {self.megabytes:.0f} MB"


Costs = dict[tuple[str, str], Cost]  # by job and peer


def work_of(job: str) -> Work:
    """The work that ``job`` names."""
    from elementwise import chain
    from training import training_step
    from transformer import with_gradient

    kind, _, length = job.partition(" ")
    if kind == "chain":
        return chain(int(length), 100_000)
    return with_gradient() if kind == "transformer" else training_step(128)


def first_results(peer: str, job: str, threads: int) -> Cost:
    """From the work's declaration to its first results, in this process."""
    work = work_of(job)
    arrays = work.arrays()
    _import(peer)
    before = _peak()
    start = perf_counter()
    program = work.forms[peer](arrays, threads)
    program.call()
    seconds = perf_counter() - start
    for _ in range(_CALLS):
        program.call()
    return Cost(seconds, _peak() - before)


def _peak() -> float:
    """The most megabytes this process was ever resident with; the system counts kilobytes."""
    import resource  # not on every system: only this needs it

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _import(peer: str) -> None:
    """What a user has before the clock starts: the framework, ready for use."""
    if peer == "graphc":
        import graphc  # noqa: F401
    elif peer == "jax":
        import jax

        (jax.numpy.zeros(3) + 1).block_until_ready()
    else:
        import torch._dynamo  # noqa: F401


def report(
    console: Console, peers: Sequence[str], threads: Sequence[int], peers_python: str | None
) -> Costs:
    """Prints the least cost of each job; gives them all."""
    from rich.table import Table

    others = [peer for peer in peers if peer in _PEERS]
    names = ["graphc", "graphc, cached", *others]
    table = Table("to the first results", *names)
    found: Costs = {}
    for job in JOBS:
        running = list(names)
        for _ in range(_REPEATS):
            with tempfile.TemporaryDirectory() as cache:
                for name in tuple(running):
                    python = sys.executable if name.startswith("graphc") else peers_python
                    cost = _measured(name, job, threads[-1], python, cache)
                    if cost is None:  # it took too long, and would again
                        running.remove(name)
                        continue
                    found[job, name] = cost.least(found.get((job, name), cost))
        table.add_row(job, *_cells(found, job, names))
    console.print(table)
    return found


def in_markdown(found: Costs) -> str:
    """What ``report`` gave, as a table for the README."""
    from table import markdown  # here: what a measured process imports it needs only to print

    names = list(dict.fromkeys(name for _, name in found))
    jobs = dict.fromkeys(job for job, _ in found)
    rows = ([job, *_cells(found, job, names)] for job in jobs)
    return markdown(["declaration to first results", *names], rows)


def _cells(found: Costs, job: str, names: Sequence[str]) -> list[str]:
    return [str(found.get((job, name), "")) for name in names]


def _measured(name: str, job: str, threads: int, python: str | None, cache: str) -> Cost | None:
    command = [python or sys.executable, __file__, name.partition(",")[0], job, str(threads)]
    environment = {
        **limits(threads),
        "GRAPHC_CACHE_DIR": cache,
        "TORCHINDUCTOR_CACHE_DIR": cache,
        "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
    }
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired:
        return None
    return Cost(**json.loads(done.stdout.splitlines()[-1])) if done.returncode == 0 else None


if __name__ == "__main__":
    pin(int(sys.argv[3]))
    print(json.dumps(asdict(first_results(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
