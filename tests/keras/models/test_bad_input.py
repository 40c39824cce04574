"""What a user is told of data and arguments that do not fit, word for word."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc import keras
from graphc.keras import layers

X = np.zeros((8, 4), np.float32)
CLASSES = np.arange(8) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[CLASSES]


def classifier(loss: Any = "sparse_categorical_crossentropy", units: int = 3) -> Any:
    keras.backend.clear_session()
    model = keras.Sequential(
        [
            keras.Input((4,), name="features"),
            layers.Dense(units, activation="softmax" if units > 1 else "sigmoid", name="scores"),
        ],
        name="classifier",
    )
    model.compile("rmsprop", loss, metrics=["accuracy"])
    return model


def two_inputs() -> Any:
    a, b = keras.Input((4,), name="age"), keras.Input((2,), name="income")
    out = layers.Dense(1, name="price")(layers.Concatenate()([a, b]))
    other = layers.Dense(1, name="risk")(out)
    model = keras.Model([a, b], [out, other], name="prices")
    model.compile("sgd", "mse")
    return model


def fit(*data: Any, loss: str = "sparse_categorical_crossentropy", **options: Any) -> None:
    classifier(loss, options.pop("units", 3)).fit(*data, verbose=0, **options)


def late(labels: Any, loss: str, units: int = 3) -> None:
    """Labels that come after good ones: the entry exists already."""
    model = classifier(loss, units)
    good = CLASSES if units > 1 else CLASSES % 2
    model.fit(X, good.astype(labels.dtype), verbose=0)
    model.fit(X, labels, verbose=0)


def with_nan(model: Any) -> None:
    x = X.copy()
    x[3, 2] = np.nan
    model.fit(x, CLASSES, verbose=0)


def not_connected() -> Any:
    first, second = keras.Input((3,), name="seen"), keras.Input((3,), name="forgotten")
    return keras.Model(first, layers.Add()([first, second]))


def raising(error: Exception) -> Any:
    class Raises(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise error

    return Raises()


CASES: dict[str, Callable[[], Any]] = {
    "one-hot labels for a sparse loss": lambda: fit(X, ONE_HOT),
    "class numbers for a categorical loss": lambda: fit(
        X, CLASSES, loss="categorical_crossentropy"
    ),
    "a class too many": lambda: fit(X, CLASSES + 1),
    "a class too many, later": lambda: late(CLASSES + 1, "sparse_categorical_crossentropy"),
    "a negative class": lambda: fit(X, CLASSES - 1),
    "labels beyond 0 and 1": lambda: fit(X, CLASSES, loss="binary_crossentropy", units=1),
    "labels beyond 0 and 1, later": lambda: late(CLASSES, "binary_crossentropy", 1),
    "labels of another width": lambda: fit(X, ONE_HOT[:, :2], loss="mse"),
    "labels as text": lambda: fit(X, np.array(["cat"] * 8)),
    "no labels": lambda: fit(X),
    "features of another width": lambda: fit(X[:, :3], CLASSES),
    "features of another rank": lambda: fit(X[None], CLASSES[None]),
    "features of another width, at predict": lambda: classifier().predict(X[:, :3], verbose=0),
    "labels between classes": lambda: fit(X, CLASSES + 0.5),
    "labels that are no numbers": lambda: fit(X, np.where(CLASSES, CLASSES, np.nan)),
    "targets that are no numbers": lambda: fit(X, np.where(ONE_HOT, np.nan, 0), loss="mse"),
    "features that are no numbers": lambda: with_nan(classifier()),
    "validation data of another width": lambda: fit(
        X, CLASSES, validation_data=(X[:, :3], CLASSES)
    ),
    "validation data without labels": lambda: fit(X, CLASSES, validation_data=X),
    "different lengths": lambda: fit(X, CLASSES[:5]),
    "no samples": lambda: fit(X[:0], CLASSES[:0]),
    "data of objects": lambda: fit(np.array([[1, None, "x", 2]] * 8, object), CLASSES),
    "ragged lists": lambda: fit([[1.0, 2.0], [1.0]], [0, 1]),
    "nothing": lambda: classifier().fit(None, verbose=0),
    "a string": lambda: classifier().fit("data.csv", verbose=0),
    "an input missing": lambda: two_inputs().fit({"age": X, "incme": X}, [X, X], verbose=0),
    "one array for two inputs": lambda: two_inputs().fit(X, [X[:, :1]] * 2, verbose=0),
    "one array of labels for two outputs": lambda: two_inputs().fit(
        [X, X[:, :2]], X[:, :1], verbose=0
    ),
    "labels for an unknown output": lambda: two_inputs().fit(
        [X, X[:, :2]], {"price": X[:, :1], "rsk": X[:, :1]}, verbose=0
    ),
    "not compiled": lambda: keras.Sequential([layers.Dense(1)], name="raw").fit(X, X, verbose=0),
    "an unknown optimizer": lambda: classifier().compile("rmspop", "mse"),
    "an unknown loss": lambda: classifier("sparse_categorical_crosentropy"),
    "an unknown metric": lambda: classifier().compile("sgd", "mse", metrics=["acuracy"]),
    "an unknown activation": lambda: layers.Dense(3, activation="rellu"),
    "an unknown initializer": lambda: layers.Dense(3, kernel_initializer="glorot"),
    "a loss for an unknown output": lambda: (
        two_inputs().compile("sgd", {"prce": "mse"}),
        two_inputs(),
    ),
    "a batch size of 0": lambda: fit(X, CLASSES, batch_size=0),
    "epochs of a float": lambda: fit(X, CLASSES, epochs=1.5),
    "all rows to validate": lambda: fit(X, CLASSES, validation_split=0.99),
    "two kinds of weights": lambda: fit(
        X, CLASSES, class_weight={0: 1.0}, sample_weight=np.ones(8)
    ),
    "sample weights of another length": lambda: fit(X, CLASSES, sample_weight=np.ones(3)),
    "a callback that is none": lambda: fit(X, CLASSES, callbacks=["stop"]),
    "a callback that raises": lambda: fit(X, CLASSES, callbacks=[raising(ZeroDivisionError("x"))]),
    "a generator that gives too much": lambda: classifier().fit(
        iter([(X, CLASSES, None, None)]), verbose=0
    ),
    "an index out of range": lambda: embedding().predict(np.array([[1, 2], [3, 10]]), verbose=0),
    "a layer that is none": lambda: keras.Sequential(["dense"]),
    "a class for a layer": lambda: keras.Sequential([layers.Dense]),
    "two layers of a name": lambda: keras.Sequential(
        [layers.Dense(2, name="a"), layers.Dense(2, name="a")], name="twice"
    ),
    "an input forgotten": not_connected,
    "a layer not found": lambda: classifier().get_layer("score"),
    "weights before building": lambda: layers.Dense(3, name="fresh").count_params(),
    "weights of another number": lambda: classifier().set_weights([X]),
    "weights of another shape": lambda: classifier().set_weights([X, X]),
    "one input to a sum": lambda: layers.Add(name="sum")([keras.Input((3,))]),
    "shapes that do not add": lambda: layers.Add(name="sum")(
        [keras.Input((3,)), keras.Input((4,))]
    ),
    "a shape that does not fit": lambda: layers.Reshape((5,), name="re")(keras.Input((4,))),
    "no super().__init__": lambda: Careless(),
}


class Careless(layers.Layer):
    """Forgets its base."""

    def __init__(self) -> None:
        self.w = keras.Variable(1.0)


def embedding() -> Any:
    model = keras.Sequential([keras.Input((2,), dtype="int32"), layers.Embedding(10, 3)], name="e")
    return model


def told(case: Callable[[], Any]) -> str:
    keras.backend.clear_session()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            case()
        except Exception as error:
            notes = "".join(f"\n    note: {note}" for note in getattr(error, "__notes__", []))
            text = f"{type(error).__name__}: {error}{notes}"
            return re.sub(r"test_bad_input\.py:\d+", "test_bad_input.py", text)
    return "\n".join(f"{w.category.__name__}: {w.message}" for w in warned) or "nothing"


def test_errors_read_so(golden: Callable[[str, str], None]) -> None:
    texts = [f"# {name}\n{told(case)}\n" for name, case in CASES.items()]
    golden("errors/keras.txt", "\n".join(texts))


START = """import numpy as np
from graphc import keras
from graphc.keras import layers, ops
x, y = np.zeros((8, 4), "float32"), np.arange(8) % 3
model = keras.Sequential([layers.Dense(3, activation="softmax", name="scores")], name="small")
model.compile("sgd", "sparse_categorical_crossentropy")
"""
CELLS = {
    "one-hot labels": ["labels = keras.utils.to_categorical(y)\nmodel.fit(x, labels, verbose=0)"],
    "an unknown loss": ["model.compile(\n    'sgd',\n    loss='mean_squared_eror',\n)"],
    "a layer that branches on elements": [
        "class Sign(layers.Layer):\n"
        "    def call(self, inputs):\n"
        "        if ops.sum(inputs) > 0:\n"
        "            return inputs\n"
        "        return -inputs",
        "net = keras.Sequential([Sign()])\nnet.predict(x, verbose=0)",
    ],
    "a layer of wrong shapes": [
        "class Wrong(layers.Layer):\n"
        "    def build(self, input_shape):\n"
        "        self.w = self.add_weight(shape=(5, 2))\n"
        "    def call(self, inputs):\n"
        "        return ops.matmul(inputs, self.w)",
        "wrong = Wrong()\nwrong(x)",
    ],
    "a loss that leaves the graph": [
        "def apart(y_true, y_pred):\n    return np.mean(np.asarray(y_pred))",
        "model.compile('sgd', apart)\nmodel.fit(x, y, verbose=0)",
    ],
    "a callback that raises": [
        "class Stop(keras.callbacks.Callback):\n"
        "    def on_train_batch_end(self, batch, logs=None):\n"
        "        print(logs['accuracy'])",
        "model.fit(x, y, callbacks=[Stop()], verbose=0)",
    ],
    "labels of another length": ["model.fit(x, y[:3], verbose=0)"],
    "two tensors in the functional API": [
        "a, b = keras.Input((3,)), keras.Input((4,))\nboth = layers.Add(name='both')([a, b])"
    ],
}


def in_cells(texts: list[str]) -> str:
    """What is told of cells that run one after the other, and the lines of cells on the way."""
    keras.backend.clear_session()
    scope: dict[str, Any] = {"__name__": "__main__"}
    files = [f"<ipython-input-{number}-0123456789ab>" for number, _ in enumerate(texts, 1)]
    try:
        for text, file in zip(texts, files, strict=True):
            linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
            exec(compile(text, file, "exec"), scope)
    except Exception as error:
        notes = "".join(f"\n    note: {note}" for note in getattr(error, "__notes__", []))
        on_the_way = [
            f"In[{files.index(frame.filename) + 1}]:{frame.lineno}"
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename in files
        ]
        return f"{type(error).__name__}: {error}{notes}\n    by way of {', '.join(on_the_way)}"
    return "nothing"


def test_errors_in_cells_read_so(
    golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(file: str) -> tuple[str, str]:
        return "Cell", f"In[{file.split('-')[2]}]"

    shell = types.SimpleNamespace(compile=types.SimpleNamespace(format_code_name=named))
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    texts = [f"# {name}\n{in_cells([START, *cells])}\n" for name, cells in CELLS.items()]
    golden("errors/keras_cells.txt", "\n".join(texts))


def test_a_refused_step_changes_nothing() -> None:
    model = classifier()
    model.fit(X, CLASSES, verbose=0)
    before = [w.copy() for w in (*model.get_weights(), *map(np.asarray, model.optimizer.variables))]
    x = np.ones_like(X)
    with pytest.raises(ValueError, match="class"):
        model.train_on_batch(x, CLASSES + 1)
    after = [*model.get_weights(), *map(np.asarray, model.optimizer.variables)]
    for mine, old in zip(after, before, strict=True):
        np.testing.assert_array_equal(mine, old)
    model.fit(X, CLASSES, verbose=0)
