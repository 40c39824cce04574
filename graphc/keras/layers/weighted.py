"""The variables that a layer owns, and the layers below it."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.keras import tree
from graphc.keras.config import standard_dtype
from graphc.keras.layers import configs
from graphc.keras.naming import auto_name
from graphc.keras.random import SeedGenerator
from graphc.keras.variables import Variable, no_trace


class Weighted:
    """What a layer says of its weights; layers below it are found among its attributes."""

    name: str
    dtype: str
    built: bool
    _weights: list[Variable]
    _trainable: bool

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        name: str | None = None,
    ) -> Variable:
        """A new variable of the layer: glorot uniform unless said, zeros for integers."""
        kind = standard_dtype(dtype if dtype is not None else self.dtype)
        if initializer is None:
            initializer = "glorot_uniform" if kind.startswith("float") else "zeros"
        variable = Variable(
            configs.initializer(initializer),
            shape=() if shape is None else shape,
            dtype=kind,
            trainable=trainable,
            name=name or auto_name("variable"),
            regularizer=configs.regularizer(regularizer),
            constraint=configs.constraint(constraint),
        )
        self._weights.append(variable)
        return variable

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable):
            own = self.__dict__.get("_weights")
            if own is None:
                raise RuntimeError(
                    f"call super().__init__() in {type(self).__name__}.__init__ before anything "
                    f"is assigned to self"
                )
            if all(value is not variable for variable in own):
                own.append(value)
        super().__setattr__(name, value)

    def _sublayers(self) -> list[Any]:
        """The layers among the attributes, also within lists and dicts of them."""
        found: dict[Any, None] = {}
        for name, value in self.__dict__.items():
            if name in ("_given", "_nodes"):
                continue
            if isinstance(value, Weighted):
                found[value] = None
            elif isinstance(value, (list, tuple, dict)):
                found.update((x, None) for x in tree.flatten(value) if isinstance(x, Weighted))
        return list(found)

    def _flatten_layers(self) -> list[Any]:
        """The layer and all below it, each once."""
        found: dict[Any, None] = {}
        stack: list[Any] = [self]
        while stack:
            layer = stack.pop()
            if layer not in found:
                found[layer] = None
                stack.extend(reversed(layer._sublayers()))
        return list(found)

    @property
    def variables(self) -> list[Variable]:
        """All variables: the weights, and those of random generators and of metrics."""
        found: dict[Variable, None] = {}
        for layer in self._flatten_layers():
            found.update(dict.fromkeys(layer._weights_in_order()))
            found.update((seeds.state, None) for seeds in layer._seed_generators())
        return list(found)

    def _seed_generators(self) -> list[SeedGenerator]:
        return [value for value in self.__dict__.values() if isinstance(value, SeedGenerator)]

    def _weights_in_order(self) -> list[Variable]:
        own = self.__dict__.get("_weights", [])
        return [v for v in own if v.trainable] + [v for v in own if not v.trainable]

    @property
    def weights(self) -> list[Variable]:
        """The variables that are saved: kernels, biases, statistics."""
        layers = self._flatten_layers()
        return list(dict.fromkeys(v for layer in layers for v in layer._weights_in_order()))

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that an optimizer changes."""
        frozen = {
            v for x in self._flatten_layers() if not x.trainable for v in x._weights_in_order()
        }
        return [v for v in self.weights if v.trainable and v not in frozen]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that an optimizer leaves alone."""
        trained = set(self.trainable_weights)
        return [v for v in self.weights if v not in trained]

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether the layer's weights are trained; setting it sets that of all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)

    def trainable_flags(self) -> tuple[bool, ...]:
        """Which layers are trainable, all below included."""
        return tuple(layer.trainable for layer in self._flatten_layers())

    def count_params(self) -> int:
        """How many numbers the weights are; ``ValueError`` before the layer is built."""
        if not self.built:
            raise ValueError(
                f"layer {self.name!r} has no weights before it is built: call it on data first, "
                f"or build(input_shape)"
            )
        return sum(variable.size for variable in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The weights' values, in the order of ``weights``."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Any) -> None:
        """Sets all weights; ``ValueError`` where their number or a shape differs."""
        own = self.weights
        if len(weights) != len(own):
            raise ValueError(
                f"layer {self.name!r} has {len(own)} weights, {len(weights)} arrays were given"
            )
        for variable, value in zip(own, weights, strict=True):
            if np.shape(value) != variable.shape:
                raise ValueError(
                    f"layer {self.name!r}: weight {variable.path!r} has shape {variable.shape}, "
                    f"the array given for it {np.shape(value)}"
                )
        with no_trace():
            for variable, value in zip(own, weights, strict=True):
                variable.assign(value)
