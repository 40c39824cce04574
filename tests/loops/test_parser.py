"""Text that is no kernel: the error points at the word at fault."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.loops.records  # noqa: F401
from graphc.errors import ParseError
from graphc.loops.parser import parse
from tests.loops.test_printer import GOLDEN, THREE

HEAD = "kernel k<N>(x: f32[N], at: i64[N], out y: f32[N]) {\n"


def body(*lines):
    return HEAD + "".join(f"  {line}\n" for line in lines) + "}"


@pytest.mark.parametrize(
    ("source", "line", "column", "reason"),
    [
        ("", 1, 1, "expected 'kernel'"),
        ("kernel", 1, 7, "expected the kernel's name, not the end of the line"),
        ("kernel k(x f32[3]) {}", 1, 12, "expected ':', not 'f32'"),
        ("kernel k(x: f16[3]) {}", 1, 13, "expected a dtype (f32, f64, i32, i64, u8, bool)"),
        ("kernel k(x: f32[M]) {}", 1, 17, "'M' is not a named size of the kernel"),
        ("kernel k(x: f32[2 +]) {}", 1, 17, "expected a size"),
        ("kernel k(x: f32[1 // 0]) {}", 1, 17, "expected a size"),
        ("kernel k() {} x", 1, 15, "expected the end of the text, not 'x'"),
        ("kernel k() { é = 1 }", 1, 14, "unexpected 'é'"),
        (body("y[0] = z"), 2, 10, "'z' is not bound here"),
        (body("y[0] = z[0]"), 2, 10, "the kernel has no argument 'z'"),
        (body("y[0] = 1.0 +"), 2, 15, "expected an expression, not the end of the line"),
        (body("y[0] = 1.0 2.0"), 2, 14, "expected the end of the statement, not '2.0'"),
        (body("y[0] = x[0] + 1"), 2, 15, ""),
        (body("y[0] = x[0] + at[0]"), 2, 15, ""),
        (body("y[0] = frobnicate(x[0])"), 2, 10, "there is no op named 'frobnicate'"),
        (body("y[0] = sum(x[0])"), 2, 10, "'sum' is not an elementwise op"),
        (body("y[0] = sqrt(x[0], x[0])"), 2, 10, ""),
        (body("y[0] = 1.5i32"), 2, 10, "'1.5i32' is not an integer"),
        (body("y[0] = where(1.0 < 2.0 < 3.0, 1.0, 2.0)"), 2, 26, "comparisons do not chain"),
        (body("for i < N tile(x) { }"), 2, 18, "expected an integer, not 'x'"),
        (body("for i < M { }"), 2, 11, "'M' is not a named size"),
        (body("s = reduce plus i < N order(lanes) { x[i] }"), 2, 14, "expected a kind"),
        (body("s = reduce add i < N { x[i] }"), 2, 24, "expected 'order', not '{'"),
        (body("s = reduce add i < N order(up) { x[i] }"), 2, 30, "expected an order"),
        (body("s, t = reduce add i < N order(lanes) { x[i] }"), 2, 10, "2 names for 1 kinds"),
        (body("s = reduce fma i < N order(lanes) { x[i] }"), 2, 7, "folds 2 values and is given 1"),
        (body("s = reduce add i < N order(lanes) { t = x[i] }"), 2, 7, "is given 0"),
        (body("s, t = x[0]"), 2, 3, "only a reduce binds several names"),
        (body("y[0] = reduce add i order(tree) { 1.0 }"), 2, 21, "'i' is not the axis of a loop"),
        (body("for i < N { y[0] = reduce add i order(lanes) { x[i] } }"), 2, 41, "tree, block"),
        (body("x[0]"), 2, 7, "expected '=', not the end of the line"),
        (body("x"), 2, 3, "expected a statement, not 'x'"),
        (body('y[0] = 1.0 loc("\\q":3)'), 2, 18, "an escape is wrong"),
        (body("y[0] = sqrt(1.0){a = b}"), 2, 24, "expected an attribute's value"),
        (body("y[0] = ("), 3, 1, "expected an expression"),
        (HEAD, 2, 1, "expected a statement, not the end of the line"),
        (body("y[0] = " + "9" * 5000), 2, 10, "too many digits"),
        (body("y[0] = " + "-(" * 200 + "1.0" + ")" * 200), 2, None, "nest more than 100 deep"),
        (body("for i < 2 { " * 20 + "}" * 20), 2, None, "nest more than 12 deep"),
        (body("y[" + "(" * 5000 + "0]"), 2, None, "nest more than"),
    ],
)
def test_errors_point_at_the_word_at_fault(source, line, column, reason):
    with pytest.raises(ParseError) as caught:
        parse(source)
    error = caught.value
    assert reason in error.reason
    assert error.line == line
    assert column is None or error.column == column


def test_an_error_shows_the_line_and_a_caret():
    with pytest.raises(ParseError) as caught:
        parse(body("y[0] = x[0] * oops"))
    assert str(caught.value).split("\n") == [
        "'oops' is not bound here",
        "  line 2, column 17",
        "      y[0] = x[0] * oops",
        "                    ^",
    ]


def test_layout_does_not_matter():
    loose = """

    kernel k<N>(x: f32[N],
                out y: f32[N]) {   # two arguments
      for i < N
        tile(4) { t = x[i]; y[i] = where(t > 0.0,
             t, 0.0)
      }
    }
    """
    tight = (
        "kernel k<N>(x: f32[N], out y: f32[N]) { for i < N tile(4) "
        "{ t = x[i]; y[i] = where(t > 0.0, t, 0.0) } }"
    )
    assert parse(loose.replace("N\n        tile", "N tile")) == parse(tight)


def test_names_go_out_of_scope():
    with pytest.raises(ParseError, match="'t' is not bound here"):
        parse(body("for i < N { t = x[i] }", "y[0] = t"))
    with pytest.raises(ParseError, match="'i' is not bound here"):
        parse(body("s = reduce add i < N order(lanes) { x[i] }", "y[i] = s"))


@given(st.sampled_from(THREE), st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_text_is_refused_or_read_but_never_crashes(name, data):
    source = (GOLDEN / f"{name}.loops").read_text()
    at = data.draw(st.integers(0, len(source) - 1))
    length = data.draw(st.integers(0, 12))
    inserted = data.draw(st.sampled_from(["", *"(){}[],=-x3\n"]))
    damaged = source[:at] + inserted + source[at + length :]
    try:
        parse(damaged)
    except ParseError as error:
        assert 1 <= error.line <= damaged.count("\n") + 1
        assert 1 <= error.column <= len(error.source) + 1
