"""Functions with a gradient rule of the user's own.

Responsible for ``custom_gradient``: the function becomes a composite, which autodiff sees whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from graphc.errors import ArgumentError, DefinitionError, GradientError, GraphcError
from graphc.ir import graphs
from graphc.ir.interpreter import evaluate
from graphc.ir.op import Attributes, Composite, register
from graphc.ir.types import TensorType
from graphc.operands import as_tensor, build, fail
from graphc.tensor import Tensor, functions


def custom_gradient(
    f: Callable[..., Any], grad: Callable[..., Any], *, name: str | None = None
) -> Callable[..., Any]:
    """``f`` with the gradient rule ``grad`` in the place of that of its expansion.

    ``f`` takes Tensors and gives a Tensor or a tuple of them.  ``grad(cotangent, output,
    *operands)`` gives one Tensor an operand, of its shape and dtype, or ``None`` for no gradient;
    where ``f`` gives a tuple, cotangents and outputs are tuples.  Tensors that ``f`` captures get
    no gradient.

    With a ``name`` the op enters the registry, so that a graph that holds it can be read back from
    its text; ``ValueError`` where the name is taken.

    >>> import graphc
    >>> clipped = graphc.custom_gradient(lambda x: x, lambda g, out, x: graphc.clip(g, -1.0, 1.0))
    >>> x = graphc.input("x", ())
    >>> (dx,) = graphc.grad(100 * clipped(x), [x])
    >>> float(graphc.evaluate(dx))
    1.0
    """
    for role, given in (("function", f), ("gradient rule", grad)):
        if not callable(given):
            reason = f"the {role} must be callable, not {type(given).__name__}"
            raise fail(ArgumentError(reason), "custom_gradient")
    shown = str(name or getattr(f, "__name__", "custom"))
    record = Composite(
        name=shown if shown.isidentifier() else "custom",
        infer=partial(_types, f),
        numpy=partial(_reference, f),
        expand=partial(_results, f),
        grad=partial(_rule, grad),
        doc=inspect.getdoc(f) or "",
    )
    if name is not None:
        register(record)

    def function(*operands: Any) -> Any:
        tensors = [as_tensor(operand, name=record.name) for operand in operands]
        results = build(record, [x.value for x in tensors], {})
        return results[0] if len(results) == 1 else results

    function.__name__ = function.__qualname__ = record.name
    function.__doc__ = record.doc
    return function


def _results(f: Callable[..., Any], *operands: Tensor) -> tuple[Tensor, ...]:
    try:
        results = f(*operands)
    except GraphcError:
        raise
    except Exception as error:
        raise DefinitionError.raised("function", error) from error
    results = tuple(results) if isinstance(results, tuple | list) else (results,)
    for result in results:
        if not isinstance(result, Tensor):
            raise ArgumentError(f"the function must give Tensors, not {type(result).__name__}")
    return results


def _types(
    f: Callable[..., Any], types: Sequence[TensorType], attributes: Attributes
) -> tuple[TensorType, ...]:
    stand_ins = [functions["input"](f"operand{i}", t.shape, t.dtype) for i, t in enumerate(types)]
    return tuple(result.value.type for result in _results(f, *stand_ins))


def _reference(f: Callable[..., Any], *arrays: np.ndarray) -> Any:
    """The expansion's own value, by the interpreter."""
    results = _results(f, *map(as_tensor, arrays))
    named = {f"result{i}": result.value for i, result in enumerate(results)}
    outputs, _ = evaluate(graphs.collect("expansion", named), {})
    values = tuple(outputs[name] for name in named)
    return values[0] if len(values) == 1 else values


def _rule(
    grad: Callable[..., Any],
    cotangents: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *operands: Tensor,
) -> Sequence[Any]:
    several = len(outputs) > 1
    gradients = grad(
        tuple(cotangents) if several else cotangents[0],
        tuple(outputs) if several else outputs[0],
        *operands,
    )
    gradients = gradients if isinstance(gradients, tuple | list) else (gradients,)
    if len(gradients) != len(operands):
        raise GradientError(
            f"the rule gave {len(gradients)} gradients for {len(operands)} operands"
        )
    return gradients
