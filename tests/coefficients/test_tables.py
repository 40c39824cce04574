"""The coefficients in the sources are those that the script fits."""

from __future__ import annotations

from importlib import import_module

import pytest

from graphc.ir.dtypes import as_dtype
from tests.coefficients.fit import error, solve
from tests.coefficients.tables import CELLS, TABLES, columns, literal

# log2 of the weighted error: about a tenth of a unit in the last place.
ENOUGH = {"float32": -25.0, "float64": -54.3}


FITTED = [(name, precision) for name, fits in TABLES.items() for precision in fits]


@pytest.mark.parametrize(("name", "precision"), FITTED)
def test_tables_are_fitted(name: str, precision: str) -> None:
    module, _, table = name.partition(".")
    stored = getattr(import_module(f"graphc.ops.vecmath.{module}"), table)[as_dtype(precision)]
    fit = TABLES[name][precision]
    assert [literal(c, precision) for c in stored] == [literal(c, precision) for c in solve(fit)]
    assert error(fit, stored) < ENOUGH[precision]


@pytest.mark.parametrize("name", CELLS)
def test_cells_are_fitted(name: str) -> None:
    module, _, table = name.partition(".")
    stored = getattr(import_module(f"graphc.ops.vecmath.{module}"), table)
    fitted = columns(CELLS[name])
    assert [[literal(c, "float32") for c in column] for column in stored] == [
        [literal(c, "float32") for c in column] for column in fitted
    ]
    # The constant of a cell is rounded, too.
    for number, fit in enumerate(CELLS[name]):
        assert error(fit, [column[number] for column in fitted]) < -24
