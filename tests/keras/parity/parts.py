"""Computations by ``keras`` alone, to be run with Keras and with graphc.keras.

Each function takes the module and gives arrays by name.  Nothing here imports either.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def _numbers(seed: int, shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype("float32")


# -- activations -------------------------------------------------------------------------------

ACTIVATIONS = (
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6",
    "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
    "sparse_sigmoid", "squareplus", "tanh", "tanh_shrink",
)  # fmt: skip
POINTS = np.float32(
    [[-90, -9, -3.5, -3, -2.5, -1], [-0.6, -0.5, -0.3, -1e-8, -0.0, 0], [0.1, 0.25, 0.5, 0.9, 1, 2],
     [2.75, 3, 5.5, 6, 30, 80]]
)  # fmt: skip
SPECIAL = np.float32([[np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40]])


def activations(keras: Any) -> Arrays:
    """Every activation function at ordinary points and at special ones, and with its options."""
    found = {}
    for name in ACTIVATIONS:
        function = keras.activations.get(name)
        found[name] = function(POINTS)
        if name not in ("softmax", "log_softmax", "glu"):
            found[f"{name}.special"] = function(SPECIAL)
    act = keras.activations
    found["relu.all"] = act.relu(POINTS, negative_slope=0.1, max_value=5.0, threshold=1.0)
    found["relu.slope"] = act.relu(POINTS, negative_slope=0.1, max_value=5.0)
    found["relu.threshold"] = act.relu(POINTS, threshold=1.0)
    found["softmax.axes"] = act.softmax(POINTS.reshape(2, 2, 3, 2), axis=(1, 3))
    found["softmax.first"] = act.softmax(POINTS, axis=0)
    found["threshold"] = act.threshold(POINTS, 0.5, 7.0)
    found["celu.half"] = act.celu(POINTS, alpha=0.5)
    found["elu.half"] = act.elu(POINTS, alpha=0.5)
    found["gelu.tanh"] = act.gelu(POINTS, approximate=True)
    found["leaky.slope"] = act.leaky_relu(POINTS, negative_slope=0.01)
    return found


# -- regularizers and constraints --------------------------------------------------------------


def weights(keras: Any) -> Arrays:
    """Penalties of a weight, and what constraints make of it."""
    w = _numbers(1, (5, 4))
    found = {
        "l1": keras.regularizers.L1(0.3)(w),
        "l2": keras.regularizers.get("l2")(w),
        "l1_l2": keras.regularizers.L1L2(0.1, 0.2)(w),
        "orthogonal": keras.regularizers.OrthogonalRegularizer(0.5)(w),
        "orthogonal.columns": keras.regularizers.OrthogonalRegularizer(0.5, mode="columns")(
            keras.Variable(w)
        ),
    }
    kinds = keras.constraints
    for constraint in (
        kinds.MaxNorm(2.0), kinds.MaxNorm(1.0, axis=[0, 1]), kinds.NonNeg(), kinds.UnitNorm(),
        kinds.UnitNorm(axis=1), kinds.MinMaxNorm(2.0, 3.0, rate=0.5), kinds.get("unit_norm"),
    ):  # fmt: skip
        found[f"{type(constraint).__name__} {constraint.get_config()}"] = constraint(w)
    return found


# -- losses ------------------------------------------------------------------------------------


def losses(keras: Any) -> Arrays:
    """Every loss as a function, and as an object with reductions and sample weights."""
    found = {}
    for name, y_true, y_pred, options in _loss_cases():
        kind, number = name, len(found)
        function = getattr(keras.losses, _snake(kind))
        found[f"{number} {kind} {options} function"] = function(y_true, y_pred, **options)
        for reduction in ("sum_over_batch_size", "sum", "none", "mean_with_sample_weight"):
            loss = getattr(keras.losses, kind)(**options, reduction=reduction)
            key = f"{number} {kind} {options} {reduction}"
            found[key] = loss(y_true, y_pred)
            rows = np.shape(found[f"{number} {kind} {options} function"])
            if rows:
                found[f"{key} weighted"] = loss(y_true, y_pred, _numbers(9, rows, 0.0, 1.0))
    found["vector"] = keras.losses.MeanSquaredError()(np.float32([1, 2]), np.float32([[1], [4]]))
    found["integers"] = keras.losses.MeanAbsoluteError()(
        np.int32([[1], [2]]), np.float32([[1], [4]])
    )
    return found


def _snake(name: str) -> str:
    return {"KLDivergence": "kl_divergence"}.get(
        name, "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    )


def _loss_cases() -> Iterator[tuple[str, Any, Any, dict[str, Any]]]:
    numbers, other = _numbers(1, (6, 3)), _numbers(2, (6, 3))
    for name in (
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
        "MeanSquaredLogarithmicError", "LogCosh", "Huber", "CosineSimilarity",
    ):  # fmt: skip
        yield name, numbers, other, {}
    yield "Huber", numbers, other, {"delta": 0.5}
    yield "CosineSimilarity", numbers, other, {"axis": 0}
    yield "LogCosh", numbers * 50, other, {}
    shares = np.exp(other) / np.exp(other).sum(-1, keepdims=True)
    yield "Poisson", np.round(np.abs(numbers)), np.abs(other), {}
    yield "KLDivergence", np.abs(numbers) / np.abs(numbers).sum(-1, keepdims=True), shares, {}
    signs, bits = np.sign(numbers), (numbers > 0).astype("float32")
    for labels in (signs, bits):
        yield "Hinge", labels, other, {}
        yield "SquaredHinge", labels, other, {}
    hot = np.eye(3, dtype="float32")[[0, 2, 1, 1, 0, 2]]
    yield "CategoricalHinge", hot, other, {}
    yield "Dice", bits, shares, {}
    yield "Dice", bits, shares, {"axis": 1}
    yield "Tversky", bits, shares, {"alpha": 0.3, "beta": 0.7}
    edge = np.float32([[0.0, 1.0, 0.5], [1e-9, 1 - 1e-8, 0.2]])
    for kind in ("BinaryCrossentropy", "BinaryFocalCrossentropy"):
        yield kind, bits, shares, {}
        yield kind, bits[:2], edge, {}
        yield kind, bits, other, {"from_logits": True}
        yield kind, bits, shares, {"label_smoothing": 0.2}
        yield kind, bits, shares, {"axis": 0}
    yield "BinaryFocalCrossentropy", bits, shares, {"apply_class_balancing": True, "gamma": 3.0}
    for kind in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy"):
        yield kind, hot, shares, {}
        yield kind, hot, shares * 3, {}
        yield kind, hot[:2], edge, {}
        yield kind, hot, other, {"from_logits": True}
        yield kind, hot, shares, {"label_smoothing": 0.3}
    classes = np.int32([0, 2, 1, 1, 0, 2])
    yield "SparseCategoricalCrossentropy", classes, shares, {}
    yield "SparseCategoricalCrossentropy", classes[:, None], shares, {}
    yield "SparseCategoricalCrossentropy", classes, other * 40, {"from_logits": True}
    yield "SparseCategoricalCrossentropy", classes, shares, {"ignore_class": 1}
    yield "CategoricalGeneralizedCrossEntropy", classes, shares, {"q": 0.7}


# -- learning rates ----------------------------------------------------------------------------


def schedules(keras: Any) -> Arrays:
    """The learning rates of steps 0 to 39."""
    made = keras.optimizers.schedules
    kinds = [
        made.ExponentialDecay(0.1, 7, 0.9), made.ExponentialDecay(0.1, 7, 0.5, staircase=True),
        made.PiecewiseConstantDecay([5, 10, 20], [1.0, 0.5, 0.25, 0.1]),
        made.PolynomialDecay(0.1, 15), made.PolynomialDecay(0.1, 15, 0.01, power=2.0, cycle=True),
        made.PolynomialDecay(0.1, 15, 0.01, power=0.5),
        made.InverseTimeDecay(0.1, 7, 0.5), made.InverseTimeDecay(0.1, 7, 0.5, staircase=True),
        made.CosineDecay(0.1, 15), made.CosineDecay(0.1, 15, alpha=0.1),
        made.CosineDecay(0.01, 15, warmup_target=0.1, warmup_steps=6),
        made.CosineDecayRestarts(0.1, 6), made.CosineDecayRestarts(0.1, 6, 1.0, 0.8, 0.1),
        made.CosineDecayRestarts(0.1, 5, 1.5, 0.9),
    ]  # fmt: skip
    return {
        f"{type(kind).__name__} {kind.get_config()}": np.float32(
            [float(kind(s)) for s in range(40)]
        )
        for kind in kinds
    }


# -- optimizers, by gradients that are given ---------------------------------------------------


def optimizers(keras: Any) -> Arrays:
    """Two variables after each of 40 steps with gradients of all sizes, and all slots at last."""
    found = {}
    for name, make in optimizer_cases(keras).items():
        optimizer = make()
        variables = [
            keras.Variable(_numbers(3, (4, 3)), name="kernel"),
            keras.Variable(_numbers(4, (3,)), name="bias"),
        ]
        if name == "excluded":
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.build(variables)
        course = []
        for step in range(40):
            scale = np.float32(10.0 ** (step % 7 - 4))
            grads = [_numbers(100 + step, (4, 3)) * scale, _numbers(200 + step, (3,)) * scale]
            if step == 20:
                grads = [np.zeros_like(g) for g in grads]
            optimizer.apply(grads, variables)
            course.append(np.concatenate([np.ravel(np.asarray(v)) for v in variables]))
        found[name] = np.stack(course)
        slots = {
            v.name: np.asarray(v) for v in optimizer.variables
            if v.name.startswith(("kernel_", "bias_"))
        }  # fmt: skip
        found |= {f"{name} {slot}": value for slot, value in sorted(slots.items())}
    return found


def optimizer_cases(keras: Any) -> dict[str, Callable[[], Any]]:
    """Optimizers by name, with all options."""
    made = keras.optimizers
    decay = made.schedules.ExponentialDecay(0.1, 5, 0.8)
    rules: dict[str, tuple[Any, dict[str, Any]]] = {
        "sgd": (made.SGD, {}),
        "momentum": (made.SGD, {"learning_rate": 0.1, "momentum": 0.9}),
        "nesterov": (made.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
        "rmsprop": (made.RMSprop, {}),
        "rmsprop.momentum": (made.RMSprop, {"momentum": 0.9, "rho": 0.8}),
        "rmsprop.centered": (made.RMSprop, {"centered": True, "momentum": 0.5}),
        "adam": (made.Adam, {}),
        "amsgrad": (made.Adam, {"amsgrad": True, "learning_rate": 0.01}),
        "adamw": (made.AdamW, {"learning_rate": 0.01}),
        "adamax": (made.Adamax, {}),
        "nadam": (made.Nadam, {}),
        "adagrad": (made.Adagrad, {"learning_rate": 0.1}),
        "adadelta": (made.Adadelta, {"learning_rate": 1.0}),
        "ftrl": (made.Ftrl, {"learning_rate": 0.1}),
        "ftrl.all": (
            made.Ftrl,
            {
                "learning_rate": 0.1, "l1_regularization_strength": 0.01,
                "l2_regularization_strength": 0.02, "beta": 0.1,
                "l2_shrinkage_regularization_strength": 0.03,
            },
        ),
        "lion": (made.Lion, {}),
        "clipnorm": (made.SGD, {"clipnorm": 0.5}),
        "clipvalue": (made.Adam, {"clipvalue": 0.5}),
        "global_clipnorm": (made.RMSprop, {"global_clipnorm": 0.5}),
        "weight_decay": (made.SGD, {"weight_decay": 0.1, "momentum": 0.5}),
        "excluded": (made.Adam, {"weight_decay": 0.1}),
        "ema": (made.SGD, {"use_ema": True, "ema_momentum": 0.9}),
        "ema.overwrite": (made.Adam, {"use_ema": True, "ema_overwrite_frequency": 3}),
        "schedule": (made.SGD, {"learning_rate": decay, "momentum": 0.9}),
        "schedule.adam": (made.Adam, {"learning_rate": decay}),
        "accumulation": (made.Adam, {"gradient_accumulation_steps": 3}),
    }  # fmt: skip
    return {name: lambda k=kind, o=options: k(**o) for name, (kind, options) in rules.items()}


# -- signatures ------------------------------------------------------------------------------------

MODULES = (
    "activations", "initializers", "regularizers", "constraints", "losses", "metrics",
    "optimizers", "optimizers.schedules", "random", "ops",
)  # fmt: skip


def signatures(keras: Any) -> Arrays:
    """The arguments and defaults of everything that can be called, as JSON."""
    found = {}
    for module in MODULES:
        space = keras
        for word in module.split("."):
            space = getattr(space, word)
        for name in dir(space):
            thing = getattr(space, name)
            if callable(thing) and not name.startswith("_") and not isinstance(thing, type(keras)):
                found[f"{module}.{name}"] = np.array(json.dumps(_arguments(thing)))
    return found


def _arguments(thing: Any) -> list[tuple[str, str]]:
    try:
        parameters = inspect.signature(thing).parameters.values()
    except ValueError:
        return [("**", "")]
    return [
        ("**", "") if p.kind is p.VAR_KEYWORD
        else (p.name, "" if p.default is p.empty else repr(p.default))
        for p in parameters
    ]  # fmt: skip


# -- configurations ------------------------------------------------------------------------------


def configurations(keras: Any) -> Arrays:
    """Objects of every class as ``serialize`` writes them, as JSON."""
    found = {}
    for module in (
        "initializers",
        "regularizers",
        "constraints",
        "losses",
        "metrics",
        "optimizers",
    ):
        space = getattr(keras, module)
        for name in dir(space):
            thing = getattr(space, name)
            if not isinstance(thing, type) or name in _BASES or name.startswith("_"):
                continue
            try:
                made = thing()
            except (TypeError, AttributeError):  # takes arguments, or is a base
                continue
            written = json.dumps(space.serialize(made), sort_keys=True, default=str)
            found[f"{module}.{name}"] = np.array(written)
    rate = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.5)
    adam = keras.optimizers.serialize(keras.optimizers.Adam(rate, clipnorm=1.0))
    loss = keras.losses.serialize(keras.losses.Huber(delta=2.0, reduction="sum"))
    return found | {
        "optimizers.scheduled": np.array(json.dumps(adam, sort_keys=True)),
        "losses.changed": np.array(json.dumps(loss, sort_keys=True)),
    }


_BASES = ("Initializer", "Regularizer", "Constraint", "Loss", "Metric", "Optimizer")

ALL = {
    "configurations": configurations,
    "signatures": signatures,
    "activations": activations,
    "weights": weights,
    "losses": losses,
    "schedules": schedules,
    "optimizers": optimizers,
}
