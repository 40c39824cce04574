"""Parts of the Keras front end by name: found, told, written as data and made again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import keras
from graphc.errors import ArgumentError
from graphc.keras import registry

MODULES = {
    "initializers": ["Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform",
                     "Identity", "LecunNormal", "LecunUniform", "Ones", "Orthogonal",
                     "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
                     "Zeros"],
    "regularizers": ["L1", "L1L2", "L2", "OrthogonalRegularizer"],
    "constraints": ["MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"],
    "losses": [name for name in keras.losses.__all__ if name[0].isupper() and name != "Loss"],
    "metrics": [name for name in keras.metrics.__all__
                if name[0].isupper() and name not in ("Metric", "MeanMetricWrapper")],
    "optimizers": ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion", "Nadam",
                   "RMSprop", "SGD"],
}  # fmt: skip
EVERY = [(module, name) for module, names in MODULES.items() for name in names]


@pytest.mark.parametrize(("module", "name"), EVERY)
def test_objects_are_made_again_from_their_json(module: str, name: str) -> None:
    space = getattr(keras, module)
    first = getattr(space, name)()
    written = space.serialize(first)
    again = space.deserialize(json.loads(json.dumps(written)))
    assert type(again) is type(first)
    assert again.get_config() == first.get_config()
    assert set(written) == {"module", "class_name", "config", "registered_name"}


@pytest.mark.parametrize(("module", "name"), EVERY)
def test_objects_are_found_by_name(module: str, name: str) -> None:
    found = getattr(keras, module).get(name)
    assert type(found).__name__ == name


@pytest.mark.parametrize(
    ("module", "wrong", "right"),
    [
        ("activations", "rellu", "relu"), ("initializers", "glorot_unifrm", "glorot_uniform"),
        ("regularizers", "l22", "l2"), ("constraints", "nonneg", "non_neg"),
        ("losses", "sparse_categorical_crossentropi", "sparse_categorical_crossentropy"),
        ("metrics", "binary_acuracy", "binary_accuracy"), ("optimizers", "adan", "adam"),
    ],
)  # fmt: skip
def test_an_unknown_name_tells_the_nearest(module: str, wrong: str, right: str) -> None:
    with pytest.raises(ArgumentError, match=f"{wrong}.*did you mean '{right}'") as caught:
        getattr(keras, module).get(wrong)
    assert caught.value.location is not None
    assert caught.value.location.file == "test_parts.py"


def test_nothing_stays_nothing_and_rubbish_is_told() -> None:
    for module in MODULES:
        assert getattr(keras, module).get(None) is None
        with pytest.raises(ArgumentError):
            getattr(keras, module).get(3.5)
    assert keras.activations.get(None) is keras.activations.linear


def test_a_name_of_keras_that_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match="there"):
        _ = keras.losses.CTC
    with pytest.raises(AttributeError, match="there"):
        _ = keras.ops.fft


@registry.register_keras_serializable(package="tests")
class Tripled(keras.losses.Loss):
    """A user's loss."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return 3 * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def test_a_users_registered_class_is_made_again() -> None:
    written = keras.losses.serialize(Tripled(name="mine"))
    assert written["registered_name"] == "tests>Tripled"
    again = keras.losses.deserialize(json.loads(json.dumps(written)))
    assert isinstance(again, Tripled)
    assert again.name == "mine"
    assert float(again([[1.0]], [[3.0]])) == 6.0


def test_a_scope_makes_objects_known_for_its_time() -> None:
    def shifted(x: Any) -> Any:
        return x + 1

    with registry.custom_object_scope({"shifted": shifted}):
        assert keras.activations.get("shifted") is shifted
    with pytest.raises(ArgumentError):
        keras.activations.get("shifted")


def test_activations_by_name_and_as_data() -> None:
    for name in keras.activations.__all__:
        if name in ("get", "serialize", "deserialize", "hard_swish", "swish"):
            continue
        function = getattr(keras.activations, name)
        assert keras.activations.serialize(function) == name
        assert keras.activations.deserialize(name) is function
        assert keras.activations.get(name) is function


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize(
    "name",
    [n for n in keras.activations.__all__ if n not in
     ("get", "serialize", "deserialize", "threshold")],
)  # fmt: skip
def test_activations_keep_dtypes_and_compile_as_they_evaluate(name: str, kind: str) -> None:
    function = getattr(keras.activations, name)
    x = np.linspace(-4, 4, 24).reshape(4, 6).astype(kind)
    at_once = function(x)
    assert at_once.dtype == kind
    compiled = graphc.compile(function(graphc.input("x", ("N", 6), kind)))
    np.testing.assert_allclose(compiled(x), at_once, rtol=1e-5 if kind == "float32" else 1e-12)
    assert compiled(x[:0]).shape[0] == 0


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 7))
    found = keras.activations.sparsemax(rows)
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-6)
    assert (found >= 0).all()
    support = found > 0
    gap = rows - found  # equal to the threshold wherever the row is not 0
    for row, used, away in zip(rows, support, gap, strict=True):
        level = away[used][0]
        np.testing.assert_allclose(away[used], level, rtol=1e-5, atol=1e-6)
        assert (row[~used] <= level + 1e-9).all()


# -- initializers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / 700), ("glorot_normal", 2 / 700), ("he_uniform", 2 / 300),
        ("he_normal", 2 / 300), ("lecun_uniform", 1 / 300), ("lecun_normal", 1 / 300),
        ("random_normal", 0.05**2), ("random_uniform", 0.1**2 / 12),
        ("truncated_normal", (0.05 * 0.87962566) ** 2),
    ],
)  # fmt: skip
def test_variances_of_initializers(name: str, variance: float) -> None:
    made = keras.initializers.get(name)
    drawn = made((300, 400))
    assert drawn.dtype == np.float32
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    assert abs(drawn.mean()) < 5 * np.sqrt(variance / drawn.size)
    np.testing.assert_array_equal(drawn, made((300, 400)))
    other = keras.initializers.get(name)((300, 400))
    assert not np.array_equal(drawn, other)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_scaling(mode: str, distribution: str) -> None:
    fan = {"fan_in": 3 * 3 * 16, "fan_out": 3 * 3 * 64, "fan_avg": 3 * 3 * 40}[mode]
    made = keras.initializers.VarianceScaling(2.0, mode, distribution, seed=3)
    assert made((3, 3, 16, 64)).var() == pytest.approx(2.0 / fan, rel=0.05)
    axes = keras.initializers.VarianceScaling(1.0, seed=3, input_axes=[0], output_axes=[1, 2])
    assert axes((100, 20, 30)).var() == pytest.approx(1 / 100, rel=0.05)


def test_seeds_of_initializers() -> None:
    first, second = (keras.initializers.GlorotUniform(seed=5)((4, 4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    source = keras.random.SeedGenerator(5)
    moving = keras.initializers.GlorotUniform(seed=source)
    assert not np.array_equal(moving((4, 4)), moving((4, 4)))


@pytest.mark.parametrize("kind", ["float32", "float64", "int32"])
def test_constant_initializers_have_every_dtype(kind: str) -> None:
    for name, value in (("zeros", 0), ("ones", 1)):
        made = keras.initializers.get(name)((2, 0, 3), kind)
        assert made.dtype == kind and made.shape == (2, 0, 3)
        assert (keras.initializers.get(name)((), kind) == value).all()
    with pytest.raises(ValueError):
        keras.initializers.Identity()((2, 3, 4))
    with pytest.raises(ValueError):
        keras.initializers.Orthogonal()((3,))
    with pytest.raises(ValueError):
        keras.initializers.VarianceScaling(mode="fan")


def test_orthogonal_rows() -> None:
    for shape in ((6, 3), (3, 6), (2, 4, 3)):
        flat = keras.initializers.Orthogonal(gain=2.0, seed=1)(shape, "float64")
        flat = flat.reshape(-1, shape[-1])
        flat = flat if flat.shape[0] < flat.shape[1] else flat.T
        np.testing.assert_allclose(flat @ flat.T, 4 * np.eye(len(flat)), atol=1e-12)


# -- random ------------------------------------------------------------------------------------


def test_draws_repeat_with_their_seed_and_not_without() -> None:
    random = keras.random
    for draw in (
        lambda seed: random.normal((5,), seed=seed), lambda seed: random.uniform((5,), seed=seed),
        lambda seed: random.truncated_normal((5,), seed=seed),
        lambda seed: random.randint((9,), 0, 1000, seed=seed),
        lambda seed: random.gamma((5,), 2.0, seed=seed),
        lambda seed: random.shuffle(np.arange(50), seed=seed),
        lambda seed: random.dropout(np.ones(50), 0.5, seed=seed),
        lambda seed: random.categorical(np.zeros((2, 50)), 9, seed=seed),
    ):  # fmt: skip
        np.testing.assert_array_equal(draw(3), draw(3))
        source = random.SeedGenerator(3)
        assert not np.array_equal(draw(source), draw(source))
        assert not np.array_equal(draw(None), draw(None))


def test_distributions() -> None:
    random = keras.random
    normal = random.normal((40000,), 2.0, 3.0, seed=1)
    assert normal.mean() == pytest.approx(2, abs=0.06)
    assert normal.std() == pytest.approx(3, rel=0.02)
    kept = random.dropout(np.ones((200, 200), "float32"), 0.25, seed=1)
    assert kept.dtype == np.float32
    assert (kept == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert kept.max() == pytest.approx(4 / 3)
    rows = random.dropout(np.ones((200, 3)), 0.5, noise_shape=(None, 1), seed=1)
    assert (rows == rows[:, :1]).all()
    found = random.categorical(np.log(np.float32([[0.2, 0.8]])), 20000, seed=1)
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    with pytest.raises(ValueError):
        random.dropout(np.ones(3), 1.5)
    with pytest.raises(ValueError):
        random.normal((3,), seed="x")


def test_a_compiled_draw_gives_new_numbers_each_time() -> None:
    source = keras.random.SeedGenerator(7)
    x = graphc.input("x", ("N",))
    with keras.Trace() as trace:
        noisy = x + keras.random.normal(x.shape, seed=source)
        noisy = noisy + keras.random.uniform(x.shape, seed=source)
    exe = graphc.compile(graphc.Graph("noise", {"y": noisy}, trace.updates))
    first, second = (exe(x=np.zeros(8, "float32"))["y"] for _ in range(2))
    assert not np.array_equal(first, second)
    own = keras.random.SeedGenerator(7)
    at_once = keras.random.normal((8,), seed=own) + keras.random.uniform((8,), seed=own)
    np.testing.assert_allclose(first, at_once, rtol=1e-5)
