"""Arithmetic that changes nothing, or is known to give the bits of cheaper arithmetic.

Every rule holds for all values of its operands: signed zeros, infinities, NaN (all NaNs count as
equal) and denormals.  Where one would fail on any of them it is not here: ``x + 0`` is ``+0`` for
``x = -0``; ``x * 0`` is NaN for infinities; ``x - x`` too; ``x ** 0.5`` differs from ``sqrt(x)``
at -0 and -inf.  (With denormals flushed, ``x * 1`` flushes and ``x`` does not; the next op does.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphc.ir import dtypes
from graphc.ir.dtypes import DType
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Node, Value
from graphc.ir.uniform import is_uniform, uniform
from graphc.passes.base import Make, rewrite_locally


class Simplify:
    """See the module."""

    __slots__ = ()
    name = "simplify"

    def run(self, graph: Graph) -> Graph:
        return rewrite_locally(graph, _rule, lambda op: op.name in _RULES)


def _rule(node: Node, make: Make) -> Value | None:
    rule = _RULES.get(node.op.name)
    return rule(node, make) if rule is not None else None


def _is(value: Value, name: str) -> bool:
    return value.node.op.name == name


def _inside(value: Value) -> Value:
    return value.node.operands[0]


# -- sums --------------------------------------------------------------------------------------


def _add(node: Node, make: Make) -> Value | None:
    x, y = node.operands
    dtype = x.type.dtype
    if dtype.is_bool:
        return None
    # x + -0 is x for every float, +0 and -0 among them; for integers any zero will do.
    zero = -0.0 if dtype.is_float else 0
    if is_uniform(y, zero):
        return x
    if is_uniform(x, zero):
        return y
    # A float's negation is exact, and x + -y is by definition x - y; integers wrap alike.
    if _is(y, "negative"):
        return make("subtract", x, _inside(y), like=node)
    if _is(x, "negative"):
        return make("subtract", y, _inside(x), like=node)
    return None


def _subtract(node: Node, make: Make) -> Value | None:
    x, y = node.operands
    # x - +0 is x for every float: -0 - +0 is -0.
    if is_uniform(y, 0):
        return x
    if _is(y, "negative"):  # x - -y is x + y, as in _add
        return make("add", x, _inside(y), like=node)
    return None


def _negative(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    return _inside(x) if _is(x, "negative") else None  # flips the sign bit twice


def _abs(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    if _is(x, "abs") or (_is(x, "square") and x.type.dtype.is_float):
        return x  # the sign bit is clear already; a square of integers may have wrapped
    # Of signed integers too: the smallest stays itself on both ways.
    if _is(x, "negative") and x.type.dtype.kind != "u":
        return make("abs", _inside(x), like=node)
    return None


# -- products ----------------------------------------------------------------------------------


def _multiply(node: Node, make: Make) -> Value | None:
    x, y = node.operands
    if x.type.dtype.is_bool:
        return None
    for factor, other in ((x, y), (y, x)):
        number = uniform(factor)
        if number is None:
            continue
        if number == 1:  # exact for every value
            return other
        if number == -1:  # exact, only the sign changes; integers wrap alike
            return make("negative", other, like=node)
    if _is(x, "negative") and _is(y, "negative"):  # the product's sign is the xor of both
        return make("multiply", _inside(x), _inside(y), like=node)
    return None


def _divide(node: Node, make: Make) -> Value | None:
    x, y = node.operands
    if is_uniform(y, 1):
        return x
    if is_uniform(y, -1):
        return make("negative", x, like=node)
    if _is(x, "negative") and _is(y, "negative"):
        return make("divide", _inside(x), _inside(y), like=node)
    inverse = _exact_inverse(uniform(y), y.type.dtype)
    if inverse is None:
        return None
    # x / 2^k and x * 2^-k are the same real number, rounded once.
    return make("multiply", x, _filled(inverse, y, node, make), like=node)


def _exact_inverse(number: np.generic | None, dtype: DType) -> float | None:
    """1 / ``number`` where that is a power of two, normal in ``dtype`` like ``number`` itself."""
    if number is None:
        return None
    value = float(number)
    if not math.isfinite(value) or abs(math.frexp(value)[0]) != 0.5:
        return None
    limits = np.finfo(dtype.numpy)
    smallest, largest = float(limits.tiny), 1 / float(limits.tiny)
    return 1 / value if smallest <= abs(value) <= largest else None


def _power(node: Node, make: Make) -> Value | None:
    """Exponents whose power is one correctly rounded operation."""
    x, exponent = node.operands
    dtype = x.type.dtype
    if dtype.is_bool:
        return None
    if is_uniform(exponent, 1):
        return x
    if is_uniform(exponent, 2):  # x * x, rounded once; integers wrap alike
        return make("square", x, like=node)
    if not dtype.is_float:
        return None
    if is_uniform(exponent, -1):  # 1 / x, rounded once; of +-0 and +-inf with its sign
        return make("reciprocal", x, like=node)
    if is_uniform(exponent, 0) or is_uniform(exponent, -0.0):  # 1, of NaN too
        return _filled(1.0, x, node, make)
    if is_uniform(exponent, 0.5) and any(_is(x, name) for name in ("abs", "square", "exp")):
        return make("sqrt", x, like=node)  # x has no sign, so -0 and -inf cannot be
    return None


def _filled(number: float, like: Value, node: Node, make: Make) -> Value:
    value = np.array(number, like.type.dtype.numpy)
    value.setflags(write=False)
    constant = make("constant", like=node, value=value)
    if not like.type.rank:
        return constant
    return make("broadcast", constant, like=node, shape=like.type.shape, axes=())


# -- choices, logic, dtypes --------------------------------------------------------------------


def _where(node: Node, make: Make) -> Value | None:
    condition, x, y = node.operands
    if x is y:
        return x
    known = uniform(condition)
    if known is not None:
        return x if known else y
    if _is(condition, "logical_not"):
        return make("where", _inside(condition), y, x, like=node)
    return None


def _same_operands(node: Node, make: Make) -> Value | None:
    x, y = node.operands
    return x if x is y else None  # of equals, and of NaN, both give the operand


def _logical_not(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    return _inside(x) if _is(x, "logical_not") else None


def _logical_and(node: Node, make: Make) -> Value | None:
    return _with_neutral(node, neutral=True)


def _logical_or(node: Node, make: Make) -> Value | None:
    return _with_neutral(node, neutral=False)


def _with_neutral(node: Node, neutral: bool) -> Value | None:
    x, y = node.operands
    for known, other in ((x, y), (y, x)):
        element = uniform(known)
        if element is not None:
            return other if bool(element) == neutral else known
    return x if x is y else None


# Of these every value of the left dtype has an equal one in the right, and the way back finds it.
_EXACT = {
    (dtypes.float32, dtypes.float64),
    (dtypes.int32, dtypes.int64),
    (dtypes.int32, dtypes.float64),
    *((dtypes.uint8, wide) for wide in dtypes.ALL if wide not in (dtypes.uint8, dtypes.bool_)),
    *((dtypes.bool_, wide) for wide in dtypes.ALL if wide is not dtypes.bool_),
}


def _astype(node: Node, make: Make) -> Value | None:
    (x,) = node.operands
    if node.result.type == x.type:
        return x
    if not _is(x, "astype"):
        return None
    first, middle, last = _inside(x).type.dtype, x.type.dtype, node.result.type.dtype
    if (first, middle) not in _EXACT:
        return None
    if last is first:
        return _inside(x)
    # Nothing was lost on the way, so the second conversion sees the same number; but a float
    # saturates where an integer keeps its low bits.
    if first.is_float != middle.is_float and not (last.is_float or (first, last) in _EXACT):
        return None
    return make("astype", _inside(x), like=node, dtype=last)


_RULES: dict[str, Callable[[Node, Make], Value | None]] = {
    "add": _add,
    "subtract": _subtract,
    "negative": _negative,
    "abs": _abs,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "where": _where,
    "maximum": _same_operands,
    "minimum": _same_operands,
    "logical_not": _logical_not,
    "logical_and": _logical_and,
    "logical_or": _logical_or,
    "astype": _astype,
}
