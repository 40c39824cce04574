"""Random well-typed expressions of loop IR."""

from hypothesis import strategies as st

from graphc.ir import dims, dtypes
from graphc.loops.ir import Apply, Literal, SizeOf

FLOATS = (dtypes.float32, dtypes.float64)
INTEGERS = (dtypes.int32, dtypes.int64, dtypes.uint8)
NUMBERS = (*FLOATS, *INTEGERS)
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")


def literals(dtype):
    if dtype.is_bool:
        return st.builds(Literal, st.booleans(), st.just(dtype))
    if dtype.is_float:
        values = st.sampled_from([0.0, -0.0, 0.5, -1.5, 1e-7, 3.0, 0.9, 1e20, -2.0])
        return st.builds(Literal, values, st.just(dtype))
    low = 0 if dtype.kind == "u" else -9
    return st.builds(Literal, st.integers(low, 9), st.just(dtype))


@st.composite
def expressions(draw, dtype, leaves, depth=3):
    """An expression of ``dtype`` over ``leaves`` (expressions of any dtypes) and literals."""
    own = [leaf for leaf in leaves if leaf.dtype == dtype]
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        if own and draw(st.integers(0, 4)):
            return draw(st.sampled_from(own))
        if dtype == dtypes.int64 and draw(st.integers(0, 5)) == 0:
            n = dims.named("N")
            return SizeOf(draw(st.sampled_from([n, n + 1, 2 * n, n // 2, 5])))
        return draw(literals(dtype))

    def part(of):
        return draw(expressions(of, leaves, depth - 1))

    kind = draw(st.sampled_from(["binary", "unary", "where", "cast", "binary"]))
    if kind == "where":
        return Apply("where", (part(dtypes.bool_), part(dtype), part(dtype)), dtype)
    if kind == "cast":
        source = draw(st.sampled_from((*NUMBERS, dtypes.bool_)))
        return Apply("astype", (part(source),), dtype, (("dtype", dtype),))
    if dtype.is_bool:
        return draw(_boolean(leaves, depth, kind))
    if kind == "unary":
        names = ["negative", "square"] if dtype.kind != "u" else ["square"]
        names += ["sqrt", "leaky_relu", "floor"] if dtype.is_float else []
        name = draw(st.sampled_from(names))
        attributes = (("negative_slope", 0.25),) if name == "leaky_relu" else ()
        return Apply(name, (part(dtype),), dtype, attributes)
    names = ["add", "subtract", "multiply", "maximum", "minimum"]
    names += ["divide"] if dtype.is_float else ["floor_divide", "remainder"]
    return Apply(draw(st.sampled_from(names)), (part(dtype), part(dtype)), dtype)


@st.composite
def _boolean(draw, leaves, depth, kind):
    if kind == "unary":
        inner = draw(expressions(dtypes.bool_, leaves, depth - 1))
        return Apply("logical_not", (inner,), dtypes.bool_)
    if draw(st.booleans()):
        pair = tuple(draw(expressions(dtypes.bool_, leaves, depth - 1)) for _ in range(2))
        return Apply(draw(st.sampled_from(["logical_and", "logical_or"])), pair, dtypes.bool_)
    dtype = draw(st.sampled_from(NUMBERS))
    pair = tuple(draw(expressions(dtype, leaves, depth - 1)) for _ in range(2))
    return Apply(draw(st.sampled_from(COMPARISONS)), pair, dtypes.bool_)
