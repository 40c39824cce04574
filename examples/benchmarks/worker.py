"""One framework in a process of its own, which does what it is told line by line.

``python worker.py FORM THREADS``; each line on standard input is a JSON object, and so is each
answer: {"prepare": index of the work, "of": its list in the catalogue} builds, checks and warms a
program, {"time": seconds} times it, and {"version": true} asks for the framework's. Another
process gives the orders, so that one at a time computes.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from importlib import metadata
from time import perf_counter
from typing import Any

from frameworks import pin
from work import Program

_SAMPLE = 2e-4  # seconds: a shorter call is repeated, so that the clock does not count


class Worker:
    """The program that was prepared last."""

    def __init__(self, form: str, threads: int) -> None:
        self.form, self.threads = form, threads
        self.program: Program | None = None
        self.repeats = 1

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        if "prepare" in order:
            return self.prepare(order["prepare"], order["of"])
        if "version" in order:
            return {"version": metadata.version(self.form.partition(".")[0])}
        return self.time(order["time"])

    def prepare(self, index: int, listed: str) -> dict[str, Any]:
        import catalogue

        self.program = None
        work = catalogue.LISTS[listed]()[index]
        if self.form not in work.forms:
            return {"skipped": "no such form"}
        arrays = work.arrays()
        start = perf_counter()
        program = work.forms[self.form](arrays, self.threads)
        outputs = program.outputs()
        first = perf_counter() - start
        work.check(outputs, arrays)
        del outputs
        self.program = program
        self._warm(program)
        return {"first": first}

    def _warm(self, program: Program) -> None:
        stop = perf_counter() + 0.1
        program.call()
        start = perf_counter()
        program.call()
        one = max(perf_counter() - start, 1e-8)
        self.repeats = max(1, int(_SAMPLE / one))
        while perf_counter() < stop:
            program.call()

    def time(self, seconds: float) -> dict[str, Any]:
        """Seconds a call, of at least three samples."""
        assert self.program is not None
        call, repeats = self.program.call, self.repeats
        samples: list[float] = []
        stop = perf_counter() + seconds
        while perf_counter() < stop or len(samples) < 3:
            start = perf_counter()
            for _ in range(repeats):
                call()
            samples.append((perf_counter() - start) / repeats)
        return {"minimum": min(samples), "median": statistics.median(samples)}


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answers the orders on standard input until there are no more."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what frameworks print is no answer
    for line in sys.stdin:
        try:
            given = answer(json.loads(line))
        except Exception as error:
            given = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
        print(json.dumps(given), file=answers, flush=True)


def main() -> None:
    form, threads = sys.argv[1], int(sys.argv[2])
    pin(threads)
    serve(Worker(form, threads).answer)


if __name__ == "__main__":
    main()
