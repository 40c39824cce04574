"""Layer: the base of all layers, the user's included.

A layer owns variables and sublayers, is built when the shape of its input is known, and says in
``call`` what it computes.  Called on KerasTensors it becomes a node of a model; on Tensors, as
within a model's step, it declares; on arrays it computes at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from graphc.keras import tree
from graphc.keras.config import standard_dtype
from graphc.keras.entries import EagerCalls, is_array
from graphc.keras.layers import configs, shapes
from graphc.keras.layers.weighted import Weighted
from graphc.keras.naming import auto_name, name_scope, snake_case
from graphc.keras.tensor import CallNode, KerasTensor, declared, is_symbolic
from graphc.keras.variables import Trace, Variable, current_trace, lookup_dtype
from graphc.operands import as_tensor, naming
from graphc.tensor import Tensor

_training: ContextVar[bool | None] = ContextVar("graphc_keras_training", default=None)


@contextmanager
def training_is(training: bool | None) -> Iterator[None]:
    """Within it layers are called for training, or not, unless a call says otherwise."""
    token = _training.set(training)
    try:
        yield
    finally:
        _training.reset(token)


class Layer(Weighted):
    """The base of all layers, as ``keras.Layer``.

    A subclass makes its variables in ``build(input_shape)`` with ``add_weight`` and declares what
    it computes in ``call(inputs)``, with ``keras.ops`` or graphc's functions; ``call`` may take
    ``training``.

    >>> from graphc import keras
    >>> class Scale(keras.Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight(shape=input_shape[1:], initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.scale
    >>> Scale()(np.ones((2, 3), np.float32)).shape
    (2, 3)
    """

    # The arguments of ``__init__`` that are attributes of the same names; those of subclasses add.
    _arguments: tuple[str, ...] = ()

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        made = object.__new__(cls)
        made.__dict__["_given"] = (arguments, keywords)
        return made

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **keywords: Any,
    ) -> None:
        self._weights: list[Variable] = []
        self._trainable = bool(trainable)
        self.name = configs.checked_name(name) or auto_name(snake_case(type(self).__name__))
        self.dtype = standard_dtype(configs.dtype_of(dtype))
        self.autocast = autocast
        self.built = False
        self.activity_regularizer = configs.regularizer(activity_regularizer)
        self.first_shape = configs.first_shape(self, keywords)
        self._nodes: list[CallNode] = []
        self._build_shapes: Any = None
        self._eager: EagerCalls | None = None

    # -- losses of its own ----------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Adds to the model's loss, within ``call``: a scalar, or a list of them."""
        trace = current_trace()
        if trace is None:
            raise RuntimeError(f"layer {self.name!r}: add_loss is for use within call")
        trace.losses.extend((self, one) for one in tree.flatten(loss))

    @property
    def losses(self) -> list[Any]:
        """The penalties of regularizers, and within a step what ``add_loss`` added."""
        trace = current_trace()
        below = set(self._flatten_layers())
        added = [] if trace is None else [x for layer, x in trace.losses if layer in below]
        penalties = [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]
        return [*added, *penalties]

    # -- calling --------------------------------------------------------------------------------

    def build(self, *input_shape: Any, **input_shapes: Any) -> None:
        """Makes the variables; a subclass' takes the shape of the input, ``None`` for the batch."""
        self.built = True

    def call(self, *arguments: Any, **keywords: Any) -> Any:
        """What the layer computes; a subclass says it."""
        raise NotImplementedError(f"layer {type(self).__name__} has no method call")

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        if "_weights" not in self.__dict__:
            kind = type(self).__name__
            raise RuntimeError(f"{kind}.__init__ has to call super().__init__()")
        if is_symbolic(arguments, keywords):
            return self._connected(arguments, keywords)
        leaves = tree.flatten((arguments, keywords))
        if current_trace() is not None or any(isinstance(leaf, Tensor) for leaf in leaves):
            return self._declare(*arguments, **keywords)
        return self._computed(arguments, keywords)

    def _connected(self, arguments: Any, keywords: dict[str, Any]) -> Any:
        """A call on KerasTensors: a node."""
        results = declared(self._declare, arguments, keywords)
        node = CallNode(self, arguments, keywords, results)
        self._nodes.append(node)
        return node.result

    def _computed(self, arguments: Any, keywords: dict[str, Any]) -> Any:
        """A call on arrays: compiled once for each kind of them."""
        arrays = tuple(map(_as_arrays, arguments[:1]))
        if not any(is_array(leaf) for leaf in tree.flatten((arrays, arguments, keywords))):
            return self._declare(*arguments, **keywords)
        if not self.built:
            with Trace():
                declared(self._declare, tree.map_leaves(_symbol_like, arrays), keywords)
        if self._eager is None:
            self._eager = EagerCalls(self._declare, lambda: self.variables, self.trainable_flags)
        return self._eager(self.name, (*arrays, *arguments[1:]), keywords)

    def _declare(self, *arguments: Any, **keywords: Any) -> Any:
        """A call on Tensors."""
        training = keywords.get("training")
        training = _training.get() if training is None else training
        passed = {k: v for k, v in keywords.items() if k != "training" or self._takes("training")}
        if self._takes("training"):
            passed["training"] = bool(training)
        arguments, passed = tree.map_leaves(self._cast, (arguments, passed))
        with training_is(training), name_scope(self.name):
            self._ensure_built(arguments, passed)
            with naming(configs.node_name(self.name)):
                results = self.call(*arguments, **passed)
        self._penalize_activity(results)
        return results

    def _penalize_activity(self, results: Any) -> None:
        if self.activity_regularizer is None or current_trace() is None:
            return
        for result in tree.flatten(results):
            penalty = self.activity_regularizer(result)
            self.add_loss(penalty / shapes.size_of(result, 0) if result.ndim else penalty)

    def _takes(self, name: str) -> bool:
        """Whether ``call`` has an argument of that name."""
        parameters = inspect.signature(self.call).parameters
        return name in parameters or any(
            p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()
        )

    def _cast(self, leaf: Any) -> Any:
        """Floats in the layer's dtype, as Keras gives them to ``call``; arrays as constants."""
        if is_array(leaf):
            leaf = as_tensor(leaf)
        if not self.autocast or not isinstance(leaf, Tensor):
            return leaf
        kind = lookup_dtype(self.dtype)
        return leaf.astype(kind) if leaf.dtype.is_float and kind.is_float else leaf

    def _ensure_built(self, arguments: Any, keywords: dict[str, Any]) -> None:
        if self.built:
            return
        names = [n for n in inspect.signature(self.build).parameters if n != "self"]
        given = shapes.of_arguments(arguments, keywords, self.call)
        self._build_shapes = next(iter(given.values()), None)
        if len(given) > 1 and len(names) > 1:
            self._build_shapes = {f"{k}_shape": v for k, v in given.items()}
            self.build(**{n: s for n, s in self._build_shapes.items() if n in names})
        else:
            self.build(self._build_shapes)
        self.built = True

    def build_from_shape(self, input_shape: Any) -> None:
        """Builds the layer for inputs of ``input_shape``, below its own name."""
        if not self.built:
            with name_scope(self.name):
                self._build_shapes = input_shape
                self.build(input_shape)
            self.built = True

    def compute_output_shape(self, *input_shape: Any) -> Any:
        """The shape of what the layer gives for inputs of ``input_shape``."""
        given = shapes.map_shapes(lambda s: KerasTensor(s, self.dtype), input_shape)
        results = declared(self._declare, given, {})
        return tree.map_leaves(lambda t: shapes.known_shape(t.shape), results)

    @property
    def input(self) -> Any:
        """The KerasTensors of the first call."""
        return shapes.single(self._first_node().inputs)

    @property
    def output(self) -> Any:
        """The KerasTensors that the first call gave."""
        return self._first_node().result

    def _first_node(self) -> CallNode:
        if not self._nodes:
            raise AttributeError(f"layer {self.name!r} was not called on a keras.Input yet")
        return self._nodes[0]

    # -- configuration --------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments from which ``from_config`` makes an equal layer without its weights."""
        return configs.config_of(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of a configuration.

        What Keras' layer has and this one lacks is left out where it is off.  ``ValueError`` for a
        class whose ``__init__`` does not take what is there.
        """
        return cls(**configs.accepted(cls, configs.understood(cls, config)))

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape for which the layer was built, as it is saved."""
        return None if self._build_shapes is None else {"input_shape": self._build_shapes}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _as_arrays(given: Any) -> Any:
    """Numbers and lists of them as an array; a structure of arrays stays one."""
    leaves = tree.flatten(given)
    if not leaves or not all(isinstance(leaf, (bool, int, float)) for leaf in leaves):
        return given
    array = np.asarray(given)
    return array.astype(standard_dtype(None)) if array.dtype.kind == "f" else array


def _symbol_like(leaf: Any) -> Any:
    if not is_array(leaf):
        return leaf
    array = np.asarray(leaf)
    return KerasTensor((None, *array.shape[1:]) if array.ndim else (), array.dtype.name)
