"""Optimizers on the graph API and on arrays: fused updates, learning rates, bad arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc import keras
from graphc.errors import ArgumentError
from runtime import jit

NAMES = ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion", "Nadam", "RMSprop",
         "SGD"]  # fmt: skip


def _problem(kind: str = "float32") -> tuple[Any, list[Any]]:
    """A loss of two products, and its parameters."""
    draw = np.random.default_rng(0)
    x = graphc.input("x", ("N", 8), kind)
    w1 = graphc.parameter("first.kernel", draw.normal(size=(8, 16)).astype(kind))
    b1 = graphc.parameter("first.bias", np.zeros(16, kind))
    w2 = graphc.parameter("second.kernel", draw.normal(size=(16, 4)).astype(kind))
    out = graphc.relu(x @ w1 + b1) @ w2
    return graphc.mean(graphc.square(out)), [w1, b1, w2]


def _step(optimizer: Any, kind: str = "float32", **options: Any) -> Any:
    loss, parameters = _problem(kind)
    graph = graphc.Graph("step", {"loss": loss}, optimizer.updates(loss, parameters))
    return graphc.compile(graph, **options)


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_the_graph_api_alone(name: str, kind: str) -> None:
    x = np.random.default_rng(1).normal(size=(16, 8)).astype(kind)
    fused = _step(getattr(keras.optimizers, name)(learning_rate=0.01), kind)
    unfused = _step(getattr(keras.optimizers, name)(learning_rate=0.01), kind, fuse=False)
    losses = [fused(x=x)["loss"] for _ in range(20)]
    assert losses == [unfused(x=x)["loss"] for _ in range(20)]
    assert losses[-1] < losses[0]
    assert losses[0].dtype == kind


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        (lambda: keras.optimizers.RMSprop(), 1), (lambda: keras.optimizers.Adam(), 2),
        (lambda: keras.optimizers.SGD(momentum=0.9), 1), (lambda: keras.optimizers.AdamW(), 2),
        (lambda: keras.optimizers.Nadam(), 2), (lambda: keras.optimizers.Adagrad(), 1),
    ],
)  # fmt: skip
def test_one_kernel_makes_gradient_and_update(optimizer: Any, slots: int) -> None:
    """The product that makes a kernel's gradient writes the slots and the kernel itself."""
    text = _step(optimizer()).text("loops")
    kernels = [k for k in text.split("kernel step") if "reduce fma" in k]
    for name in ("first_kernel", "second_kernel"):
        (own,) = [k for k in kernels if f"inout {name}:" in k]
        head = own.split("{", 1)[0]
        assert head.count("inout") == 1 + slots


def test_the_learning_rate_is_assigned_without_recompiling() -> None:
    optimizer = keras.optimizers.SGD(learning_rate=0.5)
    w = graphc.parameter("w", np.ones(3, "float32"))
    updates = optimizer.updates(graphc.sum(w), [w])
    exe = graphc.compile(graphc.Graph("step", {"w": w}, updates))
    exe()
    before = jit.engine().compilations
    exe.state[next(name for name in exe.state if name.endswith("learning_rate"))] = 0.25
    exe()
    assert jit.engine().compilations == before
    np.testing.assert_allclose(exe.state["w"], 0.25)


def test_arrays_are_updated_at_once_by_one_compiled_step() -> None:
    optimizer = keras.optimizers.SGD(learning_rate=0.5)
    w, b = keras.Variable(np.ones(3, "float32")), keras.Variable(np.zeros((), "float32"))
    optimizer.apply([np.ones(3, "float32"), np.float32(2)], [w, b])
    before = jit.engine().compilations
    optimizer.learning_rate = 0.25
    optimizer.apply_gradients([(np.ones(3, "float32"), w), (np.float32(2), b)])
    assert jit.engine().compilations == before
    np.testing.assert_allclose(w.numpy(), 0.25)
    assert float(b) == -1.5
    assert int(optimizer.iterations) == 2
    optimizer.apply([None, np.float32(2)], [w, b])
    np.testing.assert_allclose(w.numpy(), 0.25)
    assert float(b) == -2.0


def test_schedules_count_the_steps() -> None:
    plan = keras.optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 0.25])
    optimizer = keras.optimizers.SGD(learning_rate=plan)
    w = keras.Variable(np.float32(10))
    course = []
    for _ in range(4):
        optimizer.apply([np.float32(1)], [w])
        course.append(float(w))
    assert course == [9.0, 8.0, 7.75, 7.5]
    assert float(optimizer.learning_rate) == 0.25
    with pytest.raises(ArgumentError, match="schedule"):
        optimizer.learning_rate = 0.1
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert float(again.learning_rate) == 1.0


def test_constraints_come_after_the_step() -> None:
    w = keras.Variable(np.float32([1, -1]), constraint=keras.constraints.NonNeg())
    keras.optimizers.SGD(0.5).apply([np.float32([4, -4])], [w])
    np.testing.assert_allclose(w.numpy(), [0, 1])


def test_a_users_rule() -> None:
    class Halved(keras.optimizers.Optimizer):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.seen = self.add_optimizer_variables(variables, "seen")

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            seen = self.seen[self._get_variable_index(variable)]
            self.assign_add(seen, gradient)
            self.assign_sub(variable, keras.ops.multiply(gradient, learning_rate) / 2)

    optimizer, w = Halved(learning_rate=1.0), keras.Variable(np.float32([1, 2]))
    optimizer.apply([np.float32([1, 1])], [w])
    np.testing.assert_allclose(w.numpy(), [0.5, 1.5])
    np.testing.assert_allclose(optimizer.seen[0].numpy(), [1, 1])


def test_moving_averages_take_the_place_of_weights_in_the_end() -> None:
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    w = keras.Variable(np.float32(0))
    for _ in range(3):
        optimizer.apply([np.float32(-1)], [w])
    assert float(w) == 3.0
    optimizer.finalize_variable_values([w])
    assert float(w) == 2.25


def test_gradients_that_are_not_finite_are_seen() -> None:
    optimizer = keras.optimizers.SGD(1.0, global_clipnorm=1.0)
    w, v = keras.Variable(np.float32(0)), keras.Variable(np.float32(0))
    optimizer.apply([np.float32(np.inf), np.float32(1)], [w, v])
    assert np.isnan(float(w)) and np.isnan(float(v))


def test_bad_arguments() -> None:
    made = keras.optimizers
    for wrong in (
        lambda: made.SGD(clipnorm=1.0, clipvalue=1.0), lambda: made.SGD("fast"),
        lambda: made.SGD(momentum=2.0), lambda: made.Adam(gradient_accumulation_steps=1),
        lambda: made.Adam(use_ema=True, ema_momentum=2.0),
        lambda: made.schedules.ExponentialDecay(0.1, 0, 0.5),
        lambda: made.schedules.PiecewiseConstantDecay([1, 2], [0.1]),
    ):  # fmt: skip
        with pytest.raises(ArgumentError):
            wrong()
    optimizer, w = made.SGD(), keras.Variable(np.zeros(3, "float32"))
    with pytest.raises(ArgumentError, match="2 gradients for 1 variables"):
        optimizer.apply([np.zeros(3), np.zeros(3)], [w])
    with pytest.raises(ArgumentError, match="without the variable"):
        optimizer.apply([np.zeros(3)], [keras.Variable(np.zeros(3, "float32"))])
    with pytest.raises(TypeError):
        made.SGD(learning_rat=0.1)
