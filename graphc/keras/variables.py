"""Variables: values that layers, metrics and optimizers keep between steps.

A variable owns its memory.  Outside a trace it is a value like an array's.  Inside ``with Trace()``
code that is written for values declares a graph instead: reading a variable gives a Tensor, and
assigning to it records an update, so that one native step does it later, in the same memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import Any

import numpy as np

import graphc
from graphc import location
from graphc.ir.op import lookup
from graphc.keras.config import standard_dtype
from graphc.keras.naming import auto_name, path_of
from graphc.keras.operators import Operators
from graphc.operands import as_tensor, build, single
from graphc.tensor import Tensor
from runtime.memory import Guarded
from runtime.program import TensorSpec
from runtime.state import State

_current: ContextVar[Trace | None] = ContextVar("graphc_keras_trace", default=None)


class Trace:
    """Within ``with Trace() as trace:`` variables are read and assigned symbolically.

    ``updates`` maps the parameters of variables assigned within it to their new Tensors, as
    ``graphc.Graph`` takes them; the variables' values outside are not changed.  ``seen`` are the
    variables that were read.  Traces nest: the innermost is the one that counts, and it knows
    nothing of the others'.

    >>> import graphc
    >>> count = Variable(0.0, name="count")
    >>> with Trace() as trace:
    ...     _ = count.assign_add(2.0)
    ...     twice = count * 2
    >>> step = graphc.Graph("step", outputs={"twice": twice}, updates=trace.updates)
    >>> float(graphc.evaluate(step)["twice"]), count.numpy()
    (4.0, array(0., dtype=float32))
    """

    def __init__(self) -> None:
        self.values: dict[Variable, Tensor] = {}
        self.seen: dict[Variable, None] = {}
        self.losses: list[tuple[Any, Tensor]] = []
        self._tokens: list[Token[Trace | None]] = []

    def __enter__(self) -> Trace:
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *error: object) -> None:
        _current.reset(self._tokens.pop())

    @property
    def updates(self) -> dict[Tensor, Tensor]:
        """The new values of what was assigned, by parameter."""
        return {variable.parameter: new for variable, new in self.values.items()}

    @property
    def variables(self) -> list[Variable]:
        """The variables assigned, in order of their first assignment."""
        return list(self.values)


def current_trace() -> Trace | None:
    """The trace that runs; ``None`` outside of all."""
    return _current.get()


class no_trace:  # noqa: N801 (used as a verb)
    """Within it variables are values, whatever trace runs outside."""

    def __enter__(self) -> None:
        self._token = _current.set(None)

    def __exit__(self, *error: object) -> None:
        _current.reset(self._token)


class Variable(Operators):
    """A value with a name that is kept between steps, as ``keras.Variable``.

    ``initializer`` is a value, or with ``shape`` a function of shape and dtype or the name of one.
    ``path`` is the name below that of the layer which made it.  ``parameter`` is what it is in a
    graph; its name is the path with dots.

    >>> total = Variable([0.0, 0.0], name="total")
    >>> _ = total.assign_add([1.0, 2.0])
    >>> total.numpy()
    array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        name: str | None = None,
        **options: Any,
    ) -> None:
        self.name = name or auto_name("variable")
        self.path = path_of(self.name)
        self.trainable = bool(trainable)
        self.regularizer = options.pop("regularizer", None)
        self.constraint = options.pop("constraint", None)
        if options:
            raise TypeError(f"Variable takes no argument {next(iter(options))!r}")
        first = _initial_value(initializer, shape, dtype)
        self.shape: tuple[int, ...] = first.shape
        self.dtype: str = first.dtype.name
        self.buffer = Guarded(first.nbytes)
        self._array = self.buffer.bytes.view(first.dtype).reshape(first.shape)
        self._array[...] = first
        self._place = location.capture()
        self._parameter: Tensor | None = None
        self._parameter_name = _identifier(self.path)

    @classmethod
    def of_parameter(cls, parameter: Tensor) -> Variable:
        """The variable that stands for a graph's own parameter, to be assigned within a trace.

        >>> import graphc
        >>> Variable.of_parameter(graphc.parameter("layer.w", [1.0, 2.0])).path
        'layer/w'
        """
        name = parameter.name or "parameter"
        made = cls(parameter.value.node.attributes["initial"], name=name.split(".")[-1])
        made.path = name.replace(".", "/")
        made._parameter, made._parameter_name = parameter, name
        return made

    # -- what it is -----------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self._array.size)

    @property
    def parameter(self) -> Tensor:
        """The graph's parameter; reading it gives the value before the step."""
        if self._parameter is None:
            view = self._array.view()
            view.flags.writeable = False
            with location.at(self._place):
                node = build(lookup("parameter"), (), {"initial": view}, self._parameter_name)
            self._parameter = single(node)
        trace = _current.get()
        if trace is not None:
            trace.seen[self] = None
        return self._parameter

    def rename_parameter(self, name: str) -> None:
        """Gives the parameter another name; graphs declared before keep the one they have."""
        if name != self._parameter_name:
            self._parameter_name, self._parameter = name, None

    @property
    def parameter_name(self) -> str:
        """The name of ``parameter``, also before there is one."""
        return self._parameter_name

    def put_into(self, state: State, name: str | None = None) -> None:
        """Makes the variable's memory that of the parameter in ``state``, by its present name or
        one that it has had."""
        place = self._place.short if self._place is not None else ""
        spec = TensorSpec(name or self._parameter_name, self.dtype, self.shape, place)
        state.adopt(spec, self.buffer)

    def __repr__(self) -> str:
        value = np.array2string(self._array, threshold=20, edgeitems=2, precision=4)
        kind = f"path={self.path}, shape={self.shape}, dtype={self.dtype}"
        return f"<Variable {kind}, value={value}>"

    # -- its value ------------------------------------------------------------------------------

    @property
    def value(self) -> Any:
        """The present value: an ndarray, and within a trace a Tensor."""
        trace = _current.get()
        if trace is None:
            return self._array.copy()
        found = trace.values.get(self)
        return self.parameter if found is None else found

    def numpy(self) -> np.ndarray:
        """A copy of the value, also within a trace: then it is that before the step."""
        return self._array.copy()

    def assign(self, value: Any) -> Any:
        """Sets the value, which must have the variable's shape; ``ValueError`` otherwise."""
        trace = _current.get()
        given = plain(value)
        shape = tuple(given.shape) if isinstance(given, Tensor) else np.shape(given)
        if shape != self.shape:
            raise ValueError(
                f"variable {self.path!r} has shape {self.shape}, the value assigned to it {shape}"
            )
        if trace is not None:
            kind = lookup_dtype(self.dtype)
            trace.values[self] = as_tensor(given, None).astype(kind)
            return trace.values[self]
        if isinstance(given, Tensor):
            raise ValueError(
                f"variable {self.path!r} is assigned a Tensor outside of a step: its value is not "
                f"known; assign within a layer's call, or a metric's update_state"
            )
        self._array[...] = np.asarray(given)
        return self

    def assign_add(self, value: Any) -> Any:
        """Adds to the value."""
        return self.assign(self.value + plain(value))

    def assign_sub(self, value: Any) -> Any:
        """Subtracts from the value."""
        return self.assign(self.value - plain(value))

    def _apply(self, function: Callable[..., Any], *operands: Any) -> Any:
        return function(*map(plain, operands))

    def __graphc_tensor__(self) -> Tensor:
        """What graphc's functions take it for."""
        trace = _current.get()
        assigned = trace is not None and self in trace.values
        return trace.values[self] if trace is not None and assigned else self.parameter

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if _current.get() is not None:
            raise TypeError(
                f"variable {self.path!r} has no elements while a graph is declared; "
                f"use keras.ops instead of NumPy"
            )
        return np.array(self._array, dtype=dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*map(plain, inputs), **options)

    def __float__(self) -> float:
        return float(np.asarray(self))

    def __int__(self) -> int:
        return int(np.asarray(self))

    def __bool__(self) -> bool:
        return bool(np.asarray(self))

    def __len__(self) -> int:
        return len(self._array)


def plain(value: Any) -> Any:
    """A variable's present value; anything else as it is."""
    return value.value if isinstance(value, Variable) else value


def lookup_dtype(name: str) -> Any:
    """graphc's dtype of a name."""
    from graphc.ir.dtypes import as_dtype

    return as_dtype(name)


def distinct_parameters(variables: list[Variable]) -> Mapping[str, Variable]:
    """``variables`` by the names of their parameters, of which equal ones were made different."""
    named: dict[str, Variable] = {}
    for variable in dict.fromkeys(variables):
        name, number = variable.parameter_name, 0
        while name in named:
            number += 1
            name = f"{variable.parameter_name}_{number}"
        variable.rename_parameter(name)
        named[name] = variable
    return named


def _initial_value(initializer: Any, shape: Any, dtype: Any) -> np.ndarray:
    if isinstance(initializer, str):
        from graphc.keras import initializers

        initializer = initializers.get(initializer)
    if callable(initializer) and not isinstance(initializer, (np.ndarray, np.generic)):
        if shape is None:
            raise ValueError("a variable made by an initializer needs a shape")
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        if any(size is None for size in sizes):
            raise ValueError(f"a variable's shape must be known, not {sizes}")
        kind = standard_dtype(dtype)
        with no_trace():
            made = np.asarray(initializer(sizes, dtype=kind))
        if made.shape != sizes:
            raise ValueError(f"the initializer gave the shape {made.shape} instead of {sizes}")
        return made.astype(kind)
    if isinstance(initializer, (Tensor, graphc.Dim)):
        raise TypeError("a variable's first value is an array or an initializer, not a Tensor")
    value = np.asarray(plain(initializer))
    given = dtype if dtype is not None else _natural_dtype(initializer, value)
    value = value.astype(standard_dtype(given))
    if shape is not None and value.shape != tuple(shape):
        raise ValueError(f"the value has shape {value.shape}, not {tuple(shape)}")
    return value


def _natural_dtype(given: Any, value: np.ndarray) -> Any:
    """An array keeps its dtype; Python numbers have those of Keras."""
    if hasattr(given, "dtype"):
        return value.dtype.name
    return {"f": None, "i": "int32", "b": "bool"}.get(value.dtype.kind, value.dtype.name)


def _identifier(path: str) -> str:
    """A path as the name of a parameter: words between dots."""
    words = [re.sub(r"\W", "_", word) or "_" for word in path.split("/")]
    return ".".join(word if word.isidentifier() else f"_{word}" for word in words)
