"""Values of declared tensors, by the reference interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.ir import graphs
from graphc.ir.interpreter import evaluate
from graphc.tensor import Tensor


def values(tensors: Sequence[Tensor], *, state: Any = None, **inputs: Any) -> list[np.ndarray]:
    """The values of ``tensors``; inputs by name, those that nothing depends on left out."""
    named = {f"result{i}": x.value for i, x in enumerate(tensors)}
    graph = graphs.collect("test", named)
    used = {str(value.name) for value in graph.inputs}
    given = {name: array for name, array in inputs.items() if name in used}
    outputs, _ = evaluate(graph, given, state)
    return [np.asarray(outputs[name]) for name in named]


def value(tensor: Tensor, **inputs: Any) -> np.ndarray:
    """The value of one tensor."""
    return values([tensor], **inputs)[0]
