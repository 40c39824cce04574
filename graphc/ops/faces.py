"""The public function of a record: how a call becomes a node.

Responsible for operands by position or keyword, attributes with their defaults, and the table of
public functions.  What a record says of its op is the affair of ``graphc.ops.declare``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from graphc.errors import ArgumentError, SignatureError
from graphc.ir.op import Op
from graphc.operands import build, fail, named
from graphc.ops import documentation
from graphc.tensor import Tensor, functions


class OpFunction(Protocol):
    """The public function of an op; ``op`` is its record."""

    op: Op
    __name__: str

    def __call__(self, *operands: Any, **attributes: Any) -> Any: ...


Function = TypeVar("Function", bound=Callable[..., Any])


class _Functions:
    """All public functions by name, found when called: gradient rules use functions of modules
    that are imported after their own."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return functions[name]
        except KeyError:
            raise AttributeError(f"there is no op function {name!r}") from None


call = _Functions()


def public(record: Op | OpFunction) -> Callable[[Function], Function]:
    """Makes a hand-written function the public face of ``record``, where its arguments are not
    simply the operands and attributes (axes that may be negative, sizes that may be -1)."""

    def attach(function: Function) -> Function:
        shown = named(function)
        shown.op = record if isinstance(record, Op) else record.op  # type: ignore[attr-defined]
        functions[function.__name__] = shown
        return shown

    return attach


def helper(function: Function) -> Function:
    """Makes a function that has no record of its own public."""
    shown = named(function)
    functions[function.__name__] = shown
    return shown


def signature_of(function: Callable[..., Any], skip: int = 0) -> inspect.Signature:
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ArgumentError(f"operands and attributes must be named, not *{parameter.name}")
    return inspect.Signature(parameters)


def operand_names(signature: inspect.Signature) -> list[str]:
    return [p.name for p in signature.parameters.values() if p.kind != p.KEYWORD_ONLY]


def arity(signature: inspect.Signature) -> int:
    return len(operand_names(signature))


def _attributes(
    name: str, defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The op's attributes, complete with defaults; all known now, so no tensors."""
    if not given:
        return defaults
    for parameter, value in given.items():
        if isinstance(value, Tensor):
            reason = f"{parameter} must be known when the graph is declared, not a Tensor"
            raise fail(ArgumentError(reason), name, [value])
    return {n: _plain_value(given.get(n, default)) for n, default in defaults.items()}


def _plain_value(value: Any) -> Any:
    """NumPy's numbers as Python's, lists as tuples: attributes are compared, printed and read."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(_plain_value, value)) if isinstance(value, (list, tuple)) else value


def _bare(signature: inspect.Signature) -> inspect.Signature:
    """``signature`` without annotations."""
    parameters = signature.parameters.values()
    return inspect.Signature([p.replace(annotation=p.empty) for p in parameters])


def _bound(
    name: str, signature: inspect.Signature, operands: Sequence[Any], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """All arguments by name; ``SignatureError`` where they are not those of ``signature``."""
    try:
        return signature.bind(*operands, **attributes).arguments
    except TypeError as error:
        told = SignatureError(str(error), advice=f"it is called as {name}{_bare(signature)}")
        raise fail(told, name) from None


def face(
    op: Op,
    signature: inspect.Signature,
    prepare: Callable[[Sequence[Any]], Sequence[Tensor]],
    notes: str = "",
    domain: str = "float",
) -> OpFunction:
    """The public function of ``op``: converts operands, completes attributes, builds the node."""

    names = operand_names(signature)
    parameters = signature.parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}
    needs_attributes = inspect.Parameter.empty in defaults.values()

    def function(*operands: Any, **attributes: Any) -> Any:
        if len(operands) != len(names) or attributes or needs_attributes:
            # By keyword, or wrong.
            attributes = _bound(op.name, signature, operands, attributes)
            operands = tuple(attributes.pop(name) for name in names)
        complete = _attributes(op.name, defaults, attributes)
        tensors = prepare(operands)
        results = build(op, [x.value for x in tensors], complete)
        return results[0] if len(results) == 1 else results

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = documentation.docstring(op, signature, notes, domain)
    function.__signature__ = signature  # type: ignore[attr-defined]
    return cast(OpFunction, public(op)(function))


def plain(op: Op, signature: inspect.Signature) -> OpFunction:
    """The function of a record whose public face is written by hand: operands are tensors."""

    def function(*operands: Any, **attributes: Any) -> Any:
        (result,) = build(op, [x.value for x in operands], attributes)
        return result

    function.__name__ = function.__qualname__ = op.name
    function.__doc__ = op.doc
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.op = op  # type: ignore[attr-defined]
    return cast(OpFunction, function)
