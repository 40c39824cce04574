"""Files of weights and archives: round trips, Keras' own files, what is refused."""

from __future__ import annotations

import copy
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc import keras
from graphc.keras import layers
from tests.keras.saving import write_with_keras

WRITTEN = write_with_keras.DIRECTORY
MODELS = ("sequential", "functional")


def written(name: str) -> tuple[Any, dict[str, np.ndarray]]:
    """The data and the predictions of a model of Keras'."""
    stored = np.load(WRITTEN / f"{name}.npz")
    given = {key[3:]: stored[key] for key in stored if key.startswith("in_")}
    found = {key[4:]: stored[key] for key in stored if key.startswith("out_")}
    return (given if len(given) > 1 else given["x"]), found


def predictions(model: Any, data: Any) -> dict[str, np.ndarray]:
    found = model.predict(data, verbose=0)
    return found if isinstance(found, dict) else {"y": found}


def small(name: str = "small") -> Any:
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)], name=name
    )
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("name", MODELS)
def test_models_of_keras_predict_the_same(name: str) -> None:
    model = keras.models.load_model(WRITTEN / f"{name}.keras")
    data, wanted = written(name)
    found = predictions(model, data)
    assert found.keys() == wanted.keys()
    for output, values in wanted.items():
        np.testing.assert_allclose(found[output], values, rtol=1e-5, atol=1e-6)
    assert int(model.optimizer.iterations) == {"sequential": 2, "functional": 1}[name]


@pytest.mark.parametrize("name", MODELS)
def test_weights_of_keras_fit_a_model_made_here(name: str) -> None:
    model, _ = getattr(write_with_keras, name)(keras)
    data, wanted = written(name)
    model.load_weights(WRITTEN / f"{name}.weights.h5")
    for output, values in predictions(model, data).items():
        np.testing.assert_allclose(values, wanted[output], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ending", [".weights.h5", ".safetensors", ".keras"])
def test_what_is_written_is_read(name: str, ending: str, tmp_path: Path) -> None:
    model = keras.models.load_model(WRITTEN / f"{name}.keras")
    data, _ = written(name)
    path = tmp_path / f"file{ending}"
    if ending == ".keras":
        model.save(path)
        other = keras.models.load_model(path)
        assert json.dumps(other.get_config()) == json.dumps(model.get_config())
        kept, found = model.optimizer.variables, other.optimizer.variables
        for mine, theirs in zip(kept, found, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    else:
        model.save_weights(path)
        other = keras.models.clone_model(model)
        other.load_weights(path)
    for mine, theirs in zip(
        predictions(model, data).values(), predictions(other, data).values(), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_training_goes_on_as_if_never_saved(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((32, 4)).astype(np.float32)
    model = small()
    model.fit(x, x[:, :2], epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "half.keras")
    other = keras.models.load_model(tmp_path / "half.keras")
    for one in (model, other):
        one.fit(x, x[:, :2], epochs=2, verbose=0, shuffle=False)
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


class Doubled(layers.Layer):
    """A user's layer."""

    def __init__(self, factor: float = 2.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="shift")

    def call(self, inputs: Any) -> Any:
        return self.factor * inputs + self.shift


def test_layers_of_ones_own_are_given_again(tmp_path: Path) -> None:
    path = tmp_path / "own.keras"
    model = keras.Sequential([keras.Input((2,)), Doubled(3.0)])
    model.save(path)
    with pytest.raises(ValueError, match=r"'Doubled' .*custom_objects=\{'Doubled': \.\.\.\}"):
        keras.models.load_model(path)
    other = keras.models.load_model(path, custom_objects={"Doubled": Doubled})
    x = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(other.predict(x, verbose=0), [[4.0, 4.0]])
    with keras.saving.custom_object_scope({"Doubled": Doubled}):
        assert keras.models.load_model(path).layers[0].factor == 3.0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole_and_apart(copied: Any) -> None:
    model = keras.Sequential([keras.Input((2,)), Doubled(3.0), layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.ones((4, 2), np.float32)
    model.fit(x, x[:, :1], verbose=0)
    other = copied(model)
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
    before = model.get_weights()[0]
    other.fit(x, x[:, :1], verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_a_lambda_is_not_saved(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), layers.Lambda(lambda x: 2 * x)])
    with pytest.raises(TypeError, match="named function"):
        model.save(tmp_path / "lambda.keras")
    assert not list(tmp_path.iterdir())


def edited(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy of an archive with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    other = path.with_name("edited.keras")
    with zipfile.ZipFile(other, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return other


def with_class(members: dict[str, bytes], module: str, name: str) -> None:
    config = json.loads(members["config.json"])
    config["config"]["layers"][1].update(module=module, class_name=name, registered_name=None)
    members["config.json"] = json.dumps(config).encode()


CHANGES: dict[str, tuple[Callable[[dict[str, bytes]], None], str]] = {
    "code as a class": (lambda m: with_class(m, "os", "system"), "'system' of os"),
    "a function as a class": (lambda m: with_class(m, "keras", "load_model"), "'load_model'"),
    "a private name": (lambda m: with_class(m, "keras.layers", "__class__"), "__class__"),
    "a saved lambda": (lambda m: with_class(m, "builtins", "__lambda__"), "which is code"),
    "a hostile path": (lambda m: m.update({"../out": b""}), "leads outside"),
    "no config": (lambda m: m.pop("config.json") and None, "no config.json"),
    "no weights": (lambda m: m.pop("model.weights.h5") and None, "no weights"),
    "no JSON": (lambda m: m.update({"config.json": b"{"}), "config.json is damaged"),
    "a newer version": (
        lambda m: m.update({"metadata.json": b'{"keras_version": "4.0.0"}'}),
        "version 4.0.0",
    ),
    "an unknown layer": (lambda m: with_class(m, "keras.layers", "Densee"), "'Densee'"),
    "half the weights": (
        lambda m: m.update({"model.weights.h5": m["model.weights.h5"][:2000]}),
        "truncated or damaged",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_archive_is_refused(case: str, tmp_path: Path) -> None:
    small().save(tmp_path / "model.keras")
    change, told = CHANGES[case]
    path = edited(tmp_path / "model.keras", change)
    with pytest.raises(ValueError, match=told):
        keras.models.load_model(path)
    assert {p.name for p in tmp_path.iterdir()} == {"model.keras", "edited.keras"}


def test_refused_archives_read_so(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    keras.backend.clear_session()
    small().save(tmp_path / "model.keras")
    texts = []
    for case, (change, _) in CHANGES.items():
        path = edited(tmp_path / "model.keras", change)
        with pytest.raises(ValueError) as caught:
            keras.models.load_model(path)
        told = str(caught.value).replace(str(path), "model.keras")
        texts.append(f"# {case}\n{type(caught.value).__name__}: {told}\n")
    golden("errors/keras_archives.txt", "\n".join(texts))


def test_a_class_that_does_not_take_its_configuration(tmp_path: Path) -> None:
    class Closed(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.scores = layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.scores(x)

    model = Closed()
    model.predict(np.ones((2, 3)), verbose=0)
    model.save(tmp_path / "closed.keras")
    with pytest.raises(ValueError, match=r"Closed.__init__ does not take its configuration, name"):
        keras.models.load_model(tmp_path / "closed.keras", {"Closed": Closed})


@pytest.mark.parametrize("ending", [".weights.h5", ".safetensors", ".keras"])
def test_every_truncation_is_refused(ending: str, tmp_path: Path) -> None:
    model, path = small(), tmp_path / f"w{ending}"
    model.save(path) if ending == ".keras" else model.save_weights(path)
    content, before = path.read_bytes(), model.get_weights()
    for length in range(0, len(content) - 1, max(1, len(content) // 23)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"truncated|damaged"):
            model.load_weights(path)
    for mine, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)


def test_weights_of_another_model_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    small().save_weights(path)
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(5)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"'dense.*' has shape \(3, 5\), the file's \(3, 2\)"):
        other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])
    other.load_weights(path, skip_mismatch=True)
    assert (other.get_weights()[0] != before[0]).any()
    fewer = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="no layer"):
        fewer.load_weights(path)


def test_a_link_in_a_file_is_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.weights.h5"
    model = small()
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/other.h5", "x")
    with pytest.raises(ValueError, match="is a link: it is not followed"):
        model.load_weights(path)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: Any) -> None:
    path, model = tmp_path / "m.keras", small()
    model.save(path)
    content = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    model.set_weights([w + 1 for w in model.get_weights()])
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


def test_names_of_files_say_the_format(tmp_path: Path) -> None:
    model = small()
    with pytest.raises(ValueError, match=r"\.weights\.h5 or \.safetensors"):
        model.save_weights(tmp_path / "weights.bin")
    with pytest.raises(ValueError, match=r"end in \.keras"):
        model.save(tmp_path / "model.h5")
    model.save(tmp_path / "model.keras")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "model.keras", overwrite=False)
    unbuilt = keras.Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="not built"):
        unbuilt.save(tmp_path / "other.keras")
