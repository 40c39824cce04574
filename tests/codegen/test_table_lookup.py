"""Small tables looked up in registers: the entries that memory would give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import graphc
from graphc.compiler import compile_graphs
from graphc.ir import dtypes
from graphc.ir.scalar import Scalar, ScalarBuilder
from runtime.jit import resolve
from tests.levels import LEVELS

COUNTS = (1, 5, 8, 9, 16, 17)


def table(count: int) -> list[float]:
    return [(-1.5) ** k for k in range(count)]


def _lower(b: ScalarBuilder, x: Scalar, *, count: int) -> Scalar:
    return b.lookup(table(count), b.cast(x, dtypes.int32), dtypes.float32)


entry = graphc.elementwise(
    "test_entry",
    numpy=lambda x, *, count: np.array(table(count), "float32")[x.astype(int)],
    lower=_lower,
    doc="An entry of a table.",
)


@pytest.mark.parametrize("target", LEVELS)
def test_every_entry_for_every_width(target: str) -> None:
    x = graphc.input("x", ("N",))
    exact = graphc.input("z", ("N",), "float64")  # half as many lanes
    outputs = {f"c{count}": entry(x % count, count=count) for count in COUNTS}
    outputs |= {f"d{count}": entry(x % count, count=count) * exact for count in COUNTS}
    exe = graphc.compile(graphc.Graph("looked_up", outputs), target=target)
    for size in (1, 3, 4, 7, 8, 15, 16, 31, 33, 64, 95, 130):
        at = np.arange(size, dtype="float32")
        found = exe(x=at, z=np.ones(size))
        for count in COUNTS:
            expected = np.array(table(count), "float32")[np.arange(size) % count]
            np.testing.assert_array_equal(found[f"c{count}"], expected)
            np.testing.assert_array_equal(found[f"d{count}"], expected)


@pytest.mark.parametrize(("target", "name"), [("avx512", "permvar"), ("avx2", "permps")])
def test_tables_of_a_register_are_permuted(target: str, name: str) -> None:
    x = graphc.input("x", (640,))
    level = replace(resolve(target), triple="x86_64-unknown-linux-gnu")

    def text(count: int) -> str:
        graph = graphc.Graph("looked_up", {"y": entry(x, count=count)})
        return compile_graphs([graph.ir], level, name="looked_up").llvm

    assert name in text(16) and "gather" not in text(16)
    assert name not in text(17)
