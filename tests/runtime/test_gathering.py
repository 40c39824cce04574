"""Rows by number, cast and scaled: the same bits as NumPy's, from any layout."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime import pool
from runtime.batches import Batches
from runtime.errors import InputDtypeError, InputError, InputNameError
from runtime.executable import Executable
from runtime.gathering import Cast, Rows
from runtime.trainer import Trainer

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]
SHAPES = [(), (1,), (3,), (15,), (16,), (63,), (64,), (65,), (784,), (0,), (5, 7), (2, 3, 11)]


def layouts(array):
    """The same numbers, differently laid out."""
    spread = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
    spread[::2] = array
    yield array
    yield spread[::2]
    yield array[::-1].copy()[::-1]
    yield np.asfortranarray(array)
    frozen = array.copy()
    frozen.flags.writeable = False
    yield frozen
    raw = np.zeros(array.nbytes + 1, np.uint8)
    moved = raw[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    yield moved


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rows_are_those_of_numpy(dtype, shape):
    rng = np.random.default_rng(len(shape))
    source = rng.integers(0, 256, (9, *shape)).astype(dtype)
    numbers = np.array([8, 0, 3, 3, 1])
    for array in layouts(source):
        for cast in (None, Cast("float32", 1 / 255), Cast("float64", -3.7)):
            rows = Rows(array, cast, threads=1 + len(array.shape) % 2)
            out = rows.buffer(7)
            out[...] = 1
            rows.gather(numbers, out[:5])
            wanted = source[numbers]
            if cast is not None:
                wanted = wanted.astype(cast.dtype) * np.dtype(cast.dtype).type(cast.scale)
            assert out.dtype == wanted.dtype
            assert out[:5].tobytes() == wanted.tobytes()
            assert (out[5:] == 1).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 200), st.integers(0, 40), st.integers(1, 30), st.integers(0, 99))
def test_bytes_of_any_number_and_size(size, count, rows, seed):
    rng = np.random.default_rng(seed)
    source = rng.integers(0, 256, (rows, size), np.uint8)
    numbers = rng.integers(0, rows, count)
    for cast, factor in ((None, None), (Cast("float32", 0.3), np.float32(0.3))):
        taken = Rows(source, cast)
        out = taken.buffer(count)
        taken.gather(numbers, out)
        wanted = source[numbers] if factor is None else source[numbers].astype("float32") * factor
        assert out.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("size", [784, 1024, 1025, 65])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_rows_that_threads_share(dtype, size):
    """Enough of them for several threads, which store whole lines past the caches."""
    rng = np.random.default_rng(size)
    source = rng.integers(0, 256, (500, size)).astype(dtype)
    count = 1 + 600_000 // (size * source.itemsize)
    for seed in range(3):
        numbers = rng.integers(0, len(source), count)
        for cast in (None, Cast("float32", 1 / 255)):
            rows = Rows(source, cast, threads=3)
            whole = rows.buffer(count + 1)
            whole[...] = 1
            for out in (whole[:count], whole[1:]):  # the second may begin within a line
                before = pool.Pool.get().regions()
                rows.gather(numbers, out)
                if seed == 0 and cast is None:
                    assert pool.Pool.get().regions() > before
                wanted = source[numbers]
                if cast is not None:
                    wanted = wanted.astype("float32") * np.float32(cast.scale)
                assert out.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_batch_is_cast_where_asked(shuffle):
    data = {"x": np.arange(70, dtype=np.uint8).reshape(7, 10), "y": np.arange(7)}
    casts = {"x": Cast("float32", 0.5)}
    batches = Batches(data, 3, shuffle=shuffle, casts=casts)
    plain = Batches(data, 3, shuffle=shuffle)
    for got, wanted in zip(batches.epoch(2), plain.epoch(2), strict=True):
        np.testing.assert_array_equal(got.arrays["x"], wanted.arrays["x"] * np.float32(0.5))
        np.testing.assert_array_equal(got.arrays["y"], wanted.arrays["y"])
        assert got.arrays["x"].dtype == np.float32 and got.count == wanted.count
    assert np.shares_memory(batches.arrays["x"], data["x"])


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return {"x": rng.integers(0, 256, 23, np.uint8), "labels": np.zeros(23, np.int32)}


def test_training_on_bytes_is_training_on_scaled_floats(programs, data):
    floats = {**data, "x": data["x"].astype(np.float32) * np.float32(1 / 255)}
    trainers = [Trainer(Executable(programs.training())) for _ in range(2)]
    scale = {"x": 1 / 255}
    one = trainers[0].fit(data, 2, 5, validation=data, scale=scale)
    two = trainers[1].fit(floats, 2, 5, validation=floats)
    assert one["loss"] == two["loss"] and one["val_loss"] == two["val_loss"]
    assert trainers[0].evaluate("evaluate", data, 4, scale=scale) == trainers[1].evaluate(
        "evaluate", floats, 4
    )


def test_a_resumed_training_needs_the_same_scale(programs, data, tmp_path):
    path = tmp_path / "c"
    trainer = Trainer(Executable(programs.training()))
    trainer.fit(data, 1, 5, scale={"x": 0.1})
    trainer.save(path)
    other = Trainer(Executable(programs.training()))
    with pytest.raises(ValueError, match=r"scale was \{'x': 0.1\} and is \{'x': 0.2\}"):
        other.fit(data, 2, 5, scale={"x": 0.2}, resume=path)
    assert len(other.fit(data, 2, 5, scale={"x": 0.1}, resume=path)["loss"]) == 2


@pytest.mark.parametrize(
    ("scale", "error", "said"),
    [
        ({"y": 1.0}, InputNameError, "step has no input named 'y' to scale"),
        ({"labels": 1.0}, InputDtypeError, "'labels' is int32: only floats"),
        ({"x": "1"}, InputError, "should be a number, not '1'"),
        ([0.1], InputError, "a dict of factors"),
    ],
)
def test_what_cannot_be_scaled(programs, data, scale, error, said):
    trainer = Trainer(Executable(programs.training()))
    with pytest.raises(error, match=said):
        trainer.fit(data, 1, scale=scale)
    del data["x"]
    with pytest.raises(InputNameError, match="no data named 'x' to scale"):
        trainer.fit(data, 1, scale={"x": 1.0}, fixed={"x": np.zeros(23, np.float32)})


@pytest.mark.parametrize("cast", [None, Cast("float32", 0.1)])
def test_any_number_of_threads_fetches_the_same_rows(monkeypatch, cast):
    monkeypatch.setattr(pool, "LEAST_SHARED", 0)
    monkeypatch.setattr(pool, "LEAST_WOKEN", 0)
    source = np.random.default_rng(0).integers(0, 256, (300, 1000), np.uint8)
    numbers = np.random.default_rng(1).permutation(300)
    results = []
    for threads in (1, 2, 3, 7):
        rows = Rows(source, cast, threads)
        out = rows.buffer(300)
        rows.gather(numbers, out)
        results.append(out.tobytes())
    assert len(set(results)) == 1
    if cast is None:
        assert results[0] == source[numbers].tobytes()
