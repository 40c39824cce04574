"""State: reading cannot change it, writing is checked, buffers stay where they are."""

import numpy as np
import pytest

from runtime.errors import GuardError, StateError, UnknownParameterError
from runtime.memory import address_of
from runtime.program import TensorSpec
from runtime.state import State

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


@pytest.fixture
def state():
    made = State()
    made.add(TensorSpec("w", "float32", (2, 3)), np.ones((2, 3), np.float32))
    made.add(TensorSpec("n", "int64", ()), np.array(5))
    return made


def test_reading_gives_copies(state):
    read = state["w"]
    read[...] = 9
    assert (state["w"] == 1).all()
    assert list(state) == ["w", "n"] and len(state) == 2 and "w" in state and "x" not in state
    assert dict(state)["n"] == 5
    assert repr(state) == "State(w: float32[2, 3], n: int64[])"


def test_a_view_is_live_and_read_only(state):
    view = state.view("w")
    state["w"] = np.zeros((2, 3), np.float32)
    assert (view == 0).all()
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1


def test_buffers_do_not_move(state):
    before = address_of(state.buffer("w"))
    snapshot = state.snapshot()
    state["w"] = np.zeros((2, 3), np.float32)
    state.restore(snapshot)
    state.add(TensorSpec("v", "float64", (1000,)), np.zeros(1000))
    assert address_of(state.buffer("w")) == before and before % 64 == 0
    assert (state["w"] == 1).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (5,), (1, 2, 1, 2, 1, 2)])
def test_every_dtype_and_rank(dtype, shape):
    state = State()
    value = np.array(np.random.default_rng(0).integers(0, 2, shape), dtype, order="F")
    state.add(TensorSpec("p", dtype, shape), value)
    np.testing.assert_array_equal(state["p"], value)
    assert state["p"].dtype == dtype and state["p"].shape == shape
    assert state.view("p").flags.c_contiguous
    state["p"] = np.zeros(shape, dtype)
    assert not state["p"].any()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("w", np.zeros((2, 3)), "parameter 'w': expected float32, got float64"),
        ("w", np.zeros((3, 2), np.float32), r"expected shape \(2, 3\), got \(3, 2\)"),
        ("w", 0.0, r"expected shape \(2, 3\), got \(\)"),
        ("n", 1.5, "expected int64, got float"),
        ("n", "5", "got str"),
    ],
)
def test_values_that_do_not_fit_change_nothing(state, name, value, said):
    with pytest.raises(StateError, match=said):
        state.update({"n": 6, name: value} if name != "n" else {"w": state["w"] + 1, name: value})
    assert (state["w"] == 1).all() and state["n"] == 5


def test_unknown_names(state):
    with pytest.raises(UnknownParameterError, match="no parameter is named 'ww'; did you mean 'w'"):
        state["ww"]
    with pytest.raises(KeyError):
        state["zzz"] = 1
    with pytest.raises(UnknownParameterError):
        state.update({"w": state["w"] + 1, "zzz": 1})
    assert (state["w"] == 1).all()
    assert state.get("zzz") is None


def test_lists_and_numbers_are_written(state):
    state["w"] = [[1, 2, 3], [4, 5, 6]]
    state["n"] = 7
    assert state["w"].tolist() == [[1, 2, 3], [4, 5, 6]] and state["n"] == 7


def test_parameters_exchanged_through_their_views():
    state = State()
    for name, value in (("a", 1), ("b", 2)):
        state.add(TensorSpec(name, "int64", (2,)), np.full(2, value))
    state.update({"a": state.view("b"), "b": state.view("a")[::-1]})
    assert state["a"].tolist() == [2, 2] and state["b"].tolist() == [1, 1]
    state["a"] += 5
    assert state["a"].tolist() == [7, 7]


def test_a_snapshot_has_to_be_whole(state):
    with pytest.raises(StateError, match="lacks 'n'"):
        state.restore({"w": state["w"] + 1})
    assert (state["w"] == 1).all()


def test_adding_again_keeps_the_value_and_compares(state):
    state.add(TensorSpec("w", "float32", (2, 3)), np.zeros((2, 3), np.float32))
    assert (state["w"] == 1).all()
    with pytest.raises(StateError, match="float32"):
        state.add(TensorSpec("w", "float32", (3, 2)), np.zeros((3, 2), np.float32))


def test_writing_beyond_a_parameter_is_found(state):
    import ctypes

    state.check_guards()
    ctypes.memset(address_of(state.buffer("w")) + 24, 0, 1)
    with pytest.raises(GuardError, match="parameter 'w': written 1 bytes beyond"):
        state.check_guards()


def test_states_compare_by_identity(state):
    assert state == state and state != State() and hash(state) == hash(state)
