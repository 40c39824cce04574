"""NumPy's functions on a Tensor: which function of ``graphc.ops`` answers which of NumPy's.

Responsible for names and arguments only; what NumPy offers beyond graphc's ops is refused with the
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from graphc import location
from graphc.errors import UnsupportedError

Functions = Mapping[str, Callable[..., Any]]

# What NumPy calls a function, where its name is not ours.
NAMES = {
    "absolute": "abs", "arctan2": "atan2", "bitwise_not": "bitwise_invert",
    "invert": "bitwise_invert", "left_shift": "bitwise_left_shift", "mod": "remainder",
    "right_shift": "bitwise_right_shift", "rint": "round", "true_divide": "divide",
    "amax": "max", "amin": "min", "around": "round", "concatenate": "concat",
}  # fmt: skip
_ARGUMENTS = {"a_min": "min", "a_max": "max", "newshape": "shape"}

# Methods of ufuncs, such as ``np.add.reduce``.
_REDUCTIONS = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min",
    "logical_and": "all", "logical_or": "any",
}  # fmt: skip
_MEANINGLESS = ("out", "where", "casting", "order", "subok", "signature", "initial", "like")


def call_ufunc(functions: Functions, ufunc: Any, method: str, inputs: Any, options: Any) -> Any:
    """``np.exp(x)``, ``array + x``, ``np.add.reduce(x)``."""
    shown = f"np.{ufunc.__name__}"
    options = _meaningful(shown, options)
    if method == "reduce" and ufunc.__name__ in _REDUCTIONS:
        # A ufunc's own reduction is along the first axis unless told.
        return functions[_REDUCTIONS[ufunc.__name__]](*inputs, **({"axis": 0} | options))
    if method != "__call__":
        _refuse(f"{shown}.{method}", "it has no graph form")
    if "dtype" in options:
        _refuse(shown, "its argument 'dtype' has no meaning for a Tensor; use graphc.astype")
    if ufunc.__name__ in _SPECIAL:
        return _SPECIAL[ufunc.__name__](functions, *inputs, **options)
    return _function(functions, shown, ufunc.__name__)(*inputs, **options)


def call_function(functions: Functions, function: Any, arguments: Any, keywords: Any) -> Any:
    """``np.sum(x, axis=0)``, ``np.where(...)``, ``np.concatenate([...])``."""
    name = function.__name__
    shown = f"{function.__module__.replace('numpy', 'np', 1)}.{name}"
    given = _meaningful(shown, keywords)
    if shown == "np.linalg.norm":
        return _norm(functions, *arguments, **given)
    if name in _SPECIAL:
        return _SPECIAL[name](functions, *arguments, **given)
    if function.__module__ != "numpy":
        _refuse(shown, "graphc has no function of this name")
    return _function(functions, shown, name)(*arguments, **given)


def _meaningful(shown: str, options: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, value in options.items():
        plain = value is None or value is True or (isinstance(value, str) and value in "KC")
        if value is np._NoValue or (name in _MEANINGLESS and plain):
            continue
        if name in _MEANINGLESS:
            _refuse(shown, f"its argument {name!r} has no meaning for a Tensor")
        kept[_ARGUMENTS.get(name, name)] = value
    return kept


def _function(functions: Functions, shown: str, name: str) -> Callable[..., Any]:
    function = functions.get(NAMES.get(name, name))
    if function is None:
        _refuse(shown, "graphc has no function of this name")
    return function


def _refuse(shown: str, why: str) -> NoReturn:
    raise UnsupportedError(f"{shown} does not take a Tensor: {why}").at(location.capture())


def _transpose(functions: Functions, a: Any, axes: Any = None) -> Any:
    return a.transpose(axes)


def _dot(functions: Functions, a: Any, b: Any) -> Any:
    ranks = np.ndim(a), np.ndim(b)
    if 0 in ranks:
        return functions["multiply"](a, b)
    if ranks[0] > 1 and ranks[1] > 2:
        _refuse("np.dot", "it pairs all matrices of both for ranks above 2; use graphc.matmul")
    return functions["matmul"](a, b)


def _norm(
    functions: Functions, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False
) -> Any:
    vectors = isinstance(axis, int) or (axis is None and x.ndim == 1)
    if ord is not None and not (ord == 2 and vectors):
        _refuse("np.linalg.norm", "graphc has no other norm than the root of a sum of squares")
    return functions["norm"](x, axis=axis, keepdims=keepdims)


# Where NumPy's arguments are not ours.
_SPECIAL: dict[str, Callable[..., Any]] = {
    "divmod": lambda functions, a, b: (
        functions["floor_divide"](a, b),
        functions["remainder"](a, b),
    ),
    "dot": _dot,
    "ndim": lambda functions, a: a.ndim,
    "positive": lambda functions, a: a,
    "ravel": lambda functions, a: a.flatten(),
    "shape": lambda functions, a: a.shape,
    "size": lambda functions, a: a.size,
    "transpose": _transpose,
}
