"""Forward-mode differentiation out of reverse mode.

Responsible for Jacobian-vector products.  A vector-Jacobian product is linear in its cotangent, so
its own derivative with respect to that cotangent is the Jacobian-vector product: no second set of
rules is needed, and what the first pass computed falls away as dead code.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.autodiff.reverse import check_lists, pull_back, vjp, zeros_like
from graphc.errors import ArgumentError, GradientError
from graphc.ir.graphs import topological
from graphc.operands import fail
from graphc.tensor import Tensor, functions


def jvp(
    outputs: Sequence[Tensor], wrt: Sequence[Tensor], tangents: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """The Jacobian-vector product: how each of ``outputs`` changes as ``wrt`` moves along
    ``tangents``.  Each result has the shape and dtype of its output.

    Raises ``ArgumentError`` where numbers of tensors differ, and ``GradientError`` where a tangent
    is not of its tensor's type, or as ``graphc.grad`` does.

    >>> import graphc
    >>> x = graphc.input("x", (3,))
    >>> (moved,) = graphc.jvp([graphc.sum(x * x)], [x], [graphc.ones((3,))])
    >>> moved.shape
    ()
    """
    check_lists("jvp", outputs=outputs, wrt=wrt, tangents=tangents)
    if len(wrt) != len(tangents):
        raise fail(ArgumentError(f"{len(wrt)} tensors and {len(tangents)} tangents"), "jvp")
    for x, tangent in zip(wrt, tangents, strict=True):
        if not isinstance(tangent, Tensor) or tangent.value.type != x.value.type:
            shown = getattr(getattr(tangent, "value", None), "type", type(tangent).__name__)
            reason = f"the tangent of {x.value.type} must be a Tensor of that type, not {shown}"
            raise fail(GradientError(reason), "jvp", [x])
    placeholders = [
        functions["input"](f"cotangent{i}", y.shape, y.dtype) for i, y in enumerate(outputs)
    ]
    backward = vjp(outputs, wrt, placeholders)
    seeds = [(b.value, tangent) for b, tangent in zip(backward, tangents, strict=True)]
    sources = [placeholder.value for placeholder in placeholders]
    found = pull_back(seeds, sources)
    results = [
        total if total is not None else zeros_like(y)
        for y, total in zip(outputs, found, strict=True)
    ]
    _check_linear(results, {source.node for source in sources})
    return tuple(results)


def _check_linear(results: Sequence[Tensor], placeholders: set[object]) -> None:
    reached = topological([result.value for result in results])
    if any(node in placeholders for node in reached):
        raise fail(
            GradientError("a gradient rule on the way is not linear in its cotangent"), "jvp"
        )
