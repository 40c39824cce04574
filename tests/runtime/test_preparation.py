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


def test_what_is_begun_is_done_once() -> None:
    for threads in (1, 2, None):
        with preparation.meanwhile(threads, HOST):
            pass
    first = native_call.link()
    for helper in threading.enumerate():
        if helper is not threading.current_thread():
            helper.join()
    assert native_call.link.is_made and native_call.link() is first
    assert pool.Pool.get() is pool.Pool.get()


FIRST_CALLS = """
import sys, types
import numpy as np
import graphc
from runtime import llvm, native_call, pool, preparation, processor

threads, processors, preparation._LONG_SECONDS = map(int, sys.argv[1:])
processor.count = lambda: processors
begun = []
preparation._start = lambda *steps: begun.append(steps)
x = graphc.input("x", ("N", 64))
w = graphc.parameter("w", np.ones(64, np.float32))
f = graphc.Graph("f", graphc.tanh(x) + w)
exe = graphc.compile(f, graphc.Graph("g", {}, {w: w * 2 + graphc.sum(x)}), threads=threads)
data = np.random.default_rng(0).standard_normal((10, 64)).astype(np.float32)
natively = lambda call: isinstance(call.__call__, types.BuiltinFunctionType)
said = [native_call.link.is_made or natively(exe.f)]
results = [exe.f(data)["output"].tobytes()]
said += [natively(exe.f), pool.is_linked()]
exe.g(data)
exe.state["w"] = np.ones(64, np.float32)
said += [natively(exe.g), natively(exe.f)]
results += [exe.f(data)["output"].tobytes() for _ in range(3)]
said += [natively(exe.f), exe.f._call.native.calls]
alone = graphc.compile(f, threads=threads)
said += [natively(alone), natively(alone.f)]
results.append(alone(data).tobytes())
assert len(set(results)) == 1 and (max(map(len, begun)) > 1) == (processors > 1)
print(*map(int, said))
"""


@pytest.mark.parametrize(
    "threads, processors, long, said",
    [
        # Before, and after the first call; after the second; after more; those of a second program.
        (1, 1, 1, "0 0 0 1 0 1 2 1 1"),
        (1, 2, 1, "0 0 0 1 0 1 2 1 1"),
        (2, 2, 1, "0 0 0 1 0 1 2 1 1"),
        (2, 2, 0, "0 1 1 1 1 1 3 1 1"),  # as where the first takes so long that it is worth waiting
    ],
)
def test_the_first_result_waits_for_nothing_that_later_ones_use(
    threads: int, processors: int, long: int, said: str, tmp_path: Path
) -> None:
    if not native_call._is_known_python():
        pytest.skip("calls need Python code here")
    run = [sys.executable, "-c", FIRST_CALLS, *map(str, (threads, processors, long))]
    environment = {**os.environ, "GRAPHC_CACHE_DIR": str(tmp_path)}
    ended = subprocess.run(run, capture_output=True, text=True, timeout=120, env=environment)
    assert (ended.returncode, ended.stdout.strip()) == (0, said), ended.stderr


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


def test_without_threads_it_is_left_to_those_who_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    done: list[object] = []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(preparation, "_take", lambda *steps: done.append(steps))
    preparation.begin(3)
    with preparation.meanwhile(2, HOST):
        pass
    help_ = preparation.Help(2)
    help_.after_call()
    help_.before_call(0.0)
    assert not done and help_.is_there and help_.team == pool.team(2)


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
