"""Tensor: what users hold while they declare a graph.

Responsible for how a tensor looks, its operators, and its answers to NumPy.  Every operation is an
op found by name among the public functions of ``graphc.ops``; nothing is computed here, and no
shape or dtype rule stands here (see ``graphc.operands`` and the op records).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from graphc import location, numpy_protocol
from graphc.errors import ArgumentError, DTypeError, IterationError, UnsupportedError
from graphc.ir.dims import Shape, Size
from graphc.ir.dtypes import DType
from graphc.ir.nodes import Value

# The public functions of the ops, by the name of their record; filled by ``graphc.ops``.
functions: dict[str, Callable[..., Any]] = {}


class Tensor:
    """A value of the graph being declared: an element type and a shape, and no elements.

    It takes part in Python's and NumPy's arithmetic; every operation adds a node to the graph.

    >>> import graphc
    >>> x = graphc.input("x", ("N", 784))
    >>> x
    Tensor %x: f32[N, 784]
    >>> (2 * x.T).shape
    (784, N)
    """

    __slots__ = ("__weakref__", "value")

    value: Value
    __array_priority__ = 1000.0

    def __init__(self, value: Value) -> None:
        self.value = value

    # -- what it is ---------------------------------------------------------------------------

    @property
    def name(self) -> str | None:
        """The name of an input or parameter, or the variable it was assigned to; else ``None``."""
        return self.value.name

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.value.type.dtype

    @property
    def shape(self) -> Shape:
        """The sizes; each an ``int`` or a polynomial of named dims."""
        return self.value.type.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.value.type.rank

    @property
    def size(self) -> Size:
        """The number of elements."""
        return self.value.type.size

    def __repr__(self) -> str:
        shown = f"%{self.name}" if self.name else self.value.node.op.name
        return f"Tensor {shown}: {self.value.type}"

    # -- shape --------------------------------------------------------------------------------

    @property
    def T(self) -> Tensor:  # noqa: N802
        """All axes in reverse, as in NumPy."""
        return self._call("permute_dims", tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """The last two axes exchanged."""
        return self._call("matrix_transpose")

    def reshape(self, *shape: Any) -> Tensor:
        """``graphc.reshape``; the sizes may be given one by one."""
        return self._call("reshape", shape[0] if _is_one_tuple(shape) else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """``graphc.permute_dims``; all axes in reverse where none are given."""
        if not axes or axes == (None,):
            return self.T
        return self._call("permute_dims", axes[0] if _is_one_tuple(axes) else axes)

    def flatten(self) -> Tensor:
        """All elements along one axis."""
        return self._call("reshape", (self.size,))

    def squeeze(self, axis: Any = None) -> Tensor:
        """``graphc.squeeze``."""
        return self._call("squeeze", axis)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """``graphc.swapaxes``."""
        return self._call("swapaxes", axis1, axis2)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """``graphc.clip``."""
        return self._call("clip", min, max)

    def astype(self, dtype: Any) -> Tensor:
        """``graphc.astype``."""
        return self._call("astype", dtype)

    def __getitem__(self, index: Any) -> Tensor:
        return self._call("getitem", index)

    # -- reductions ---------------------------------------------------------------------------

    def sum(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
        """``graphc.sum``."""
        return self._call("sum", axis=axis, dtype=dtype, keepdims=keepdims)

    def mean(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
        """``graphc.mean``."""
        return self._call("mean", axis=axis, dtype=dtype, keepdims=keepdims)

    def prod(self, axis: Any = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
        """``graphc.prod``."""
        return self._call("prod", axis=axis, dtype=dtype, keepdims=keepdims)

    def var(self, axis: Any = None, *, correction: float = 0, keepdims: bool = False) -> Tensor:
        """``graphc.var``."""
        return self._call("var", axis=axis, correction=correction, keepdims=keepdims)

    def std(self, axis: Any = None, *, correction: float = 0, keepdims: bool = False) -> Tensor:
        """``graphc.std``."""
        return self._call("std", axis=axis, correction=correction, keepdims=keepdims)

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """``graphc.max``."""
        return self._call("max", axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """``graphc.min``."""
        return self._call("min", axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """``graphc.argmax``."""
        return self._call("argmax", axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """``graphc.argmin``."""
        return self._call("argmin", axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """``graphc.any``."""
        return self._call("any", axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """``graphc.all``."""
        return self._call("all", axis=axis, keepdims=keepdims)

    # -- operators ----------------------------------------------------------------------------

    def _call(self, function: str, *arguments: Any, **keywords: Any) -> Tensor:
        result: Tensor = functions[function](self, *arguments, **keywords)
        return result

    def _reflected(self, function: str, other: Any) -> Tensor:
        result: Tensor = functions[function](other, self)
        return result

    def _logical(self, which: str, other: Any, *, reflected: bool = False) -> Tensor:
        """``&``, ``|`` and ``^``: logical on booleans, bit by bit on integers, as in NumPy."""
        kinds = [getattr(x, "dtype", type(x)) for x in (self, other)]
        logical = all(kind is bool or str(kind) == "bool" for kind in kinds)
        name = f"{'logical' if logical else 'bitwise'}_{which}"
        return self._reflected(name, other) if reflected else self._call(name, other)

    def __add__(self, other: Any) -> Tensor:
        return self._call("add", other)

    def __radd__(self, other: Any) -> Tensor:
        return self._reflected("add", other)

    def __sub__(self, other: Any) -> Tensor:
        return self._call("subtract", other)

    def __rsub__(self, other: Any) -> Tensor:
        return self._reflected("subtract", other)

    def __mul__(self, other: Any) -> Tensor:
        return self._call("multiply", other)

    def __rmul__(self, other: Any) -> Tensor:
        return self._reflected("multiply", other)

    def __truediv__(self, other: Any) -> Tensor:
        return self._call("divide", other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._reflected("divide", other)

    def __floordiv__(self, other: Any) -> Tensor:
        return self._call("floor_divide", other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return self._reflected("floor_divide", other)

    def __mod__(self, other: Any) -> Tensor:
        return self._call("remainder", other)

    def __rmod__(self, other: Any) -> Tensor:
        return self._reflected("remainder", other)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __pow__(self, other: Any) -> Tensor:
        return self._call("power", other)

    def __rpow__(self, other: Any) -> Tensor:
        return self._reflected("power", other)

    def __matmul__(self, other: Any) -> Tensor:
        return self._call("matmul", other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return self._reflected("matmul", other)

    def __neg__(self) -> Tensor:
        return self._call("negative")

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return self._call("abs")

    def __round__(self, decimals: int | None = None) -> Tensor:
        if decimals:
            raise UnsupportedError("round: a Tensor is rounded to whole numbers only")
        return self._call("round")

    def __and__(self, other: Any) -> Tensor:
        return self._logical("and", other)

    def __rand__(self, other: Any) -> Tensor:
        return self._logical("and", other, reflected=True)

    def __or__(self, other: Any) -> Tensor:
        return self._logical("or", other)

    def __ror__(self, other: Any) -> Tensor:
        return self._logical("or", other, reflected=True)

    def __xor__(self, other: Any) -> Tensor:
        return self._logical("xor", other)

    def __rxor__(self, other: Any) -> Tensor:
        return self._logical("xor", other, reflected=True)

    def __invert__(self) -> Tensor:
        return self._call("logical_not" if self.dtype.is_bool else "bitwise_invert")

    def __lshift__(self, other: Any) -> Tensor:
        return self._call("bitwise_left_shift", other)

    def __rlshift__(self, other: Any) -> Tensor:
        return self._reflected("bitwise_left_shift", other)

    def __rshift__(self, other: Any) -> Tensor:
        return self._call("bitwise_right_shift", other)

    def __rrshift__(self, other: Any) -> Tensor:
        return self._reflected("bitwise_right_shift", other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return self._call("equal", other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return self._call("not_equal", other)

    def __lt__(self, other: Any) -> Tensor:
        return self._call("less", other)

    def __le__(self, other: Any) -> Tensor:
        return self._call("less_equal", other)

    def __gt__(self, other: Any) -> Tensor:
        return self._call("greater", other)

    def __ge__(self, other: Any) -> Tensor:
        return self._call("greater_equal", other)

    # ``==`` compares elements, so a tensor is found in a dict by identity.
    __hash__ = object.__hash__

    # -- what a value without elements cannot do ----------------------------------------------

    def _has_no_elements(self, wanted: str, advice: str) -> NoReturn:
        error = DTypeError(f"{self!r} has no elements yet, so it has no {wanted}", advice=advice)
        raise error.at(location.capture())

    def __bool__(self) -> bool:
        self._has_no_elements(
            "truth value", "use graphc.where, or & | ~ instead of and, or, not and chained < >"
        )

    def __float__(self) -> float:
        self._has_no_elements("float value", "compute it with graphc.evaluate or graphc.compile")

    def __int__(self) -> int:
        self._has_no_elements("int value", "compute it with graphc.evaluate or graphc.compile")

    def __complex__(self) -> complex:
        self._has_no_elements("complex value", "graphc has no complex numbers")

    def __index__(self) -> int:
        self._has_no_elements("int value", "an index or size must be known when it is declared")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self._has_no_elements("array", "compute it with graphc.evaluate or graphc.compile")

    def __contains__(self, item: Any) -> bool:
        self._has_no_elements("members", "use graphc.any(x == item)")

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        error = UnsupportedError(
            "a Tensor does not change; make a new one", advice="use graphc.where or graphc.concat"
        )
        raise error.at(location.capture())

    def __len__(self) -> int:
        first = self.shape[0] if self.shape else None
        if isinstance(first, int):
            return first
        why = "rank 0" if first is None else f"the symbolic size {first}"
        raise ArgumentError(f"{self!r} has no length: {why}").at(location.capture())

    def __iter__(self) -> Iterator[Tensor]:
        first = self.shape[0] if self.shape else None
        if isinstance(first, int):
            return (self[i] for i in range(first))
        why = "rank 0" if first is None else f"along the symbolic size {first}"
        raise IterationError(f"cannot iterate over {self!r}: {why}").at(location.capture())

    def __getattr__(self, name: str) -> NoReturn:
        """What arrays have, and a Tensor has not."""
        told = f"'Tensor' object has no attribute {name!r}"
        if name in ("item", "numpy", "tolist"):
            told = f"{self!r} has no elements yet; graphc.evaluate or graphc.compile computes it"
        raise AttributeError(told, name=name, obj=self)

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self  # nothing of it ever changes

    def __reduce__(self) -> NoReturn:
        error = UnsupportedError(
            f"{self!r} cannot be pickled", advice="keep the text of its graph, Graph.text()"
        )
        raise error.at(location.capture())

    # -- NumPy --------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return numpy_protocol.call_ufunc(functions, ufunc, method, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, arguments: Any, keywords: Mapping[str, Any]
    ) -> Any:
        return numpy_protocol.call_function(functions, function, arguments, keywords)


def _is_one_tuple(arguments: tuple[Any, ...]) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0], (tuple, list))
