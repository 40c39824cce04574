"""Calls: what goes in, what comes out, what is refused and how it is said."""

import array as python_arrays
import dataclasses
import gc
import os
import re
import threading

import numpy as np
import pytest

from runtime.errors import (
    CheckError,
    InputDtypeError,
    InputError,
    InputNameError,
    InputShapeError,
    ProgramError,
    StateError,
)
from runtime.executable import Executable, load
from runtime.program import TensorSpec

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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(), (0,), (1,), (17,), (3, 0), (3, 5), (2, 3, 4), (2, 1, 2, 3), (1,) * 5, (2,) * 6]
)
def test_every_dtype_and_rank(programs, dtype, shape):
    dims = [f"D{axis}" for axis in range(len(shape))]
    exe = Executable(programs.copy(dtype, dims, dims), poison=True)
    x = np.random.default_rng(1).integers(0, 2, shape).astype(dtype)
    y = exe(x)
    assert y.dtype == x.dtype and y.shape == shape
    np.testing.assert_array_equal(x, y)
    assert not np.may_share_memory(x, y)


def test_arrays_that_lie_otherwise_are_copied(programs):
    exe = Executable(programs.copy("float32", ["N", "M"], ["N", "M"]))
    base = f32(6, 8)
    raw = np.zeros(base.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(np.float32).reshape(6, 8)
    unaligned[...] = base
    read_only = base.copy()
    read_only.flags.writeable = False
    layouts = [
        base[::2, 1::3], base.T, base[::-1], np.asfortranarray(base), base.astype(">f4"),
        unaligned, read_only, np.broadcast_to(base[:1], (6, 8)), base.view(np.matrix),
        memoryview(base), base[:0], base[:, :0],
    ]  # fmt: skip
    for x in layouts:
        before = np.array(x)
        np.testing.assert_array_equal(exe(x), before)
        np.testing.assert_array_equal(np.array(x), before)


def test_buffers_of_other_libraries(programs):
    exe = Executable(programs.copy("float64", ["N"], ["N"]))
    assert exe(python_arrays.array("d", [1, 2])).tolist() == [1, 2]

    class Foreign:
        def __array__(self, dtype=None, copy=None):
            return np.array([3.0])

    assert exe(Foreign()).tolist() == [3]


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("float32", 0.1, np.float32(0.1)),
        ("float32", 3, 3.0),
        ("float64", 2**53, 2.0**53),
        ("uint8", 255, 255),
        ("int64", -(2**63), -(2**63)),
        ("bool", True, True),
        ("float32", float("inf"), np.inf),
        ("float32", np.float32(1.5), 1.5),
    ],
)
def test_python_numbers_where_they_fit(programs, dtype, value, expected):
    result = Executable(programs.copy(dtype, [], []))(value)
    assert result.shape == () and result.dtype == dtype and result == expected


def test_lists_and_empty_lists(programs):
    exe = Executable(programs.copy("int32", ["N"], ["N"]))
    assert exe([1, 2, 3]).tolist() == [1, 2, 3]
    assert exe((4,)).tolist() == [4]
    assert exe([]).shape == (0,)


@pytest.mark.parametrize(
    ("dtype", "value", "said"),
    [
        ("float32", np.float64(0.5), "expected float32, got float64.*astype\\(np.float32\\)"),
        ("float32", np.zeros((), np.int64), "expected float32, got int64"),
        ("float64", np.zeros((), np.float32), "expected float64, got float32"),
        ("int32", np.zeros((), np.int64), "expected int32, got int64"),
        ("int64", 1.0, "expected int64, got float"),
        ("int64", np.float32(np.nan), "expected int64, got float32"),
        ("bool", 1, "expected bool, got int values.*np.bool_"),
        ("uint8", True, "expected uint8, got bool"),
        ("float32", np.float16(1), "got float16"),
        ("float32", 1j, "got complex128"),
        ("float32", np.datetime64("2020-01-01"), "got datetime64"),
    ],
)
def test_other_dtypes_are_refused_with_what_to_do(programs, dtype, value, said):
    exe = Executable(programs.copy(dtype, [], []))
    with pytest.raises(InputDtypeError, match=f"copy: input 'x': .*{said}"):
        exe(value)
    assert exe.native_calls == 0


@pytest.mark.parametrize(
    ("dtype", "value", "said"),
    [
        ("uint8", 256, "256 is not a uint8 value"),
        ("uint8", -1, "-1 is not"),
        ("float32", 2**24 + 1, "16777217 is not a float32"),
        ("float64", 2**53 + 1, "is not a float64"),
        ("float32", 1e300, "is not a float32"),
        ("int64", 2**63, "is not a int64"),
        ("int64", 2**70, "number"),
        ("float32", "three", "got str"),
        ("float32", None, "got NoneType"),
        ("float32", [[1], [2, 3]], "cannot be read as an array"),
        ("float32", np.array(["a"], object), "dtype object"),
        ("float32", object(), "dtype object"),
        ("float32", np.ma.masked_array([1.0], [True]), "masked array"),
    ],
)
def test_values_that_do_not_fit(programs, dtype, value, said):
    with pytest.raises(InputError, match=said):
        Executable(programs.copy(dtype, [], []))(value)


def test_names_of_inputs(affine):
    x, a = f32(2, 3), np.float32(1)
    cases = [
        (((), {"a": a, "xx": x}), "no input is named 'xx'; did you mean 'x'"),
        (((), {"a": a}), r"no value for input 'x' \(declared at model.py:3\)"),
        (((), {}), "'a', 'x'"),
        (((a, x, x), {}), "takes 2 inputs"),
        (((a, x), {"x": x}), "'x' is given twice"),
        (((a,), {"weights": x}), "no input is named 'weights'; there are 'a', 'x'"),
    ]
    for (positional, named), said in cases:
        with pytest.raises(InputNameError, match=said):
            affine(*positional, **named)
    assert affine.native_calls == 0


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((3,), r"expected rank 2, shape \(N, 3\), got rank 1, \(3,\) \(declared at model.py:3\)"),
        ((2, 4), r"expected shape \(N, 3\), got \(2, 4\): axis 1 is not 3"),
    ],
)
def test_shapes(affine, shape, said):
    with pytest.raises(InputShapeError, match=said):
        affine(np.float32(1), f32(*shape))


def two_inputs(programs, shape_x, shape_y, dims, sizes, fill, **changes):
    text = f"define void @f.sizes(ptr %t) {{\n{fill}\n ret void\n}}\n"
    text += "define i64 @f(ptr %frame) {\n ret i64 0\n}\n"
    inputs = [programs.spec("x", "float32", *shape_x), programs.spec("y", "uint8", *shape_y)]
    made = programs.entry("f", dims, inputs, [], sizes=sizes, **changes)
    return Executable(programs.program(text, [made]))


DOUBLE = """ %n = load i64, ptr %t
 %m = mul i64 %n, 2
 %p = getelementptr i64, ptr %t, i64 1
 store i64 %m, ptr %p"""


def test_a_conflict_names_the_dim_both_values_and_both_inputs(programs):
    exe = two_inputs(programs, ("N", 2), ("N",), ["N"], ["N"], "")
    assert exe(f32(4, 2), np.zeros(4, np.uint8)) == {}
    said = r"f: dim N is 4 in input 'x' \(N, 2\) and 5 in input 'y' \(N,\)"
    with pytest.raises(InputShapeError, match=said):
        exe(f32(4, 2), np.zeros(5, np.uint8))


def test_polynomial_sizes_are_checked(programs):
    exe = two_inputs(programs, ("N",), ("2*N",), ["N"], ["N", "2*N"], DOUBLE)
    exe(f32(3), np.zeros(6, np.uint8))
    with pytest.raises(
        InputShapeError, match=r"'y': axis 0 of \(7,\) should be 2\*N = 6 for N = 3"
    ):
        exe(f32(3), np.zeros(7, np.uint8))


def test_a_dim_inside_a_linear_size_is_solved(programs):
    exe = two_inputs(programs, (1,), ("2*N",), ["N"], ["N", "2*N"], DOUBLE)
    exe(f32(1), np.zeros(6, np.uint8))
    exe(f32(1), np.zeros(0, np.uint8))
    with pytest.raises(InputShapeError, match="dim N is not determined"):
        exe(f32(1), np.zeros(7, np.uint8))


def test_a_dim_in_no_input(programs):
    exe = two_inputs(programs, (1,), (1,), ["N"], ["N"], "")
    with pytest.raises(InputShapeError, match=r"dim N is not determined .*x \(1,\), y \(1,\)"):
        exe(f32(1), np.zeros(1, np.uint8))


@pytest.mark.parametrize(
    ("constraint", "n", "holds"),
    [
        (("N", ">=", 3), 3, True),
        (("N", ">=", 3), 2, False),
        (("2*N", "==", 8), 4, True),
        (("2*N", "==", "N"), 4, False),
    ],
)
def test_constraints(programs, constraint, n, holds):
    exe = two_inputs(programs, ("N",), (1,), ["N"], ["N", "2*N"], DOUBLE, constraints=(constraint,))
    if holds:
        exe(f32(n), np.zeros(1, np.uint8))
        return
    with pytest.raises(InputShapeError, match=re.escape(f"does not hold for N = {n}: ")):
        exe(f32(n), np.zeros(1, np.uint8))


def test_many_shapes_share_one_compilation(affine):
    from runtime import jit

    before = jit.engine().compilations
    for n in [*range(300), 5, 5]:
        assert affine(np.float32(1), np.zeros((n, 3), np.float32))["y"].shape == (n, 3)
    assert jit.engine().compilations == before


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
    program = dataclasses.replace(programs.training(), llvm={"baseline": "nonsense"})
    with pytest.raises(ProgramError):
        Executable(program, state=one.state)
    assert list(one.state) == ["b"]


def test_the_same_array_twice_is_fine(programs):
    exe = two_inputs(programs, ("N",), ("N",), ["N"], ["N"], "")
    entry = exe.program.entries[0]
    inputs = tuple(dataclasses.replace(spec, dtype="float32") for spec in entry.inputs)
    program = dataclasses.replace(exe.program, entries=(dataclasses.replace(entry, inputs=inputs),))
    x = f32(3)
    Executable(program, poison=True)(x, x)


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
        ({"y": [1]}, "expected a float32 array, got list"),
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


def test_programs_that_cannot_run(programs):
    program = programs.affine()
    with pytest.raises(ProgramError, match="LLVM text is not valid"):
        Executable(dataclasses.replace(program, llvm={"baseline": "define nonsense"}))
    with pytest.raises(ProgramError, match="lacks entry 'affine'"):
        Executable(dataclasses.replace(program, llvm={"baseline": "; nothing"}))
    with pytest.raises(ProgramError, match="has code for other"):
        Executable(dataclasses.replace(program, llvm={"other": program.llvm["baseline"]}))
    with pytest.raises(ProgramError, match="no text for 'avx9'; there are 'baseline'"):
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
