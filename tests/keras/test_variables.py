"""Variables as values, as nodes of a graph, and as memory that programs share."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import keras
from graphc.keras.variables import Trace, Variable, distinct_parameters
from runtime.state import State


def test_a_variable_is_a_value() -> None:
    v = Variable(np.array([1, 2], np.float32), name="v")
    v.assign_add([1.0, 1.0])
    v.assign_sub(np.float32(2) * v)
    np.testing.assert_array_equal(v.numpy(), [-2, -3])
    np.testing.assert_array_equal(np.exp(v), np.exp(v.numpy()))
    np.testing.assert_array_equal(np.asarray(3 - v), 3 - v.numpy())
    with pytest.raises(ValueError, match=r"'v' has shape \(2,\), .* \(3,\)"):
        v.assign([1.0, 2.0, 3.0])


def test_a_trace_makes_updates_of_one_step() -> None:
    total, count = Variable(0.0, name="total"), Variable(0, name="count")
    x = graphc.input("x", ("batch",))
    with Trace() as trace:
        total.assign_add(graphc.sum(x))
        total.assign(total * 2)
        count.assign_add(1)
        with pytest.raises(TypeError, match=r"keras\.ops"):
            np.asarray(total)
    assert (float(total), int(count)) == (0.0, 0)
    state = State()
    for variable in trace.variables:
        variable.put_into(state)
    step = graphc.Graph("step", outputs={"y": 2 * x}, updates=trace.updates)
    exe = graphc.compile(step, state=state)
    exe(x=np.ones(4, np.float32))
    exe(x=np.ones(4, np.float32))
    assert (float(total), int(count)) == (24.0, 2)
    total.assign(0.5)
    assert state["total"] == 0.5


def test_equal_names_are_made_different() -> None:
    first, second = Variable(0.0, name="v"), Variable(0.0, name="v")
    assert distinct_parameters([first, second, first]) == {"v": first, "v_1": second}
    assert (first.parameter.name, second.parameter.name) == ("v", "v_1")


def test_functions_of_graphc_take_variables() -> None:
    v = Variable(np.ones(3, np.float32), name="v")
    assert graphc.exp(v).value.node.operands[0] is v.parameter.value
    assert (graphc.input("x", (3,)) + v).shape == (3,)


def test_symbolic_tensors_record_calls() -> None:
    x = keras.KerasTensor((None, 3))
    y = (2 * x + 1)[:, 0]
    assert (y.shape, y.dtype) == ((None,), "float32")
    assert y.node is not None and len(y.node.inputs) == 1
    with pytest.raises(TypeError, match=r"keras\.ops"):
        graphc.relu(x)


def test_missing_names_say_what_is_there() -> None:
    with pytest.raises(AttributeError, match=r"keras.lyers is not there \(yet\); did you mean"):
        _ = keras.lyers
