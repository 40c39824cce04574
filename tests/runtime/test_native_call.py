"""Calls without Python code: the same results and errors as the Python path's, and no leaks."""

import gc
import resource
import signal
import sys
import threading
import types
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime import pool
from runtime.errors import CheckError
from runtime.executable import Executable
from runtime.native_call import claim, link
from runtime.profiling import Profile

F32 = np.float32


class Subclass(np.ndarray):
    """An array that is no plain one."""


def is_native(exe):
    return isinstance(next(iter(exe.entries.values())).__call__, types.BuiltinFunctionType)


@pytest.fixture
def affine(programs):
    link(), pool.team(2)  # not only behind the first result of the process
    exe = Executable(programs.affine())
    if not is_native(exe):
        pytest.skip("calls need Python code here")
    exe(1, np.zeros((2, 3), F32))
    return exe


def f32(*shape):
    return np.arange(np.prod(shape), dtype=F32).reshape(shape)


def python_calls(exe):
    """Calls that the Python path made."""
    return sum(point.calls - point._call.native.calls for point in exe.entries.values())


def test_this_python_calls_natively(programs):
    link(), pool.team(2)
    if sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)():
        assert is_native(Executable(programs.affine()))


def test_a_call_like_the_last_needs_no_python_code(affine):
    a, x, y = np.array(2, F32), f32(2, 3), np.empty((2, 3), F32)
    before = python_calls(affine)
    results = [
        affine(a, x), affine(a=a, x=x), affine(x=x, a=a), affine(a, x=x),
        affine(a, x, out=y), affine(a, out={"y": y}, x=x), affine.affine(a, x),
    ]  # fmt: skip
    assert python_calls(affine) == before
    assert results[4]["y"] is y and results[5]["y"] is y
    for result in results:
        np.testing.assert_array_equal(result["y"], 2 * x + F32(0.25))


def test_several_sizes_are_remembered(affine):
    sizes = [0, 1, 5, 2, 40]
    for n in sizes:
        affine(np.array(1, F32), f32(n, 3))
    before = python_calls(affine)
    for n in [*sizes, *reversed(sizes)]:
        y = affine(np.array(1, F32), f32(n, 3))["y"]
        np.testing.assert_array_equal(y, f32(n, 3) + F32(0.25))
    assert python_calls(affine) == before
    for n in range(300):
        affine(np.array(1, F32), f32(n, 3))
    np.testing.assert_array_equal(affine(np.array(1, F32), f32(7, 3))["y"], f32(7, 3) + F32(0.25))


DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool", ">f4", "float16", "longlong"]


@st.composite
def values(draw):
    """Something a caller may give: mostly an array that is nearly right."""
    rank = draw(st.integers(0, 3))
    shape = draw(st.sampled_from([(), (2, 3), (2,), (0, 3), (3, 3), (4,), (2, 3, 1), (1,) * rank]))
    dtype = draw(st.sampled_from(["float32"] * 6 + ["int32"] * 3 + DTYPES))
    array = (np.arange(np.prod(shape)) % 5).reshape(shape).astype(dtype)
    kind = draw(st.sampled_from([*["plain"] * 12, *KINDS]))
    return KINDS[kind](array) if kind in KINDS else array


def _read_only(array):
    array.flags.writeable = False
    return array


def _unaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)
    moved = raw[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


KINDS = {
    "list": lambda array: array.tolist(),
    "scalar": lambda array: array.dtype.type(1),
    "fortran": np.asfortranarray,
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array,
    "read-only": _read_only,
    "unaligned": _unaligned,
    "subclass": lambda array: array.view(Subclass),
    "masked": np.ma.masked_array,
    "none": lambda array: None,
    "text": lambda array: "x",
    "memoryview": memoryview,
    "object": lambda array: object(),
}


@st.composite
def arguments(draw, names):
    """Positional and named arguments, mostly as many as there are inputs."""
    count = draw(st.sampled_from([len(names)] * 4 + [0, 1, 2, 3]))
    given_values = [draw(values()) for _ in range(count)]
    split = draw(st.integers(0, count))
    rest = draw(st.permutations(names))[: count - split]
    if draw(st.integers(0, 3)):
        rest = names[split:count]
    named = dict(zip(rest, given_values[split:], strict=False))
    if not draw(st.integers(0, 9)):
        named[draw(st.sampled_from(["z", "affine", "".join(["lab", "els"])]))] = draw(values())
    if not draw(st.integers(0, 2)):
        out = draw(values())
        choices = [out, {"y": out}, {"loss": out}, {"z": out}, {}, given_values[:1], None]
        named["out"] = choices[draw(st.integers(0, len(choices) - 1))]
    return given_values[:split], named


def outcome(call, positional, named):
    """What a call gives or says, and what it does to its arguments."""
    try:
        result = call(*positional, **named)
    except Exception as error:
        result = (type(error), str(error))
    else:
        result = {name: (v.dtype, v.shape, v.tobytes()) for name, v in result.items()}
    out = named.get("out")
    after = out.tobytes() if isinstance(out, np.ndarray) and out.dtype != object else None
    return result, after


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_anything_else_is_as_the_python_path_has_it(data):
    positional, named = data.draw(arguments(["a", "x"]))
    native, python = PAIR["affine"]
    assert outcome(native, positional, named) == outcome(python, positional, named)
    # What was unusual leaves the usual as it was.
    again = native(np.array(3, F32), f32(2, 3))["y"]
    np.testing.assert_array_equal(again, 3 * f32(2, 3) + F32(0.25))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_anything_else_for_an_update(data):
    positional, named = data.draw(arguments(["x", "labels"]))
    native, python = PAIR["training"]
    assert outcome(native.step, positional, named) == outcome(python.step, positional, named)
    for name, value in native.state.items():
        assert value.tobytes() == python.state[name].tobytes()


class _Pythonic:
    """An executable whose calls all go the Python path."""

    def __init__(self, exe):
        self.state = exe.state
        self._calls = {name: point._call for name, point in exe.entries.items()}

    def __call__(self, *positional, **named):
        (call,) = self._calls.values()
        return call(*positional, **named)

    def __getattr__(self, name):
        return self._calls[name]


@pytest.fixture(autouse=True, scope="module")
def pairs():
    from tests.runtime.conftest import Programs

    for name in ("affine", "training"):
        program = getattr(Programs, name)()
        PAIR[name] = Executable(program), _Pythonic(Executable(program))
    yield
    PAIR.clear()


PAIR = {}


@settings(max_examples=150, deadline=None)
@given(
    actions=st.lists(
        st.sampled_from("keep drop view reshape freeze retype memory dict".split()), max_size=12
    )
)
def test_an_array_somebody_holds_is_never_written_again(actions):
    exe = PAIR["affine"][0]
    held = []
    for number, action in enumerate(actions):
        x = np.full((2, 3), number, F32)
        result = exe(np.array(1, F32), x)
        y = result["y"]
        expected = number + F32(0.25)
        assert y.shape == (2, 3) and y.dtype == F32 and y.flags.carray and (y == expected).all()
        match action:
            case "keep":
                held.append((y, expected))
            case "view":
                held.append((y[1:], expected))
            case "reshape":
                y.shape = (6,)
            case "freeze":
                y.flags.writeable = False
            case "retype":
                y.dtype = np.int32
            case "memory":
                held.append((np.asarray(memoryview(y)), expected))
            case "dict":
                held.append((result, expected))
        del y, result
        for kept, value in held:
            array = kept["y"] if isinstance(kept, dict) else kept
            assert (array == value).all()


def test_a_view_of_an_output_holds_it(programs):
    """What the use of outputs a second time rests on: no view passes over it to its memory."""
    for n in (1, 2000, 5000, 20000):
        exe = Executable(programs.affine())
        exe(1, np.zeros((n, 3), F32))
        y = exe(np.array(1, F32), np.zeros((n, 3), F32))["y"]
        assert y[1:].base is y and y.reshape(-1).base is y and y[1:][1:].base is y


def test_nothing_leaks(affine):
    a, x, y = np.array(2, F32), f32(2, 3), np.empty((2, 3), F32)
    wrong = np.zeros((2, 4), F32)
    watched = [a, x, y, wrong, np.ndarray, dict, "out", "lock", np.dtype(F32), affine.affine._call]

    def every_kind():
        affine(a, x), affine(a=a, x=x), affine(a, x, out=y), affine(a, x, out={"y": y})
        for bad in (dict(x=wrong), dict(x=x, out=x), dict(z=x), dict(x=x[:, ::-1], out=wrong)):
            with pytest.raises((ValueError, TypeError)):
                affine(a, **bad)
        affine(a, x.astype(F32, order="F")), affine(a, x[::-1])

    every_kind()
    gc.collect()
    before = [sys.getrefcount(thing) for thing in watched]
    for _ in range(100):
        every_kind()
    gc.collect()
    assert [sys.getrefcount(thing) for thing in watched] == before


def test_an_executable_goes_with_its_last_reference(programs):
    gc.collect()
    gc.disable()
    try:
        exe = Executable(programs.training())
        x, labels = f32(3), np.zeros(3, np.int32)
        exe.step(x, labels), exe.step(x, labels)
        state = weakref.ref(exe.state)
        del exe
        assert state() is None
    finally:
        gc.enable()


def test_a_failed_check_changes_nothing_and_is_counted_once(programs):
    exe = Executable(programs.training())
    x, labels = f32(3), np.zeros(3, np.int32)
    exe.step(x, labels)
    before, calls = exe.state.snapshot(), exe.native_calls
    labels[2] = 9
    with pytest.raises(CheckError, match="label 9 at 2"):
        exe.step(x, labels)
    assert exe.native_calls == calls + 1
    assert all(exe.state[name] == value for name, value in before.items())
    labels[2] = 1
    exe.step(x, labels)
    assert exe.state["steps"] == 2


def test_recorded_calls_are_recorded(affine):
    a, x = np.array(2, F32), f32(2, 3)
    affine(a, x)
    profile = Profile(affine.affine)
    with affine.affine.recording(profile):
        affine(a, x), affine(a, x)
    assert profile.calls == 2
    affine(a, x)
    before = python_calls(affine)
    affine(a, x)
    assert profile.calls == 2 and python_calls(affine) == before


def test_a_workspace_is_claimed_once():
    word = np.zeros(1, np.int64)
    if claim(word.ctypes.data):
        assert word[0] == 1 and not claim(word.ctypes.data)


def test_a_call_within_a_call_from_a_signal(programs):
    exe = Executable(programs.training())
    x, labels = f32(3), np.zeros(3, np.int32)
    outer = inner = 0

    def handle(number, frame):
        nonlocal inner
        inner += 1
        size = inner % 7  # once: the handler may be interrupted by itself
        exe.step(f32(size), np.zeros(size, np.int32))

    previous = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
    try:
        while inner < 40:
            exe.step(x, labels)
            outer += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert exe.state["steps"] == outer + inner


def test_a_call_within_a_call_from_a_finalizer(affine):
    """Making the dict of outputs may collect garbage, and that may call the entry."""
    a, x = np.array(1, F32), f32(2, 3)

    class Garbage:
        def __init__(self):
            self.own = self

        def __del__(self):
            assert (affine(a, f32(5, 3))["y"] == f32(5, 3) + F32(0.25)).all()

    threshold = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(300):
            Garbage()
            assert (affine(a, x)["y"] == x + F32(0.25)).all()
    finally:
        gc.set_threshold(*threshold)


def test_threads_with_sizes_of_their_own(programs):
    exe = Executable(programs.affine())
    wrong = []

    def work(n):
        a = np.array(n, F32)
        for step in range(300):
            x = np.full(((n + step % 11), 3), step, F32)
            if not (exe(a, x)["y"] == F32(n * step) + F32(0.25)).all():
                wrong.append((n, step))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong and exe.native_calls == 1500


@pytest.mark.slow
def test_a_million_calls_take_no_memory(programs):
    exe = Executable(programs.affine())
    a, x, y = np.array(2, F32), f32(2, 3), np.empty((2, 3), F32)
    kept = [None] * 7

    def calls(count):
        for number in range(count // 4):
            exe(a, x), exe(x=x, a=a), exe(a, x, out=y)
            kept[number % 7] = exe(a, x)

    calls(100_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    calls(1_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512  # KiB
