"""graphc: declare a static computation graph, differentiate it, and run it as native code.

This is the face users see.  What declares a graph is here at once; what compiles, differentiates,
draws or measures is imported when it is first used, so that ``import graphc`` stays light.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from graphc import errors, initializers, ops
from graphc.ir.dims import Dim
from graphc.ir.dtypes import DType, bool_, float32, float64, int32, int64, uint8
from graphc.ops import *  # noqa: F403
from graphc.ops.declare import composite, elementwise
from graphc.tensor import Tensor

__version__ = "0.1.0"

newaxis = None

# Where what is not imported at once comes from.
_LATER = {
    "Executable": "graphc.api",
    "Graph": "graphc.api",
    "benchmark": "graphc.api",
    "compile": "graphc.api",
    "evaluate": "graphc.api",
    "parse": "graphc.api",
    "parse_all": "graphc.api",
    "check_gradient": "graphc.autodiff.check",
    "custom_gradient": "graphc.autodiff",
    "grad": "graphc.autodiff",
    "jvp": "graphc.autodiff",
    "vjp": "graphc.autodiff",
    "from_sympy": "graphc.symbolic.convert",
    "to_sympy": "graphc.symbolic.convert",
    "Generator": "graphc.ops.random",
    "random_updates": "graphc.ops.random",
}
# What is looked for under the name it has in other libraries.
_ELSEWHERE = {
    "Input": "input", "Variable": "parameter", "array": "constant", "asarray": "constant",
    "cast": "astype", "dot": "matmul", "function": "compile", "gather": "take_along_axis",
    "jit": "compile", "placeholder": "input", "pow": "power", "reduce_max": "max",
    "reduce_mean": "mean", "reduce_sum": "sum", "take": "take_along_axis",
    "transpose": "permute_dims", "variable": "parameter",
}  # fmt: skip
_MODULES = ("api", "autodiff", "bench", "keras", "symbolic", "viz")

__all__ = [
    *ops.__all__, *_LATER, "DType", "Dim", "Tensor", "bool_", "composite", "elementwise", "errors",
    "float32", "float64", "initializers", "int32", "int64", "newaxis", "ops", "uint8",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    if name in _MODULES:
        return import_module(f"graphc.{name}")
    if name == "bool":
        return bool_
    from graphc.numpy_protocol import NAMES

    ours = NAMES.get(name) or _ELSEWHERE.get(name)
    here = f"; here it is graphc.{ours}" if ours else ""
    raise AttributeError(
        f"module 'graphc' has no attribute {name!r}{here}", name=name, obj=sys.modules[__name__]
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_MODULES})
