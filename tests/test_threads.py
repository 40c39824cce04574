"""Programs with several threads: the same bits for any number, in whatever circumstances."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import graphc
import runtime
from examples.first_network import network
from graphc.loops.tiling import Product, choose_tile
from runtime import pool
from runtime.profiling import Profile
from runtime.target import AVX512

THREADS = (1, 2, 4)
RNG = np.random.default_rng(0)


def some(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def of(shape):
    return graphc.input("x", shape)


def normalised(x):
    centred = x - graphc.mean(x, axis=1, keepdims=True)
    variance = graphc.mean(centred * centred, axis=1, keepdims=True)
    return centred / graphc.sqrt(variance + 1e-5)


def by(*shape):
    """A parameter to multiply by."""
    return graphc.parameter("w", some(*shape))


# The declared shape, what is computed, and the shape it is called with.
WORKS = {
    "dense": (("N", 784), lambda x: graphc.relu(x @ by(784, 512)), (130, 784)),
    "one panel": (("N", 300), lambda x: x @ by(300, 10), (999, 300)),
    "few rows": ((3, 700), lambda x: x @ by(700, 900), (3, 700)),
    "transposed": (("N", 65), lambda x: x @ by(400, 65).T, (201, 65)),
    "batches": (("B", 33, 65), lambda x: x @ by(65, 70), (17, 33, 65)),
    "softmax": (("N", 1000), graphc.softmax, (257, 1000)),
    "long softmax": (("N",), lambda x: graphc.softmax(x, axis=0), (100_001,)),
    "layer norm": (("N", 515), normalised, (300, 515)),
    "gelu": (("N",), lambda x: graphc.gelu(x * 3), (100_003,)),
    "sum of rows": ((300, "N"), lambda x: graphc.sum(x, axis=1), (300, 9000)),
    "sum of columns": (("N", 1030), lambda x: graphc.sum(x, axis=0), (999, 1030)),
    "sum of few columns": (("N", 3), lambda x: graphc.sum(x, axis=0), (100_001, 3)),
    "sum": (("N",), graphc.sum, (1_000_001,)),
    "sum of known size": ((8 * 8192 + 40,), graphc.sum, (8 * 8192 + 40,)),
    "few long rows": ((3, "N"), graphc.softmax, (3, 100_001)),
    "mean of a part": ((300, 333), lambda x: graphc.mean(graphc.exp(x)[1:, 5:]), (300, 333)),
    "variance": (("N", 700), graphc.var, (400, 700)),
    "range": (("N", 33), lambda x: graphc.max(x) - graphc.min(x), (20_001, 33)),
}


@pytest.mark.parametrize("fuse", (True, False), ids=("fused", "unfused"))
@pytest.mark.parametrize("work", WORKS)
def test_the_same_bits_for_any_number_of_threads(work, fuse):
    declared, make, shape = WORKS[work]
    tensor, x = make(of(declared)), some(*shape)
    first, *others = (graphc.compile(tensor, threads=n, fuse=fuse)(x) for n in THREADS)
    assert all(other.tobytes() == first.tobytes() for other in others)


def trained(threads, steps=3):
    exe = graphc.compile(*network(), threads=threads)
    rng = np.random.default_rng(1)
    images = rng.random((128, 784), np.float32)
    labels = rng.integers(0, 10, 128).astype(np.int32)
    losses = [exe.step(images, labels)["loss"].tobytes() for _ in range(steps)]
    return losses, {name: exe.state[name].tobytes() for name in exe.state}


def test_training_is_the_same_for_any_number_of_threads():
    first, *others = (trained(threads) for threads in THREADS)
    assert all(other == first for other in others)


def test_a_profile_with_several_threads():
    x = graphc.input("x", ("N",))
    exe = graphc.compile(graphc.Graph("f", {"y": graphc.softmax(x, axis=0)}), threads=2)
    profile = Profile(exe.f)
    with exe.f.recording(profile):
        exe.f(some(300_000))
        exe.f(some(10))
    rows = profile.rows()
    assert [row.calls for row in rows] == [2] * len(rows)
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert all(row.seconds > 0 for row in rows)


def test_the_number_of_threads_of_an_executable(monkeypatch, tmp_path):
    monkeypatch.setenv(pool.VARIABLE, "3")
    exe = graphc.compile(of((2,)) + 1)
    assert exe.threads == 3
    exe.save(tmp_path / "plus.graphc")
    assert runtime.load(tmp_path / "plus.graphc").threads == 3
    assert runtime.load(tmp_path / "plus.graphc", threads=2).threads == 2
    monkeypatch.delenv(pool.VARIABLE)
    assert graphc.compile(of((2,)) + 1).threads == len(os.sched_getaffinity(0))
    monkeypatch.setenv(pool.VARIABLE, "none")
    with pytest.raises(ValueError, match=pool.VARIABLE):
        graphc.compile(of((2,)) + 1)


def test_many_executables_share_one_pool():
    x = some(2000, 100)
    programs = [graphc.compile(of(("N", 100)) * 2, threads=1 + n % 3) for n in range(30)]
    for exe in programs:
        np.testing.assert_array_equal(exe(x), 2 * x)
    assert pool.Pool.get().workers() < 16


def script(text):
    return [sys.executable, "-c", "import graphc, numpy as np, os, time\n" + textwrap.dedent(text)]


def python(text, **changes):
    return subprocess.run(script(text), capture_output=True, text=True, timeout=100, **changes)


def test_one_core_needs_no_pool():
    done = python("""
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        exe = graphc.compile(graphc.input("x", ("N", 784)) @ np.ones((784, 512), "float32"))
        exe(np.ones((500, 784), "float32"))
        from runtime import pool
        assert exe.threads == 1
        assert not pool._pool.is_made
        assert len(os.listdir("/proc/self/task")) == 1, os.listdir("/proc/self/task")
    """, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of the process there")
def test_where_the_system_gives_few_threads_they_do_it_all():
    """Their stacks do not fit into what the process may still take."""
    done = python("""
        import resource
        from runtime import pool
        exe = graphc.compile(graphc.exp(graphc.input("x", ("N",))), threads=99)
        x = np.zeros(500_000, "float32")
        y = np.empty_like(x)
        exe(x[:8], out=y[:8])
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + (3 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for _ in range(3):
            y[:] = 7
            exe(x, out=y)
            assert (y[::1000] == 1).all()
        assert pool.Pool.get().workers() < 50
    """)
    assert done.returncode == 0, done.stderr


# Processes started after the pool.


def _work():
    x = graphc.input("x", ("N", 784))
    return graphc.compile(graphc.relu(x @ np.ones((784, 512), np.float32)), threads=3)


def _in_child(exe, queue):
    x = np.ones((300, 784), np.float32)
    made = exe or _work()
    good = all(bool((made(x) == 784).all()) for _ in range(3))
    queue.put((good, pool.Pool.get().workers()))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_after_the_pool_has_started(method):
    exe, x = _work(), np.ones((300, 784), np.float32)
    assert (exe(x) == 784).all() and pool.Pool.get().workers() >= 2
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    children = [
        context.Process(target=_in_child, args=(exe if method == "fork" else None, queue))
        for _ in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
        assert queue.get() == (True, 2)
    assert (exe(x) == 784).all()


@pytest.mark.parametrize("programs", (1, 2))
def test_python_threads_at_once(programs):
    x = some(200, 784)
    made = [_work() for _ in range(programs)]
    expected, wrong = made[0](x).tobytes(), []

    def calls(exe):
        for _ in range(40):
            if exe(x).tobytes() != expected:
                wrong.append(exe)

    threads = [threading.Thread(target=calls, args=(made[n % programs],)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_interrupt_in_a_long_step_comes_after_it():
    done = subprocess.Popen(
        script("""
        x = graphc.input("x", ("N", 1000))
        count = graphc.parameter("count", np.zeros((), "float32"))
        for _ in range(12):
            x = graphc.sin(x @ np.ones((1000, 1000), "float32"))
        step = graphc.Graph("step", {"y": graphc.sum(x)}, {count: count + 1})
        exe, batch = graphc.compile(step, threads=2), np.ones((600, 1000), "float32")
        exe(batch)
        print("ready", flush=True)
        try:
            for _ in range(1000):
                exe(batch)
                calls = exe.native_calls
        except KeyboardInterrupt:
            assert float(exe.state["count"]) == exe.native_calls, (calls, exe.state["count"])
            assert (exe(batch)["y"] == exe(batch)["y"]).all()
            print("interrupted")
        """),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.stdout.readline() == "ready\n", done.communicate()[1]
    time.sleep(0.3)
    done.send_signal(signal.SIGINT)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, out) == (0, "interrupted\n"), err


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_a_million_calls_do_not_grow():
    exe = graphc.compile(of(("N",)) * 2 + 1, threads=2)
    small, large = some(16), some(40_000)
    for _ in range(1000):
        exe(small), exe(large)
    before, tasks = _resident(), len(os.listdir("/proc/self/task"))
    for number in range(1_000_000):
        exe(small if number % 8 else large)
    assert _resident() - before < 1 << 20
    assert len(os.listdir("/proc/self/task")) == tasks


BUSY = "import os\nos.sched_setaffinity(0, {core})\nprint('ready', flush=True)\nwhile True: pass"


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")
def test_a_busy_neighbour_costs_no_more_than_its_core():
    """Timed, but with a wide margin: without helping each other, threads reach half of this."""
    x = some(128, 784)
    one, two = (graphc.compile(*network(), threads=n) for n in (1, 2))
    labels = np.zeros(128, np.int32)

    def steps(exe, seconds):
        count, stop = 0, time.perf_counter() + seconds
        while time.perf_counter() < stop:
            exe.step(x, labels)
            count += 1
        return count

    core = max(os.sched_getaffinity(0))
    command = [sys.executable, "-c", BUSY.format(core={core})]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as neighbour:
        try:
            neighbour.stdout.readline()
            pairs = [(steps(one, 0.5), steps(two, 0.5)) for _ in range(10)]
        finally:
            neighbour.kill()
    alone, together = np.sum(pairs, axis=0)
    assert together >= 0.9 * alone


def test_few_tiles_of_a_product_are_as_many_as_threads_can_share_evenly():
    rows, columns, depth = 34, 46, 2251
    height, vectors = choose_tile(Product(rows, columns, depth, 4, 4 * depth), AVX512)
    tiles = -(-rows // height) * -(-columns // (vectors * AVX512.lanes(4)))
    assert all(-(-tiles // threads) <= 1.4 * tiles / threads for threads in (2, 4, 8, 16))
