"""Native code compiled beside a compilation."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime import gathering, jit, native_call, pool, preparation

HOST = jit.host_target()


def test_it_is_done_at_the_end_and_no_thread_is_left() -> None:
    before = threading.active_count()
    for threads in (1, 2, None):
        with preparation.meanwhile(threads, HOST):
            pass
        assert threading.active_count() == before
    assert native_call.link.cache_info().currsize == 1
    assert pool.Pool.get() is pool.Pool.get()


BEGUN = """
import os, threading
from runtime import gathering, jit, native_call, pool, preparation

preparation.begin(2)
if os.fork() == 0:  # while the helper is at it
    native_call.link()
    pool.team(2)
    gathering.link()
    os._exit(7)
_, status = os.wait()
assert os.waitstatus_to_exitcode(status) == 7
first = native_call.link()
for helper in threading.enumerate():
    if helper is not threading.current_thread():
        helper.join()
assert native_call.link() is first
preparation.begin(2)
print("the end")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_what_begins_harms_no_fork_and_no_exit() -> None:
    run = [sys.executable, "-c", BEGUN]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "the end\n"), ended.stderr


def test_what_begins_is_done_once() -> None:
    preparation.begin(2)
    with preparation.meanwhile(2, HOST):
        pass
    assert gathering.link() is gathering.link()


def test_what_fails_is_left_to_those_who_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no such processor")

    monkeypatch.setattr(native_call, "link", broken)
    with preparation.meanwhile(2, HOST):
        pass
    with pytest.raises(ZeroDivisionError), preparation.meanwhile(2, HOST):
        raise ZeroDivisionError


def test_without_threads_it_is_done_by_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    done: list[int | None] = []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(preparation, "_prepare", lambda threads, *_: done.append(threads))
    preparation.begin(3)  # for later: whoever needs it makes it then
    assert not done
    with preparation.meanwhile(2, HOST):
        pass
    assert done == [2]


ENDLESS = """
import itertools, threading, time
from runtime import jit, preparation

def go():
    for number in itertools.count():
        with preparation.meanwhile(1, jit.host_target()) as ready:
            ready(f"define i64 @f{number}() {{\\n  ret i64 {number}\\n}}")

for _ in range(3):
    threading.Thread(target=go, daemon=True).start()
time.sleep(0.2)
"""


def test_daemons_that_go_on_compiling_do_not_keep_the_process(tmp_path: Path) -> None:
    environment = {**os.environ, "GRAPHC_CACHE_DIR": str(tmp_path)}
    run = [sys.executable, "-c", ENDLESS]
    ended = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stderr) == (0, "")
