"""Object files put into memory by ourselves."""

from __future__ import annotations

import ctypes
import gc
import os
from dataclasses import replace
from pathlib import Path

import pytest

from runtime import jit, loading
from runtime.target import NEON
from tests.levels import LOADS_OBJECTS

pytestmark = pytest.mark.skipif(not LOADS_OBJECTS, reason="for Linux on x86-64")

TEXT = """
@table = private constant [4 x i64] [i64 1, i64 20, i64 300, i64 4000], align 64
@count = internal global i64 0, align 64
@big = internal global [100000 x i8] zeroinitializer, align 128
@start = internal global i64 7, align 8
declare i64 @strlen(ptr)
declare i64 @given(i64)
define i64 @at(i64 %i) {
  %place = getelementptr i64, ptr @table, i64 %i
  %value = load i64, ptr %place
  ret i64 %value
}
define i64 @counted() {
  %old = load i64, ptr @count
  %first = load i64, ptr @start
  %new = add i64 %old, %first
  store i64 %new, ptr @count
  store i8 1, ptr getelementptr ([100000 x i8], ptr @big, i64 0, i64 99999)
  ret i64 %new
}
define i64 @length(ptr %text) {
  %n = call i64 @strlen(ptr %text)
  %m = call i64 @given(i64 %n)
  ret i64 %m
}
"""
OTHER = """
declare i64 @at(i64)
define i64 @through(i64 %i) {
  %v = call i64 @at(i64 %i)
  ret i64 %v
}
define ptr @where() {
  ret ptr @at
}
"""
Function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)


def objects() -> list[bytes]:
    return [jit.emit_object(text, jit.host_target()) for text in (OTHER, TEXT)]


def given() -> tuple[dict[str, int], object]:
    twice = Function(lambda n: 2 * n)
    return {"given": ctypes.cast(twice, ctypes.c_void_p).value or 0}, twice


def call(image: loading.Image, name: str, argument: int = 0) -> int:
    return int(Function(image.addresses[name])(argument))


def test_code_constants_variables_and_calls_are_linked() -> None:
    symbols, kept = given()
    image = loading.Image(objects(), symbols)
    assert [call(image, "at", i) for i in range(4)] == [1, 20, 300, 4000]
    assert call(image, "through", 2) == 300
    assert call(image, "where") == image.addresses["at"]
    assert [call(image, "counted") for _ in range(3)] == [7, 14, 21]
    text = ctypes.create_string_buffer(b"twelve bytes")
    assert call(image, "length", ctypes.addressof(text)) == 24
    assert kept is not None
    assert not {"table", "count", "start"} & set(image.addresses)


def test_two_images_share_nothing_and_a_child_changes_its_own() -> None:
    symbols, _ = given()
    images = [loading.Image(objects(), symbols) for _ in range(2)]
    assert [call(image, "counted") for image in images] == [7, 7]
    child = os.fork()
    if child == 0:
        os._exit(call(images[0], "counted"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 14
    assert call(images[0], "counted") == 14


def test_code_cannot_be_written_and_data_not_run() -> None:
    symbols, _ = given()
    image = loading.Image(objects(), symbols)
    found = {}
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(text, 16) for text in line.split()[0].split("-"))
        for name, address in (("code", image.addresses["at"]),):
            if start <= address < end:
                found[name] = line.split()[1]
    assert found == {"code": "r-xp"}


def test_memory_goes_with_the_image() -> None:
    symbols, _ = given()
    image = loading.Image(objects(), symbols)
    page = f"{image.addresses['at'] & -4096:x}-"
    assert page in Path("/proc/self/maps").read_text()
    del image
    gc.collect()
    assert page not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("missing", ("given", "at"))
def test_what_is_not_there_is_refused(missing: str) -> None:
    symbols, _ = given()
    given_objects = objects()[1:] if missing == "given" else objects()[:1]
    with pytest.raises(loading.NotLoadableError, match=missing):
        loading.Image(given_objects, {} if missing == "given" else symbols)


def test_what_is_defined_twice_is_refused() -> None:
    symbols, _ = given()
    with pytest.raises(loading.NotLoadableError, match="twice"):
        loading.Image([*objects(), *objects()], symbols)


def test_other_kinds_of_objects_are_refused() -> None:
    arm = replace(NEON, triple="aarch64-linux-gnu")
    variable = "@v = thread_local global i64 0\ndefine ptr @f() {\n  ret ptr @v\n}\n"
    for text, target in ((OTHER, arm), (variable, jit.host_target())):
        with pytest.raises(loading.NotLoadableError):
            loading.Image([jit.emit_object(text, target)], {})
    for content in (b"", b"\x7fELF", b"no object at all" * 10):
        with pytest.raises(loading.NotLoadableError):
            loading.Image([content], {})


def test_a_truncated_object_is_refused() -> None:
    symbols, _ = given()
    content = objects()[1]
    for size in range(0, len(content) - 1, 97):
        with pytest.raises(loading.NotLoadableError):
            loading.Image([content[:size]], symbols)
