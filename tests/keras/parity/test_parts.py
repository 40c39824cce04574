"""Losses, metrics, activations, optimizers, ... against real Keras, value by value."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphc import keras
from tests.keras.parity import op_parts, parts

VALUES = {name: f for name, f in (parts.ALL | op_parts.ALL).items() if name != "signatures"}

# Where Keras gives NaN and the function has a limit, which graphc gives.
LIMITS = {"gelu.special", "silu.special"}


@pytest.mark.parametrize("part", sorted(VALUES))
def test_values(part: str, real_keras: Any) -> None:
    expected = real_keras.gives(part)
    found = VALUES[part](keras)
    assert set(found) == set(expected)
    for name, value in found.items():
        got, want = np.asarray(value), expected[name]
        assert got.shape == want.shape, name
        assert got.dtype == want.dtype, name
        if name in LIMITS:
            got, want = got[~np.isnan(want)], want[~np.isnan(want)]
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("module", parts.MODULES)
def test_names_arguments_and_defaults(module: str, real_keras: Any) -> None:
    """Arguments have Keras' names, order and defaults; names of objects may be made later."""
    expected, found = real_keras.gives("signatures"), parts.signatures(keras)
    options = {name for name, _ in json.loads(str(found["optimizers.Optimizer"]))}
    common = [name for name in found if name in expected and name.rpartition(".")[0] == module]
    assert common
    for name in common:
        if name.endswith(".serialize"):  # takes its one argument by position
            continue
        ours, theirs = json.loads(str(found[name])), json.loads(str(expected[name]))
        if ours and ours[-1][0] == "**":
            ours.pop()
            assert {argument for argument, _ in theirs[len(ours) :]} <= options | {"**"}, name
            theirs = theirs[: len(ours)]
        theirs = [pair for pair in theirs if pair[0] != "**"]
        assert [a for a, _ in ours] == [a for a, _ in theirs], name
        for (argument, default), (_, wanted) in zip(ours, theirs, strict=True):
            assert argument == "name" or default == wanted, f"{name}: {argument}"
