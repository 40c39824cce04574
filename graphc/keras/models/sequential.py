"""Sequential: one layer after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphc.keras import tree
from graphc.keras.layers.core import Input, InputLayer
from graphc.keras.layers.layer import Layer
from graphc.keras.models.functional import Functional
from graphc.keras.models.model import Model
from graphc.keras.naming import name_scope
from graphc.keras.tensor import KerasTensor
from runtime.naming import suggestion


class Sequential(Model):
    """Layers one after the other, each with one input and one output.

    With an ``Input`` first, or a first layer that is given ``input_shape``, it is built at once,
    otherwise on the first data.

    >>> from graphc import keras
    >>> model = Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])
    >>> model.build((None, 4))
    >>> [layer.name for layer in model.layers] == ["dense", "dense_1"] or len(model.layers)
    2
    """

    def __init__(
        self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._own_layers: list[Layer] = []
        self._ends: list[KerasTensor] = []
        self._functional: Functional | None = None
        self.built = False
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    # -- making it ------------------------------------------------------------------------------

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Adds a layer at the end; ``ValueError`` for one that cannot stand there."""
        layer = _as_layer(layer)
        if any(layer.name == other.name for other in self._own_layers):
            raise ValueError(
                f"Sequential {self.name!r} has a layer named {layer.name!r} already: give each a "
                f"name of its own"
            )
        if isinstance(layer, InputLayer):
            if self._own_layers:
                raise ValueError(f"Sequential {self.name!r}: an Input can only be the first layer")
            self._own_layers.append(layer)
            self._ends = [layer.output]
            return
        if not self._own_layers and layer.first_shape is not None:
            self.add(Input(batch_shape=layer.first_shape))
        if not self._own_layers and isinstance(layer, Functional) and len(layer.inputs) == 1:
            self.add(Input(batch_shape=layer.inputs[0].shape, dtype=layer.inputs[0].dtype))
        self._own_layers.append(layer)
        self._functional, self.built = None, False
        if self._ends:
            try:
                self._connect(layer)
            except Exception:
                self._own_layers.pop()
                raise
        self._entries_changed()

    def _connect(self, layer: Layer) -> None:
        """Calls ``layer`` on what the one before gave."""
        with name_scope(self.name):
            result = layer(self._ends[-1])
        if not isinstance(result, KerasTensor):
            raise ValueError(
                f"layer {layer.name!r} gives {len(tree.flatten(result))} outputs; in a Sequential "
                f"each layer has one: use the functional API"
            )
        self._ends.append(result)
        self._functional, self.built = None, True

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer away and gives it."""
        if not self.layers:
            raise ValueError(f"Sequential {self.name!r} has no layers")
        layer = self._own_layers.pop()
        if self._ends:
            self._ends.pop()
        self._functional = None
        self.built = len(self._ends) > 1
        self._entries_changed()
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights for inputs of ``input_shape``, ``None`` for the batch."""
        if self._ends or input_shape is None:
            return
        if not self._own_layers:
            raise ValueError(f"Sequential {self.name!r} has no layers: add some first")
        shape = tuple(input_shape)
        if not all(size is None or isinstance(size, int) for size in shape):
            raise ValueError(
                f"Sequential {self.name!r} takes one input, not several ({input_shape})"
            )
        first = Input(batch_shape=(None, *shape[1:]), dtype=self.dtype)
        assert first.node is not None
        layers = list(self._own_layers)
        self._own_layers = [first.node.operation]
        self._ends = [first]
        for layer in layers:
            self._own_layers.append(layer)
            try:
                self._connect(layer)
            except Exception:
                self._own_layers, self._ends = layers, []
                raise
        self._build_shapes = shape

    @property
    def functional(self) -> Functional:
        """The same as a functional model; ``ValueError`` before it is built."""
        if len(self._ends) < 2:
            raise ValueError(
                f"Sequential {self.name!r} is not built yet: call it on data, or "
                f"build(input_shape), or give it an Input as its first layer"
            )
        if self._functional is None:
            self._functional = Functional(self._ends[0], self._ends[-1], name=self.name)
        return self._functional

    def _sublayers(self) -> list[Layer]:
        return list(self._own_layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers without the input."""
        own = self.__dict__.get("_own_layers", [])
        return [layer for layer in own if not isinstance(layer, InputLayer)]

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input; ``ValueError`` before the model is built."""
        return self.functional.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic output; ``ValueError`` before the model is built."""
        return self.functional.outputs

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self.functional.input

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self.functional.output

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self.functional.input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return self.functional.output_shape

    @property
    def input_names(self) -> list[str]:
        """The name of the input."""
        return self.functional.input_names

    @property
    def output_names(self) -> list[str]:
        """The name of the last layer."""
        return self.functional.output_names

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The last layer's output."""
        return self.functional.call(inputs)

    # -- configuration --------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The layers' configurations."""
        from graphc.keras.saving.networks import sequential_config

        return sequential_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The model of a configuration, with new weights."""
        from graphc.keras.saving.networks import sequential_from_config

        return sequential_from_config(cls, config, custom_objects)

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape of the input, where it is known."""
        shape = self._ends[0].shape if self._ends else None
        return None if shape is None else {"input_shape": shape}


def _as_layer(given: Any) -> Layer:
    if isinstance(given, KerasTensor):
        node = given.node
        if node is not None and isinstance(node.operation, InputLayer):
            return node.operation
    if isinstance(given, Layer):
        return given
    if callable(given) and not isinstance(given, type):
        from graphc.keras.layers.core import Lambda

        return Lambda(given)
    from graphc.keras import layers

    hint = suggestion(given, layers.__all__) if isinstance(given, str) else ""
    advice = f"; write {given.__name__}(...)" if isinstance(given, type) else hint
    raise ValueError(f"a Sequential is made of layers, not {given!r:.60}{advice}")
