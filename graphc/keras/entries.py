"""Entries: code written with layers, declared as a graph and compiled on the variables' memory.

Knows variables and graphs; nothing of models, losses or data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import graphc
from graphc.api import Executable, Graph
from graphc.api import compile as compile_graphs
from graphc.ir.dims import named
from graphc.keras import config, tree
from graphc.keras.tensor import BATCH
from graphc.keras.variables import Trace, Variable, distinct_parameters
from graphc.tensor import Tensor
from runtime.entry_point import EntryPoint
from runtime.state import State

_ATTEMPTS = 3

# Element types that programs lack, by what they become.
_WIDENED = {
    "int8": "int32",
    "int16": "int32",
    "uint16": "int32",
    "uint32": "int64",
    "uint64": "int64",
    "float16": "float32",
    "longdouble": "float64",
}


def declare(
    name: str,
    declaration: Callable[[], Mapping[str, Tensor]],
    inputs: Sequence[Tensor],
    variables: Sequence[Variable] = (),
) -> tuple[Graph, dict[str, Variable]]:
    """The graph of what ``declaration`` returns and assigns, and the variables that it uses, by the
    names that their parameters have in it (another model may rename them later).

    ``variables`` are those known beforehand: their parameters get different names first.
    """
    distinct_parameters(list(variables))
    for _ in range(_ATTEMPTS):
        with Trace() as trace:
            outputs = dict(declaration())
        used = [*variables, *trace.seen, *trace.variables]
        names = {variable: variable.parameter_name for variable in used}
        distinct_parameters(used)
        if all(variable.parameter_name == old for variable, old in names.items()):
            break
    flush = True if trace.values else None
    made = Graph(name, outputs, trace.updates, inputs=inputs, flush_denormals=flush)
    used_names = {value.name for value in made.ir.parameters}
    return made, {v.parameter_name: v for v in used if v.parameter_name in used_names}


def compiled(graphs: Sequence[Graph], variables: Mapping[str, Variable]) -> Executable:
    """A program of ``graphs``, on the memory of ``variables`` by the parameters' names.

    Each program has a state of its own: what it shares with others is the variables' memory, and
    names of parameters matter within one program alone.
    """
    state = State()
    for name, variable in variables.items():
        variable.put_into(state, name)
    return compile_graphs(*graphs, state=state, threads=config.threads())


def input_like(name: str, array: np.ndarray, *, batched: bool = True) -> Tensor:
    """An input for arrays like ``array``: of any length, where it is ``batched``."""
    shape: tuple[Any, ...] = array.shape
    if batched and shape:
        shape = (named(BATCH), *shape[1:])
    return graphc.input(name, shape, array.dtype.name)  # type: ignore[no-any-return]


def supported(array: np.ndarray) -> np.ndarray:
    """``array`` in an element type that programs have.

    Raises ``TypeError`` where there is none, as for text and objects.

    >>> supported(np.ones(2, np.float16)).dtype
    dtype('float32')
    """
    kind = array.dtype.newbyteorder("=").name
    if kind in ("float32", "float64", "int32", "int64", "uint8", "bool"):
        return array
    if kind not in _WIDENED:
        raise TypeError(f"data of dtype {array.dtype} cannot be computed with: give numbers")
    return array.astype(_WIDENED[kind])


def identifier(text: str) -> str:
    """``text`` as a word that may name an input or output.

    >>> identifier("my layer/1")
    'my_layer_1'
    """
    word = re.sub(r"\W", "_", text) or "_"
    return word if word.isidentifier() else f"_{word}"


class EagerCalls:
    """Calls of ``function`` on arrays, each kind compiled when it first comes and then kept.

    A kind is the structure of the arguments, dtypes, ranks and all sizes but the first, and what
    ``setting`` gives.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        variables: Callable[[], list[Variable]],
        setting: Callable[[], Any] = tuple,
    ) -> None:
        self.function = function
        self.variables = variables
        self.setting = setting
        self._kept: dict[Any, tuple[EntryPoint, Any]] = {}

    def __call__(self, name: str, arguments: Any, keywords: Mapping[str, Any]) -> Any:
        """What ``function`` gives on the arrays among its arguments, as arrays."""
        given = (tuple(arguments), dict(keywords))
        arrays: list[np.ndarray] = []

        def noted(leaf: Any) -> Any:
            if not is_array(leaf):
                return leaf
            arrays.append(supported(np.asarray(leaf)))
            return _Place(len(arrays) - 1)

        noted_structure = tree.map_leaves(noted, given)
        kinds = tuple((a.dtype.name, a.ndim, a.shape[1:]) for a in arrays)
        key = (repr(noted_structure), kinds, self.setting())
        if key not in self._kept:
            self._kept[key] = self._compiled(name, noted_structure, arrays)
        entry, structure = self._kept[key]
        outputs = entry(*arrays)
        return tree.pack_as(structure, list(outputs.values()))

    def _compiled(self, name: str, noted: Any, arrays: list[np.ndarray]) -> tuple[EntryPoint, Any]:
        inputs = [input_like(f"x{i}", array) for i, array in enumerate(arrays)]
        positional, keywords = tree.map_leaves(
            lambda leaf: inputs[leaf.index] if isinstance(leaf, _Place) else leaf, noted
        )
        structure: list[Any] = []

        def declaration() -> dict[str, Tensor]:
            results = self.function(*positional, **keywords)
            structure[:] = [results]
            return {f"y{i}": graphc_tensor(t) for i, t in enumerate(tree.flatten(results))}

        before = self.variables()
        graph, used = declare(identifier(name), declaration, inputs, before)
        return compiled([graph], used).entries[graph.name], structure[0]


class _Place:
    """Where an array stands among arguments."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __repr__(self) -> str:
        return f"array {self.index}"


def is_array(leaf: Any) -> bool:
    """Whether a leaf of arguments is an array, or a variable as a value."""
    return isinstance(leaf, (np.ndarray, np.generic, Variable))


def graphc_tensor(value: Any) -> Tensor:
    """A result as a Tensor; a number becomes a constant."""
    from graphc.operands import as_tensor

    return as_tensor(value)
