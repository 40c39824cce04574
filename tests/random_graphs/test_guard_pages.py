"""No kernel loads or stores beyond its buffers: random graphs between protected pages.

As in ``test_random_graphs``, each graph is a seed.
"""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="pages are protected by a call that POSIX systems have")
PAGE = mmap.PAGESIZE
ROOT = Path(__file__).parents[2]
CHUNK = 100


def run(first: int, last: int, before: str = "") -> tuple[int, str]:
    """The process's exit status and what it printed, after ``before`` was done."""
    start = "from tests.random_graphs import guard_pages"
    code = f"{start}\n{before}\nguard_pages.main({first}, {last})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, check=False, stdout=-1, stderr=-2
    )
    return done.returncode, done.stdout


def check(first: int, last: int) -> None:
    status, told = run(first, last)
    if status:
        pytest.fail(f"ended with {status}: {' / '.join(told.splitlines()[-5:])}", pytrace=False)
    calls = int(told.split()[-2])
    assert calls > 1.2 * (last - first)


@pytest.mark.parametrize("first", range(30_000, 30_100, CHUNK))
def test_random_graphs_stay_within_their_pages(first: int) -> None:
    check(first, first + CHUNK)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(200_000, 204_000, CHUNK))
def test_many_random_graphs_stay_within_their_pages(first: int) -> None:
    check(first, first + CHUNK)


@pytest.mark.parametrize(("at_end", "place"), [(True, 128), (False, -1)])
def test_a_load_beyond_a_buffer_ends_the_process(at_end: bool, place: int) -> None:
    for kind in ("Paged", "Aligned", "Places"):
        for offset, ends in ((0, False), (127, False), (place, True)):
            code = f"""
import ctypes
from runtime.memory import address_of
guard_pages.at_end = {at_end}
guard_pages.Places.slots = [({PAGE - 128 if at_end else 0}, 128)]
made = guard_pages.{kind}({PAGE if kind == "Places" else 128})
start = address_of(made.bytes) + {PAGE - 128 if kind == "Places" and at_end else 0}
ctypes.string_at(start + {offset}, 1)"""
            assert (run(0, 0, code)[0] < 0) is ends, (kind, offset)


SHORT_ROWS = """
import numpy as np, graphc
from runtime import jit
from tests.random_graphs.generate import Case
guard_pages.install()
for dtype in (graphc.float32, graphc.float64):
    x, v = graphc.input("x", ("R", "N"), dtype), graphc.input("v", ("N",), dtype)
    few = graphc.input("few", ("R", 5), dtype)
    outputs = {"y": x @ v, "s": graphc.sum(x * x + 1, 1), "f": few @ few.T, "n": graphc.norm(few)}
    sizes = [(r, n) for r in (1, 4, 6, 7) for n in (1, 3, 8, 17)]
    calls = [[np.ones(s, dtype.numpy) for s in ((r, n), (n,), (r, 5))] for r, n in sizes]
    cases = [dict(zip(("x", "v", "few"), arrays)) for arrays in calls]
    assert guard_pages.run([Case(0, graphc.Graph("g", outputs), cases)], jit.host_target(), True)
"""

TURNED_PARTS = """
import numpy as np, graphc
from runtime import jit
from tests.random_graphs.generate import Case
guard_pages.install()
x = graphc.input("x", (3, 9))
y = graphc.concat([x, graphc.flip(x, (0, 1)), x[:, ::2]], 1)
outputs = {"p": y.T @ y, "t": y.T + 1, "s": graphc.sum(y * y, 0)}
one = Case(0, graphc.Graph("g", outputs), [{"x": np.ones((3, 9), np.float32)}])
for guard_pages.at_end in (True, False):
    assert guard_pages.run([one], jit.host_target(), True)
    assert guard_pages.run([one], jit.host_target(), False)
"""


def test_parts_that_are_turned_round_are_read_where_they_are() -> None:
    """The lanes of a vector that belong to another part of a concat lie beyond this part."""
    assert run(0, 0, TURNED_PARTS)[0] == 0


def test_short_rows_are_read_to_their_end() -> None:
    """LLVM 22 drops the mask of a load within a zero-masked fma."""
    assert run(0, 0, SHORT_ROWS)[0] == 0


PADDED = """
import numpy as np, graphc
from runtime import jit
from tests.random_graphs.generate import Case
guard_pages.install()
x = graphc.input("x", (64, 4), graphc.int64)
graph = graphc.Graph("g", {"y": graphc.pad(x + 1, ((1, 1), (0, 0)))})
case = Case(0, graph, [{"x": np.ones((64, 4), np.int64)}])
assert guard_pages.run([case], jit.host_target(), True)
"""


def test_what_is_beyond_a_padded_column_is_not_read() -> None:
    """The last vector is short, its elements lie apart, and some are guarded."""
    assert run(0, 0, PADDED)[0] == 0
