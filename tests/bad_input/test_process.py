"""What a long-lived process meets: threads, forks, interrupts, caches that fail, a clean end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc
from runtime import cache_files, jit

ROOT = Path(__file__).resolve().parents[2]


def _affine(name: str = "predict") -> tuple[graphc.Graph, Any]:
    w = graphc.parameter("w", np.ones((4, 3), np.float32))
    x = graphc.input("x", ("N", 4))
    return graphc.Graph(name, {"y": graphc.relu(x @ w) + 1}), w


def _together(count: int, work: Callable[[int], None]) -> None:
    """Runs ``work`` in several threads; what it raises is raised here."""
    failed: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # handed over to the main thread
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if failed:
        raise failed[0]


def test_entries_that_share_a_state_alternate() -> None:
    predict, w = _affine()
    x = graphc.input("x", ("N", 4))
    step = graphc.Graph("step", {"s": graphc.sum(w)}, {w: w + graphc.mean(x)})
    exe = graphc.compile(step, predict)
    ones = np.ones((2, 4), "float32")
    for number in range(5):
        assert (exe.predict(x=ones)["y"] == 4 * (number + 1) + 1).all()
        assert exe.step(x=ones)["s"] == 12 * (number + 1)


def test_two_executables_of_one_state_in_two_threads_lose_no_update() -> None:
    w = graphc.parameter("w", np.zeros(1000, np.float32))
    first = graphc.compile(graphc.Graph("up", {}, {w: w + 1}))
    second = graphc.compile(graphc.Graph("up_too", {}, {w: w + 1}), state=first.state)
    entries = [first.entries["up"], second.entries["up_too"]]

    def work(number: int) -> None:
        for _ in range(300):
            entries[number % 2]()

    _together(4, work)
    assert (first.state["w"] == 1200).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_pure_entry_is_called_from_several_threads(threads: int) -> None:
    graph, _ = _affine()
    exe = graphc.compile(graph, threads=threads)
    rng = np.random.default_rng(0)
    given = [rng.standard_normal((rows, 4)).astype("float32") for rows in (1, 7, 64, 500)]
    expected = [np.maximum(x @ np.ones((4, 3), "float32"), 0) + 1 for x in given]

    def work(number: int) -> None:
        for call in range(100):
            k = (number + call) % len(given)
            np.testing.assert_allclose(exe(given[k])["y"], expected[k], rtol=1e-5, atol=1e-5)

    _together(4, work)


def test_graphs_are_declared_and_compiled_in_several_threads() -> None:
    def work(number: int) -> None:
        x = graphc.input(f"x{number}", ("N",))
        total = x * number + 1
        assert total.name == "total" and total.value.node.location.line == work_line
        (dx,) = graphc.grad(graphc.sum(total * total), [x])
        exe = graphc.compile(graphc.Graph("g", {"y": total, "dx": dx}))
        found = exe(np.array([2.0], "float32"))
        assert found["y"] == 2 * number + 1 and found["dx"] == 2 * number * found["y"]

    work_line = work.__code__.co_firstlineno + 2
    _together(6, work)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_child_calls_updates_and_compiles(threads: int) -> None:
    w = graphc.parameter("w", np.zeros((300, 300), np.float32))
    exe = graphc.compile(graphc.Graph("up", {"s": graphc.sum(w)}, {w: w + 1}), threads=threads)
    exe.up()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(60)
            right = exe.up()["s"] == 90000
            x = graphc.input("x", ("N",))
            more = graphc.compile(graphc.exp(x) * 3, threads=threads)(np.zeros(5, "float32"))
            status = 0 if right and (more == 3).all() and exe.state["w"][0, 0] == 2 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert exe.up()["s"] == 90000 and exe.state["w"][0, 0] == 2


TRAINING = """
import numpy as np, graphc, runtime, sys
w = graphc.parameter("w", np.zeros((64, 64), np.float32))
n = graphc.parameter("n", np.zeros((), np.int64))
x = graphc.input("x", ("N", 64))
loss = graphc.mean((x @ w - 1) ** 2)
(dw,) = graphc.grad(loss, [w])
step = graphc.Graph("step", {"loss": loss}, {w: w - 0.01 * dw, n: n + 1})
exe = graphc.compile(step, threads=2)
trainer = runtime.Trainer(exe)
data = {"x": np.random.default_rng(0).standard_normal((4096, 64)).astype("float32")}
from runtime.callbacks import Callback
class Tell(Callback):
    def on_epoch_end(self, trainer, epoch, metrics):
        print("epoch", epoch, flush=True)
try:
    trainer.fit(data, epochs=1_000_000, batch_size=16, callbacks=[Tell()])
except KeyboardInterrupt:
    epochs, steps = len(trainer.history.epochs), int(exe.state["n"])
    assert trainer.history.interrupted and epochs >= 2
    assert 256 * epochs <= steps <= 256 * (epochs + 1), (epochs, steps)
    assert np.isfinite(exe.state["w"]).all()
    exe.step(x=data["x"][:3])
    assert int(exe.state["n"]) == steps + 1
    trainer.fit(data, epochs=1, batch_size=16)
    print("usable", flush=True)
"""


def _python(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_in_the_middle_of_a_training(tmp_path: Path) -> None:
    process = _python(TRAINING)
    assert process.stdout is not None
    while process.stdout.readline().strip() != "epoch 1":
        assert process.poll() is None, process.stderr and process.stderr.read()
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0 and out.endswith("usable\n"), error


ENDS = {
    "with everything alive": "",
    "from within a function": "import sys; (lambda: sys.exit(0))()",
    "with a call at exit": "import atexit; atexit.register(lambda: exe(np.ones((9, 64), 'f4')))",
    "with a thread still calling": (
        "import threading, time\n"
        "def go():\n"
        "    while True: exe(np.ones((900, 64), 'f4'))\n"
        "threading.Thread(target=go, daemon=True).start(); time.sleep(0.1)"
    ),
    "with threads in short calls": (
        "import threading, time\n"
        "def go():\n"
        "    while True: exe(few)\n"
        "few = np.ones((3, 64), 'f4')\n"
        "for _ in range(3): threading.Thread(target=go, daemon=True).start()\n"
        "time.sleep(0.05)"
    ),
    "with a thread still training": (
        "import threading, time, runtime\n"
        "w = graphc.parameter('w', np.ones((64, 64), 'f4'))\n"
        "loss = graphc.mean((x @ w) ** 2)\n"
        "(dw,) = graphc.grad(loss, [w])\n"
        "step = graphc.compile(graphc.Graph('step', {'loss': loss}, {w: w - dw}), threads=2)\n"
        "data, fit = {'x': np.ones((4096, 64), 'f4')}, runtime.Trainer(step).fit\n"
        "many = {'epochs': 10**6, 'batch_size': 64}\n"
        "threading.Thread(target=fit, args=(data,), kwargs=many, daemon=True).start()\n"
        "time.sleep(0.05)"
    ),
    "with a thread still compiling": (
        "import itertools, threading, time\n"
        "def go():\n"
        "    for n in itertools.count(): graphc.compile(graphc.exp(x * float(n)), cache=False)\n"
        "threading.Thread(target=go, daemon=True).start(); time.sleep(0.05)"
    ),
    "after it was dropped": "import gc; del exe; gc.collect()",
}


@pytest.mark.parametrize("end", ENDS)
def test_the_interpreter_ends_cleanly(end: str) -> None:
    code = (
        "import numpy as np, graphc\n"
        "x = graphc.input('x', ('N', 64))\n"
        "exe = graphc.compile(graphc.softmax(x @ graphc.ones((64, 64))), threads=2)\n"
        "exe(np.ones((900, 64), 'f4'))\n"
    )
    process = _python(code + ENDS[end])
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (0, "", "")


def _compiled_value(factor: float) -> None:
    x = graphc.input("x", ("N",))
    value = graphc.compile(graphc.tanh(x) * factor)(np.full(3, 0.5, "float32"))
    np.testing.assert_allclose(value, np.tanh(0.5) * factor, rtol=1e-6)


def test_a_cache_directory_that_is_missing_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, file = tmp_path / "not" / "yet", tmp_path / "file"
    file.write_text("no directory")
    for place in (missing, file, file / "below"):
        monkeypatch.setattr(cache_files, "directory", lambda place=place: place)
        _compiled_value(1.5)
        _compiled_value(1.5)
    assert list(missing.glob("*.o")) and file.read_text() == "no directory"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["fdopen", "replace"])
def test_a_cache_that_is_full_or_read_only(
    call: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache_files.os, call, refused)
    _compiled_value(2.5)
    assert not list(tmp_path.iterdir())


COMPILED = """
import numpy as np, graphc
x = graphc.input("x", ("N",))
assert (graphc.compile(graphc.floor(x) * 2.5, threads=2)(np.ones(3, "float32")) == 2.5).all()
"""
SMALL_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs limits of files")
def test_a_disk_that_takes_no_whole_file(tmp_path: Path) -> None:
    """The system's own refusal, in the middle of a file."""
    process = _python(SMALL_FILES + COMPILED, GRAPHC_CACHE_DIR=str(tmp_path))
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (0, "", "")
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_only_read_serves_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    _compiled_value(4.5)
    for entry in tmp_path.iterdir():
        os.utime(entry, (0, 0))  # so long ago that a use would be noted
    for call in ("makedirs", "replace", "utime", "unlink"):
        monkeypatch.setattr(cache_files.os, call, refused)
    before = jit.engine().compilations
    _compiled_value(4.5)
    assert jit.engine().compilations == before


def test_torn_and_foreign_entries_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    _compiled_value(3.5)
    entries = list(tmp_path.glob("*.o"))
    whole = {entry: entry.read_bytes() for entry in entries}
    for damage in (
        lambda data: b"",
        lambda data: data[:31],
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"x",
        lambda data: b"\x7fELF" + data[4:],
        lambda data: bytes(len(data)),
    ):
        for entry, data in whole.items():
            entry.write_bytes(damage(data))
        _compiled_value(3.5)
        assert {entry: entry.read_bytes() for entry in entries} == whole
    for entry in entries:
        entry.unlink()
        entry.mkdir()
    _compiled_value(3.5)


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_100_000_calls_keep_no_memory() -> None:
    graph, _ = _affine()
    exe = graphc.compile(graph)
    x = np.ones((32, 4), "float32")
    shapes = [np.ones((rows, 4), "float32") for rows in range(1, 600)]
    for given in (x, *shapes):
        exe(x=given)
    before = _resident()
    for number in range(100_000):
        exe(x=x)
        if number % 10 == 0:
            exe(x=shapes[number // 10 % len(shapes)])
    assert _resident() - before < 4 << 20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_1_000_compilations_keep_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 64 KiB each: what LLVM's linker and the caches of names and lines keep."""
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    for number in range(50):
        _compiled_value(number)
    before = _resident()
    for number in range(1000):
        _compiled_value(number + 0.25)
    assert _resident() - before < 1000 * (64 << 10)
