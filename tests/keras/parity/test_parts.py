"""Losses, metrics, activations, optimizers, ... against real Keras, value by value."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphc import keras
from tests.keras.parity import op_parts, parts

TEXTS = ("signatures", "configurations")
VALUES = {name: f for name, f in (parts.ALL | op_parts.ALL).items() if name not in TEXTS}

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


def test_configurations(real_keras: Any) -> None:
    """Serialized objects say what Keras' say (and settings that Keras forgets, as Huber's delta),
    and Keras' own become objects."""
    expected, found = real_keras.gives("configurations"), parts.configurations(keras)
    common = set(expected) & set(found)
    assert len(common) > 100
    for name in common:
        ours, theirs = json.loads(str(found[name])), json.loads(str(expected[name]))
        written = ours.pop("config"), theirs.pop("config")
        assert ours == theirs, name
        assert set(written[0]) >= set(written[1]), name
        for key, value in written[1].items():
            wanted = pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
            # Names count up in the order of making.
            assert key == "name" or written[0][key] == wanted, f"{name}: {key}"
        again = getattr(keras, name.split(".")[0]).deserialize(json.loads(str(expected[name])))
        assert type(again).__name__ == theirs["class_name"]
