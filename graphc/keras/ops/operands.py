"""Operands of ``keras.ops``: Keras' rules of dtypes, and ops made from graphc's by name.

Where NumPy would widen integers beside floats to float64, Keras keeps the float; mathematical
functions of integers are ``floatx``.  Lists of Python integers are int32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import graphc
from graphc.keras.calling import universal
from graphc.keras.config import floatx
from graphc.keras.variables import plain
from graphc.operands import as_tensor, is_scalar
from graphc.tensor import Tensor


def as_keras(x: Any) -> Tensor:
    """``x`` as a Tensor, Python's integers being int32."""
    given = plain(x)
    if isinstance(given, Tensor):
        return given
    made = as_tensor(given)
    is_python = isinstance(given, (int, list, tuple)) and not hasattr(given, "dtype")
    is_python = is_python and not any(hasattr(leaf, "dtype") for leaf in _leaves(given))
    return graphc.astype(made, "int32") if is_python and made.dtype.name == "int64" else made


def _leaves(given: Any) -> list[Any]:
    while isinstance(given, (list, tuple)) and given and isinstance(given[0], (list, tuple)):
        given = [leaf for row in given for leaf in row]
    return list(given) if isinstance(given, (list, tuple)) else [given]


def as_float(x: Any) -> Tensor:
    """``x`` as a Tensor of floats, integers being ``floatx``."""
    made = as_keras(x)
    return made if made.dtype.is_float else graphc.astype(made, floatx())


def together(*operands: Any) -> list[Any]:
    """Operands of one op: integers beside floats become these floats; Python numbers stay."""
    known = [x if is_scalar(x) else as_keras(x) for x in map(plain, operands)]
    floats = [x.dtype for x in known if isinstance(x, Tensor) and x.dtype.is_float]
    if not floats:
        if any(isinstance(x, float) for x in known) and len(known) > 1:
            return [as_float(x) if isinstance(x, Tensor) else x for x in known]
        return known
    widest = max(floats, key=lambda dtype: dtype.numpy.itemsize)
    return [graphc.astype(x, widest) if isinstance(x, Tensor) else x for x in known]


def _made(function: Callable[..., Any], name: str, doc: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return universal(function)


def unary(name: str, of: str, doc: str) -> Any:
    """``name(x)``: graphc's function ``of``."""
    own = getattr(graphc, of)
    return _made(lambda x: own(as_keras(x)), name, doc)


def unary_float(name: str, of: str, doc: str) -> Any:
    """``name(x)``: graphc's function ``of``, computed in floats."""
    own = getattr(graphc, of)
    return _made(lambda x: own(as_float(x)), name, doc)


def binary(name: str, of: str, doc: str) -> Any:
    """``name(x1, x2)``: graphc's function ``of``."""
    own = getattr(graphc, of)
    return _made(lambda x1, x2: own(*together(x1, x2)), name, doc)


def bits(name: str, of: str, doc: str) -> Any:
    """``name(x, y)`` of integers: graphc's function ``of``."""
    own = getattr(graphc, of)
    return _made(lambda x, y: own(as_keras(x), as_keras(y)), name, doc)


def reduction(name: str, of: str, doc: str, *, floats: bool = False) -> Any:
    """``name(x, axis=None, keepdims=False)``: graphc's function ``of``."""
    own, convert = getattr(graphc, of), as_float if floats else as_keras

    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        along = tuple(axis) if isinstance(axis, list) else axis
        return own(convert(x), along, keepdims=bool(keepdims))

    return _made(reduce, name, doc)


def number(x: Any) -> Any:
    """A Python int of a size that is known, the size otherwise."""
    return int(x) if isinstance(x, (int, np.integer)) else x
