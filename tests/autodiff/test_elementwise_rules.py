"""Every elementwise gradient against derivatives of 30 digits, and against differences."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import graphc.ops as ops
from graphc.autodiff import grad
from graphc.autodiff.check import check_gradient
from graphc.autodiff.rules import rule_of
from graphc.ir.op import Elementwise, registered
from graphc.tensor import functions
from tests.evaluation import values

ORDINARY = (0.31, -0.73, 1.9, -2.6, 5.5, -7.2, 13.25, -19.5)
LARGE = (42.0, -42.0, 100.0, -100.0)
TINY = (1e-3, -1e-6, 1e-12, -1e-30)
# Where the derivative of the definition does not exist, the table of
# tests/autodiff/test_singular.py decides; and sympy's derivatives of floor are no numbers.
NO_TRUTH = {"floor_divide", "sign", "floor", "ceil", "round"}


def _own(record: Any) -> bool:
    return isinstance(record, Elementwise) and str(record.lower.__module__).startswith("graphc.")


RECORDS = [
    record
    for record in registered()
    if _own(record) and record.math is not None and record.name not in NO_TRUTH
]


def _arity(record: Elementwise) -> int:
    parameters = inspect.signature(record.lower).parameters
    return sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters.values()) - 1


def _grid(count: int) -> np.ndarray:
    points = (*ORDINARY, *LARGE, *TINY)
    if count == 1:
        return np.array([points])
    if count == 2:
        # Shifted, so that equal operands, where some derivatives jump, are not among them.
        pairs = [(x, 1.07 * y) for x, y in itertools.product(points, points)]
    else:
        pairs = [p for p in itertools.permutations(ORDINARY, count) if p[-1] > p[-2]]
    return np.array(pairs).T


def _inputs(count: int, grid: np.ndarray, dtype: str) -> tuple[list[Any], dict[str, np.ndarray]]:
    tensors = [ops.input(f"x{i}", (grid.shape[1],), dtype) for i in range(count)]
    return tensors, {f"x{i}": grid[i].astype(dtype) for i in range(count)}


def _truth(record: Elementwise, attributes: Any, count: int) -> list[Any]:
    symbols = sp.symbols(f"x0:{count}", real=True)
    meaning = record.math(sp, *symbols, **attributes)  # type: ignore[misc]
    plain = {sp.DiracDelta: lambda *_: sp.Integer(0)}
    partials = []
    for symbol in symbols:
        partial = sp.diff(meaning, symbol)
        for kind, replacement in plain.items():
            partial = partial.replace(kind, replacement)
        partial = partial.replace(sp.Derivative, lambda *_: sp.Integer(0)).doit()
        partials.append(sp.lambdify(symbols, partial, "mpmath"))
    return partials


def _at(partial: Any, point: tuple[float, ...]) -> Any:
    with mpmath.workdps(160):
        try:
            found = mpmath.mpmathify(partial(*map(mpmath.mpf, point)))
        except (ValueError, ZeroDivisionError, OverflowError, TypeError):
            return None
        return found.real if mpmath.isfinite(found) and found.imag == 0 else None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_against_30_digits(record: Elementwise, dtype: str) -> None:
    count = _arity(record)
    grid = _grid(count).astype(dtype)
    tensors, arrays = _inputs(count, grid, dtype)
    y = functions[record.name](*tensors)
    gradients = grad(ops.sum(y), tensors)
    out, *computed = values([y, *gradients], **arrays)
    info = np.finfo(dtype)
    tolerance = 200 * float(info.eps)
    compared = 0
    for partial, found in zip(
        _truth(record, y.value.node.attributes, count), computed, strict=True
    ):
        for j, point in enumerate(grid.T.astype(np.float64)):
            true = _at(partial, tuple(map(float, point)))
            if true is None or not np.isfinite(out[j]):
                continue
            if not info.tiny <= abs(true) <= info.max:
                assert not np.isnan(found[j]), point
                continue
            compared += 1
            error = abs(mpmath.mpf(float(found[j])) - true) / abs(true)
            assert error <= tolerance, (record.name, point.tolist(), float(found[j]), float(true))
    assert compared


def _ordinary(count: int) -> list[np.ndarray]:
    points = np.array([0.31, 0.45, 0.73, 0.88])
    return [points + 0.07 * i for i in range(count)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_first_and_second_derivatives_against_differences(record: Elementwise) -> None:
    inputs = _ordinary(_arity(record))
    function = functions[record.name]
    check_gradient(function, inputs)
    check_gradient(lambda *xs: grad(ops.sum(function(*xs)), xs), inputs)


def test_every_elementwise_record_has_a_rule_or_refuses() -> None:
    for record in registered():
        if _own(record):
            assert rule_of(record) is not None or record.math is None
