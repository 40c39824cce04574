"""fit, evaluate and predict, and every layer, for real Keras and for graphc.keras alike."""

from __future__ import annotations

from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 6)).astype(np.float32)
CLASSES = RNG.integers(0, 3, 50)
TARGETS = RNG.standard_normal((50, 2)).astype(np.float32)
WEIGHTS = RNG.random(50).astype(np.float32)
NEW = RNG.standard_normal((20, 6)).astype(np.float32)
NEW_CLASSES = RNG.integers(0, 3, 20)
PLAIN = {"batch_size": 16, "shuffle": False, "verbose": 0}


def set_weights(model: Any) -> None:
    """The same weights for everyone; vectors stay as they start."""
    rng = np.random.default_rng(7)
    model.set_weights(
        [
            (rng.standard_normal(w.shape) * 0.3).astype(w.dtype) if w.ndim > 1 else w
            for w in model.get_weights()
        ]
    )


def noted(name: str, found: Any) -> Arrays:
    """A history, a dict or values as arrays; the names of a history in their order, too."""
    found = getattr(found, "history", found)
    if not isinstance(found, dict):
        return {name: np.asarray(found, np.float64)}
    values = {f"{name}.{key}": np.asarray(value, np.float64) for key, value in found.items()}
    return values | {f"{name}: {', '.join(found)}": np.zeros(0)}


def classifier(keras: Any) -> Arrays:
    """One output: metrics weighted and not, weights of classes and samples, validation."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-2)),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    set_weights(model)
    top = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top")
    model.compile(
        keras.optimizers.RMSprop(1e-2, clipnorm=1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", top],
        weighted_metrics=["accuracy"],
    )
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    new = (NEW, NEW_CLASSES)
    found = noted("plain", model.fit(X, CLASSES, epochs=3, validation_data=new, **PLAIN))
    found |= noted("classes", model.fit(X, CLASSES, epochs=2, class_weight=weights, **PLAIN))
    again = model.fit(X, CLASSES, sample_weight=WEIGHTS, validation_split=0.3, epochs=2, **PLAIN)
    found |= noted("samples", again)
    options = {"verbose": 0, "return_dict": True, "sample_weight": WEIGHTS[:20]}
    found |= noted("evaluate", model.evaluate(*new, **options))
    found |= noted("predict", model.predict(NEW, verbose=0))
    return found | noted("weights", np.concatenate([w.ravel() for w in model.get_weights()]))


def two_outputs(keras: Any) -> Arrays:
    """Losses, weights and metrics of several outputs, as lists and as dicts; one without a loss."""
    layers, made = keras.layers, keras.optimizers
    first = keras.Input((6,), name="first")
    hidden = layers.Dense(5, activation="tanh")(first)
    a = layers.Dense(2, name="a")(hidden)
    b = layers.Dense(3, activation="softmax", name="b")(hidden)
    model = keras.Model(first, [a, b])
    set_weights(model)
    model.compile(
        made.Adam(made.schedules.ExponentialDecay(1e-2, 10, 0.9)),
        ["mse", "sparse_categorical_crossentropy"],
        metrics=[["mae"], ["accuracy"]],
        loss_weights=[0.5, 2.0],
    )
    new = (NEW, [TARGETS[:20], NEW_CLASSES])
    history = model.fit(X, [TARGETS, CLASSES], epochs=3, validation_data=new, **PLAIN)
    found = noted("lists", history) | noted("evaluate", model.evaluate(*new, verbose=0))
    named = keras.Model(first, {"a": a, "b": b})
    named.compile(
        "sgd",
        {"a": "mse", "b": "sparse_categorical_crossentropy"},
        metrics={"a": ["mae", "mse"], "b": "accuracy"},
    )
    labels, shares = {"a": TARGETS, "b": CLASSES}, {"a": WEIGHTS, "b": WEIGHTS}
    found |= noted("dicts", named.fit({"first": X}, labels, sample_weight=shares, **PLAIN))
    half = keras.Model(first, [a, layers.LayerNormalization(name="c")(a)])
    rule = made.SGD(0.01, momentum=0.9, nesterov=True, weight_decay=1e-3, global_clipnorm=0.5)
    half.compile(rule, [keras.losses.Huber(0.5), None])
    return found | noted("one loss", half.fit(X, [TARGETS, TARGETS], epochs=2, **PLAIN))


def binary(keras: Any) -> Arrays:
    """Metrics in the order in which they were given."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")])
    set_weights(model)
    model.compile(
        "adamw",
        "binary_crossentropy",
        metrics=["accuracy", keras.metrics.Precision(name="p"), keras.metrics.AUC(name="auc")],
    )
    labels = (CLASSES > 0).astype(np.float32)
    found = noted("fit", model.fit(X, labels, epochs=3, **PLAIN))
    return found | noted("evaluate", model.evaluate(X, labels, verbose=0))


def own_metrics(keras: Any) -> Arrays:
    """A loss and metrics of the model's own, some of them attributes."""
    ops = keras.ops

    class Own(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **keywords)
            self.seen = keras.metrics.Sum(name="seen")
            self.apart = keras.metrics.MeanSquaredError(name="apart")

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
            training: bool = True,
        ) -> Any:  # fmt: skip
            self.seen.update_state(y)
            return super().compute_loss(x, y, y_pred, sample_weight) + 0.1 * ops.mean(y_pred**2)

    class Told(Own):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            found = super().compute_metrics(x, y, y_pred, sample_weight)
            self.apart.update_state(y, ops.tanh(y_pred))
            return {**found, "apart": self.apart.result(), "largest": ops.max(y_pred)}

    found: Arrays = {}
    for kind, name in ((Own, "attributes"), (Told, "results")):
        first = keras.Input((6,))
        model = kind(first, keras.layers.Dense(2, activation="tanh")(first))
        set_weights(model)
        model.compile("sgd", "mse", metrics=["mae"])
        new = (NEW, TARGETS[:20])
        found |= noted(name, model.fit(X, TARGETS, epochs=2, validation_data=new, **PLAIN))
        found |= noted(f"{name} evaluated", model.evaluate(*new, verbose=0, return_dict=True))
        model.reset_metrics()
        log = model.train_on_batch(X, TARGETS, return_dict=True)
        found |= noted(f"{name} of a batch", {key: float(value) for key, value in log.items()})
    return found


def layer_cases(keras: Any) -> dict[str, tuple[Any, list[np.ndarray]]]:
    """Layers and what they are called on."""
    layers, init = keras.layers, keras.initializers
    cube = np.random.default_rng(3).standard_normal((4, 5, 6)).astype(np.float32)
    index = np.array([[0, 3], [2, 2], [1, 0]], np.int32)
    ramp = init.Constant(0.3)
    return {
        "dense": (layers.Dense(3, activation="gelu", kernel_initializer=ramp), [cube]),
        "embedding": (layers.Embedding(4, 2, embeddings_initializer=ramp), [index]),
        "flatten": (layers.Flatten(), [cube]),
        "channels first": (layers.Flatten(data_format="channels_first"), [cube]),
        "reshape": (layers.Reshape((-1, 10)), [cube]),
        "permute": (layers.Permute((2, 1)), [cube]),
        "repeat": (layers.RepeatVector(3), [cube[:, 0]]),
        "add": (layers.Add(), [cube, cube[:, :1]]),
        "average": (layers.Average(), [cube, -2 * cube]),
        "concatenate": (layers.Concatenate(axis=1), [cube, cube]),
        "dot": (layers.Dot(axes=(2, 2)), [cube, cube]),
        "cosine": (layers.Dot(axes=1, normalize=True), [cube[:, 0], cube[:, 1]]),
        "dot of axis 1": (layers.Dot(axes=1), [cube, cube]),
        "rescaling": (layers.Rescaling(0.5, offset=1.0), [cube]),
        "batch": (layers.BatchNormalization(axis=1, epsilon=0.1), [cube]),
        "layer": (layers.LayerNormalization(epsilon=0.1), [cube]),
        "layer of axes": (layers.LayerNormalization(axis=(1, 2), scale=False), [cube]),
        "relu": (layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.1), [cube]),
        "leaky": (layers.LeakyReLU(), [cube]),
        "prelu": (layers.PReLU(alpha_initializer=ramp, shared_axes=[1]), [cube]),
        "elu": (layers.ELU(0.7), [cube]),
        "softmax": (layers.Softmax(axis=1), [cube]),
        "normalization": (layers.Normalization(mean=0.5, variance=2.0, axis=None), [cube]),
    }


def layer_values(keras: Any) -> Arrays:
    """What the layers give, and what they give while training."""
    found = {}
    for name, (layer, inputs) in layer_cases(keras).items():
        given = inputs if len(inputs) > 1 else inputs[0]
        found[name] = np.asarray(layer(given))
        if name in ("batch", "layer"):
            found[f"{name} training"] = np.asarray(layer(given, training=True))
            for i, weight in enumerate(layer.get_weights()):
                found[f"{name} weight {i}"] = np.asarray(weight)
    adapted = keras.layers.Normalization()
    adapted.adapt(X)
    return found | {"adapted": np.asarray(adapted(NEW))}


ALL = {
    "classifier": classifier,
    "two_outputs": two_outputs,
    "binary": binary,
    "own_metrics": own_metrics,
    "layer_values": layer_values,
}
