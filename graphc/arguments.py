"""What the faces demand of their arguments, and how they say so, at the user's line.

Responsible for arguments of ``graphc.api`` alone; what an op demands is the affair of its record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import UnionType
from typing import Any

import numpy as np

from graphc import location
from graphc.errors import (
    ArgumentError,
    DimError,
    DTypeError,
    GraphcError,
    ShapeError,
    UnknownInputError,
    UnsupportedError,
)
from graphc.ir import dims
from graphc.ir.attributes import ConstantReference
from graphc.ir.graphs import Graph
from graphc.ir.nodes import Value
from graphc.tensor import Tensor
from runtime.conversion import conform
from runtime.errors import InputDtypeError, InputError
from runtime.naming import suggestion
from runtime.target import Target

# Attributes that an executable gets when it is made.
_OWN = {"compilation", "entries", "program", "state", "target", "threads"}


def at(error: GraphcError) -> GraphcError:
    """``error`` completed with the user's line, to be raised."""
    return error.at(location.capture())


class at_user:  # noqa: N801 (used as a verb)
    """Within it, errors that have no line yet get the user's."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, GraphcError):
            error.at(location.capture())


def check_kind(value: Any, kind: type | UnionType, rule: str) -> None:
    """``ArgumentError`` with the ``rule`` where ``value`` is of another kind."""
    if not isinstance(value, kind):
        raise at(ArgumentError(f"{rule}, not {_shown(value)}"))


def check_name(name: Any, owner: str) -> None:
    """``ArgumentError`` where ``name`` is no identifier."""
    if not isinstance(name, str) or not name.isidentifier():
        raise at(ArgumentError(f"the name of {owner} must be an identifier, not {name!r}"))


def check_choice(value: Any, what: str, known: Sequence[str]) -> None:
    """``ArgumentError`` where ``value`` is none of ``known``."""
    if value not in known:
        raise at(ArgumentError(f"no {what} is called {value!r}{suggestion(value, known)}"))


def check_count(value: Any, what: str) -> None:
    """``ArgumentError`` where ``value`` is no int of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise at(ArgumentError(f"{what} must be an int of at least 1, not {value!r}"))


def check_entries(names: Sequence[str], executable: type) -> None:
    """``ArgumentError`` where entries of these names would not be reached as ``exe.name``."""
    if not names:
        raise at(ArgumentError("compile needs at least one Graph or Tensor"))
    for name in names:
        if names.count(name) > 1:
            raise at(
                ArgumentError(
                    f"two graphs are named {name!r}; the name of an entry must be its own",
                    advice='give each Tensor a name: graphc.Graph("a", x), graphc.Graph("b", y)',
                )
            )
        if name in _OWN or name.startswith("_") or hasattr(executable, name):
            reason = f"an entry cannot be named {name!r}: executables use that name themselves"
            raise at(ArgumentError(reason, advice="rename the graph"))


def named_outputs(outputs: Any) -> dict[str, Value]:
    """The values to return, by name; a lone Tensor is called ``output``."""
    if isinstance(outputs, Tensor):
        return {"output": outputs.value}
    if not isinstance(outputs, Mapping):
        reason = f"outputs are a Tensor or a dict of names to Tensors, not {_shown(outputs)}"
        raise at(ArgumentError(reason))
    for name in outputs:
        if not isinstance(name, str) or not name:
            raise at(ArgumentError(f"the name of an output must be a text, not {name!r}"))
    return {name: _tensor(value, f"output {name!r}").value for name, value in outputs.items()}


def changed_parameters(updates: Any) -> list[tuple[Value, Value]]:
    """Pairs of a parameter and its new value."""
    if isinstance(updates, Mapping):
        pairs = list(updates.items())
    elif isinstance(updates, Sequence) and all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in updates
    ):
        pairs = [tuple(pair) for pair in updates]
    else:
        reason = f"updates are a dict of parameters to their new values, not {_shown(updates)}"
        raise at(ArgumentError(reason))
    changed: dict[Value, Value] = {}
    for parameter, new in pairs:
        old = _tensor(parameter, "what is updated").value
        if old in changed:
            raise at(ArgumentError(f"the parameter {old.name} is updated twice"))
        changed[old] = _new_value(old, new)
    return list(changed.items())


def _new_value(old: Value, new: Any) -> Value:
    if old.node.op.name != "parameter":
        reason = f"{Tensor(old)!r} is no parameter, so it cannot be updated"
        raise at(ArgumentError(reason, advice="make it with graphc.parameter(name, array)"))
    value = _tensor(new, f"the new value of {old.name}").value
    reason = f"the update of {old.name} is {value.type}, not {old.type}"
    if old.type.shape != value.type.shape:
        raise at(ShapeError(reason).with_operands("Graph", [old]))
    if old.type.dtype != value.type.dtype:
        advice = f"convert it: graphc.astype(new, graphc.{old.type.dtype})"
        raise at(DTypeError(reason, advice=advice).with_operands("Graph", [old]))
    return value


def in_order(graph: Graph, inputs: Any) -> Graph:
    """``graph`` with the tensors of ``inputs`` as its first inputs, whether it uses them or not,
    and the others in the order of their declaration."""
    if inputs is not None and not isinstance(inputs, (tuple, list)):
        raise at(ArgumentError(f"inputs are a list of Tensors, not {_shown(inputs)}"))
    first: dict[Value, None] = {}
    for given in inputs or ():
        value = _tensor(given, "an input").value
        if value.node.op.name != "input":
            raise at(ArgumentError(f"{given!r} is no input"))
        first[value] = None
    rest = sorted(graph.inputs, key=lambda value: value.node.attributes.get("declared", 0))
    ordered = tuple(dict.fromkeys((*first, *rest)))
    return graph if ordered == graph.inputs else replace(graph, inputs=ordered, _dims=[])


def check_inputs(graph: Graph) -> None:
    """``UnsupportedError`` where two inputs or parameters have one name, ``DimError`` where a size
    follows from no input."""
    names: dict[str, Value] = {}
    for value in (*graph.inputs, *graph.parameters):
        other = names.setdefault(value.name or "", value)
        if other is not value:
            reason = f"two inputs or parameters of {graph.name} are named {value.name!r}"
            error = UnsupportedError(reason, advice="use the same Tensor twice, or two names")
            raise at(error.with_operands("Graph", [other, value]))
    bound, checked = set(graph.dims), set()
    for node in graph.nodes:
        for value in node.results:
            if id(value.type) in checked:
                continue
            checked.add(id(value.type))
            unbound = sorted(set().union(*map(dims.names, value.type.shape)) - bound)
            if unbound:
                raise DimError(
                    f"{graph.name}: {node.name or node.op.name} is {value.type}, and no input has "
                    f"{unbound[0]} among its sizes, so no call can say what it is",
                    advice="Graph(..., inputs=[x]) takes an input for its sizes alone",
                ).at(node.location)


def conformed(graph: Graph, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is given for inputs, as arrays of their dtypes: by the rule of compiled programs."""
    declared = {str(value.name): value for value in graph.inputs}
    arrays: dict[str, np.ndarray] = {}
    for name, given in inputs.items():
        if name not in declared:
            hint = suggestion(name, declared)
            raise at(UnknownInputError(f"{graph.name} has no input named {name!r}{hint}"))
        value = declared[name]
        try:
            arrays[name] = conform(given, value.type.dtype.numpy, f"input {name!r}")
        except InputDtypeError as error:
            raise _of_input(DTypeError(str(error)), value) from None
        except InputError as error:
            raise _of_input(ArgumentError(str(error)), value) from None
    missing = [value for name, value in declared.items() if name not in inputs]
    if missing:
        listed = ", ".join(repr(value.name) for value in missing)
        unknown = UnknownInputError(f"{graph.name} needs a value for input {listed}")
        raise at(unknown.with_operands("evaluate", missing))
    return arrays


def _of_input(error: GraphcError, value: Value) -> GraphcError:
    return at(error.with_operands("evaluate", [value]))


def check_constants(graph: Graph) -> None:
    """``UnsupportedError`` where the elements of a constant are not at hand."""
    for node in (*(value.node for value in graph.parameters), *graph.nodes):
        for value in node.attributes.values():
            if isinstance(value, ConstantReference):
                from graphc.ir.interpreter import unknown_constant

                raise at(unknown_constant(node, value))


def known_target(target: Any) -> Target:
    """The complete target meant by ``target``, which this machine must be able to execute."""
    from runtime import jit

    if not isinstance(target, (Target, str, type(None))):
        raise ArgumentError(f"target is a Target or the name of one, not {_shown(target)}")
    try:
        found = jit.resolve(target)
    except ValueError as error:
        raise ArgumentError(str(error)) from None
    reason = jit.why_not_executable(found)
    if reason is not None:
        raise ArgumentError(f"target {found.name}: {reason}")
    return found


def _tensor(value: Any, what: str) -> Tensor:
    if not isinstance(value, Tensor):
        advice = None
        if isinstance(value, (bool, int, float, np.ndarray, np.generic)):
            advice = "make it one with graphc.constant"
        raise at(ArgumentError(f"{what} must be a Tensor, not {_shown(value)}", advice=advice))
    return value


def _shown(value: Any) -> str:
    """``value`` as an error shows it: its kind, and itself where that is short."""
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    shown = f" {value!r}" if isinstance(value, str) and len(value) <= 40 else ""
    return f"{type(value).__name__}{shown}"
