"""One framework in a process of its own, which does what it is told line by line.

``python worker.py FORM THREADS``; each line on standard input is a JSON object, and so is each
answer: {"prepare": index of the work, "of": its list in the catalogue} builds and checks a program,
{"time": seconds} times it, and {"version": true} asks for the framework's. Another
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
from work import Program, placed

_SAMPLE = 2e-4  # seconds: a shorter call is repeated, so that the clock does not count
_WARM = 0.1  # seconds, once, before anything is timed


class Worker:
    """The program that was prepared last."""

    def __init__(self, form: str, threads: int) -> None:
        self.form, self.threads = form, threads
        self.program: Program | None = None
        self.repeats = 0  # not known yet

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
        arrays = placed(work.arrays())
        start = perf_counter()
        program = work.forms[self.form](arrays, self.threads)
        outputs = program.outputs()
        first = perf_counter() - start
        work.check(outputs, arrays)
        del outputs
        self.program, self.repeats = program, 0
        return {"first": first}

    def _warm(self, call: Callable[[], Any]) -> None:
        stop = perf_counter() + _WARM
        call()
        start = perf_counter()
        call()
        one = max(perf_counter() - start, 1e-8)
        self.repeats = max(1, int(_SAMPLE / one))
        while perf_counter() < stop:
            call()

    def time(self, seconds: float) -> dict[str, Any]:
        """Seconds a call, of one sample at least."""
        assert self.program is not None
        call = self.program.call
        if not self.repeats:
            self._warm(call)
        call()  # brings back into the caches what others drove out
        samples: list[float] = []
        stop = perf_counter() + seconds
        while perf_counter() < stop or not samples:
            start = perf_counter()
            for _ in range(self.repeats):
                call()
            samples.append((perf_counter() - start) / self.repeats)
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
