"""Declaring an op: one call makes its record and its public function.

    softplus = elementwise(
        "softplus",
        math=lambda sp, x: sp.log(1 + sp.exp(x)),
        numpy=lambda x: np.logaddexp(0, x),
        lower=lambda b, x: ...,
        grad=lambda g, out, x: g * sigmoid(x),
        doc="Smooth ramp log(1 + e^x), without overflow.",
    )

Operands are the positional parameters of ``lower`` (after the builder), ``expand`` or ``numpy``;
its keyword-only parameters are the op's attributes, with their defaults.  A domain says in which
dtypes an op computes:

======== =========================================================================================
float    float32 and float64; int32 and int64 become float64, uint8 and bool float32
quotient as float, but uint8 and bool become float64
numeric  floats and integers; bool becomes int64
signed   floats and integers, no bool
integer  integers; bool becomes int64
bits     integers and bool
bool     everything becomes bool
any      everything stays what it is
======== =========================================================================================

Nothing here knows any one op.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import numpy as np

from graphc import location
from graphc.errors import ArgumentError, GraphcError, ShapeError
from graphc.ir.dtypes import DType
from graphc.ir.op import (
    Attributes,
    Composite,
    Constraint,
    Contraction,
    Elementwise,
    Gather,
    Infer,
    Op,
    Rearrange,
    Reduction,
    Scatter,
    Source,
    register,
)
from graphc.ir.types import TensorType
from graphc.operands import COMPUTED_IN, convert, elementwise_operands
from graphc.ops import documentation
from graphc.ops.faces import (
    OpFunction,
    arity,
    call,
    face,
    helper,
    plain,
    public,
    signature_of,
)
from graphc.ops.type_rules import check_domain, exactly, same_types, types_of_expansion
from graphc.tensor import Tensor

__all__ = [
    "OpFunction",
    "call",
    "composite",
    "contraction",
    "elementwise",
    "gather",
    "helper",
    "public",
    "rearrange",
    "reduction",
    "scatter",
    "source",
]


def elementwise(
    name: str,
    *,
    numpy: Callable[..., Any],
    lower: Callable[..., Any],
    math: Callable[..., Any] | None = None,
    grad: Callable[..., Any] | None = None,
    domain: str = "float",
    result: str | DType = "same",
    doc: str = "",
    infer: Infer | None = None,
    cost: int = 1,
    widen: bool = False,
) -> OpFunction:
    """Declare an elementwise op and return its public function.

    ``lower(builder, *operands, **attributes)`` is its scalar arithmetic against
    ``graphc.ir.scalar.ScalarBuilder``; ``numpy`` its reference on arrays; ``math(sympy, *symbols)``
    its meaning, from which the gradient is derived where ``grad(cotangent, output, *operands)`` is
    not given.  ``result`` is "same", "bool" or a dtype; ``cost`` is in flops; with ``widen``
    integer literals that do not fit widen the operands; ``infer`` replaces the rule of types.
    ``ValueError`` where another file has the name, ``ArgumentError`` for an unknown ``domain``.

    >>> import graphc
    >>> cube = graphc.elementwise(
    ...     "cube_of_docs",
    ...     math=lambda sp, x: x**3,
    ...     numpy=lambda x: x * x * x,
    ...     lower=lambda b, x: b.mul(b.mul(x, x), x),
    ...     doc="The cube of each element.",
    ... )
    >>> cube(graphc.input("x", ("N",)))
    Tensor cube_of_docs: f32[N]
    """
    if domain not in COMPUTED_IN:
        raise ArgumentError(f"unknown domain {domain!r}; there are {', '.join(COMPUTED_IN)}")
    signature = signature_of(lower, skip=1)
    op = Elementwise(
        name=name,
        infer=infer or same_types(arity(signature), domain, result),
        numpy=_reference(numpy),
        lower=lower,
        math=math,
        grad=_wrapped_gradient(grad),
        doc=doc,
        cost=cost,
    )
    _enter(op)
    prepare = partial(elementwise_operands, name, domain=domain, widen=widen)
    return face(op, signature, prepare, documentation.elementwise_notes(domain, result), domain)


def composite(
    name: str,
    *,
    numpy: Callable[..., Any],
    expand: Callable[..., Any],
    grad: Callable[..., Sequence[Any]] | None = None,
    doc: str = "",
    infer: Infer | None = None,
    domain: str | None = None,
    broadcast: bool = False,
) -> OpFunction:
    """Declare an op that is defined by others: ``expand(*tensors, **attributes)`` builds it.

    Its types are those of its expansion unless ``infer`` gives them.  With a ``domain`` the
    operands are promoted to one dtype of it, and with ``broadcast`` to one shape; without, they are
    only made tensors.  ``grad(cotangents, outputs, *operands, **attributes)`` is its own gradient
    rule, where that of the expansion would be unstable.

    >>> import graphc
    >>> import numpy as np
    >>> midrange = graphc.composite(
    ...     "midrange_of_docs",
    ...     numpy=lambda x: (np.max(x) + np.min(x)) / 2,
    ...     expand=lambda x: (graphc.max(x) + graphc.min(x)) / 2,
    ...     doc="Half way between the extremes.",
    ... )
    >>> midrange(graphc.input("x", ("N",)))
    Tensor midrange_of_docs: f32[]
    """
    signature = signature_of(expand)
    op = Composite(
        name=name,
        infer=infer or types_of_expansion(expand),
        numpy=numpy,
        expand=expand,
        grad=grad,
        doc=doc,
    )
    _enter(op)

    def prepare(operands: Sequence[Any]) -> list[Tensor]:
        if broadcast:
            return elementwise_operands(name, operands, domain or "any")
        if domain is not None:
            return convert(name, operands, domain)
        return [convert(name, [operand])[0] for operand in operands]

    return face(op, signature, prepare, "")


def reduction(
    name: str,
    *,
    combine: str,
    numpy: Callable[..., Any],
    grad: Callable[..., Sequence[Any]] | None = None,
    doc: str = "",
    domain: str = "any",
    result: DType | None = None,
) -> OpFunction:
    """Declare a fold along axes.  ``numpy(x, axes)`` is its reference; the function returned takes
    ``axes`` as the record does (sorted, non-negative), and ``nonempty`` where no axis may turn out
    to be of size 0."""

    def reference(
        x: np.ndarray,
        *,
        axes: tuple[int, ...],
        order: str | None = None,
        nonempty: bool = False,
    ) -> Any:
        return np.asarray(numpy(x, axes))

    def infer(types: Sequence[TensorType], attributes: Attributes) -> tuple[TensorType, ...]:
        (x,) = exactly(types, 1)
        axes = attributes["axes"]
        if list(axes) != sorted(set(axes)) or any(not 0 <= axis < x.rank for axis in axes):
            raise ShapeError(f"axes {axes} are not sorted axes of rank {x.rank}")
        check_domain(domain, x.dtype)
        shape = tuple(size for axis, size in enumerate(x.shape) if axis not in axes)
        return (TensorType(result or x.dtype, shape),)

    op = Reduction(
        name=name,
        infer=infer,
        numpy=reference,
        grad=grad,
        doc=doc,
        combine=combine,
        requires=_elements,
    )
    _enter(op)
    return plain(op, signature_of(reference))


def _elements(types: Sequence[TensorType], attributes: Attributes) -> list[Constraint]:
    """That there are elements along the axes of a fold that is of some."""
    sizes = [types[0].shape[axis] for axis in attributes["axes"]]
    return [(s, ">=", 1) for s in sizes if attributes.get("nonempty") and not isinstance(s, int)]


def rearrange(
    name: str,
    *,
    infer: Infer,
    numpy: Callable[..., Any],
    pieces: Callable[..., Any],
    grad: Callable[..., Sequence[Any]] | None = None,
    doc: str = "",
    requires: Callable[..., Any] | None = None,
) -> OpFunction:
    """Declare an op that moves elements; the function returned takes the record's attributes."""
    op = Rearrange(
        name=name, infer=infer, numpy=numpy, pieces=pieces, grad=grad, doc=doc, requires=requires
    )
    _enter(op)
    return plain(op, inspect.signature(numpy))


def contraction(
    name: str,
    *,
    infer: Infer,
    numpy: Callable[..., Any],
    grad: Callable[..., Sequence[Any]] | None = None,
    doc: str = "",
) -> OpFunction:
    """Declare a product summed over an axis of both operands."""
    op = Contraction(name=name, infer=infer, numpy=numpy, grad=grad, doc=doc)
    _enter(op)
    return plain(op, signature_of(numpy))


def gather(
    name: str,
    *,
    infer: Infer,
    numpy: Callable[..., Any],
    index_at: Callable[..., tuple[Any, ...]],
    source_at: Callable[..., tuple[Any, ...]],
    grad: Callable[..., Sequence[Any]] | None = None,
    doc: str = "",
) -> OpFunction:
    """Declare a read of operand 0 at places that operand 1 says."""
    op = Gather(
        name=name, infer=infer, numpy=numpy, index_at=index_at, source_at=source_at,
        grad=grad, doc=doc,
    )  # fmt: skip
    _enter(op)
    return plain(op, signature_of(numpy))


def scatter(
    name: str,
    *,
    infer: Infer,
    numpy: Callable[..., Any],
    grad: Callable[..., Sequence[Any]] | None = None,
    doc: str = "",
) -> OpFunction:
    """Declare a sum of operand 0 at places that operand 1 says."""
    op = Scatter(name=name, infer=infer, numpy=numpy, grad=grad, doc=doc)
    _enter(op)
    return plain(op, signature_of(numpy))


def source(name: str, *, infer: Infer, numpy: Callable[..., Any], doc: str = "") -> Op:
    """Declare an op without operands."""
    op = Source(name=name, infer=infer, numpy=numpy, doc=doc)
    _enter(op)
    return op


# -- the parts ---------------------------------------------------------------------------------


_declared_in: dict[str, str] = {}


def _enter(op: Op) -> None:
    """Register ``op``.  A file that is run again, or a notebook's cell, may declare its ops again;
    graphs made before keep the record they have.  ``ValueError`` where the name is another
    file's."""
    if not isinstance(op.name, str) or not op.name.isidentifier():
        reason = f"the name of an op must be an identifier, not {op.name!r}"
        raise ArgumentError(reason).at(location.capture())
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    file = frame.f_code.co_filename if frame is not None else ""
    home = "a notebook" if "ipykernel" in file or file.startswith("<") else file
    own = not name.startswith("graphc.")
    try:
        register(op, again=own and _declared_in.get(op.name) == home)
    except GraphcError as error:
        raise error.at(location.capture()) from None
    _declared_in[op.name] = home


def _reference(numpy: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """``numpy`` without warnings, and an array for scalars too: special values are part of an op's
    meaning, and rank 0 is a rank."""

    def reference(*arrays: Any, **attributes: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(numpy(*arrays, **attributes))

    return reference


def _wrapped_gradient(grad: Callable[..., Any] | None) -> Callable[..., Sequence[Any]] | None:
    """An elementwise rule ``grad(g, out, *operands)`` as a record wants it; one operand's gradient
    may stand without a tuple."""
    if grad is None:
        return None

    def rule(cotangents: Any, outputs: Any, *operands: Any, **attributes: Any) -> Sequence[Any]:
        gradients = grad(cotangents[0], outputs[0], *operands, **attributes)
        return gradients if isinstance(gradients, (tuple, list)) else (gradients,)

    return rule
