"""keras.utils: labels, seeds, the bar, pictures of models."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from graphc import keras
from graphc.keras import layers, utils


@pytest.mark.parametrize("shape", [(), (0,), (5,), (4, 1), (2, 3), (2, 3, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
def test_to_categorical(shape: tuple[int, ...], dtype: str) -> None:
    classes = np.random.default_rng(0).integers(0, 4, shape).astype(dtype)
    found = utils.to_categorical(classes, 4)
    kept = classes[..., 0] if len(shape) > 1 and shape[-1] == 1 else classes
    assert found.dtype == np.float64 and found.shape == (*kept.shape, 4)
    np.testing.assert_array_equal(found.argmax(-1), kept)
    np.testing.assert_array_equal(found.sum(-1), 1)


def test_to_categorical_refuses() -> None:
    with pytest.raises(ValueError, match="run from 0 to 4, but with 3 classes"):
        utils.to_categorical([0, 4], 3)
    with pytest.raises(ValueError, match="run from -1"):
        utils.to_categorical([-1, 1])
    with pytest.raises(ValueError, match="should be integers, not float64"):
        utils.to_categorical([0.5])
    with pytest.raises(ValueError, match="give num_classes"):
        utils.to_categorical([])


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("order", [1, 2])
def test_normalize(axis: int, order: int) -> None:
    x = np.random.default_rng(1).standard_normal((3, 4))
    found = utils.normalize(x, axis, order)
    np.testing.assert_allclose(np.linalg.norm(found, order, axis), 1)
    assert not utils.normalize(np.zeros((2, 2))).any()


def test_one_seed_for_everything() -> None:
    draws: list[Any] = []
    for _ in range(2):
        utils.set_random_seed(11)
        model = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
        draws.append([*model.get_weights(), np.random.rand(2), keras.random.normal((2,))])
    for first, second in zip(*draws, strict=True):
        np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="32 bits, not -1"):
        utils.set_random_seed(-1)


def test_averages_of_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    bar = utils.Progbar(4, verbose=2, stateful_metrics=["rate"], unit_name="sample")
    bar.update(1, [("loss", 4.0), ("rate", 1.0)])
    bar.add(2, [("loss", 1.0), ("rate", 0.5)])
    bar.update(4, finalize=True)
    line = capsys.readouterr().out
    assert line.startswith("4/4 - ") and "/sample - loss: 2.0000 - rate: 0.5000" in line
    with pytest.raises(ValueError, match="not both"):
        utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])


def two_headed() -> Any:
    """Two inputs, two outputs, a shared layer, a model within the model, an op."""
    title, body = keras.Input((8,), name="title"), keras.Input((8,), name="body")
    inner_input = keras.Input((4,))
    inner = keras.Model(inner_input, layers.Dense(3)(inner_input), name="inner")
    shared = layers.Dense(2, activation="tanh", name="shared")
    both = layers.Concatenate()([shared(title), shared(body)])
    hidden = inner(both)
    return keras.Model(
        [title, body], [layers.Dense(1, name="score")(hidden), hidden + 1.0], name="tickets"
    )


def test_picture_of_a_model(tmp_path: Path) -> None:
    path = tmp_path / "model.svg"
    utils.plot_model(
        two_headed(), path, show_shapes=True, show_dtype=True, show_layer_names=True,
        show_layer_activations=True, show_trainable=True, expand_nested=True,
    )  # fmt: skip
    text = path.read_text()
    ElementTree.fromstring(text)
    for part in ("title", "body", "shared, tanh, trainable", "(None, 2) float32", "inner",
                 "shown again", "a model within the model", "(None, 1) float32"):  # fmt: skip
        assert part in text, part
    utils.plot_model(two_headed(), path)
    plain = path.read_text()
    assert "float32" not in plain and "a model within the model" not in plain


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    model = keras.Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="are not connected"):
        utils.plot_model(model, tmp_path / "a.svg")
    model.build((None, 3))
    with pytest.raises(ValueError, match=r"writes .svg and .png, not 'a.pdf'"):
        utils.plot_model(model, tmp_path / "a.pdf")
    with pytest.warns(UserWarning, match="from top to bottom"):
        utils.plot_model(model, tmp_path / "a.svg", rankdir="LR")


def test_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphc.keras.utils.plotting.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="resvg-py"):
        utils.plot_model(two_headed(), tmp_path / "model.png")
    monkeypatch.undo()
    pytest.importorskip("resvg_py")
    widths = []
    for dpi in (96, 192):
        utils.plot_model(two_headed(), tmp_path / "model.png", dpi=dpi)
        content = (tmp_path / "model.png").read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        widths.append(int.from_bytes(content[16:20], "big"))
    assert abs(widths[1] - 2 * widths[0]) <= 1


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="did you mean 'to_categorical'"):
        _ = utils.to_categoricals
