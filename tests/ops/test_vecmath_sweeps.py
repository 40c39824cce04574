"""The bounds of the vector math on 2**26 operands a function: ``pytest -m slow``.

Native code, whose bits are those of the arithmetic over NumPy, against functions computed one
format wider: float64 for float32, long double for float64 (2**22 operands, as that is slow).
Where an error comes near its bound, mpmath decides.
"""

from __future__ import annotations

import numpy as np
import pytest

from graphc.ir import dtypes
from graphc.ir.op import lookup
from graphc.loops.ir import Apply, Argument, Axis, AxisIndex, For, Kernel, Load, Store
from tests.codegen.kernels import Native
from tests.ops.vecmath_truth import CASES, HAS_WIDE, Array, Case, sample, truth, ulps

TOTAL, CHUNK = 2**26, 2**20
TOTAL_WIDE = 2**22  # long double is slow
# What the wider function may be wrong by, in units of the narrower format.
DOUBT = 0.01


def native(name: str, dtype: dtypes.DType) -> Native:
    case, here = CASES[name], (AxisIndex("i"),)
    operands = [Argument(f"x{k}", dtype, (CHUNK,)) for k in range(case.operands)]
    loads = tuple(Load(operand.name, here, dtype) for operand in operands)
    value = Apply(lookup(case.op or name).name, loads, dtype, case.attributes)
    loop = For((Axis("i", CHUNK, 1, 64 // dtype.size),), (Store("y", here, value),))
    return Native(Kernel("sweep", (*operands, Argument("y", dtype, (CHUNK,), "out")), (loop,)))


def worst_error(case: Case, operands: list[Array], actual: Array) -> tuple[float, list[float]]:
    wide = np.float64 if actual.dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        expected = np.asarray(case.wide(*(x.astype(wide) for x in operands)))
    errors = ulps(actual, expected)
    doubtful = np.flatnonzero(errors > case.bound(actual.dtype) - DOUBT)[:1000]
    if doubtful.size:
        rows = [x[doubtful] for x in operands]
        errors[doubtful] = ulps(actual[doubtful], truth(case, rows))
    worst = int(errors.argmax())
    return float(errors[worst]), [float(x[worst]) for x in operands]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_sweep(name: str, dtype: dtypes.DType) -> None:
    if dtype is dtypes.float64 and not HAS_WIDE:
        pytest.skip("no wider format")
    case, function = CASES[name], native(name, dtype)
    rng = np.random.default_rng(2)
    actual = np.empty(CHUNK, dtype.numpy)
    total = TOTAL if dtype is dtypes.float32 else TOTAL_WIDE
    worst = (0.0, [0.0])
    for _ in range(total // CHUNK):
        operands = sample(case, rng, CHUNK, dtype.numpy)
        function(*operands, actual)
        worst = max(worst, worst_error(case, operands, actual))
    print(f"{name:10s} {dtype.name} {worst[0]:.3f} ulp at {worst[1]}")
    assert worst[0] <= case.bound(dtype.numpy), worst
