"""Random numbers: Philox's published vectors, scalar code, streams and steps, distributions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.ops as ops
from graphc.autodiff import grad
from graphc.errors import ArgumentError
from graphc.ir import dtypes, graphs
from graphc.ir.interpreter import evaluate
from graphc.ir.op import lookup
from graphc.ir.scalar_numpy import NumpyBuilder
from graphc.ops.random import Generator, random_updates
from tests.evaluation import value, values
from tests.ops.test_softmax import expansion_of

FULL = 0xFFFFFFFF
# Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL,) * 4, (FULL,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def _int64(low: int, high: int) -> Any:
    return np.array([low | high << 32], np.uint64).astype(np.int64)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_the_published_words(counter: Any, key: Any, expected: Any) -> None:
    operands = (_int64(*counter[:2]), _int64(*counter[2:]), _int64(*key))
    for half in (0, 1):
        found = lookup("philox").numpy(*operands, half=half)
        np.testing.assert_array_equal(found, _int64(*expected[2 * half : 2 * half + 2]))


def test_scalar_code_gives_the_bits_of_the_reference() -> None:
    rng = np.random.default_rng(4)
    words = rng.integers(-(2**63), 2**63 - 1, (3, 50), dtype=np.int64)
    record: Any = lookup("philox")
    builder = NumpyBuilder()
    for half in (0, 1):
        lowered = record.lower(builder, *words, half=half)
        np.testing.assert_array_equal(lowered, record.numpy(*words, half=half))
    fraction: Any = lookup("random_fraction")
    for dtype, word in itertools.product((dtypes.float32, dtypes.float64), (0, 1)):
        lowered = fraction.lower(builder, words[0], dtype=dtype, word=word)
        np.testing.assert_array_equal(lowered, fraction.numpy(words[0], dtype=dtype, word=word))


def _draws(generator: Generator, shape: Any = (40_000,)) -> dict[str, Any]:
    return {
        "u": ops.uniform(shape, generator=generator),
        "u64": ops.uniform(shape, generator=generator, dtype="float64"),
        "n": ops.normal(shape, generator=generator),
        "n64": ops.normal(shape, generator=generator, dtype="float64"),
        "b": ops.bernoulli(0.3, shape, generator=generator),
    }


def test_reference_and_expansion_agree() -> None:
    for y in (
        *list(_draws(Generator(3), (5, 7)).values())[:4],
        ops.uniform((), generator=Generator(1)),
    ):
        reference, expanded = values([y, expansion_of(y)])
        assert reference.dtype == expanded.dtype and reference.shape == expanded.shape
        np.testing.assert_allclose(reference, expanded, rtol=1e-6)


def test_distributions() -> None:
    found = dict(
        zip(
            ["u", "u64", "n", "n64", "b"], values(list(_draws(Generator(11)).values())), strict=True
        )
    )
    count = 40_000
    for name in ("u", "u64"):
        u = found[name].astype("f8")
        assert u.min() >= 0 and u.max() < 1
        # Kolmogorov's statistic; 1.95 / sqrt(n) is exceeded once in a thousand.
        steps = np.arange(1, count + 1) / count
        assert np.abs(np.sort(u) - steps).max() < 1.95 / np.sqrt(count)
        assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 4 / np.sqrt(count)
    for name in ("n", "n64"):
        n = found[name].astype("f8")
        assert abs(n.mean()) < 4 / np.sqrt(count)
        assert abs(n.std() - 1) < 4 / np.sqrt(2 * count)
        assert abs((n**3).mean()) < 4 * np.sqrt(15 / count)
        assert abs((n**4).mean() - 3) < 4 * np.sqrt(96 / count)
    assert found["b"].dtype == bool
    assert abs(found["b"].mean() - 0.3) < 4 * np.sqrt(0.21 / count)


def test_streams_seeds_and_positions_differ_and_repeat() -> None:
    first, second = Generator(1), Generator(1)
    a, b = (ops.uniform((8,), generator=first) for _ in range(2))
    c, d = (ops.uniform((8,), generator=second) for _ in range(2))
    e = ops.uniform((8,), generator=Generator(2))
    a, b, c, d, e = (value(x) for x in (a, b, c, d, e))
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)
    assert len({*a, *b, *e}) == 24


def test_a_longer_draw_begins_like_a_shorter_one() -> None:
    short = value(ops.normal((3,), generator=Generator(9)))
    long = value(ops.normal((2, 5), generator=Generator(9)))
    np.testing.assert_array_equal(short, long.ravel()[:3])


def test_a_graph_advances_its_generators() -> None:
    generator, other = Generator(5), Generator(6, name="other")
    x = ops.uniform((4,), generator=generator) + ops.uniform((4,), generator=generator)
    y = x + ops.bernoulli(0.5, (4,), generator=other)
    updates = random_updates([y])
    assert [p.name for p, _ in updates] == ["generator", "other"]
    assert updates[0][0].value is generator.state.value
    pairs = [(p.value, new.value) for p, new in updates]
    graph = graphs.collect("step", {"y": y.value}, pairs)
    out1, state = evaluate(graph, {})
    out2, state = evaluate(graph, {}, state)
    np.testing.assert_array_equal(state["generator"], [5, 2])
    assert (out1["y"] != out2["y"]).all()
    expanded = random_updates([expansion_of(ops.uniform((4,), generator=generator))])
    assert [p.name for p, _ in expanded] == ["generator"]


def test_a_graph_without_draws_has_no_random_updates() -> None:
    assert random_updates([ops.input("x", ()) + 1, Generator(1).state]) == []


def test_gradients_flow_to_location_and_scale_only() -> None:
    mean, spread = ops.input("mean", ()), ops.input("spread", ())
    draw = ops.normal((64,), mean, spread, generator=Generator(8))
    d_mean, d_spread = grad(ops.sum(draw), [mean, spread])
    given = {"mean": np.float32(1), "spread": np.float32(2)}
    first, second, z = values([d_mean, d_spread, draw], **given)
    assert float(first) == 64
    np.testing.assert_allclose(float(second), ((z - 1) / 2).sum(), rtol=1e-4)


def test_ranges_and_symbolic_shapes() -> None:
    x = ops.input("x", ("N", 2))
    u = ops.uniform((x.shape[0], 3), -2.0, 5.0, generator=Generator(1))
    assert str(u.value.type) == "f32[N, 3]"
    both = ops.sum(x) * 0 + u
    found = value(both, x=np.zeros((1000, 2), np.float32))
    assert found.shape == (1000, 3) and -2 <= found.min() < -1.9 and 4.9 < found.max() <= 5


def test_probabilities_0_and_1() -> None:
    never, always = (ops.bernoulli(p, (999,), generator=Generator(1)) for p in (0.0, 1.0))
    assert not value(never).any() and value(always).all()


@pytest.mark.parametrize("seed", [1.5, "a", None, True, 2**63])
def test_seeds_that_are_none(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="seed"):
        Generator(seed)


def test_seeds_of_numpy_and_negative_ones() -> None:
    assert value(ops.uniform((2,), generator=Generator(-1))).shape == (2,)
    a, b = (value(ops.uniform((2,), generator=Generator(s))) for s in (np.int64(7), 7))
    np.testing.assert_array_equal(a, b)


def test_draws_want_a_generator_and_a_float() -> None:
    with pytest.raises(ArgumentError, match=r"graphc\.Generator"):
        ops.uniform((2,), generator=7)
    with pytest.raises(ArgumentError, match="float32 or float64"):
        ops.normal((2,), generator=Generator(1), dtype=dtypes.int32)


def test_native_code_draws_the_same_bits_and_advances() -> None:
    generator = Generator(12)
    size = ops.input("x", ("N", 3))
    draws = {
        "u": ops.uniform(size.shape, generator=generator) + 0 * size,
        "u64": ops.uniform((7,), generator=generator, dtype="float64"),
        "n": ops.normal((5, 2), generator=generator),
        "b": ops.bernoulli(0.3, (9,), generator=generator),
    }
    step = graphc.Graph("step", outputs=draws)
    native = graphc.compile(step)
    x = np.zeros((33, 3), np.float32)
    expected, state = evaluate(step.ir, {"x": x})
    first, second = native(x=x), native(x=x)
    for name in ("u", "u64", "b"):
        np.testing.assert_array_equal(first[name], expected[name])
        assert (first[name] != second[name]).any()
    np.testing.assert_allclose(first["n"], expected["n"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(state["generator"], [12, 1])
    np.testing.assert_array_equal(native.state["generator"], [12, 2])
    with_next, _ = evaluate(step.ir, {"x": x}, state)
    np.testing.assert_array_equal(second["u"], with_next["u"])
