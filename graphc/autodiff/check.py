"""Gradients compared with finite differences, for users' own ops and for the tests.

Responsible for ``check_gradient``.  All is computed in float64 by the reference interpreter; the
differences are central and of fourth order, good to about 1e-10 where the function is smooth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.autodiff.reverse import vjp
from graphc.errors import ArgumentError, GradientError
from graphc.ir import graphs
from graphc.ir.interpreter import evaluate
from graphc.operands import as_array, as_tensor, fail
from graphc.tensor import Tensor, functions

STEP = 1e-3
_SHOWN = 8


@dataclass(frozen=True)
class Difference:
    """One partial derivative: of input number ``operand`` at ``index``."""

    operand: int
    index: tuple[int, ...]
    at: float
    gradient: float
    numeric: float

    @property
    def error(self) -> float:
        """Relative to 1 or to the derivative, whichever is larger."""
        if self.gradient == self.numeric:
            return 0.0
        scale = max(1.0, abs(self.gradient), abs(self.numeric))
        difference = abs(self.gradient - self.numeric) / scale
        return difference if difference == difference else float("inf")

    def __str__(self) -> str:
        place = f"input {self.operand}{list(self.index)} = {self.at:.6g}"
        shown = f"gradient {self.gradient:.10g}  differences {self.numeric:.10g}"
        return f"{place}  {shown}  error {self.error:.1e}"


@dataclass(frozen=True)
class GradientReport:
    """All derivatives that were compared, worst first."""

    differences: tuple[Difference, ...]
    tolerance: float

    @property
    def worst(self) -> float:
        """The largest error; 0 where there was nothing to compare."""
        return self.differences[0].error if self.differences else 0.0

    @property
    def wrong(self) -> tuple[Difference, ...]:
        """Those beyond the tolerance."""
        return tuple(d for d in self.differences if not d.error <= self.tolerance)

    def __str__(self) -> str:
        count = len(self.differences)
        head = f"{count - len(self.wrong)} of {count} derivatives agree to {self.tolerance:g}"
        shown = [f"  {difference}" for difference in (self.wrong or self.differences)[:_SHOWN]]
        hidden = len(self.wrong) - _SHOWN
        return "\n".join([head, *shown, *([f"  and {hidden} more"] if hidden > 0 else [])])


def check_gradient(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    *,
    tolerance: float = 1e-6,
    step: float = STEP,
) -> GradientReport:
    """Compare the gradient of ``f`` at ``inputs`` with finite differences.

    ``f`` takes one Tensor an input and gives a Tensor or several, of any shapes; floating-point
    ``inputs`` (arrays, numbers) are taken as float64 and differentiated, others are held fixed.
    Outputs are weighted with fixed numbers, so each element of every Jacobian counts.  ``step`` is
    relative to the larger of 1 and the element; choose points further than that from corners of
    ``f``.

    Returns a report to print.  Raises ``GradientError``, whose text is that report, where a
    derivative differs by more than ``tolerance`` (relative to 1, or to the derivative where it is
    larger).

    >>> import graphc
    >>> report = graphc.check_gradient(lambda x: graphc.sin(x) * x, [[0.5, 2.0]])
    >>> report.worst < 1e-6, len(report.differences)
    (True, 2)
    """
    arrays = [_prepared(value) for value in inputs]
    operands = [
        functions["input"](f"input{i}", array.shape, array.dtype) for i, array in enumerate(arrays)
    ]
    differentiated = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
    outputs = _outputs(f, operands)
    weights = _weights(outputs)
    sources = [operands[i] for i in differentiated]
    gradients = vjp(outputs, sources, [as_tensor(weight) for weight in weights])
    exact = _Evaluator(gradients, operands)(arrays)
    value = _Evaluator(outputs, operands)

    def weighted(at: Sequence[np.ndarray]) -> float:
        return float(sum(np.sum(y * w) for y, w in zip(value(at), weights, strict=True)))

    found = []
    for operand, gradient in zip(differentiated, exact, strict=True):
        for index in np.ndindex(*arrays[operand].shape):
            numeric = _derivative(weighted, arrays, operand, index, step)
            at = float(arrays[operand][index])
            found.append(Difference(operand, index, at, float(gradient[index]), numeric))
    report = GradientReport(tuple(sorted(found, key=lambda d: -d.error)), tolerance)
    if report.wrong:
        raise GradientError(f"the gradient does not agree with differences: {report}")
    return report


def _prepared(value: Any) -> np.ndarray:
    array = as_array(value, name="check_gradient")
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _outputs(f: Callable[..., Any], operands: Sequence[Tensor]) -> list[Tensor]:
    if not callable(f):
        reason = f"wants a function of Tensors, not {type(f).__name__}"
        raise fail(ArgumentError(reason), "check_gradient")
    results = f(*operands)
    results = list(results) if isinstance(results, tuple | list) else [results]
    return [y for y in results if isinstance(y, Tensor) and y.dtype.is_float]


def _weights(outputs: Sequence[Tensor]) -> list[np.ndarray]:
    """Fixed numbers from 0.5 to 1.5, all different."""
    random = np.random.default_rng(2)
    return [
        random.uniform(0.5, 1.5, y.shape).astype(y.dtype.numpy)  # type: ignore[arg-type]
        for y in outputs
    ]


class _Evaluator:
    """Values of tensors at arrays, by the interpreter."""

    def __init__(self, results: Sequence[Tensor], operands: Sequence[Tensor]) -> None:
        named = {f"result{i}": result.value for i, result in enumerate(results)}
        self._graph = graphs.collect("check", named, inputs=[x.value for x in operands])

    def __call__(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        bound = {str(x.name): array for x, array in zip(self._graph.inputs, arrays, strict=True)}
        outputs, _ = evaluate(self._graph, bound)
        return [np.asarray(outputs[name]) for name in self._graph.outputs]


def _derivative(
    f: Callable[[Sequence[np.ndarray]], float],
    arrays: Sequence[np.ndarray],
    operand: int,
    index: tuple[int, ...],
    step: float,
) -> float:
    distance = step * max(1.0, abs(float(arrays[operand][index])))

    def moved(steps: int) -> float:
        changed = arrays[operand].copy()
        changed[index] += steps * distance
        return f([changed if i == operand else array for i, array in enumerate(arrays)])

    near = moved(1) - moved(-1)
    far = moved(2) - moved(-2)
    return (8 * near - far) / (12 * distance)
