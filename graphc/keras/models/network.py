"""The calls between symbolic inputs and outputs, in order; how Keras orders the layers.

No recursion: networks may be deep.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.keras import tree
from graphc.keras.layers.core import InputLayer
from graphc.keras.layers.layer import Layer
from graphc.keras.tensor import CallNode, KerasTensor, Operation
from runtime.naming import suggestion


class Network:
    """All calls on the way from ``inputs`` to ``outputs``.

    Raises ``ValueError`` for what is no KerasTensor, for an output that needs another input, and
    for two layers of one name.
    """

    def __init__(self, inputs: list[KerasTensor], outputs: list[KerasTensor]) -> None:
        for role, tensors in (("input", inputs), ("output", outputs)):
            for tensor in tensors:
                if not isinstance(tensor, KerasTensor) or tensor.node is None:
                    raise ValueError(
                        f"a model's {role}s are what keras.Input and layers called on it give, "
                        f"not {tensor!r:.60}"
                    )
        self.inputs, self.outputs = inputs, outputs
        self._known = {(id(x.node), x.index) for x in inputs}
        self.nodes, first_seen = self._ordered()
        depths = self._depths()
        operations = list(dict.fromkeys(node.operation for node in self.nodes))
        operations.sort(key=lambda one: (-depths[id(one)], first_seen[id(one)]))
        self.operations: list[Layer | Operation] = operations
        self.layers = [one for one in operations if isinstance(one, Layer)]
        _check_names(self.layers)

    def _ordered(self) -> tuple[list[CallNode], dict[int, int]]:
        """The calls, each after those it needs; and when each operation was first met, walking
        back from the outputs."""
        order: list[CallNode] = []
        first_seen: dict[int, int] = {}
        seen: set[int] = set()
        stack = [(x, False) for x in reversed(self.outputs)]
        while stack:
            tensor, done = stack.pop()
            node = tensor.node
            assert node is not None
            if done:
                order.append(node)
                continue
            if id(node) in seen:
                continue
            seen.add(id(node))
            first_seen.setdefault(id(node.operation), len(first_seen))
            boundary = (id(node), tensor.index) in self._known
            if isinstance(node.operation, InputLayer) and not boundary:
                raise ValueError(
                    f"the outputs need the input {node.operation.name!r}, which is not among the "
                    f"model's inputs"
                )
            stack.append((tensor, True))
            if not boundary:
                stack.extend((x, False) for x in reversed(node.inputs))
        for tensor in self.inputs:  # those that no output needs
            node = tensor.node
            if node is not None and id(node) not in seen:
                seen.add(id(node))
                order.insert(0, node)
                first_seen.setdefault(id(node.operation), len(first_seen))
        return order, first_seen

    def _depths(self) -> dict[int, int]:
        """How far each operation is from the outputs."""
        of_node: dict[int, int] = {}
        of_operation: dict[int, int] = {}
        for node in reversed(self.nodes):
            depth = max(of_node.get(id(node), 0), of_operation.get(id(node.operation), 0))
            of_operation[id(node.operation)] = depth
            if any((id(node), i) in self._known for i in range(len(node.outputs))):
                continue
            for x in node.inputs:
                of_node[id(x.node)] = max(depth + 1, of_node.get(id(x.node), 0))
        return of_operation

    def call(self, values: list[Any]) -> list[Any]:
        """The outputs' values for those of the inputs."""
        known = {(id(x.node), x.index): value for x, value in zip(self.inputs, values, strict=True)}
        for node in self.nodes:
            if (id(node), 0) in known:
                continue
            results = node.call(lambda x: known[id(x.node), x.index])
            known.update(((id(node), index), result) for index, result in enumerate(results))
        return [known[id(x.node), x.index] for x in self.outputs]

    def output_names(self) -> list[str]:
        """The names of the operations that give the outputs, all different."""
        names: list[str] = []
        for tensor in self.outputs:
            assert tensor.node is not None
            base = tensor.node.operation.name
            name, number = base, 0
            while name in names:
                number += 1
                name = f"{base}_{number}"
            names.append(name)
        return names

    def arranged(self, given: Any, structure: Any, model: str) -> list[Any]:
        """``given`` in the order of the inputs: a structure like theirs, a list, or a dict by the
        inputs' names.  ``ValueError`` where something is missing or too much."""
        names = [x.name for x in self.inputs]
        if isinstance(given, Mapping):
            by_key = sorted(structure) if isinstance(structure, Mapping) else names
            missing = [name for name in by_key if name not in given]
            if missing:
                got = ", ".join(map(repr, given)) or "nothing"
                hint = suggestion(missing[0], list(map(str, given)))
                raise ValueError(
                    f"model {model!r} has the inputs {', '.join(map(repr, by_key))}, the data has "
                    f"{got}: nothing is given for {missing[0]!r}{hint}"
                )
            return [given[name] for name in by_key]
        leaves = tree.flatten(given)
        if len(leaves) != len(names):
            raise ValueError(
                f"model {model!r} has {len(names)} inputs ({', '.join(map(repr, names))}), "
                f"{len(leaves)} were given"
            )
        return leaves


def _check_names(layers: list[Layer]) -> None:
    names = [layer.name for layer in layers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"two layers of the model are named {name!r}: give each a name of its own"
            )
