"""KerasTensor: the symbolic result of a layer or op, from which functional models are made.

A call of a layer or op on KerasTensors is recorded as a ``CallNode``, to be made again, on Tensors,
by every model that contains it.  Shapes and dtypes come from declaring the call once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import graphc
from graphc.ir.dims import Dim, named
from graphc.ir.types import TensorType
from graphc.keras import tree
from graphc.keras.naming import auto_name
from graphc.keras.operators import Operators
from graphc.keras.variables import Trace, lookup_dtype
from graphc.tensor import Tensor

BATCH = "batch"


class KerasTensor(Operators):
    """What ``keras.Input`` and layers called on it give: a shape and a dtype, no elements.

    ``shape`` has ``None`` where a size is known only with the data.

    >>> from graphc import keras
    >>> keras.KerasTensor((None, 3), dtype="float32").shape
    (None, 3)
    """

    __array_ufunc__ = None

    def __init__(
        self,
        shape: Any,
        dtype: str = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **_: Any,
    ) -> None:
        if sparse or ragged:
            raise ValueError("sparse and ragged tensors are not there")
        self.name = name or auto_name("keras_tensor")
        self.type = TensorType(lookup_dtype(dtype), symbolic_shape(shape, self.name))
        self.node: CallNode | None = None
        self.index = 0

    @classmethod
    def of(cls, type: TensorType, name: str, node: CallNode, index: int) -> KerasTensor:
        """The result number ``index`` of ``node``."""
        made = cls((), name=name)
        made.type, made.node, made.index = type, node, index
        return made

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The sizes; ``None`` for those that are known only with the data."""
        return known_shape(self.type.shape)

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self.type.dtype.name

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.type.rank

    def placeholder(self) -> Tensor:
        """A Tensor of the same shape and dtype, to see what a call of it gives."""
        made: Tensor = graphc.input(_PLACEHOLDER, self.type.shape, self.type.dtype)
        return made

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _apply(self, function: Callable[..., Any], *operands: Any) -> Any:
        return record(function, operands, {})

    def __graphc_tensor__(self) -> Tensor:
        raise TypeError(
            f"{self!r} is a layer's symbolic result: use keras.ops or a layer on it, "
            f"not a function of graphc"
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self!r} has no elements: use keras.ops or a layer on it, not NumPy")

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} has no truth value before there is data")

    def __iter__(self) -> Any:
        raise TypeError(f"cannot iterate over {self!r}")


_PLACEHOLDER = "x"


class CallNode:
    """One call of ``operation`` with ``arguments`` and ``keywords``, some of them KerasTensors.

    ``operation`` is a layer, or an ``Operation`` for an op.  ``outputs`` are its KerasTensors,
    flat; ``structure`` is how it returned them.
    """

    def __init__(
        self, operation: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any], results: Any
    ) -> None:
        self.operation = operation
        self.arguments = arguments
        self.keywords = dict(keywords)
        leaves = tree.flatten([arguments, self.keywords])
        self.inputs = [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]
        self.structure = results
        self.outputs = [
            KerasTensor.of(tensor.value.type, operation.name, self, index)
            for index, tensor in enumerate(tree.flatten(results))
        ]

    @property
    def result(self) -> Any:
        """The outputs as the operation returned them."""
        return tree.pack_as(self.structure, list(self.outputs))

    def call(self, value_of: Callable[[KerasTensor], Any], **extra: Any) -> list[Any]:
        """Calls the operation on the values of its inputs; its results, flat."""

        def replaced(leaf: Any) -> Any:
            return value_of(leaf) if isinstance(leaf, KerasTensor) else leaf

        arguments = tree.map_leaves(replaced, self.arguments)
        keywords = tree.map_leaves(replaced, self.keywords)
        return tree.flatten(self.operation(*arguments, **keywords, **extra))


class Operation:
    """An op as a node of a functional model: a function and a name of its own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = auto_name(getattr(function, "__name__", "operation").strip("_"))

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)


def is_symbolic(*structures: Any) -> bool:
    """Whether a KerasTensor is among the arguments of a call."""
    return any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(structures))


def record(
    function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> Any:
    """The KerasTensors that ``function`` of Tensors would give, with the call recorded.

    An op of ``keras.ops`` that finds ``is_symbolic(arguments, keywords)`` returns
    ``record(op, arguments, keywords)``; it is called again, on Tensors, in each model.

    >>> import graphc
    >>> record(graphc.relu, (KerasTensor((None, 3)),), {}).shape
    (None, 3)
    """
    operation = Operation(function)
    results = declared(operation, arguments, keywords)
    return CallNode(operation, arguments, keywords, results).result


def declared(function: Callable[..., Any], arguments: Any, keywords: Mapping[str, Any]) -> Any:
    """What ``function`` gives on placeholders for the KerasTensors among its arguments."""
    given, named_ = tree.map_leaves(_placeholder, (tuple(arguments), dict(keywords)))
    with Trace():
        return function(*given, **named_)


def _placeholder(leaf: Any) -> Any:
    return leaf.placeholder() if isinstance(leaf, KerasTensor) else leaf


def symbolic_shape(shape: Any, name: str) -> tuple[int | Dim, ...]:
    """A shape with ``None`` as sizes: the first axis is the batch, others have names of their own.

    >>> symbolic_shape((None, 3, None), "x")
    (batch, 3, x_2)
    """
    sizes = (shape,) if isinstance(shape, int) or shape is None else tuple(shape)
    return tuple(
        size if size is not None else named(BATCH if axis == 0 else f"{_word(name)}_{axis}")
        for axis, size in enumerate(sizes)
    )


def known_shape(sizes: tuple[int | Dim, ...]) -> tuple[int | None, ...]:
    """Sizes as Keras shows them: ``None`` for what is not known yet."""
    return tuple(size if isinstance(size, int) else None for size in sizes)


def _word(name: str) -> str:
    word = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
    return word if word.isidentifier() else f"_{word}"
