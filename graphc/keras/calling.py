"""Functions that take whatever a Keras user has at hand: Tensors, variables, or arrays.

Responsible for one rule.  A function of Tensors adds to the graph; of the symbolic results of
layers it is recorded as a node of a functional model; of arrays and numbers alone it is computed
at once and gives arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

import graphc
from graphc.ir.dims import Dim
from graphc.keras import tensor as keras_tensor
from graphc.keras import tree
from graphc.keras.variables import plain
from graphc.operands import as_tensor, cast, is_scalar, supported_dtype
from graphc.tensor import Tensor

Function = TypeVar("Function", bound=Callable[..., Any])


def tensor(x: Any, dtype: Any = None) -> Tensor:
    """``x`` as a Tensor, of ``dtype`` where that is given."""
    given = plain(x)
    if isinstance(given, Tensor) or dtype is None:
        made = as_tensor(given)
    elif is_scalar(given):  # not by way of float32
        made = as_tensor(given, supported_dtype(dtype))
    else:
        made = as_tensor(np.asarray(given))
    return made if dtype is None else cast(made, supported_dtype(dtype))


def is_symbolic(*given: Any) -> bool:
    """Whether a Tensor, or a size that is not known yet, is among the arguments of a call."""
    return any(isinstance(plain(leaf), (Tensor, Dim)) for leaf in tree.flatten(given))


def evaluated(result: Any) -> Any:
    """The arrays that Tensors of constants alone stand for."""
    return tree.map_leaves(_value, result)


def _value(leaf: Any) -> Any:
    return np.asarray(graphc.evaluate(leaf)) if isinstance(leaf, Tensor) else leaf


def universal(function: Function) -> Function:
    """``function`` of Tensors such that it takes variables, layers' results and arrays as well.

    >>> import numpy as np
    >>> half = universal(lambda x: graphc.multiply(x, 0.5))
    >>> half(np.float32([1, 2]))
    array([0.5, 1. ], dtype=float32)
    """

    @functools.wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        if keras_tensor.is_symbolic(arguments, keywords):
            return keras_tensor.record(call, arguments, keywords)
        given, named = tree.map_leaves(plain, (arguments, keywords))
        result = function(*given, **named)
        return result if is_symbolic(given, named) else evaluated(result)

    return call  # type: ignore[return-value]


def of_tensor(function: Function) -> Function:
    """``universal``, and the first argument arrives as a Tensor.

    >>> import numpy as np
    >>> half = of_tensor(lambda x: x / 2)
    >>> half(np.float32([1, 2]))
    array([0.5, 1. ], dtype=float32)
    """

    @functools.wraps(function)
    def call(x: Any, *arguments: Any, **keywords: Any) -> Any:
        return function(as_tensor(x), *arguments, **keywords)

    return universal(call)  # type: ignore[return-value]
