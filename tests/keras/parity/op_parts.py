"""Metrics and functions of ``keras.ops``, to be run with Keras and with graphc.keras.

Each function takes the module and gives arrays by name.  Nothing here imports either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def _numbers(seed: int, shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype("float32")


# -- metrics ---------------------------------------------------------------------------------------


def metrics(keras: Any) -> Arrays:
    """Results after each of three batches, the second weighted; the sums; and after a reset."""
    found = {}
    for name, make, batches in _metric_cases(keras):
        metric = make()
        for step, (y_true, y_pred) in enumerate(batches):
            weight = _numbers(step, (len(y_true),), 0.0, 1.0) if step == 1 else None
            metric.update_state(y_true, y_pred, sample_weight=weight)
            found[f"{name} {step}"] = metric.result()
        found |= {f"{name} {v.name}": np.array(v) for v in metric.variables}
        metric.reset_state()
        found |= {f"{name} {v.name} reset": np.array(v) for v in metric.variables}
    mean, total = keras.metrics.Mean(), keras.metrics.Sum()
    for metric in (mean, total):
        metric.update_state([1.0, 3.0])
        metric.update_state(np.float32([[1, 2], [3, 5]]), sample_weight=np.float32([1, 0.5]))
        metric.update_state(7.0, sample_weight=2.0)
        found[metric.name] = metric.result()
    return found


Batches = list[tuple[np.ndarray, np.ndarray]]


def _metric_cases(keras: Any) -> Iterator[tuple[str, Callable[[], Any], Batches]]:
    made = keras.metrics
    for name, batches, options in _metric_data():
        kind = getattr(made, name)
        yield f"{name} {options}", lambda k=kind, o=options: k(**o), batches


def _metric_data() -> Iterator[tuple[str, Batches, dict[str, Any]]]:
    numbers = [(_numbers(i, (6, 4)), _numbers(10 + i, (6, 4))) for i in range(3)]
    for name in (
        "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError",
        "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "CosineSimilarity",
        "LogCoshError", "Hinge", "SquaredHinge", "R2Score",
    ):  # fmt: skip
        yield name, numbers, {}
    yield "R2Score", numbers, {"class_aggregation": None}
    yield "R2Score", numbers, {"class_aggregation": "variance_weighted_average"}
    yield "R2Score", numbers, {"num_regressors": 2}
    rounded = [(np.round(a), np.round(b)) for a, b in numbers]
    yield "Accuracy", rounded, {}
    rows = [np.exp(p) / np.exp(p).sum(-1, keepdims=True) for _, p in numbers]
    classes = [np.argmax(a, -1).astype("int32") for a, _ in numbers]
    hot = [np.eye(4, dtype="float32")[c] for c in classes]
    for name in ("CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge",
                 "KLDivergence", "Poisson", "F1Score", "FBetaScore"):  # fmt: skip
        yield name, list(zip(hot, rows, strict=True)), {}
    yield "TopKCategoricalAccuracy", list(zip(hot, rows, strict=True)), {"k": 2}
    for average in ("micro", "macro", "weighted"):
        options = {"average": average, "beta": 2.0, "threshold": 0.3}
        yield "FBetaScore", list(zip(hot, rows, strict=True)), options
    sparse = list(zip(classes, rows, strict=True))
    yield "SparseCategoricalAccuracy", sparse, {}
    yield "SparseCategoricalAccuracy", [(c[:, None], p) for c, p in sparse], {}
    yield "SparseCategoricalCrossentropy", sparse, {}
    yield "SparseTopKCategoricalAccuracy", sparse, {"k": 2}
    bits = [((a[:, :1] > 0).astype("float32"), 1 / (1 + np.exp(-b[:, :1]))) for a, b in numbers]
    bits[2] = (bits[2][0], np.float32([[0.0], [1.0], [0.5], [0.25], [0.75], [1.0]]))
    for name in ("BinaryAccuracy", "BinaryCrossentropy", "TruePositives", "FalsePositives",
                 "TrueNegatives", "FalseNegatives", "Precision", "Recall", "AUC"):  # fmt: skip
        yield name, bits, {}
    yield "BinaryAccuracy", [(y[:, 0], p) for y, p in bits], {"threshold": 0.3}
    for options in (
        {"thresholds": [0.25, 0.5, 0.9]}, {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]},
    ):  # fmt: skip
        yield "Precision", bits, options
        yield "TrueNegatives", bits, options
    many = list(zip(hot, rows, strict=True))
    yield "Precision", many, {"top_k": 2}
    yield "Recall", many, {"top_k": 2, "class_id": 1}
    yield "Recall", many, {"class_id": 2, "thresholds": 0.3}
    for curve in ("ROC", "PR"):
        for method in ("interpolation", "majoring", "minoring"):
            yield "AUC", bits, {"curve": curve, "summation_method": method, "num_thresholds": 21}
    yield "AUC", many, {"multi_label": True, "num_labels": 4}
    yield "AUC", bits, {"thresholds": [0.1, 0.3, 0.9]}
    yield "AUC", [(y, p * 6 - 3) for y, p in bits], {"from_logits": True}


# -- ops -------------------------------------------------------------------------------------------

UNARY = (
    "abs", "absolute", "ceil", "cos", "cosh", "erf", "exp", "exp2", "expm1", "fabs", "floor",
    "isfinite", "isinf", "isnan", "isneginf", "isposinf", "logical_not", "negative", "reciprocal",
    "round", "sign", "sin", "sinh", "square", "tan", "tanh", "trunc", "arctan", "deg2rad",
    "rad2deg", "nan_to_num", "log_sigmoid", "relu", "softplus", "softmax", "normalize", "ravel",
    "transpose", "flip", "any", "all", "sum", "mean", "var", "std", "max", "min", "amax", "amin",
    "prod", "ptp", "argmax", "argmin", "count_nonzero", "logsumexp", "average", "norm", "triu",
    "tril", "cbrt", "fliplr", "flipud", "diag", "diagonal", "trace", "gelu",
    "zeros_like", "ones_like", "copy",
)  # fmt: skip
POSITIVE = ("log", "log10", "log1p", "log2", "rsqrt", "sqrt")
BINARY = (
    "add", "subtract", "multiply", "divide", "true_divide", "divide_no_nan", "floor_divide", "mod",
    "maximum", "minimum", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal",
    "logical_and", "logical_or", "logical_xor", "arctan2", "logaddexp", "hypot", "heaviside",
    "isclose", "allclose",
)  # fmt: skip


def ops(keras: Any) -> Arrays:
    """Functions of keras.ops, of floats, and of integers beside floats."""
    o, found = keras.ops, {}
    x, y = _numbers(1, (3, 4)), np.round(_numbers(2, (3, 4)))
    n = np.arange(-4, 8, dtype="int32").reshape(3, 4)
    for name in UNARY:
        found[name] = getattr(o, name)(x)
    for name in POSITIVE:
        found[name] = getattr(o, name)(np.abs(x) + 0.1)
    for name in BINARY:
        found[name] = getattr(o, name)(x, y)
        found[f"{name} integers"] = getattr(o, name)(x, n)
    for name in ("exp", "sqrt", "mean", "sum", "max", "abs", "square", "var"):
        found[f"{name} of integers"] = getattr(o, name)(np.abs(n))
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"):
        found[name] = getattr(o, name)(n, np.abs(n) % 5)
    for name in ("sum", "mean", "max", "min", "std", "logsumexp", "any", "prod", "ptp"):
        found[f"{name} axis"] = getattr(o, name)(x, axis=1, keepdims=True)
    found |= {name: getattr(o, name)(x / 2) for name in ("arcsin", "arccos")}
    found |= {f"diagonal {k}": o.diagonal(x, offset=k) for k in (-1, 2)}
    found |= {f"diag {k}": o.diag(x[0], k=k) for k in (-1, 2)}
    found |= _shapes(o, x, n) | _products(o, x) | _normalizations(o, x)
    return {name: np.asarray(value) for name, value in found.items()}


def _shapes(o: Any, x: np.ndarray, n: np.ndarray) -> Arrays:
    parts = {f"split {i}": part for i, part in enumerate(o.split(x, [1, 3], axis=1))}
    parts |= {f"equal parts {i}": part for i, part in enumerate(o.split(x, 2, axis=1))}
    parts |= {f"unstack {i}": part for i, part in enumerate(o.unstack(x, axis=1))}
    parts |= {f"grid {i}": g for i, g in enumerate(o.meshgrid(x[0], x[:, 0]))}
    return parts | {
        "reshape": o.reshape(x, (2, -1)), "expand": o.expand_dims(x, 1),
        "squeeze": o.squeeze(x[:1]), "swap": o.swapaxes(x, 0, 1),
        "move": o.moveaxis(np.ones((2, 3, 4), "float32"), 0, -1),
        "concatenate": o.concatenate([x, n], axis=0), "stack": o.stack([x, x], axis=1),
        "hstack": o.hstack([x, x]), "vstack": o.vstack([x, x]),
        "pad": o.pad(x, [(1, 0), (0, 2)], constant_values=3.0), "tile": o.tile(x, (2, 1)),
        "repeat": o.repeat(x, 2, axis=1), "roll": o.roll(x, 1, axis=1), "roll all": o.roll(x, -5),
        "take": o.take(x, np.int32([[2, 0], [1, -1]]), axis=1),
        "take all": o.take(x, np.int32([7])),
        "along": o.take_along_axis(x, np.int32([[0], [3], [2]]), axis=1),
        "slice": o.slice(x, (1, 1), (2, 2)), "broadcast": o.broadcast_to(x[0], (3, 4)),
        "where": o.where(x > 0, x, 0.0), "clip": o.clip(x, -1.0, 0.5), "eye": o.eye(3, 4, k=1),
        "arange": o.arange(2, 9, 3), "arange floats": o.arange(0.0, 1.0, 0.25),
        "linspace": o.linspace(0.0, 1.0, 5), "full": o.full((2,), 3.0), "zeros": o.zeros((2, 1)),
        "identity": o.identity(2), "tri": o.tri(3), "cast": o.cast(x, "int32"),
        "hot": o.one_hot(np.int32([0, 2, 5]), 3), "many": o.multi_hot(np.int32([[0, 2]]), 3),
        "top": o.in_top_k(np.int32([0, 1, 2]), x, 2), "list": o.convert_to_tensor([1, 2]),
    }  # fmt: skip


def _products(o: Any, x: np.ndarray) -> Arrays:
    y, cube = _numbers(5, (4, 2)), _numbers(6, (2, 4, 3))
    return {
        "matmul": o.matmul(x, y), "dot": o.dot(x, y), "dot vectors": o.dot(x[0], x[1]),
        "inner": o.inner(x, x), "outer": o.outer(x[0], x[1]), "vdot": o.vdot(x, x),
        "tensordot": o.tensordot(x, cube, axes=[[1], [1]]), "tensordot 1": o.tensordot(x, y, 1),
    }  # fmt: skip


def _normalizations(o: Any, x: np.ndarray) -> Arrays:
    mean, var = o.moments(x, axes=[0])
    return {
        "mean": mean, "variance": var,
        "batch": o.batch_normalization(x, mean, var, axis=1, offset=x[0], scale=x[1]),
        "layer": o.layer_normalization(x, x[0], x[1]), "rms": o.rms_normalization(x, x[0]),
        "normalize 1": o.normalize(x, axis=0, order=1),
        "binary": o.binary_crossentropy(np.float32([[0, 1]]), np.float32([[0.3, 0.4]])),
    }  # fmt: skip


ALL = {"metrics": metrics, "ops": ops}
