"""Layers that most models are made of: Input, Dense, Activation, Embedding, Lambda, Identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graphc
from graphc.ir import dims
from graphc.keras.config import floatx, standard_dtype
from graphc.keras.layers import configs
from graphc.keras.layers.layer import Layer
from graphc.keras.tensor import BATCH, CallNode, KerasTensor
from graphc.keras.variables import lookup_dtype
from graphc.tensor import Tensor


class InputLayer(Layer):
    """Where data enters a model; made by ``Input``."""

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(name=name)
        if sparse or ragged or optional or input_tensor is not None or keywords:
            raise ValueError("Input takes shape, batch_size, dtype, name and batch_shape")
        if (shape is None) == (batch_shape is None):
            raise ValueError("Input needs a shape, as in Input(shape=(784,))")
        self.dtype = standard_dtype(configs.dtype_of(dtype) or floatx())
        sizes = (batch_size, *_sizes(shape)) if batch_shape is None else _sizes(batch_shape)
        self.batch_shape = sizes
        # Every batch may have another size, whatever the first one was.
        tensor = KerasTensor((None, *sizes[1:]) if sizes else (), self.dtype, name=self.name)
        node = CallNode(self, (), {}, tensor.placeholder())
        self._nodes.append(node)
        self.built = True

    def call(self, inputs: Any = None) -> Any:
        """The data itself."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Shape, dtype and name."""
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
        }


def _sizes(shape: Any) -> tuple[int | None, ...]:
    if isinstance(shape, int):
        raise ValueError(f"a shape is a tuple, as in shape=({shape},), not {shape}")
    sizes = tuple(shape)
    for size in sizes:
        if size is not None and (not isinstance(size, int) or size < 0):
            raise ValueError(f"a shape has sizes of 0 or more and None, not {size!r}: {sizes}")
    return sizes


def Input(  # noqa: N802 (Keras' name)
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
    ragged: bool = False,
) -> KerasTensor:
    """A symbolic input of ``shape`` without the batch, for functional models and Sequential.

    >>> Input((784,), name="images")
    <KerasTensor shape=(None, 784), dtype=float32, name=images>
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    )
    made: KerasTensor = layer.output
    return made


class Dense(Layer):
    """``activation(inputs @ kernel + bias)`` along the last axis: (..., in) to (..., units).

    >>> Dense(3)(Input((784,))).shape
    (None, 3)
    """

    _arguments = (
        "units", "activation", "use_bias", "kernel_initializer", "bias_initializer",
        "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint",
    )  # fmt: skip

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        quantization_config: Any = None,
        **keywords: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **keywords)
        if isinstance(units, bool) or not isinstance(units, int) or units < 1:
            raise ValueError(f"Dense: units is an int of at least 1, not {units!r}")
        if quantization_config is not None:
            raise ValueError("Dense: quantization is not there")
        self.units = units
        self.activation = configs.activation(activation)
        self.use_bias = use_bias
        self.kernel_initializer = configs.initializer(kernel_initializer)
        self.bias_initializer = configs.initializer(bias_initializer)
        self.kernel_regularizer = configs.regularizer(kernel_regularizer)
        self.bias_regularizer = configs.regularizer(bias_regularizer)
        self.kernel_constraint = configs.constraint(kernel_constraint)
        self.bias_constraint = configs.constraint(bias_constraint)

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias."""
        if not input_shape or len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"layer {self.name!r} (Dense) needs inputs of rank 2 or more with a known last "
                f"size, got {input_shape}"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.units,),
            initializer=self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        ) if self.use_bias else None  # fmt: skip

    def call(self, inputs: Tensor) -> Any:
        """The product, the bias and the activation."""
        size = self.kernel.shape[0]
        if inputs.shape[-1] != size:
            raise ValueError(
                f"layer {self.name!r} (Dense) was built for a last size of {size}, "
                f"got inputs of shape {_shown(inputs)}"
            )
        result = as_float(inputs, self.dtype) @ self.kernel.value
        if self.bias is not None:
            result = result + self.bias.value
        return self.activation(result)


def as_float(inputs: Tensor, dtype: str) -> Tensor:
    """Integers in the layer's dtype, floats as they are."""
    return inputs if inputs.dtype.is_float else inputs.astype(lookup_dtype(dtype))


def _shown(inputs: Tensor) -> str:
    sizes = ["None" if str(size) == BATCH else str(size) for size in inputs.shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


class Activation(Layer):
    """An activation by name or function, as a layer.

    >>> Activation("relu")(Input((3,))).shape
    (None, 3)
    """

    _arguments = ("activation",)

    def __init__(self, activation: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.activation = configs.activation(activation)

    def call(self, inputs: Tensor) -> Any:
        """The activation."""
        return self.activation(inputs)


class Identity(Layer):
    """Its input."""

    def call(self, inputs: Any) -> Any:
        """The input itself."""
        return inputs


class Embedding(Layer):
    """A row of ``embeddings`` for each index: integers (...) to (..., output_dim).

    An index out of range is an error of the step, before anything is updated.

    >>> Embedding(10, 4)(Input((7,), dtype="int32")).shape
    (None, 7, 4)
    """

    _arguments = (
        "input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer",
        "embeddings_constraint", "mask_zero",
    )  # fmt: skip

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **keywords: Any,
    ) -> None:
        keywords.pop("input_length", None)
        for name in ("lora_rank", "lora_alpha", "quantization_config"):
            keywords.pop(name, None)
        super().__init__(**{key: value for key, value in keywords.items() if key != "autocast"})
        self.autocast = False
        if mask_zero:
            raise ValueError("Embedding: masks are not there (yet); use mask_zero=False")
        self.input_dim, self.output_dim, self.mask_zero = input_dim, output_dim, mask_zero
        self.embeddings_initializer = configs.initializer(embeddings_initializer)
        self.embeddings_regularizer = configs.regularizer(embeddings_regularizer)
        self.embeddings_constraint = configs.constraint(embeddings_constraint)
        if weights is not None:
            self.build_from_shape(None)
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:
        """Makes the table."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def call(self, inputs: Tensor) -> Any:
        """The rows."""
        indices = inputs if inputs.dtype.is_integer else inputs.astype(graphc.int32)
        column = graphc.reshape(indices, (dims.product(indices.shape), 1))
        rows = graphc.take_along_axis(self.embeddings.value, column, axis=0)
        return graphc.reshape(rows, (*indices.shape, self.output_dim))


class Lambda(Layer):
    """A function as a layer.  A named function that is registered, or given again as one of
    ``custom_objects``, can be saved; a lambda cannot.

    >>> Lambda(lambda x: 2 * x)(Input((3,))).shape
    (None, 3)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        if mask is not None:
            raise ValueError("Lambda: masks are not there (yet)")
        if not callable(function):
            raise TypeError(f"Lambda takes a function, not {function!r}")
        self.function = function
        self.arguments = dict(arguments or {})

    def call(self, inputs: Any) -> Any:
        """The function of the inputs."""
        return self.function(inputs, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """The function by name; ``TypeError`` for a lambda."""
        from graphc.keras.saving.objects import serialize_keras_object

        function = serialize_keras_object(self.function)
        return {**super().get_config(), "function": function, "arguments": self.arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer, whose function must be known."""
        from graphc.keras.saving.objects import deserialize_keras_object

        return cls(**{**config, "function": deserialize_keras_object(config["function"])})
