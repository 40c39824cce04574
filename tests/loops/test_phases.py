"""Kernels in phases compute the same bits, by the interpreter and natively, phase by phase."""

from dataclasses import replace

import numpy as np
import pytest

from graphc.ir import dtypes
from graphc.ir.dims import named
from graphc.loops.interpreter import run
from graphc.loops.ir import (
    BLOCK,
    Apply,
    Argument,
    Axis,
    AxisIndex,
    For,
    Kernel,
    Let,
    Literal,
    Load,
    Name,
    Reduce,
    Store,
)
from graphc.loops.lowering import Lowered
from graphc.loops.phases import phased, phases
from graphc.loops.verifier import verify
from graphc.loops.walk import map_expressions
from tests.codegen.kernels import Native, at, op, put, var
from tests.loops.compare import assert_same_bits

f32, f64, i64 = dtypes.float32, dtypes.float64, dtypes.int64
LENGTHS = (0, 1, 40, 64, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5000)


def fold(kind, dtype, extent):
    x = Load("x", (AxisIndex("i"),), dtype)
    values = (x, Load("y", (AxisIndex("i"),), dtype)) if kind == "fma" else (x,)
    result = f64 if kind.startswith("arg") else dtype
    name = Name("r", i64 if kind.startswith("arg") else dtype)
    stored = Apply("astype", (name,), f64, (("dtype", f64),)) if kind.startswith("arg") else name
    body = (Reduce(("r",), (kind,), Axis("i", extent), "lanes", (), values), put("z", (), stored))
    inputs = [Argument(n, dtype, (extent,)) for n in ("x", "y")[: len(values)]]
    return Kernel("fold", (*inputs, Argument("z", result, (), "out")), body, dims_of(extent))


def softmax(extent):
    e = op("exp", op("subtract", at("x", "i"), var("m")))
    reduced = Reduce(
        ("s",), ("add",), Axis("i", extent), "lanes",
        (Let("e", e), put("y", ("i",), var("e"))), (var("e"),),
    )  # fmt: skip
    body = (
        Let("one", Literal(1.0, f32)),
        Reduce(("m",), ("maximum",), Axis("i", extent), "lanes", (), (at("x", "i"),)),
        reduced,
        Let("scale", op("divide", var("one"), var("s"))),
        For((Axis("i", extent),), (put("y", ("i",), op("multiply", at("y", "i"), var("scale"))),)),
        put("z", (), op("add", var("m"), var("s"))),
    )
    arguments = (
        Argument("x", f32, (extent,)), Argument("y", f32, (extent,), "out"),
        Argument("z", f32, (), "out"),
    )  # fmt: skip
    return Kernel("softmax", arguments, body, dims_of(extent))


def rows_of(kernel, rows):
    """``kernel`` done for each of some rows."""
    row = AxisIndex("row")

    def at_row(expr):
        return replace(expr, index=(row, *expr.index)) if isinstance(expr, Load) else expr

    def stored(body):
        for s in body:
            if isinstance(s, (For, Reduce)):
                yield replace(s, body=tuple(stored(s.body)))
            else:
                yield replace(s, index=(row, *s.index)) if isinstance(s, Store) else s

    arguments = tuple(replace(a, shape=(rows, *a.shape)) for a in kernel.arguments)
    body = tuple(stored(map_expressions(kernel.body, at_row)))
    return replace(kernel, arguments=arguments, body=(For((Axis("row", rows),), body, True),))


def dims_of(extent):
    return () if isinstance(extent, int) else ("N",)


def cut(kernel):
    verify(kernel)
    inputs = sum(a.mode == "in" for a in kernel.arguments)
    operands = tuple(range(inputs)) + (None,) * (len(kernel.arguments) - inputs)
    results = (None,) * inputs + tuple(range(len(kernel.arguments) - inputs))
    made = phased(Lowered(kernel, operands, results))
    verify(made.kernel)
    added = len(made.kernel.arguments) - len(kernel.arguments)
    assert made.operands == (*operands, *(None,) * added)
    assert made.results == (*results, *(None,) * added)
    assert all(a.mode == "temp" for a in made.kernel.arguments[len(kernel.arguments) :])
    return made.kernel


def arrays_of(kernel, n, rng):
    """Inputs with a few special values, outputs and scratch full of rubbish."""
    found = {}
    for a in kernel.arguments:
        shape = tuple(s if isinstance(s, int) else int(eval(str(s), {"N": n})) for s in a.shape)
        if a.dtype.is_bool:
            found[a.name] = np.array(rng.random(shape) < 1e-4)
            continue
        values = np.array(rng.standard_normal(shape) * 9).astype(a.dtype.numpy)
        if a.dtype.is_float and values.size > 9:
            values.flat[rng.integers(0, values.size, 3)] = rng.choice([0.0, -0.0, 1e-40, -9e9], 3)
        found[a.name] = values
    return found


def check(kernel, n):
    made, rng = cut(kernel), np.random.default_rng(n)
    arrays = arrays_of(made, n, rng)
    expected = {a.name: arrays[a.name].copy() for a in kernel.arguments}
    run(kernel, expected, {"N": n})
    interpreted = {name: array.copy() for name, array in arrays.items()}
    run(made, interpreted, {"N": n})
    native = {name: np.array(array) for name, array in arrays.items()}
    for phase in phases(made):
        Native(phase).by_units(*(native[a.name] for a in phase.arguments), N=n)
    for a in kernel.arguments:
        assert_same_bits(interpreted[a.name], expected[a.name], f"{a.name} interpreted, {n}")
        assert_same_bits(native[a.name], expected[a.name], f"{a.name} native, {n}")
    return made


@pytest.mark.parametrize("dtype", (f32, f64, dtypes.int32, i64, dtypes.uint8), ids=str)
@pytest.mark.parametrize("kind", ("add", "multiply", "maximum", "minimum", "fma"))
def test_folds_in_blocks(kind, dtype):
    for n in LENGTHS:
        assert len(phases(check(fold(kind, dtype, named("N")), n))) == 2


@pytest.mark.parametrize("kind", ("any", "all"))
def test_folds_of_bools_in_blocks(kind):
    for n in LENGTHS:
        check(fold(kind, dtypes.bool_, named("N")), n)


def test_values_pass_through_memory():
    for n in LENGTHS:
        made = check(softmax(named("N")), n)
        assert len(phases(made)) == 7


@pytest.mark.parametrize("rows", (1, 3))
def test_few_long_rows(rows):
    for n in LENGTHS:
        assert len(phases(check(rows_of(softmax(named("N")), rows), n))) == 7
    assert len(phases(check(rows_of(fold("add", f32, 3 * BLOCK + 99), rows), 0))) == 2


def test_many_rows_stay_whole():
    kernel = rows_of(softmax(named("N")), 64)
    assert cut(kernel) is kernel


@pytest.mark.parametrize("extent", (2 * BLOCK, 2 * BLOCK + 65, 5 * BLOCK + 4000))
def test_static_lengths(extent):
    assert len(phases(check(fold("add", f32, extent), extent))) == 2
    check(softmax(extent), extent)


@pytest.mark.parametrize("extent", (100, BLOCK, BLOCK + 100, 2 * BLOCK + 64))
def test_what_stays_whole(extent):
    """What is short, or has a rest that alone would be folded in fewer lanes."""
    kernel = fold("add", f32, extent)
    assert cut(kernel) is kernel and phases(kernel) == (kernel,)


@pytest.mark.parametrize("dtype", (f32, f64, i64, dtypes.uint8, dtypes.bool_), ids=str)
@pytest.mark.parametrize("kind", ("argmax", "argmin"))
def test_indices_of_extrema(kind, dtype):
    for n in LENGTHS:
        assert len(phases(check(fold(kind, dtype, named("N")), n))) == 2
    assert len(phases(check(rows_of(fold(kind, dtype, 3 * BLOCK), 2), 0))) == 2


@pytest.mark.parametrize("kind", ("argmax", "argmin"))
@pytest.mark.parametrize("special", (np.nan, np.inf, -np.inf, 0.0))
def test_the_first_of_equal_extrema(kind, special):
    made = cut(fold(kind, f32, named("N")))
    for n, at_ in ((3 * BLOCK + 77, ()), (4 * BLOCK, (BLOCK + 5, 2 * BLOCK)), (BLOCK, (0, 9))):
        x = np.full(n, 1.0 if at_ else special, np.float32)
        x[list(at_)] = special
        arrays = {**arrays_of(made, n, np.random.default_rng(0)), "x": x}
        for phase in phases(made):
            Native(phase).by_units(*(arrays[a.name] for a in phase.arguments), N=n)
        assert arrays["z"] == getattr(np, kind)(x)


def test_what_stores_as_it_seeks_stays_whole():
    kernel = fold("argmax", f32, named("N"))
    reduce, store = kernel.body
    (x,) = reduce.values
    reduce = replace(reduce, body=(put("y", ("i",), x),))
    made = (*kernel.arguments, Argument("y", f32, (named("N"),), "out"))
    kernel = replace(kernel, arguments=made, body=(reduce, store))
    assert cut(kernel) is kernel


def test_names_that_meet_others():
    """An argument, an axis and a value that are called as new ones would be."""
    n = named("N")
    body = (
        Reduce(("r",), ("add",), Axis("block", n), "lanes", (), (at("r_blocks", "block"),)),
        Let("r_1", op("multiply", var("r"), 2.0)),
        For((Axis("i", n),), (Store("z", (AxisIndex("i"),), var("r_1")),)),
    )
    arguments = (Argument("r_blocks", f32, (n,)), Argument("z", f32, (n,), "out"))
    check(Kernel("names", arguments, body, ("N",)), 3 * BLOCK)


def columns(kind, rows, count):
    """y = exp(x), and the fold of its columns, times two."""
    e = op("exp", at("x", "i", "j"))
    reduce = Reduce(
        ("r",), (kind,), Axis("i", rows), "tree", (Let("e", e), put("y", ("i", "j"), var("e"))),
        (var("e"),),
    )  # fmt: skip
    arguments = (
        Argument("x", f32, (rows, count)),
        Argument("y", f32, (rows, count), "out"),
        Argument("z", f32, (count,), "out"),
    )
    body = (reduce, put("z", ("j",), op("multiply", var("r"), 2.0)))
    return Kernel("columns", arguments, (For((Axis("j", count),), body, True),), dims_of(rows))


@pytest.mark.parametrize("kind", ("add", "multiply", "maximum"))
@pytest.mark.parametrize("count", (1, 10, 33))
def test_few_columns_of_what_costs(kind, count):
    for rows in (1024, 1029, 4000):
        assert len(phases(check(columns(kind, rows, count), 0))) == 2
    for kernel in (columns(kind, 1024, 64), columns(kind, 1000, 9), columns(kind, named("N"), 9)):
        assert cut(kernel) is kernel
    deep = columns(kind, 1024, count)
    cheap = map_expressions(
        deep.body, lambda e: e.operands[0] if getattr(e, "op", "") == "exp" else e
    )
    assert cut(replace(deep, body=cheap)).body == cheap
