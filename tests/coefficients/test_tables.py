"""The coefficients in the sources are those that the script fits."""

from __future__ import annotations

from importlib import import_module

import pytest

from graphc.ir.dtypes import as_dtype
from tests.coefficients.fit import error, solve
from tests.coefficients.tables import TABLES, literal

# log2 of the weighted error: about a tenth of a unit in the last place.
ENOUGH = {"float32": -25.0, "float64": -54.3}


@pytest.mark.parametrize("precision", ENOUGH)
@pytest.mark.parametrize("name", TABLES)
def test_tables_are_fitted(name: str, precision: str) -> None:
    module, _, table = name.partition(".")
    stored = getattr(import_module(f"graphc.ops.vecmath.{module}"), table)[as_dtype(precision)]
    fit = TABLES[name][precision]
    assert [literal(c, precision) for c in stored] == [literal(c, precision) for c in solve(fit)]
    assert error(fit, stored) < ENOUGH[precision]
