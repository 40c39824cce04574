"""Data that comes in batches by their numbers: keras.utils.PyDataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc import keras
from graphc.keras import layers

X = np.random.default_rng(3).standard_normal((20, 3)).astype(np.float32)
Y = X.sum(-1, keepdims=True)


class Parts(keras.utils.PyDataset):
    """Four batches of five rows, and what was asked of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.told: list[Any] = []

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        self.told.append(index)
        part = slice(5 * index, 5 * index + 5)
        return X[part], Y[part]

    def on_epoch_begin(self) -> None:
        self.told.append("begin")

    def on_epoch_end(self) -> None:
        self.told.append("end")


class Endless(Parts):
    """The same without an end."""

    num_batches = None

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index % 4)


def model() -> Any:
    keras.utils.set_random_seed(1)
    made = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def test_it_is_as_good_as_arrays() -> None:
    first, second, data = model(), model(), Parts(workers=2)
    history = first.fit(data, epochs=2, shuffle=False, validation_data=data, verbose=0)
    wanted = second.fit(
        X, Y, batch_size=5, epochs=2, shuffle=False, validation_data=(X, Y), verbose=0
    )  # fmt: skip
    assert history.history == wanted.history
    assert data.told == ["begin", 0, 1, 2, 3, "end"] * 4
    np.testing.assert_array_equal(first.predict(data, verbose=0), second.predict(X, verbose=0))
    assert first.evaluate(data, verbose=0) == second.evaluate(X, Y, batch_size=5, verbose=0)


def test_fit_takes_the_batches_in_an_order_that_a_seed_repeats() -> None:
    orders = []
    for _ in range(2):
        data = Parts()
        model().fit(data, epochs=3, verbose=0)
        orders.append(data.told)
    assert orders[0] == orders[1]
    passes = [orders[0][i + 1 : i + 5] for i in range(0, 18, 6)]
    assert [sorted(one) for one in passes] == [[0, 1, 2, 3]] * 3 and passes[0] != passes[1]


def test_what_has_no_end_wants_a_number_of_steps() -> None:
    data, fitted = Endless(), model()
    fitted.fit(data, steps_per_epoch=6, epochs=2, verbose=0)
    assert data.told == ["begin", *[i % 4 for i in range(12)]]
    assert fitted.predict(Endless(), steps=5, verbose=0).shape == (25, 1)
    with pytest.raises(ValueError, match=r"num_batches is None.*give steps_per_epoch"):
        fitted.fit(Endless(), verbose=0)
    with pytest.raises(ValueError, match="give validation_steps"):
        fitted.fit(X, Y, validation_data=Endless(), verbose=0)
    with pytest.raises(ValueError, match="give steps"):
        fitted.evaluate(Endless(), verbose=0)


def test_a_class_that_lacks_a_part() -> None:
    class Nothing(keras.utils.PyDataset):
        pass

    with pytest.raises(NotImplementedError, match="Nothing must have __len__ or num_batches"):
        model().fit(Nothing(), verbose=0)
    with pytest.raises(ValueError, match="y comes from the generator"):
        model().fit(Parts(), Y, verbose=0)
