"""The records that the kernels of these tests use, as far as ``graphc.ops`` has none (yet)."""

import numpy as np

import graphc.ops  # noqa: F401
from graphc.ir import dtypes, op
from graphc.ops.vecmath.exponential import exp


def _infer(result):
    def infer(types, attributes):
        if len({t.dtype for t in types}) != 1:
            raise TypeError(f"operands of different dtypes: {[str(t.dtype) for t in types]}")
        return (types[0].with_dtype(result) if result else types[0],)

    return infer


def _infer_where(types, attributes):
    condition, left, right = types
    if not condition.dtype.is_bool or left != right:
        raise TypeError("where takes a bool and two alike")
    return (left,)


def _maximum(b, x, y):
    if b.dtype(x).is_float:
        return b.select(b.ne(x, x), x, b.select(b.bit_or(b.gt(y, x), b.ne(y, y)), y, x))
    return b.select(b.gt(y, x), y, x)


_BOOL = dtypes.bool_
_SIMPLE = {
    "add": (None, lambda b, x, y: b.add(x, y)),
    "subtract": (None, lambda b, x, y: b.sub(x, y)),
    "multiply": (None, lambda b, x, y: b.mul(x, y)),
    "divide": (None, lambda b, x, y: b.div(x, y)),
    "negative": (None, lambda b, x: b.neg(x)),
    "sqrt": (None, lambda b, x: b.sqrt(x)),
    "exp": (None, exp),
    "maximum": (None, _maximum),
    "less": (_BOOL, lambda b, x, y: b.lt(x, y)),
    "less_equal": (_BOOL, lambda b, x, y: b.le(x, y)),
    "greater": (_BOOL, lambda b, x, y: b.gt(x, y)),
    "greater_equal": (_BOOL, lambda b, x, y: b.ge(x, y)),
    "equal": (_BOOL, lambda b, x, y: b.eq(x, y)),
    "not_equal": (_BOOL, lambda b, x, y: b.ne(x, y)),
    "logical_and": (_BOOL, lambda b, x, y: b.bit_and(x, y)),
    "logical_not": (_BOOL, lambda b, x: b.bit_not(x)),
    "leaky_relu": (None, lambda b, x, *, alpha=0.2: b.select(b.gt(x, 0), x, b.mul(x, alpha))),
}


def _register(name, infer, lower):
    if name not in {record.name for record in op.registered()}:
        op.register(op.Elementwise(name=name, infer=infer, numpy=np.asarray, lower=lower))


for _name, (_result, _lower) in _SIMPLE.items():
    _register(_name, _infer(_result), _lower)
_register("where", _infer_where, lambda b, c, x, y: b.select(c, x, y))
_register(
    "astype",
    lambda types, attributes: (types[0].with_dtype(attributes["dtype"]),),
    lambda b, x, *, dtype: b.cast(x, dtype),
)
