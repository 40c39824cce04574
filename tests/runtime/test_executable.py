"""Calls: what goes in, what comes out, what is refused and how it is said."""

import dataclasses
import gc
import os
import threading

import numpy as np
import pytest

from runtime import jit
from runtime.errors import (
    CheckError,
    InputError,
    ProgramError,
    StateError,
)
from runtime.executable import Executable, load
from runtime.program import TensorSpec
from runtime.target import NEON
from tests.runtime.conftest import PLAIN

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


@pytest.fixture
def affine(programs):
    return Executable(programs.affine(), poison=True)


@pytest.fixture
def training(programs):
    return Executable(programs.training(), poison=True)


def f32(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("n", [0, 1, 13, 300])
@pytest.mark.parametrize("poison", [False, True])
def test_a_call_computes(programs, n, poison):
    exe = Executable(programs.affine(), poison=poison)
    x, a = f32(n, 3), np.float32(2)
    for result in (exe(a, x), exe(a=a, x=x), exe(a, x=x), exe.affine(x=x, a=a)):
        assert list(result) == ["y"]
        assert result["y"].dtype == np.float32
        np.testing.assert_array_equal(result["y"], 2 * x + np.float32(0.25))
    assert exe.native_calls == 4


def test_an_update_changes_the_state_in_place(training):
    view = training.state.view("w")
    x, labels = np.full(4, 2, np.float32), np.zeros(4, np.int32)
    assert training.step(x, labels)["loss"] == 2
    assert view == 0 and training.state["steps"] == 1
    training.state["w"] = 10
    training.step(x, labels)
    assert view == 9
    assert bool(training.evaluate(x)["above"]) is False


def test_a_failed_check_says_where_and_changes_nothing(training):
    before = training.state.snapshot()
    with pytest.raises(
        CheckError, match=r"step: label 9 at 2 is outside \[0, 4\) \(train.py:4\)"
    ) as caught:
        training.step(x=f32(3), labels=np.array([0, 3, 9], np.int32))
    error = caught.value
    assert (error.code, error.index, error.value, error.location) == (7, 2, 9, "train.py:4")
    assert isinstance(error, IndexError)
    with pytest.raises(CheckError, match="label -1 at 0"):
        training.step(f32(1), np.array([-1], np.int32))
    for name, value in training.state.snapshot().items():
        np.testing.assert_array_equal(value, before[name])
    training.step(f32(1), np.array([3], np.int32))


def test_a_view_of_a_parameter_as_the_input_of_its_own_update(programs):
    """w = w - x for x the live view of w, in two elements, reading x after the first write."""
    text = """
define void @f.sizes(ptr %t) {
  ret void
}
define i64 @f(ptr %frame) {
  %p8 = getelementptr i64, ptr %frame, i64 8
  %p9 = getelementptr i64, ptr %frame, i64 9
  %x = load ptr, ptr %p8
  %w = load ptr, ptr %p9
  store float 5.0, ptr %w
  %value = load float, ptr %x
  %w1 = getelementptr float, ptr %w, i64 1
  store float %value, ptr %w1
  ret i64 0
}
"""
    made = programs.entry(
        "f", [], [programs.spec("x", "float32", 2)], [], parameters=("w",), updated=("w",)
    )
    program = programs.program(text, [made], [(programs.spec("w", "float32", 2), [1, 2])])
    exe = Executable(program)
    exe(exe.state.view("w"))
    assert exe.state["w"].tolist() == [5, 1]
    exe(exe.state.view("w"))
    assert exe.state["w"].tolist() == [5, 5]


def test_a_program_that_does_not_fit_leaves_a_shared_state_alone(programs):
    one = Executable(programs.affine())
    program = programs.training()
    parameters = (TensorSpec("b", "float32", (7,)), *program.parameters)
    initial = {**program.initial, "b": np.zeros(7, np.float32)}
    program = dataclasses.replace(program, parameters=parameters, initial=initial)
    with pytest.raises(StateError, match="'b'"):
        Executable(program, state=one.state)
    program = dataclasses.replace(programs.training(), llvm={PLAIN: "nonsense"})
    with pytest.raises(ProgramError):
        Executable(program, state=one.state)
    assert list(one.state) == ["b"]


def test_the_same_array_twice_is_fine(programs):
    text = "define void @f.sizes(ptr %t) {\n ret void\n}\ndefine i64 @f(ptr %p) {\n ret i64 0\n}"
    inputs = [programs.spec(name, "float32", "N") for name in "xy"]
    program = programs.program(text, [programs.entry("f", ["N"], inputs, [])])
    x = f32(3)
    assert Executable(program, poison=True)(x, x) == {}


def test_outputs_are_new_each_time(affine):
    first = affine(1.0, f32(2, 3))["y"]
    second = affine(2.0, f32(2, 3))["y"]
    assert not np.may_share_memory(first, second)
    np.testing.assert_array_equal(first, f32(2, 3) + np.float32(0.25))


@pytest.mark.parametrize("poison", [False, True])
def test_given_outputs(programs, poison):
    exe = Executable(programs.affine(), poison=poison)
    y = np.zeros((2, 3), np.float32)
    assert exe(1, f32(2, 3), out=y)["y"] is y
    assert exe(1, f32(2, 3), out={"y": y})["y"] is y
    np.testing.assert_array_equal(y, f32(2, 3) + np.float32(0.25))


def test_outputs_that_cannot_be_given(affine):
    x = f32(2, 3)
    base = np.zeros((4, 6), np.float32)
    read_only = np.zeros((2, 3), np.float32)
    read_only.flags.writeable = False
    cases = [
        ({"y": np.zeros((2, 3))}, "expected a float32 array, got float64"),
        ({"y": np.zeros((3, 3), np.float32)}, r"expected shape \(2, 3\), got \(3, 3\)"),
        ({"y": base[::2, ::2]}, "contiguous"),
        ({"y": read_only}, "writeable"),
        ({"y": x}, "overlaps an input"),
        ({"z": x}, "no output is named 'z'"),
        ({"y": [1]}, "expected an ndarray, got list"),
        (3, "should map names"),
    ]
    for out, said in cases:
        with pytest.raises(InputError, match=said):
            affine(1, x, out=out)
    np.testing.assert_array_equal(x, f32(2, 3))


def test_an_output_over_a_parameter_is_refused(training):
    w = training.state.buffer("w")
    with pytest.raises(InputError, match="overlaps an input, a parameter"):
        training.evaluate(f32(2), out={"loss": w})


def test_an_input_named_out_is_an_input(programs):
    text = "define void @f.sizes(ptr %t) {\n ret void\n}\ndefine i64 @f(ptr %p) {\n ret i64 0\n}"
    made = programs.entry("f", ["N"], [programs.spec("out", "float32", "N")], [])
    assert Executable(programs.program(text, [made]))(out=f32(2)) == {}


def test_entries_by_name(training, affine):
    assert training.entries["step"] is training.step
    assert "evaluate" in dir(training)
    with pytest.raises(
        AttributeError, match="no entry is named 'evaluat'; did you mean 'evaluate'"
    ):
        _ = training.evaluat
    with pytest.raises(TypeError, match="entries step, evaluate: call one of them"):
        training(f32(1))
    assert "x: float32(N, 3)" in repr(affine.affine)
    assert not hasattr(affine, "__wrapped__")


def test_executables_share_a_state(programs):
    one = Executable(programs.training())
    two = Executable(programs.training(), state=one.state)
    one.step(f32(3), np.zeros(3, np.int32))
    assert two.state["steps"] == 1
    three = Executable(programs.affine(), state=one.state)
    assert sorted(three.state) == ["b", "steps", "w"]


def test_executables_that_disagree_on_a_parameter(programs):
    one = Executable(programs.training())
    program = programs.affine()
    entry = dataclasses.replace(program.entries[0], parameters=("w",))
    program = dataclasses.replace(
        program,
        entries=(entry,),
        parameters=(TensorSpec("w", "float64", (2,), "b.py:1"),),
        initial={"w": np.zeros(2)},
    )
    said = r"'w' is float32\[\] in the state but float64\[2\] in the program \(declared at b.py:1"
    with pytest.raises(StateError, match=said):
        Executable(program, state=one.state)


def test_a_saved_executable_goes_on_where_it_was(programs, tmp_path):
    one = Executable(programs.training())
    one.step(f32(3), np.zeros(3, np.int32))
    one.save(tmp_path / "p.graphc")
    two = load(tmp_path / "p.graphc")
    assert two.state["steps"] == 1 and two.state["w"] == one.state["w"]
    one.step(f32(3), np.zeros(3, np.int32))
    assert two.state["steps"] == 1


def test_a_program_for_another_architecture_is_refused(programs, monkeypatch):
    """LLVM would end the process over instructions that a processor of another kind has not."""
    program = programs.affine()
    arm = dataclasses.replace(NEON, triple="aarch64-unknown-linux-gnu")
    own = jit.host_target()
    text = program.llvm[PLAIN]
    for host, there in ((arm, ("avx512", "baseline")), (own, ("neon9",))):
        monkeypatch.setattr(jit, "host_target", lambda host=host: host)
        foreign = dataclasses.replace(program, llvm=dict.fromkeys(there, text))
        with pytest.raises(ProgramError, match=f"has code for {', '.join(there)}, which this mach"):
            Executable(foreign)
        for name in there:
            with pytest.raises(ProgramError, match=f"its text for {name} has instructions"):
                Executable(foreign, target=name)


def test_programs_that_cannot_run(programs):
    program = programs.affine()
    with pytest.raises(ProgramError, match="LLVM text is not valid"):
        Executable(dataclasses.replace(program, llvm={PLAIN: "define nonsense"}))
    with pytest.raises(ProgramError, match="lacks entry 'affine'"):
        Executable(dataclasses.replace(program, llvm={PLAIN: "; nothing"}))
    with pytest.raises(ProgramError, match="has code for other"):
        Executable(dataclasses.replace(program, llvm={"other": program.llvm[PLAIN]}))
    with pytest.raises(ProgramError, match=f"no text for 'avx9'; there are '{PLAIN}'"):
        Executable(program, target="avx9")
    with pytest.raises(ProgramError, match="version 9"):
        Executable(dataclasses.replace(program, version=9))
    with pytest.raises(ValueError, match="threads"):
        Executable(program, threads=0)


def test_code_outlives_its_executable_while_an_entry_is_held(programs):
    entry = Executable(programs.affine()).affine
    gc.collect()
    np.testing.assert_array_equal(entry(1, f32(1, 3))["y"], f32(1, 3) + np.float32(0.25))


def test_pure_entries_run_in_several_threads(programs):
    exe = Executable(programs.affine())
    wrong = []

    def work(seed):
        x = np.full((seed * 37 % 90 + 1, 3), seed, np.float32)
        for _ in range(200):
            if not (exe(2, x)["y"] == 2 * seed + 0.25).all():
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong and exe.native_calls == 800


def test_updates_from_several_threads_are_not_lost(programs):
    exe = Executable(programs.training())
    x, labels = f32(50), np.zeros(50, np.int32)

    def work():
        for _ in range(100):
            exe.step(x, labels)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert exe.state["steps"] == 400


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_by_itself(programs):
    exe = Executable(programs.training())
    exe.step(f32(3), np.zeros(3, np.int32))
    holding, release = threading.Event(), threading.Event()

    def hold():
        with exe.state.lock:
            holding.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(30)
    child = os.fork()
    if child == 0:
        exe.step(f32(3), np.zeros(3, np.int32))
        os._exit(int(exe.state["steps"]) + 40)
    release.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    assert exe.state["steps"] == 1


def test_the_poisoned_arena_counts_what_is_used(training):
    training.step(f32(100), np.zeros(100, np.int32))
    assert training.arena_high_water == 16


def test_writing_beyond_an_output_is_found(programs):
    from runtime.errors import GuardError

    program = programs.copy("float32", ["N"], ["N"], factors=5)
    with pytest.raises(GuardError, match="buffer of 'y': written 3 bytes beyond"):
        Executable(program, poison=True)(f32(3))
