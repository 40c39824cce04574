"""Functional models: the layers between symbolic inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphc
from graphc.keras import tree
from graphc.keras.layers.layer import Layer
from graphc.keras.models.model import Model
from graphc.keras.models.network import Network
from graphc.keras.tensor import KerasTensor
from graphc.tensor import Tensor


class Functional(Model):
    """A model from ``inputs`` to ``outputs``, each a KerasTensor or a structure of them.

    Made as ``keras.Model(inputs, outputs)``.

    >>> from graphc import keras
    >>> x = keras.Input((4,))
    >>> keras.Model(x, keras.layers.Dense(2)(x)).count_params()
    10
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        name: str | None = None,
        trainable: bool = True,
        **keys: Any,
    ) -> None:
        Model.__init__(self, name=name or _auto_name(type(self)), **keys)
        self._input_structure = inputs
        self._output_structure = outputs
        self.network = Network(tree.flatten(inputs), tree.flatten(outputs))
        self._own_layers = self.network.layers
        self.built = True
        if not trainable:
            self.trainable = False

    @property
    def layers(self) -> list[Layer]:
        """The layers, inputs first."""
        return list(self._own_layers)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return list(self.network.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return list(self.network.outputs)

    @property
    def input(self) -> Any:
        """The inputs as they were given."""
        return self._input_structure

    @property
    def output(self) -> Any:
        """The outputs as they were given."""
        return self._output_structure

    @property
    def input_names(self) -> list[str]:
        """The names by which a dict of arrays is fed."""
        if isinstance(self._input_structure, Mapping):
            return [str(name) for name in sorted(self._input_structure)]
        return [x.name for x in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names by which losses, metrics and labels may be given."""
        if isinstance(self._output_structure, Mapping):
            return [str(name) for name in sorted(self._output_structure)]
        return self.network.output_names()

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or of each."""
        return tree.map_leaves(lambda x: x.shape, self._input_structure)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or of each."""
        return tree.map_leaves(lambda x: x.shape, self._output_structure)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs for ``inputs``, an array or Tensor for each input."""
        given = self.network.arranged(inputs, self._input_structure, self.name)
        fitted = [self._fitted(x, one) for x, one in zip(given, self.inputs, strict=True)]
        results = self.network.call(fitted)
        return tree.pack_as(self._output_structure, results)

    def _fitted(self, x: Tensor, wanted: KerasTensor) -> Tensor:
        """``x`` in the dtype of an input, and with its axis of size 1 where only that differs."""
        rank = wanted.ndim
        if x.ndim == rank - 1 and wanted.shape[-1] == 1:
            x = graphc.expand_dims(x, -1)
        elif x.ndim == rank + 1 and x.shape[-1] == 1:
            x = graphc.squeeze(x, -1)
        sizes = list(zip(x.shape, wanted.shape, strict=False))
        differs = any(
            known is not None and isinstance(got, int) and got != known for got, known in sizes[1:]
        )
        if x.ndim != rank or differs:
            got = ("None", *x.shape[1:])
            raise ValueError(
                f"model {self.name!r}: input {wanted.name!r} has shape {wanted.shape}, the data "
                f"given for it ({', '.join(map(str, got))})"
            )
        return x.astype(wanted.type.dtype)

    def get_config(self) -> dict[str, Any]:
        """The layers and how they are connected."""
        from graphc.keras.saving.networks import functional_config

        return functional_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The model of a configuration, with new weights."""
        from graphc.keras.saving.networks import functional_from_config

        return functional_from_config(cls, config, custom_objects)

    def get_build_config(self) -> dict[str, Any] | None:
        """Nothing: the inputs say it."""
        return None


def _auto_name(kind: type) -> str | None:
    from graphc.keras.naming import auto_name

    return auto_name("functional") if kind is Functional else None
