"""Every elementwise op's native code against NumPy, bit for bit, special values included."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest

import graphc.ops  # noqa: F401
from graphc.ir import dtypes, op
from graphc.ir.dims import named
from graphc.ir.scalar_numpy import NumpyBuilder
from graphc.ir.types import TensorType
from graphc.loops.ir import Apply, Argument, Axis, AxisIndex, For, Kernel, Load, Store
from tests.codegen.test_against_interpreter import check
from tests.levels import LEVELS

RECORDS = [record for record in op.registered() if isinstance(record, op.Elementwise)]
LENGTH = 643


def values(dtype: dtypes.DType, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype.is_bool:
        return rng.random(LENGTH) < 0.5
    if not dtype.is_float:
        limits = np.iinfo(dtype.numpy)
        x = rng.integers(-9 if limits.min else 0, 9, LENGTH).astype(dtype.numpy)
        x[::7] = rng.choice([limits.min, limits.max, 0, limits.max - 1], x[::7].shape)
        return x
    x = (rng.standard_normal(LENGTH) * np.exp(rng.uniform(-20, 20, LENGTH))).astype(dtype.numpy)
    x[::3] = rng.standard_normal(x[::3].shape)
    tiny = np.finfo(dtype.numpy)
    special = [0, -0.0, np.inf, -np.inf, np.nan, tiny.tiny, tiny.tiny / 8, tiny.max, -1, 1, 0.5]
    x[::5] = rng.choice(np.array(special, dtype.numpy), x[::5].shape)
    return x


def attributes_of(record: op.Elementwise) -> list[dict]:
    if record.name == "astype":
        return [{"dtype": dtype} for dtype in dtypes.ALL]
    if record.name == "random_fraction":
        return [{"dtype": d, "word": w} for d in (dtypes.float32, dtypes.float64) for w in (0, 1)]
    return [{"half": 0}, {"half": 1}] if record.name == "philox" else [{}]


def arity(record: op.Elementwise) -> int:
    parameters = inspect.signature(record.lower).parameters.values()
    return sum(p.kind == p.POSITIONAL_OR_KEYWORD for p in parameters) - 1


def kernels(record: op.Elementwise):
    random = record.name in ("philox", "random_fraction")
    taken = (dtypes.int64,) if random else dtypes.ALL
    for attributes, dtype in itertools.product(attributes_of(record), taken):
        operands = [dtype] * arity(record)
        if record.name == "where":
            operands[0] = dtypes.bool_
        zeros = [np.zeros(4, d.numpy) for d in operands]
        try:
            (result,) = record.infer([TensorType(d, (4,)) for d in operands], attributes)
            record.lower(NumpyBuilder(), *zeros, **attributes)
        except (TypeError, ValueError, KeyError):
            continue  # the op does not take this dtype
        yield operands, result.dtype, attributes


@pytest.mark.parametrize("target", LEVELS)
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_native_code_has_the_bits_of_numpy(record, target):
    cases = list(kernels(record))
    assert cases
    body, arguments, arrays = [], [], {}
    for number, (operands, result, attributes) in enumerate(cases):
        here = (AxisIndex("i"),)
        loads = []
        for place, dtype in enumerate(operands):
            name = f"x{number}_{place}"
            arguments.append(Argument(name, dtype, (named("N"),)))
            arrays[name] = values(dtype, place + 3)
            loads.append(Load(name, here, dtype))
        out = f"y{number}"
        arguments.append(Argument(out, result, (named("N"),), "out"))
        arrays[out] = np.zeros(LENGTH, result.numpy)
        attribute_pairs = tuple(attributes.items())
        body.append(Store(out, here, Apply(record.name, tuple(loads), result, attribute_pairs)))
    loop = For((Axis("i", named("N"), 1, 8),), tuple(body))
    check(Kernel("one", tuple(arguments), (loop,), ("N",)), arrays, {"N": LENGTH}, target)
