"""fit, evaluate, predict and the layers against real Keras: names, order and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphc import keras
from tests.keras.parity import fitting


@pytest.mark.parametrize("function", fitting.ALL)
def test_values(function: str, real_keras: Any) -> None:
    expected = real_keras.gives(function)
    found = fitting.ALL[function](keras)
    assert set(found) == set(expected)
    for name, value in found.items():
        assert np.shape(value) == expected[name].shape, name
        np.testing.assert_allclose(
            value, expected[name], rtol=1e-4, atol=1e-5, err_msg=f"{function}: {name}"
        )
