"""Models as configurations, in Keras 3's form: layers, and how they are connected."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from graphc.keras import tree
from graphc.keras.layers.core import InputLayer
from graphc.keras.layers.layer import Layer
from graphc.keras.naming import snake_case
from graphc.keras.saving.objects import (
    UnknownObjectError,
    deserialize_keras_object,
    serialize_keras_object,
)
from graphc.keras.tensor import CallNode, KerasTensor, Operation

_TENSOR = "__keras_tensor__"
_OPS = "keras.src.ops.numpy"

# Python's operators by the names of Keras' ops.
_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "Add": operator.add,
    "Subtract": operator.sub,
    "Multiply": operator.mul,
    "TrueDivide": operator.truediv,
    "FloorDivide": operator.floordiv,
    "Mod": operator.mod,
    "Power": operator.pow,
    "Matmul": operator.matmul,
    "Negative": operator.neg,
    "Absolute": operator.abs,
    "GetItem": operator.getitem,
    "Less": operator.lt,
    "LessEqual": operator.le,
    "Greater": operator.gt,
    "GreaterEqual": operator.ge,
    "Equal": operator.eq,
    "NotEqual": operator.ne,
    "LogicalAnd": operator.and_,
    "LogicalOr": operator.or_,
}
_NAMES = {function: name for name, function in _OPERATORS.items()}

History = dict[tuple[int, int], list[Any]]


# -- Sequential -----------------------------------------------------------------------------------


def sequential_config(model: Any) -> dict[str, Any]:
    """The configuration of a Sequential."""
    config = {
        "name": model.name,
        "trainable": model.trainable,
        "dtype": model.dtype,
        "layers": [serialize_keras_object(layer) for layer in model._own_layers],
    }
    built = model.get_build_config()
    if built is not None:
        config["build_input_shape"] = list(built["input_shape"])
    return config


def sequential_from_config(kind: Any, config: Mapping[str, Any], custom_objects: Any) -> Any:
    """The Sequential of a configuration."""
    made = kind(name=config.get("name"))
    for saved in config["layers"]:
        made.add(deserialize_keras_object(saved, custom_objects))
    shape = config.get("build_input_shape")
    if shape and not made.built and made.layers:
        made.build(tuple(shape))
    if not config.get("trainable", True):
        made._trainable = False
    return made


# -- functional -----------------------------------------------------------------------------------


def functional_config(model: Any) -> dict[str, Any]:
    """The configuration of a functional model: each layer with the calls of it."""
    network = model.network
    calls: dict[int, list[CallNode]] = {}
    kept = {id(node) for node in network.nodes}
    for node in network.nodes:
        calls.setdefault(id(node.operation), [])
    for one in network.operations:
        own = one._nodes if isinstance(one, Layer) else network.nodes
        calls[id(one)] = [n for n in own if id(n) in kept and n.operation is one]
    history: History = {
        (id(node), index): [node.operation.name, number, index]
        for nodes in calls.values()
        for number, node in enumerate(nodes)
        for index in range(len(node.outputs))
    }

    def place(x: KerasTensor) -> list[Any]:
        return history[id(x.node), x.index]

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": [
            {
                **_operation(one),
                "name": one.name,
                "inbound_nodes": [_call(node, place) for node in calls[id(one)] if node.inputs],
            }
            for one in network.operations
        ],
        "input_layers": tree.map_leaves(place, model._input_structure),
        "output_layers": tree.map_leaves(place, model._output_structure),
    }


def _operation(one: Layer | Operation) -> dict[str, Any]:
    if isinstance(one, Layer):
        return serialize_keras_object(one)  # type: ignore[no-any-return]
    function = one.function
    name = _NAMES.get(function)
    if name is None:
        module = getattr(function, "__module__", "")
        if not module.startswith("graphc.keras"):
            raise TypeError(f"the op {one.name} of the model is no keras.ops function: not saved")
        name = "".join(word.title() for word in function.__name__.split("_"))
    return {
        "module": _OPS,
        "class_name": name,
        "config": {"name": one.name},
        "registered_name": name,
    }


def _call(node: CallNode, place: Callable[[KerasTensor], list[Any]]) -> dict[str, Any]:
    def plain(leaf: Any) -> Any:
        if isinstance(leaf, KerasTensor):
            config = {"shape": list(leaf.shape), "dtype": leaf.dtype, "keras_history": place(leaf)}
            return {"class_name": _TENSOR, "config": config}
        return serialize_keras_object(leaf)

    keywords = {name: value for name, value in node.keywords.items() if value is not None}
    return {
        "args": tree.map_leaves(plain, list(node.arguments)),
        "kwargs": tree.map_leaves(plain, keywords),
    }


def functional_from_config(kind: Any, config: Mapping[str, Any], custom_objects: Any) -> Any:
    """The functional model of a configuration, of whatever class ``kind`` is."""
    operations = {saved["name"]: _made(saved, custom_objects) for saved in config["layers"]}
    results: dict[str, list[list[KerasTensor]]] = {name: [] for name in operations}
    waiting: list[tuple[str, Mapping[str, Any]]] = []
    for saved in config["layers"]:
        name = saved["name"]
        if isinstance(operations[name], InputLayer):
            results[name].append([operations[name].output])
        waiting.extend((name, call) for call in saved["inbound_nodes"])
    while waiting:
        left = [
            (name, call)
            for name, call in waiting
            if not _connected(operations[name], results, name, call)
        ]
        if len(left) == len(waiting):
            raise ValueError(f"the saved model's layer {left[0][0]!r} needs what is not in it")
        waiting = left

    def find(place: Any) -> KerasTensor:
        name, node, index = place
        found: KerasTensor = results[name][node][index]
        return found

    inputs = _map_places(find, config["input_layers"])
    outputs = _map_places(find, config["output_layers"])
    made = kind(inputs, outputs, name=config.get("name"))
    if not config.get("trainable", True):
        made._trainable = False
    return made


def _made(saved: Mapping[str, Any], custom_objects: Any) -> Any:
    if str(saved.get("module", "")).startswith("keras.src.ops"):
        return _op(saved)
    return deserialize_keras_object(saved, custom_objects)


def _op(saved: Mapping[str, Any]) -> Operation:
    """The op that a saved node names, among Python's operators and those of ``keras.ops``."""
    from functools import partial

    from graphc.keras import ops

    name = saved["class_name"]
    function = _OPERATORS.get(name) or getattr(ops, snake_case(name), None)
    if function is None:
        raise UnknownObjectError(f"the saved model has the op {name}, which is not there (yet)")
    settings = {k: v for k, v in saved["config"].items() if k not in ("name", "dtype")}
    made = Operation(partial(function, **settings) if settings else function)
    made.name = saved["name"]
    return made


def _connected(
    operation: Any, results: Mapping[str, list[list[KerasTensor]]], name: str, call: Any
) -> bool:
    """Makes a saved call again, where everything it needs is there."""

    class Missing(Exception):
        pass

    def restored(value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("class_name") == _TENSOR:
            source, node, index = value["config"]["keras_history"]
            if len(results[source]) <= node:
                raise Missing
            return results[source][node][index]
        if isinstance(value, Mapping) and "class_name" in value:
            return deserialize_keras_object(value)
        if isinstance(value, Mapping):
            return {key: restored(item) for key, item in value.items()}
        return [restored(item) for item in value] if isinstance(value, (list, tuple)) else value

    try:
        arguments, keywords = restored(call["args"]), restored(call["kwargs"])
    except Missing:
        return False
    if isinstance(operation, Operation):
        from graphc.keras.tensor import declared

        made = declared(operation, tuple(arguments), keywords)
        node = CallNode(operation, tuple(arguments), keywords, made)
        results[name].append(node.outputs)
    else:
        results[name].append(tree.flatten(operation(*arguments, **keywords)))
    return True


def _map_places(find: Callable[[Any], KerasTensor], saved: Any) -> Any:
    """The tensors of a structure of places ``[layer, node, tensor]``."""
    if isinstance(saved, Mapping):
        return {key: _map_places(find, value) for key, value in saved.items()}
    if len(saved) == 3 and isinstance(saved[0], str):
        return find(saved)
    return [_map_places(find, value) for value in saved]
