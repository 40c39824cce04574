"""Every record compiled, alone: native code against the scalar arithmetic or the reference.

Elementwise records and reductions are found in the registry: a new one is tested as soon as it is
there; a record of any other kind must have calls in ``CALLS``.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import graphc
from graphc import api
from graphc.compiler import compile_graphs
from graphc.errors import GraphcError
from graphc.ir import dtypes, interpreter
from graphc.ir.op import Elementwise, Op, Reduction, Region, Source, registered
from graphc.ir.scalar_numpy import NumpyBuilder
from graphc.ir.types import TensorType
from graphc.operands import build, single
from graphc.tensor import Tensor
from runtime import jit
from runtime.target import Target
from tests.levels import ENDS
from tests.ops.values import combinations, random, same

SIZES = (0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33)  # one less and one more than the vectors
# Attributes without defaults, and defaults that would leave the dtype as it is.
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "philox": {"half": 1}, "random_fraction": {"dtype": dtypes.float32, "word": 1},
}  # fmt: skip


def _is_ours(op: Op) -> bool:
    """Not one that another test, or an example of the documentation, has made."""
    made = op.lower if isinstance(op, Elementwise) else op.infer
    named = op.name.startswith("test_") or op.name.endswith("_of_docs")
    return made.__module__.startswith("graphc.ops") and not named


RECORDS = [op for op in registered() if _is_ours(op)]
ELEMENTWISE = [op for op in RECORDS if isinstance(op, Elementwise)]
REDUCTIONS = [op for op in RECORDS if isinstance(op, Reduction)]


def _operand_count(op: Elementwise) -> int:
    parameters = list(inspect.signature(op.lower).parameters.values())[1:]
    return sum(p.kind != p.KEYWORD_ONLY for p in parameters)


def _attributes(op: Elementwise, dtype: dtypes.DType) -> list[dict[str, Any]]:
    """The attributes to try: the defaults, the other value of switches, all dtypes of a cast."""
    if op.name == "astype":
        return [{"dtype": d} for d in dtypes.ALL]
    parameters = inspect.signature(op.lower).parameters.values()
    named = [p for p in parameters if p.kind == p.KEYWORD_ONLY]
    usual = {p.name: p.default for p in named} | ATTRIBUTES.get(op.name, {})
    switched = {p.name: not p.default for p in named if isinstance(p.default, bool)}
    return [usual, usual | switched] if switched else [usual]


def _cases(op: Elementwise) -> list[tuple[list[dtypes.DType], dict[str, Any]]]:
    """Operand dtypes and attributes that the record takes."""
    found = []
    for dtype in dtypes.ALL:
        kinds = [dtype] * _operand_count(op)
        if op.name == "where":
            kinds[0] = dtypes.bool_
        for attributes in _attributes(op, dtype):
            try:
                op.infer([TensorType(d, (2,)) for d in kinds], attributes)
            except GraphcError:
                continue
            found.append((kinds, attributes))
    return found


def _apply(op: Op, operands: Sequence[Tensor], attributes: dict[str, Any]) -> Tensor:
    return single(build(op, [x.value for x in operands], attributes))


def _program(graphs: Sequence[graphc.Graph], target: Target, fuse: bool = True) -> Any:
    made = compile_graphs([graph.ir for graph in graphs], target, name="native", fuse=fuse)
    return api.Executable(made, None, 1, target=target.name, poison=True)


def _lowered(op: Elementwise, target: Target, arrays: Sequence[np.ndarray], extra: Any) -> Any:
    """What the record's arithmetic gives in NumPy, of which native code has the very bits."""
    with np.errstate(all="ignore"):
        return op.lower(NumpyBuilder(fused=target.has_fma), *arrays, **extra)


@pytest.mark.parametrize("target", map(jit.resolve, ENDS), ids=ENDS)
@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_elementwise(op: Elementwise, target: Target) -> None:
    cases = _cases(op)
    assert cases
    graphs = []
    for number, (kinds, attributes) in enumerate(cases):
        flat = [graphc.input(f"x{i}", ("N",), d) for i, d in enumerate(kinds)]
        table = [graphc.input(f"t{i}", ("A", "B"), d) for i, d in enumerate(kinds)]
        alone = [graphc.input(f"s{i}", (), d) for i, d in enumerate(kinds)]
        outputs = {"flat": _apply(op, flat, attributes), "alone": _apply(op, alone, attributes)}
        outputs["table"] = _apply(op, [table[0].T, *(t.T for t in table[1:])], attributes)
        graphs.append(graphc.Graph(f"case{number}", outputs))
    exe = _program(graphs, target)
    for number, (kinds, attributes) in enumerate(cases):
        _check_elementwise(op, target, exe.entries[f"case{number}"], kinds, attributes)


def _check_elementwise(
    op: Elementwise, target: Target, entry: Any, kinds: list[dtypes.DType], extra: dict[str, Any]
) -> None:
    rng = np.random.default_rng(5)
    special = combinations(kinds)
    whole = _lowered(op, target, special, extra)
    for size in (*SIZES, special[0].size):
        arrays = [x[x.size - size :].copy() for x in special]
        tables = [_strided(rng, d, turned=size % 2 == 1) for d in kinds]
        alone = [x[size % x.size] for x in special]
        given = {f"x{i}": x for i, x in enumerate(arrays)}
        given |= {f"t{i}": x for i, x in enumerate(tables)}
        given |= {f"s{i}": x for i, x in enumerate(alone)}
        result = entry(**given)
        same(result["flat"], np.asarray(whole)[special[0].size - size :])
        same(result["table"], _lowered(op, target, [x.T for x in tables], extra))
        same(result["alone"], np.asarray(_lowered(op, target, alone, extra)))


def _strided(rng: np.random.Generator, dtype: dtypes.DType, turned: bool) -> np.ndarray:
    """An array (5, 17) that is not contiguous: transposed, or every other element backwards."""
    if turned:
        return random(rng, (17, 5), dtype).T
    return random(rng, (10, 34), dtype)[::-2, ::2]


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("op", REDUCTIONS, ids=lambda op: op.name)
def test_reductions(op: Reduction, fuse: bool) -> None:
    several = op.combine not in ("argmax", "argmin")
    shapes: list[tuple[tuple[Any, ...], tuple[int, ...]]] = [
        ((size,), (0,)) for size in (*SIZES, 8191, 8193)
    ]
    shapes += [((3, size), (1,)) for size in SIZES] + [((size, 3), (0,)) for size in SIZES]
    shapes += [((4, 17, 5), (1,)), (("N", 5), (0,)), ((5, "N"), (1,))]
    shapes += [((3, 17, 5), (0, 2)), ((3, 5, 9), (0, 1, 2))] if several else []
    rng = np.random.default_rng(6)
    graphs, given = [], []
    for dtype in dtypes.ALL:
        try:
            op.infer([TensorType(dtype, (2,))], {"axes": (0,)})
        except GraphcError:
            continue
        inputs = [graphc.input(f"x{i}", shape, dtype) for i, (shape, _) in enumerate(shapes)]
        outputs = {
            f"y{i}": _apply(op, [x], {"axes": axes})
            for i, (x, (_, axes)) in enumerate(zip(inputs, shapes, strict=True))
        }
        graphs.append(graphc.Graph(f"case{len(graphs)}", outputs))
        sized = [tuple(19 if s == "N" else s for s in shape) for shape, _ in shapes]
        given.append({f"x{i}": _mild(random(rng, s, dtype), op) for i, s in enumerate(sized)})
    assert graphs
    exe = _program(graphs, jit.host_target(), fuse)
    for graph, arrays in zip(graphs, given, strict=True):
        _compare(graph, exe.entries[graph.name](**arrays), arrays)


def _mild(array: np.ndarray, op: Reduction) -> np.ndarray:
    """Factors near 1, so that a product of thousands is a number."""
    if op.combine != "multiply" or array.dtype.kind != "f":
        return array
    return (1 + 0.01 * np.tanh(array)).astype(array.dtype)


def _compare(
    graph: graphc.Graph, result: dict[str, np.ndarray], given: Any, state: Any = None
) -> None:
    """Integers exactly, floats to what may be lost by another order of a sum."""
    expected, _ = interpreter.evaluate(graph.ir, given, state, precise=True)
    for name, array in expected.items():
        actual = result[name]
        if actual.dtype.kind != "f":
            np.testing.assert_array_equal(actual, array, err_msg=name)
            continue
        eps = np.finfo(actual.dtype).eps
        finite = array[np.isfinite(array)]
        scale = float(np.abs(finite).max()) if finite.size else 0.0
        np.testing.assert_allclose(actual, array, 2000 * eps, 400 * eps * scale, err_msg=name)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_extremes_of_special_values(name: str) -> None:
    x = graphc.input("x", ("N", 17))
    extreme = getattr(graphc, name)
    graph = graphc.Graph("g", {"rows": extreme(x, 1), "columns": extreme(x, 0)})
    exe = _program([graph], jit.host_target())
    rng = np.random.default_rng(1)
    infinite = [[np.inf, -np.inf], [-np.inf, np.nan, 2.0]]
    for values in ([0.0, -0.0], [1.0, np.nan], [5e-45, 0], *infinite):
        array = rng.choice(np.array(values, np.float32), (9, 17))
        expected, _ = interpreter.evaluate(graph.ir, {"x": array})
        for key, result in exe(x=array).items():
            np.testing.assert_array_equal(result, expected[key])


# -- all other records ---------------------------------------------------------------------------

Call = Callable[..., Any]
# Calls of public functions on tensors x [N, 6], y [6, 5], z [N, 6, 4] of one dtype and indices of
# int32 below 4: i [N, 6]; by the name of the record.
CALLS: dict[str, list[Call]] = {
    "reshape": [
        lambda x, y, z, i: graphc.reshape(x, (-1, 3)),
        lambda x, y, z, i: graphc.reshape(z, (-1,)),
        lambda x, y, z, i: graphc.reshape(y, (3, 2, 5)),
        lambda x, y, z, i: graphc.reshape(y, (5, 6)),
    ],
    "permute_dims": [
        lambda x, y, z, i: graphc.permute_dims(z, (2, 0, 1)),
        lambda x, y, z, i: x.T,
    ],
    "expand_dims": [lambda x, y, z, i: graphc.expand_dims(x, (0, 2))],
    "squeeze": [lambda x, y, z, i: graphc.squeeze(x[:, 2:3], 1)],
    "broadcast": [
        lambda x, y, z, i: graphc.broadcast_to(y, (3, 6, 5)),
        lambda x, y, z, i: graphc.broadcast_to(y[0, 0], (7, 17)),
    ],
    "concat": [
        lambda x, y, z, i: graphc.concat([x, x[:, :1], x[:, 1:]], 1),
        lambda x, y, z, i: graphc.concat([y, y, y[:3]], 0),
    ],
    "flip": [lambda x, y, z, i: graphc.flip(z, (0, 2)), lambda x, y, z, i: graphc.flip(x)],
    "pad": [
        lambda x, y, z, i: graphc.pad(x, [(1, 2), (0, 3)], constant_values=1),
        lambda x, y, z, i: graphc.pad(z, 1),
    ],
    "slice": [
        lambda x, y, z, i: z[::2, 4:0:-3, 1:],
        lambda x, y, z, i: x[:, ::-1],
        lambda x, y, z, i: y[5:1:-2, 4],
    ],
    "matmul": [
        lambda x, y, z, i: x @ y,
        lambda x, y, z, i: y.T @ y,
        lambda x, y, z, i: graphc.matmul(z.mT, z),
        lambda x, y, z, i: x @ y[:, 0],
        lambda x, y, z, i: y[:, 0] @ y,
        lambda x, y, z, i: y[0] @ y[1],
    ],
    "take_along_axis": [
        lambda x, y, z, i: graphc.take_along_axis(x, i, 1),
        lambda x, y, z, i: graphc.take_along_axis(graphc.broadcast_to(y[:, 0], x.shape), i, -1),
        lambda x, y, z, i: graphc.take_along_axis(z, graphc.expand_dims(i, 2), 1),
    ],
    "scatter_add": [
        lambda x, y, z, i: graphc.scatter_add(z, graphc.expand_dims(i, 2), 4, 1),
        lambda x, y, z, i: graphc.scatter_add(x, graphc.zeros_like(x).astype("int32") - 7, 3, 0),
    ],
    "check_index": [lambda x, y, z, i: graphc.check_index(i, 4) + 1],
    "one_hot": [
        lambda x, y, z, i: graphc.one_hot(i, 5, axis=1),
        lambda x, y, z, i: graphc.one_hot(i, 3, dtype=x.dtype),
    ],
    "iota": [lambda x, y, z, i: graphc.iota((3, 17), 1, x.dtype) + y[0, 0]],
    "constant": [
        lambda x, y, z, i: graphc.constant(np.arange(30).reshape(6, 5), y.dtype) + y,
        lambda x, y, z, i: graphc.constant(1, y.dtype) + y,
    ],
    "mean": [lambda x, y, z, i: graphc.mean(z, (0, 2)), lambda x, y, z, i: graphc.mean(x)],
    "var": [lambda x, y, z, i: graphc.var(z, 1, correction=1), lambda x, y, z, i: graphc.var(y, 0)],
    "std": [lambda x, y, z, i: graphc.std(z, (1, 2), keepdims=True)],
    "norm": [lambda x, y, z, i: graphc.norm(x), lambda x, y, z, i: graphc.norm(z, axis=1)],
    "logsumexp": [
        lambda x, y, z, i: graphc.logsumexp(z, (0, 1)),
        lambda x, y, z, i: graphc.logsumexp(x, 1, keepdims=True),
    ],
    "softmax": [lambda x, y, z, i: graphc.softmax(x), lambda x, y, z, i: graphc.softmax(z, 1)],
    "log_softmax": [
        lambda x, y, z, i: graphc.log_softmax(y, 0),
        lambda x, y, z, i: graphc.log_softmax(z),
    ],
    "mse": [lambda x, y, z, i: graphc.mse(x, x[:, ::-1])],
    "mae": [lambda x, y, z, i: graphc.mae(z, z[:, ::-1])],
    "binary_crossentropy": [
        lambda x, y, z, i: graphc.binary_crossentropy(x > 1, x, from_logits=True),
        lambda x, y, z, i: graphc.binary_crossentropy(x > 1, graphc.sigmoid(x)),
    ],
    "categorical_crossentropy": [
        lambda x, y, z, i: graphc.categorical_crossentropy(z > 1, z, from_logits=True, axis=1),
        lambda x, y, z, i: graphc.categorical_crossentropy(x > 1, graphc.softmax(x)),
    ],
    "sparse_categorical_crossentropy": [
        lambda x, y, z, i: graphc.sparse_categorical_crossentropy(i, z, from_logits=True),
        lambda x, y, z, i: graphc.sparse_categorical_crossentropy(i, graphc.softmax(z)),
    ],
    "uniform": [lambda x, y, z, i: x + graphc.uniform(x.shape, dtype=_float(x), generator=_dice())],
    "normal": [lambda x, y, z, i: graphc.normal((3, 17), dtype=_float(x), generator=_dice())],
}
_numbers = itertools.count()
# Every graph has the first two; fusion alone makes the third, see tests/passes/test_columns.py.
_BUILT_IN = ("input", "parameter", "blocks")


def _float(x: Tensor) -> dtypes.DType:
    return dtypes.float64 if x.dtype is dtypes.float64 else dtypes.float32


def _dice() -> graphc.Generator:
    return graphc.Generator(7, f"generator{next(_numbers)}")


def test_every_record_is_called() -> None:
    others = [op for op in RECORDS if not isinstance(op, (Elementwise, Reduction, Region))]
    names = {op.name for op in others if op.name not in _BUILT_IN}
    assert names <= set(CALLS), f"add calls for {sorted(names - set(CALLS))}"
    assert any(isinstance(op, Source) for op in others)


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("name", CALLS)
def test_calls(name: str, fuse: bool) -> None:
    graphs = [g for dtype in dtypes.ALL for k in CALLS[name] if (g := _graph(k, dtype)) is not None]
    assert graphs
    graphs = [_named(graph, f"case{number}") for number, graph in enumerate(graphs)]
    exe = _program(graphs, jit.host_target(), fuse)
    for count in (0, 1, 5, 17):
        for graph in graphs:
            given, state = _given(graph, count), exe.state.snapshot()
            _compare(graph, exe.entries[graph.name](**given), given, state)


def _graph(function: Call, dtype: dtypes.DType) -> graphc.Graph | None:
    """The call on tensors of ``dtype``; ``None`` where it does not take them."""
    x, y = graphc.input("x", ("N", 6), dtype), graphc.input("y", (6, 5), dtype)
    z, i = graphc.input("z", ("N", 6, 4), dtype), graphc.input("i", ("N", 6), dtypes.int32)
    try:
        return graphc.Graph("g", {"out": function(x, y, z, i)})
    except GraphcError:
        return None


def _named(graph: graphc.Graph, name: str) -> graphc.Graph:
    return graphc.Graph(name, {"out": Tensor(graph.ir.outputs["out"])})


def _given(graph: graphc.Graph, count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    shapes = {"x": (count, 6), "y": (6, 5), "z": (count, 6, 4), "i": (count, 6)}
    found = {}
    for value in graph.ir.inputs:
        name = str(value.name)
        dtype = value.type.dtype
        array = rng.integers(0, 4 if name == "i" else 9, shapes[name])
        found[name] = (array / (4 if dtype.is_float else 1)).astype(dtype.numpy)
    return found
