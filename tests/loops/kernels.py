"""Random kernels that the verifier accepts, with arrays to run them on."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from graphc.ir import dims, dtypes
from graphc.loops import ir
from graphc.loops.ir import (
    Apply,
    Argument,
    Axis,
    AxisIndex,
    For,
    Let,
    Literal,
    Load,
    Name,
    Reduce,
    SizeOf,
    Store,
)
from tests.loops.expressions import FLOATS, NUMBERS, expressions

SIZES = (1, 2, 3, 7, 8, 9, 15, 16, 17, 33)
SHORT = (1, 15, 64, 65, 130, dims.named("N"))
BOUND = {"N": (0, 1, 5, 8, 13, 16, 31), "M": (1, 3, 12, 20)}


@dataclass
class Case:
    """A kernel under construction, and the values of its named sizes."""

    bindings: dict
    arguments: list = field(default_factory=list)
    serial: int = 0

    def fresh(self, prefix):
        self.serial += 1
        return f"{prefix}{self.serial}"

    def argument(self, prefix, dtype, shape, mode="in"):
        name = self.fresh(prefix)
        self.arguments.append(Argument(name, dtype, tuple(shape), mode))
        return name

    def kernel(self, name, body):
        return ir.Kernel(name, tuple(self.arguments), tuple(body), ("N", "M"))

    def arrays(self, seed):
        """Arrays of ordinary, small and special values; outputs are full of rubbish."""
        rng = np.random.default_rng(seed)
        return {a.name: _array(rng, a.dtype, self.shape(a.shape)) for a in self.arguments}

    def shape(self, shape):
        return tuple(dims.evaluate(size, self.bindings) for size in shape)


def _array(rng, dtype, shape):
    if dtype.is_bool:
        return rng.integers(0, 2, shape).astype(bool)
    if not dtype.is_float:
        low = 0 if dtype.kind == "u" else -20
        return rng.integers(low, 20, shape).astype(dtype.numpy)
    values = rng.normal(size=shape).astype(dtype.numpy)
    specials = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 1e30], dtype.numpy)
    chosen = rng.random(shape) < 0.03
    return np.where(chosen, rng.choice(specials, shape), values).astype(dtype.numpy)


@st.composite
def cases(draw):
    return Case({name: draw(st.sampled_from(values)) for name, values in BOUND.items()})


def sizes(draw):
    return draw(st.sampled_from([*SIZES, dims.named("N"), dims.named("M")]))


def binary(op, x, y):
    return Apply(op, (x, y), y.dtype if isinstance(y, Literal) else x.dtype)


def offset(expr, amount):
    return expr if amount == 0 else binary("add", expr, Literal(amount, dtypes.int64))


@st.composite
def loads(draw, case, dtype, axes):
    """A load of a new argument at the point of ``axes``: plain, transposed, a broadcast, flipped,
    every second one, flattened, or shifted under a guard."""
    axes = list(axes)
    kinds = ["plain", "plain", "permuted", "some", "flipped", "strided", "flat", "guarded"]
    kind = draw(st.sampled_from(kinds)) if axes else "plain"
    if kind == "permuted":
        axes = draw(st.permutations(axes))
    if kind == "some":
        axes = axes[draw(st.integers(0, len(axes) - 1)) :]
    index = [AxisIndex(axis.name) for axis in axes]
    shape = [axis.extent for axis in axes]
    at = draw(st.integers(0, len(axes) - 1)) if axes else 0
    guard = None
    if kind == "flipped":
        last = SizeOf(shape[at] - 1)
        index[at] = binary("subtract", last, index[at])
    elif kind == "strided":
        doubled = binary("multiply", index[at], Literal(2, dtypes.int64))
        index[at], shape[at] = offset(doubled, 1), 2 * shape[at] + 1
    elif kind == "guarded":
        shift = draw(st.sampled_from([-3, -1, 1, 2]))
        index[at] = offset(index[at], shift)
        low = Apply("greater_equal", (index[at], Literal(0, dtypes.int64)), dtypes.bool_)
        high = Apply("less", (index[at], SizeOf(shape[at])), dtypes.bool_)
        guard = Apply("logical_and", (low, high), dtypes.bool_)
    elif kind == "flat":
        flat = index[0]
        for expr, size in zip(index[1:], shape[1:], strict=True):
            flat = binary("add", binary("multiply", flat, SizeOf(size)), expr)
        index, shape = [flat], [dims.product(shape)]
    name = case.argument("x", dtype, shape)
    return Load(name, tuple(index), dtype, guard)


@st.composite
def leaves_at(draw, case, axes, dtype):
    others = draw(st.lists(st.sampled_from([*NUMBERS, dtypes.bool_]), max_size=1))
    leaves = [draw(loads(case, d, axes)) for d in [dtype, dtype, *others]]
    return [*leaves, *(AxisIndex(axis.name) for axis in axes)]


def schedule(draw, name, extent, vector):
    width = draw(st.sampled_from([4, 8, 16])) if vector else 0
    tile = width * draw(st.sampled_from([1, 2])) if vector else draw(st.sampled_from([1, 1, 4, 6]))
    return Axis(name, extent, 1 if vector and draw(st.booleans()) else tile, width)


@st.composite
def elementwise_kernels(draw):
    case = draw(cases())
    rank = draw(st.integers(1, 3))
    vector = draw(st.booleans())
    axes = [
        schedule(draw, name, sizes(draw), vector and i == rank - 1)
        for i, name in enumerate("ijk"[:rank])
    ]
    axes = [Axis(a.name, a.extent, a.tile if i >= rank - 2 else 1, a.vector)
            for i, a in enumerate(axes)]  # fmt: skip
    dtype = draw(st.sampled_from(NUMBERS))
    leaves = draw(leaves_at(case, axes, dtype))
    t = Let("t", draw(expressions(dtype, leaves)))
    body = [t]
    leaves.append(Name("t", dtype))
    for _ in range(draw(st.integers(1, 2))):
        result = draw(st.sampled_from([dtype, dtype, dtypes.bool_]))
        shape = tuple(a.extent for a in axes)
        index = tuple(AxisIndex(a.name) for a in axes)
        out = case.argument("y", result, shape, "out")
        body.append(Store(out, index, draw(expressions(result, leaves, 2))))
    parallel = draw(st.booleans())
    return case, case.kernel("elementwise", [For(tuple(axes), tuple(body), parallel)])


@st.composite
def row_kernels(draw):
    """Rows reduced, perhaps twice, and then used."""
    case = draw(cases())
    dtype = draw(st.sampled_from(NUMBERS))
    i = Axis("i", sizes(draw))
    j = schedule(draw, "j", sizes(draw), draw(st.booleans()))
    j = Axis("j", j.extent, 1, j.vector)
    leaves = draw(leaves_at(case, (i, j), dtype))
    kinds = draw(st.lists(st.sampled_from(ir.REDUCTIONS[:6]), min_size=1, max_size=2))
    order = draw(st.sampled_from(["lanes", "lanes", "ascending"]))
    names = tuple(f"r{n}" for n in range(len(kinds)))
    values = tuple(draw(expressions(dtype, leaves, 2)) for _ in kinds)
    body = [Reduce(names, tuple(kinds), j, order, (), values)]
    for name, kind in zip(names, kinds, strict=True):
        result = ir.folded_dtype(kind, dtype)
        out = case.argument("r", result, (i.extent,), "out")
        body.append(Store(out, (AxisIndex("i"),), Name(name, result)))
    if draw(st.booleans()) and kinds[0] not in ("argmax", "argmin"):
        out = case.argument("y", dtype, (i.extent, j.extent), "out")
        value = draw(expressions(dtype, [*leaves, Name("r0", dtype)], 2))
        inner = Store(out, (AxisIndex("i"), AxisIndex("j")), value)
        body.append(For((j,), (inner,)))
    return case, case.kernel("rows", [For((i,), tuple(body), draw(st.booleans()))])


@st.composite
def tree_kernels(draw):
    """A reduction of an axis that is not the last."""
    case = draw(cases())
    dtype = draw(st.sampled_from(NUMBERS))
    j = schedule(draw, "j", sizes(draw), draw(st.booleans()))
    k = Axis("k", sizes(draw))
    leaves = draw(leaves_at(case, (k, j), dtype))
    kind = draw(st.sampled_from(["add", "maximum", "minimum", "multiply"]))
    value = draw(expressions(dtype, leaves, 2))
    out = case.argument("y", dtype, (j.extent,), "out")
    body = (
        Reduce(("s",), (kind,), k, "tree", (), (value,)),
        Store(out, (AxisIndex("j"),), Name("s", dtype)),
    )
    return case, case.kernel("tree", [For((j,), body, draw(st.booleans()))])


@st.composite
def product_kernels(draw):
    """A matrix product in register tiles, transposed or not, with an epilogue."""
    case = draw(cases())
    dtype = draw(st.sampled_from(FLOATS))
    vector = draw(st.sampled_from([0, 4, 8, 16]))
    i = Axis("i", sizes(draw), draw(st.sampled_from([1, 2, 6, 8, 14])))
    j = Axis("j", sizes(draw), max(1, vector * draw(st.sampled_from([1, 2]))), vector)
    k = Axis("k", sizes(draw))
    factors = []
    for outer in (i, j):
        pair = (outer, k) if draw(st.booleans()) else (k, outer)
        name = case.argument("x", dtype, [axis.extent for axis in pair])
        factors.append(Load(name, tuple(AxisIndex(axis.name) for axis in pair), dtype))
    unroll = draw(st.sampled_from([1, 2, 4]))
    across = draw(st.sampled_from(["", "i"]))
    d = Reduce(("d",), ("fma",), k, "ascending", (), tuple(factors), unroll, across)
    leaves = [Name("d", dtype), Name("d", dtype), *draw(leaves_at(case, (i, j), dtype))]
    point = (AxisIndex("i"), AxisIndex("j"))
    shape = (i.extent, j.extent)
    state = case.argument("w", dtype, shape, "inout")
    out = case.argument("y", dtype, shape, "out")
    new = draw(expressions(dtype, [*leaves, Load(state, point, dtype)], 2))
    body = (d, Store(out, point, draw(expressions(dtype, leaves, 2))), Store(state, point, new))
    return case, case.kernel("product", [For((i, j), body, draw(st.booleans()))])


@st.composite
def normalised_kernels(draw):
    """A row reduced, stored while it is reduced again, and read back; as a softmax is."""
    case = draw(cases())
    dtype = draw(st.sampled_from(FLOATS))
    i, b = Axis("i", sizes(draw)), Axis("b", draw(st.sampled_from([1, 2, 3])))
    j = Axis("j", sizes(draw), 1, draw(st.sampled_from([0, 4, 8, 16])))
    outer = (b, i) if draw(st.booleans()) else (i,)
    leaves = draw(leaves_at(case, (*outer, j), dtype))
    mode = draw(st.sampled_from(["out", "temp"]))
    y = case.argument("y", dtype, [a.extent for a in (*outer, j)], mode)
    z = case.argument("z", dtype, [a.extent for a in (*outer, j)], "out")
    point = tuple(AxisIndex(a.name) for a in (*outer, j))
    first = draw(st.sampled_from(["maximum", "add", "minimum"]))
    shifted = Apply("subtract", (draw(expressions(dtype, leaves, 2)), Name("m", dtype)), dtype)
    e = Apply("exp", (shifted,), dtype)
    body = (
        Reduce(("m",), (first,), j, "lanes", (), (draw(expressions(dtype, leaves, 2)),)),
        Reduce(
            ("s",), ("add",), j, "lanes",
            (Let("e", e), Store(y, point, Name("e", dtype))),
            (Name("e", dtype),),
        ),
        For((j,), (Store(z, point, binary("divide", Load(y, point, dtype), Name("s", dtype))),)),
    )  # fmt: skip
    return case, case.kernel("normalised", [For(outer, body, draw(st.booleans()))])


@st.composite
def dot_kernels(draw, extents=SHORT):
    """Products folded in lanes, and truth folded, at once."""
    case = draw(cases())
    dtype = draw(st.sampled_from(FLOATS))
    i = Axis("i", draw(st.sampled_from([1, 2, 5])))
    k = Axis("k", draw(st.sampled_from(extents)), 1, draw(st.sampled_from([0, 4, 8, 16])))
    x, y, mask = (
        draw(loads(case, d, axes))
        for d, axes in ((dtype, (i, k)), (dtype, (k,)), (dtypes.bool_, (i, k)))
    )
    kinds = ("fma", draw(st.sampled_from(["any", "all"])), "argmax")
    names, results = ("d", "t", "a"), (dtype, dtypes.bool_, dtypes.int64)
    body = [Reduce(names, kinds, k, "lanes", (), (x, y, mask, x))]
    for name, result in zip(names, results, strict=True):
        out = case.argument("r", result, (i.extent,), "out")
        body.append(Store(out, (AxisIndex("i"),), Name(name, result)))
    return case, case.kernel("dots", [For((i,), tuple(body), draw(st.booleans()))])


@st.composite
def batched_kernels(draw):
    """Two products that share an operand, batched, without tiles or with."""
    case = draw(cases())
    dtype = draw(st.sampled_from(FLOATS))
    b = Axis("b", draw(st.sampled_from([1, 3, dims.named("M")])))
    i = Axis("i", sizes(draw), draw(st.sampled_from([1, 4, 14])))
    vector = draw(st.sampled_from([0, 8, 16]))
    j = Axis("j", sizes(draw), max(1, 2 * vector), vector)
    k = Axis("k", sizes(draw))
    x = Load(case.argument("x", dtype, (b.extent, i.extent, k.extent)),
             (AxisIndex("b"), AxisIndex("i"), AxisIndex("k")), dtype)  # fmt: skip
    w = draw(loads(case, dtype, (b, k, j)))
    v = draw(loads(case, dtype, (k, j)))
    out = case.argument("y", dtype, (b.extent, i.extent, j.extent), "out")
    point = (AxisIndex("b"), AxisIndex("i"), AxisIndex("j"))
    kinds, names = ("fma", "fma"), ("d", "e")
    leaves = [Name("d", dtype), Name("e", dtype), *draw(leaves_at(case, (b, i, j), dtype))]
    body = (
        Reduce(names, kinds, k, "ascending", (), (x, w, x, v)),
        Store(out, point, draw(expressions(dtype, leaves, 2))),
    )
    return case, case.kernel("batched", [For((b, i, j), body, draw(st.booleans()))])


@st.composite
def gather_kernels(draw):
    """Elements at computed places, stored into parts of a larger buffer, and numbers alone."""
    case = draw(cases())
    dtype = draw(st.sampled_from(NUMBERS))
    i = Axis("i", sizes(draw))
    j = schedule(draw, "j", draw(st.sampled_from(SIZES)), draw(st.booleans()))
    size = draw(st.sampled_from([1, 3, 300]))
    scale = case.argument("s", dtype, ())
    source = case.argument("x", dtype, (size, j.extent))
    at = case.argument("i", dtypes.int64, (i.extent,))
    big = Apply("minimum", (Load(at, (AxisIndex("i"),), dtypes.int64),
                            Literal(size - 1, dtypes.int64)), dtypes.int64)  # fmt: skip
    place = Apply("maximum", (big, Literal(0, dtypes.int64)), dtypes.int64)
    taken = Load(source, (Name("p", dtypes.int64), AxisIndex("j")), dtype)
    leaves = [taken, Load(scale, (), dtype), AxisIndex("i")]
    before = draw(st.integers(0, 3))
    row = j.extent + before
    flat = draw(st.booleans())
    out = case.argument("y", dtype, (i.extent * row,) if flat else (i.extent, row), "out")
    column = offset(AxisIndex("j"), before)
    start = binary("multiply", AxisIndex("i"), SizeOf(row))
    index = (binary("add", start, column),) if flat else (AxisIndex("i"), column)
    body = [Let("p", place), Store(out, index, draw(expressions(dtype, leaves, 2)))]
    loops = [For((i, j), tuple(body), draw(st.booleans()))]
    if before:
        c = Axis("c", before)
        at_c = AxisIndex("c")
        index = (binary("add", start, at_c),) if flat else (AxisIndex("i"), at_c)
        loops.append(For((i, c), (Store(out, index, Load(scale, (), dtype)),)))
    return case, case.kernel("gather", loops)
