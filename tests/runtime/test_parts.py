"""Long modules cut into parts: together they are the module."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import graphc
from runtime import jit, loading, parts

BODY = "".join(f"  %v{i} = add i64 %x, {i}\n" for i in range(1200))
LONG = """
@c = private unnamed_addr constant [2 x i64] [i64 5, i64 7], align 64
@"quoted name" = private constant i64 9, align 64
declare i64 @llvm.smax.i64(i64, i64)
define internal i64 @helper(i64 noundef %x, <2 x i64> %y, { i64, ptr } %z) #0 {
  %v = load i64, ptr @c
  %sum = add i64 %v, %x
  ret i64 %sum
}
define i64 @first(i64 %x) #0 {
BODY  %v = call i64 @helper(i64 %v1199, <2 x i64> zeroinitializer, { i64, ptr } zeroinitializer)
  ret i64 %v
}
define i64 @"second one"(i64 %x) #0 {
BODY  %a = call i64 @first(i64 %v3)
  %b = load i64, ptr @"quoted name"
  %d = call i64 @llvm.smax.i64(i64 %a, i64 %b)
  %e = call i64 @helper(i64 %d, <2 x i64> zeroinitializer, { i64, ptr } zeroinitializer)
  ret i64 %e
}
attributes #0 = { nounwind }
""".replace("BODY", BODY)


def number(address: int, argument: int) -> int:
    return int(ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)(argument))


def test_a_long_module_is_compiled_in_parts_that_find_each_other(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))
    assert len(parts.cut(LONG)) == 2
    for name in ("compiled", "from the disk"):
        library = jit.compile(LONG)
        assert number(library.address("first"), 1) == 1 + 1199 + 5, name
        assert number(library.address("second one"), 1) == 1 + 3 + 1199 + 5 + 5, name
        with pytest.raises(KeyError):
            library.address("helper2")


def test_llvm_links_the_parts_alike(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path))

    def refuse(*_: object) -> None:
        raise loading.NotLoadableError("another system")

    monkeypatch.setattr(loading, "Image", refuse)
    assert number(jit.compile(LONG).address("second one"), 1) == 1 + 3 + 1199 + 5 + 5


def test_short_modules_and_those_with_variables_stay_whole():
    short = "define void @f() {\n  ret void\n}\n"
    assert parts.cut(short) == [short]
    assert parts.cut("") == [""]
    variable = "@counter = internal global i64 0\n" + LONG
    assert parts.cut(variable) == [variable]


def test_a_mistake_in_any_part_is_reported():
    for wrong in ("%v1199, <2 x", "%a, i64 %b"):
        with pytest.raises(RuntimeError, match="undefined value"):
            jit.compile(LONG.replace(wrong, wrong.replace("%", "%no"), 1))


def test_what_a_program_computes_does_not_depend_on_where_it_is_cut(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    x = graphc.input("x", ("N", 40))
    w = graphc.parameter("w", rng.standard_normal((40, 24)).astype(np.float32))
    loss = graphc.mean(graphc.softmax(graphc.tanh(x @ w)) ** 2)
    (dw,) = graphc.grad(loss, [w])
    graph = graphc.Graph("step", outputs={"loss": loss}, updates={w: w - 0.1 * dw})
    data = rng.standard_normal((37, 40)).astype(np.float32)
    found = []
    for lines in (1, 60, 100_000):
        monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / str(lines)))
        monkeypatch.setattr(parts, "LINES", lines)
        exe = graphc.compile(graph)
        losses = [exe(data)["loss"].tobytes() for _ in range(3)]
        found.append((losses, exe.state["w"].tobytes()))
    assert found[0] == found[1] == found[2]
