"""Compilation, the object cache, and targets."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from dataclasses import replace

import pytest

from runtime import cache_files, jit
from runtime.target import NEON
from tests.levels import LEVELS

TEXT = "define i64 @plus{0}(i64 %x) {{\n  %y = add i64 %x, {0}\n  ret i64 %y\n}}\n"
ARM = replace(NEON, triple="aarch64-linux-gnu")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "objects"))
    return tmp_path / "objects"


def run(library: jit.Library, number: int) -> int:
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address(f"plus{number}"))
    return int(function(40))


@pytest.mark.parametrize("target", (None, *LEVELS))
def test_compiles_and_runs(cache, target):
    assert run(jit.compile(TEXT.format(2), target), 2) == 42


def test_the_second_compilation_is_a_hit_and_a_damaged_entry_is_none(cache):
    before = jit.engine().compilations
    jit.compile(TEXT.format(3))
    jit.compile(TEXT.format(3))
    assert jit.engine().compilations == before + 1
    (entry,) = cache.glob("*.o")
    image = entry.read_bytes()
    for damaged in (b"", image[:40], image[:-1], image[:-1] + b"?"):
        entry.write_bytes(damaged)
        assert run(jit.compile(TEXT.format(3)), 3) == 43
        assert entry.read_bytes() == image


def test_targets_do_not_share_entries(cache):
    for target in LEVELS:
        jit.compile(TEXT.format(4), target)
    assert len(list(cache.glob("*.o"))) == len(LEVELS)
    assert not list(cache.glob("*.tmp"))


def test_a_cache_that_cannot_be_is_no_error(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    for place in (blocked, blocked / "below"):
        monkeypatch.setattr(cache_files, "directory", lambda place=place: place)
        assert run(jit.compile(TEXT.format(5)), 5) == 45


def test_an_unknown_symbol_and_bad_text_are_errors(cache):
    with pytest.raises(KeyError):
        jit.compile(TEXT.format(6)).address("nothing")
    with pytest.raises(RuntimeError, match="expected"):
        jit.compile("define i64 @f( {")
    with pytest.raises(ValueError, match="no target is named 'pdp11'"):
        jit.compile(TEXT.format(6), "pdp11")


def test_quoted_names_are_found(cache):
    text = 'define i64 @"a b"(i64 %x) {\n  ret i64 7\n}\n'
    library = jit.compile(text)
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("a b"))(0) == 7


def test_code_outlives_other_libraries(cache):
    kept = jit.compile(TEXT.format(8))
    for number in range(9, 20):
        jit.compile(TEXT.format(number))
    assert run(kept, 8) == 48


def test_assembly_of_any_target():
    assert "ret" in jit.assembly(TEXT.format(1))
    assert "x0" in jit.assembly(TEXT.format(1), ARM)
    assert jit.emit_object(TEXT.format(1), ARM)[:4] == b"\x7fELF"


LOOP = """define void @scale(ptr %x, i64 %n) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %wide = mul i64 %i, 1096
  %p = getelementptr i8, ptr %x, i64 %wide
  %v = load double, ptr %p
  %w = fadd double %v, 1.0
  store double %w, ptr %p
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


def test_others_in_the_process_find_llvm_as_it_was(cache):
    binding, target = jit._binding(), jit.host_target()
    machine = binding.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features
    )

    def of_others():
        return machine.emit_assembly(binding.parse_assembly(LOOP))

    before = of_others()
    assert "imul" in jit.assembly(LOOP) or target.name not in ("avx512", "avx2", "baseline")
    with pytest.raises(RuntimeError):
        jit.assembly("define i64 @f( {")
    jit.compile(LOOP)
    assert of_others() == before


def test_the_host_target_is_complete():
    host = jit.host_target()
    assert host.triple and host.cpu and host.vector_bytes in (16, 32, 64)
    assert 1 << 12 <= host.l1_bytes <= host.l2_bytes


def test_importing_does_not_load_llvm():
    code = "import sys, runtime.jit; assert not any('llvmlite' in name for name in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
