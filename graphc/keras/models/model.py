"""Model: a layer that is trained, evaluated and asked for predictions."""

from __future__ import annotations

from typing import Any

from graphc.api import Executable, Graph
from graphc.keras.layers.layer import Layer
from graphc.keras.models.training import Training
from graphc.keras.tensor import KerasTensor
from runtime.naming import suggestion


class Model(Training, Layer):
    """The base of all models, as ``keras.Model``.

    ``Model(inputs, outputs)`` makes a functional one; a subclass makes its layers in ``__init__``
    and declares in ``call`` how they are connected.

    >>> from graphc import keras
    >>> class Network(keras.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = keras.layers.Dense(8, activation="relu")
    ...         self.scores = keras.layers.Dense(1)
    ...     def call(self, inputs):
    ...         return self.scores(self.hidden(inputs))
    >>> import numpy
    >>> Network().predict(numpy.ones((5, 3)), verbose=0).shape
    (5, 1)
    """

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        if cls is Model and (arguments or "inputs" in keywords or "outputs" in keywords):
            from graphc.keras.models.functional import Functional

            return Functional(*arguments, **keywords)
        return super().__new__(cls, *arguments, **keywords)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        if arguments or "inputs" in keywords:
            self._become_functional(arguments, keywords)
            return
        super().__init__(**keywords)
        self._prepare_training()

    def _become_functional(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Makes an object of a user's subclass, which gave inputs and outputs to
        ``super().__init__``, functional and still one of that subclass."""
        from graphc.keras.models.functional import Functional

        kind = type(self)
        self.__class__ = type(kind.__name__, (kind, Functional), {"__module__": kind.__module__})
        Functional.__init__(self, *arguments, **keywords)  # type: ignore[arg-type]

    @property
    def layers(self) -> list[Layer]:
        """The layers that the model consists of."""
        return self._sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer called ``name``, or number ``index``; ``ValueError`` where there is none."""
        if (name is None) == (index is None):
            raise ValueError("get_layer takes a name or an index")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"model {self.name!r} has {len(self.layers)} layers, not {index}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = [layer.name for layer in self.layers]
        raise ValueError(f"model {self.name!r} has no layer {name!r}{suggestion(name, known)}")

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights for inputs of ``input_shape``, ``None`` for the batch."""
        if self.built or type(self).call is Layer.call:
            return
        if input_shape is None:
            return
        from graphc.keras.layers.shapes import map_shapes
        from graphc.keras.tensor import declared

        self.built = True
        self._build_shapes = input_shape
        try:
            given = map_shapes(lambda shape: KerasTensor(shape, self.dtype), input_shape)
            declared(self.call, (given,), {})
        except Exception:
            self.built = False
            raise

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Builds the model as ``get_build_config`` says."""
        if not self.built and config.get("input_shape") is not None:
            self.build(config["input_shape"])

    # -- saving ---------------------------------------------------------------------------------

    def save(self, filepath: Any, overwrite: bool = True, **options: Any) -> None:
        """Writes architecture, weights, and how it was compiled, to one ``.keras`` archive."""
        from graphc.keras.saving.archive import save_model

        save_model(self, filepath, overwrite=overwrite, **options)

    def save_weights(self, filepath: Any, overwrite: bool = True, **options: Any) -> None:
        """Writes the weights to a file ending in ``.weights.h5`` or ``.safetensors``."""
        from graphc.keras.saving.archive import save_weights

        save_weights(self, filepath, overwrite=overwrite, **options)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **options: Any) -> None:
        """Reads weights that a model of the same layers wrote, this one's or Keras' own."""
        from graphc.keras.saving.archive import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **options)

    def __reduce__(self) -> Any:
        """A model is copied and pickled as its archive is saved."""
        from graphc.keras.saving.archive import packed, unpacked

        kinds = {type(layer) for layer in self._flatten_layers()}
        own = {k.__name__: k for k in kinds if not k.__module__.startswith("graphc.keras.")}
        return unpacked, (packed(self, self.name), self.name, own)

    def to_json(self, **options: Any) -> str:
        """The architecture as JSON."""
        import json

        from graphc.keras.saving.objects import serialize_keras_object

        return json.dumps(serialize_keras_object(self), **options)

    # -- looking inside -------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints the layers with their output shapes and sizes."""
        from graphc.keras.models.summary import print_summary

        print_summary(
            self,
            line_length=line_length,
            print_fn=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
        )

    def graph(self, entry: str = "predict") -> Graph:
        """The declared graph of the entry ``"train"``, ``"test"`` or ``"predict"``.

        The first two are known once ``fit`` or ``evaluate`` has seen data; a prediction is known
        as soon as the model is built.  ``ValueError`` before that.
        """
        return self._steps.graph(entry)

    @property
    def executable(self) -> Executable:
        """One program with all entries that are known, on the model's present weights."""
        return self._steps.executable()

    def get_config(self) -> dict[str, Any]:
        """The arguments from which ``from_config`` makes an equal model without its weights."""
        if type(self) is Model:
            raise NotImplementedError("a Model without layers has no configuration")
        return super().get_config()

    def reset_states(self) -> None:
        """Sets the metrics to their start."""
        for metric in self.metrics:
            metric.reset_state()
