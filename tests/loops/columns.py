"""Random kernels that fold columns, alone or beside rows."""

from hypothesis import strategies as st

from graphc.ir import dims
from graphc.loops.ir import Axis, AxisIndex, Column, For, Let, Name, Reduce, Store
from tests.loops.expressions import NUMBERS, expressions
from tests.loops.kernels import cases, leaves_at, schedule, sizes


@st.composite
def column_kernels(draw):
    """A reduction carried along the rows of a loop, beside a store."""
    case = draw(cases())
    dtype = draw(st.sampled_from(NUMBERS))
    n = Axis("n", sizes(draw), 8)
    j = schedule(draw, "j", sizes(draw), draw(st.booleans()))
    leaves = draw(leaves_at(case, (n, j), dtype))
    out = case.argument("y", dtype, (n.extent, j.extent), "out")
    total = case.argument("c", dtype, (j.extent,), "out")
    kind = draw(st.sampled_from(["add", "add", "maximum", "multiply"]))
    body = (
        Let("t", draw(expressions(dtype, leaves, 2))),
        Store(out, (AxisIndex("n"), AxisIndex("j")), Name("t", dtype)),
        Column(total, (AxisIndex("j"),), kind, "n", Name("t", dtype)),
        *draw(blocks(case, n, j, dtype)),
    )
    return case, case.kernel("columns", [For((n, j), body, draw(st.booleans()))])


@st.composite
def blocks(draw, case, n, j, dtype):
    """Perhaps a column of ``t`` in blocks."""
    if draw(st.booleans()):
        return ()
    out = case.argument("b", dtype, (dims.ceil_divide(n.extent, 8), j.extent), "out")
    kind = draw(st.sampled_from(["add", "minimum"]))
    return (Column(out, (AxisIndex("n"), AxisIndex("j")), kind, "n", Name("t", dtype), "block"),)


@st.composite
def block_kernels(draw):
    """Rows reduced, then used beside columns that are folded by blocks of rows."""
    case = draw(cases())
    dtype = draw(st.sampled_from(NUMBERS))
    n = Axis("n", sizes(draw), 8)
    j = schedule(draw, "j", sizes(draw), draw(st.booleans()))
    j = Axis("j", j.extent, 1, j.vector)
    leaves = draw(leaves_at(case, (n, j), dtype))
    value = draw(expressions(dtype, leaves, 2))
    order = draw(st.sampled_from(["lanes", "ascending"]))
    row = Reduce(("r",), ("add",), j, order, (), (value,))
    out = case.argument("y", dtype, (n.extent, j.extent), "out")
    sums = case.argument("s", dtype, (n.extent,), "out")
    late = draw(st.booleans())
    leaves = [*leaves, Name("r", dtype)]
    body = (
        Let("t", draw(expressions(dtype, leaves, 2))),
        Store(out, (AxisIndex("n"), AxisIndex("j")), Name("t", dtype)),
        *draw(blocks(case, n, j, dtype)),
        *draw(blocks(case, n, j, dtype)),
    )
    stored = Store(sums, (AxisIndex("n"),), Name("r", dtype))
    rows = (row, For((j,), body), stored) if late else (row, stored, For((j,), body))
    return case, case.kernel("blocks", [For((n,), rows, draw(st.booleans()))])
