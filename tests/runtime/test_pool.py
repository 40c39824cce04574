"""The pool of threads: each unit runs once, whoever else uses it, however the process forks."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from runtime import jit, pool
from runtime.target import Target
from tests.runtime.regions import FLUSH, Regions

WAITING = ("futex", "mutex") if sys.platform == "linux" else ("mutex",)


@pytest.fixture(scope="module", params=WAITING)
def regions(request):
    return Regions(request.param)


def asleep(regions):
    """Wait until all workers sleep."""
    for _ in range(500):
        if regions.pool.sleepers() == regions.pool.workers():
            return
        time.sleep(0.01)
    raise AssertionError("workers do not fall asleep")


@pytest.mark.parametrize("threads", (2, 3, 4, 9))
def test_each_unit_runs_once(regions, threads):
    team = regions.team(threads)
    counts = np.zeros(1000, np.int64)
    for units in (2, 3, 4, 7, 8, 9, 63, 64, 65, 1000):
        for cuts in (1, 3, 8):
            for work in (1, 10**7, 10**9):
                counts[:] = 0
                regions.run(team, "count", [counts], units, cuts, work)
                assert (counts[:units] == 1).all() and not counts[units:].any()
    assert regions.pool.workers() >= threads - 1


def test_region_after_region(regions):
    """Thousands of small ones in a row, so that late workers meet the next region."""
    team, counts = regions.team(4), np.zeros(64, np.int64)
    for number in range(5000):
        regions.run(team, "count", [counts], 2 + number % 63)
    expected = [sum(2 + n % 63 > unit for n in range(5000)) for unit in range(64)]
    assert counts.tolist() == expected


def test_workers_sleep_and_wake(regions):
    team, counts = regions.team(3), np.zeros(30, np.int64)
    for number in range(10):
        regions.run(team, "count", [counts], 30, spin=20_000)
        assert (counts == number + 1).all()
        asleep(regions)


def test_little_work_wakes_nobody_until_it_adds_up(regions):
    team, counts = regions.team(2, least_woken=10_000), np.zeros(4, np.int64)

    def shared(works):
        """How many of the regions were shared."""
        before = regions.pool.regions()
        for work in works:
            regions.run(team, "count", [counts], 4, work=work)
        return regions.pool.regions() - before

    def shared_after_sleep(works):
        assert shared([10**9]) == 1  # whatever was owed is paid
        asleep(regions)
        return shared(works)

    # a worker that was woken for the region before may come late: it takes part, and rightly so
    assert 0 in (shared_after_sleep([1000] * 9) for _ in range(200))
    assert 1 in (shared_after_sleep([1000] * 10) for _ in range(200))
    assert counts.min() == counts.max() >= 21


def test_threads_at_once(regions):
    """Who finds the pool taken runs alone; nothing is lost."""
    results = []

    def many(team):
        counts = np.zeros(40, np.int64)
        for _ in range(300):
            regions.run(team, "count", [counts], 40, spin=200)
        results.append(counts)

    threads = [threading.Thread(target=many, args=(regions.team(n),)) for n in (2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3 and all((counts == 300).all() for counts in results)


@pytest.mark.skipif(not FLUSH, reason="nothing is known of this processor's modes")
def test_workers_take_the_callers_floating_point_mode(regions):
    team, x = regions.team(2), np.array([1e-39], np.float32)
    for flags in (FLUSH, 0, FLUSH, 0):
        y = np.full(64, 7, np.float32)
        regions.run(team, "halve", [y, x], 64, spin=3000, flags=flags)
        assert (y == (0 if flags else np.float32(5e-40))).all()
        assert x[0] * np.float32(0.5) != 0  # the caller's own mode is as it was


FORK = """
import os, sys, threading, time
import numpy as np
from tests.runtime.regions import Regions
regions = Regions({waiting!r})
def all_once(threads=3):
    counts = np.zeros(50, np.int64)
    for _ in range(20):
        regions.run(regions.team(threads), "count", [counts], 50, spin=2000)
    assert (counts == 20).all()
all_once()
assert regions.pool.workers() == 2
{before}
for _ in range(3):
    child = os.fork()
    if child == 0:
        assert regions.pool.workers() == 0
        all_once()
        assert regions.pool.workers() == 2
        grandchild = os.fork()
        if grandchild == 0:
            all_once()
            os._exit(0)
        assert os.waitpid(grandchild, 0)[1] == 0
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    all_once()
"""
# A thread that keeps the pool busy while the process forks.
BUSY = """
def busy():
    counts = np.zeros(50, np.int64)
    while True:
        regions.run(regions.team(3), "count", [counts], 50, spin=2000)
threading.Thread(target=busy, daemon=True).start()
"""


def python(text, **changes):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", text],
        env=environment, timeout=120, capture_output=True, text=True, **changes,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("before", ("", BUSY), ids=("idle", "busy"))
@pytest.mark.parametrize("waiting", WAITING)
def test_a_fork_has_its_own_workers(waiting, before):
    done = python(FORK.format(waiting=waiting, before=before))
    assert done.returncode == 0, done.stderr


EXIT = """
import time
import numpy as np
from tests.runtime.regions import Regions
regions = Regions({waiting!r})
counts = np.zeros(50, np.int64)
regions.run(regions.team(3), "count", [counts], 50, spin=2000)
time.sleep({pause})
"""


def check_exits(times):
    for waiting in WAITING:
        for pause in (0, 0.05):
            for _ in range(times):
                done = python(EXIT.format(waiting=waiting, pause=pause))
                assert (done.returncode, done.stderr) == (0, "")


def test_exits_with_workers_awake_and_asleep():
    check_exits(1)


@pytest.mark.slow
def test_many_exits_with_workers_awake_and_asleep():
    check_exits(20)


def test_the_number_of_threads(monkeypatch):
    monkeypatch.delenv(pool.VARIABLE, raising=False)
    assert pool.thread_count() == len(os.sched_getaffinity(0))
    assert pool.thread_count(3) == 3
    monkeypatch.setenv(pool.VARIABLE, " 5 ")
    assert pool.thread_count() == 5
    assert pool.thread_count(2) == 2
    monkeypatch.setenv(pool.VARIABLE, "")
    assert pool.thread_count() == len(os.sched_getaffinity(0))
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv(pool.VARIABLE, wrong)
        with pytest.raises(ValueError, match=f"{pool.VARIABLE} should be an int.*{wrong}"):
            pool.thread_count()
    for wrong in (0, -2, True, 1.5, "2"):
        with pytest.raises(ValueError, match="threads should be an int of at least 1"):
            pool.thread_count(wrong)


@pytest.mark.parametrize("waiting", ("futex", "mutex"))
@pytest.mark.parametrize("triple", ("x86_64-linux-gnu", "aarch64-linux-gnu", "arm64-apple-darwin"))
def test_the_text_for_other_machines(triple, waiting):
    processor = "x86_64" if triple.startswith("x86") else "aarch64"
    target = Target("any", triple, "generic", "", 16, 16, has_fma=False, has_masks=False)
    listing = jit.assembly(pool.text(waiting, processor), target)
    assert "pthread_create" in listing and ("syscall" in listing) == (waiting == "futex")


def test_the_text_for_a_processor_of_which_nothing_is_known():
    assert "pthread_cond_wait" in jit.assembly(pool.text("mutex", "generic"), "baseline")


def test_one_thread_needs_no_pool():
    assert pool.team(1) == 0
    assert pool.team(2) == pool.team(2) != pool.team(3)
